"""Probabilities of classes, where they are what is trained."""

import numpy as np
from sklearn.utils.metaestimators import available_if

from tabtrain._estimator import TrainedClassifier
from tabtrain.objectives import get_objective


def _has_probabilities(estimator):
    objective = get_objective(estimator.objective, "class")
    if not objective.probabilistic:
        raise AttributeError(
            f"objective={estimator.objective!r} trains no probabilities: use 'neg_log_loss' or "
            "'neg_brier_score', or sklearn.calibration.CalibratedClassifierCV"
        )
    return True


class Probabilities(TrainedClassifier):
    """What classifiers share whose raw predictions may be log-odds."""

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        """The probabilities of the classes; only for objectives that train them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        float64 array of shape (n_samples, n_classes)
        """
        from scipy.special import expit, softmax

        raw = self._raw_predictions(X)
        if len(raw) == 1:
            return np.column_stack([expit(-raw[0]), expit(raw[0])])
        return softmax(raw.T, axis=1)

    @available_if(_has_probabilities)
    def predict_log_proba(self, X):
        """The logarithms of the probabilities; only for objectives that train them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        float64 array of shape (n_samples, n_classes)
        """
        from scipy.special import log_expit, log_softmax

        raw = self._raw_predictions(X)
        if len(raw) == 1:
            return np.column_stack([log_expit(-raw[0]), log_expit(raw[0])])
        return log_softmax(raw.T, axis=1)
