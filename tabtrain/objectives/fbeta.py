"""F-beta: precision and recall in one number, recall weighing beta times as much."""

from tabtrain._validation import check_number
from tabtrain.objectives._base import divide
from tabtrain.objectives._count_metric import CountMetric, true_and_predicted


class FBeta(CountMetric):
    """F-beta of the second class.

    ``(1 + beta**2) tp / ((1 + beta**2) tp + beta**2 fn + fp)``, 0 where that is 0 / 0;
    agrees with :func:`sklearn.metrics.fbeta_score`.

    Parameters
    ----------
    beta : float
        How many times as much recall weighs as precision; above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import FBeta
    >>> FBeta(beta=2).score_counts(np.array([[[5, 3], [1, 2]]]))
    array([0.58823529])
    """

    binary = True

    def __init__(self, beta):
        self.beta = beta

    def check(self, n_classes):
        check_number(self.beta, "beta of FBeta", low=0, include_boundaries="neither")
        super().check(n_classes)

    def score_counts(self, counts):
        return fbeta(counts[:, 1, 1], counts[:, 0, 1], counts[:, 1, 0], self.beta)


def fbeta(true_positive, false_positive, false_negative, beta=1.0):
    """F-beta of counts of any shape."""
    gain = (1 + beta**2) * true_positive
    return divide(gain, gain + beta**2 * false_negative + false_positive)


def f1_of_classes(counts):
    """F1 ``[P, class]`` of each class against all others."""
    right = counts.diagonal(axis1=1, axis2=2)
    of_class, predicted = true_and_predicted(counts)
    return fbeta(right, predicted - right, of_class - right)
