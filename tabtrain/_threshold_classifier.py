"""`ThresholdClassifier`: thresholds for anybody's model."""

import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Bunch, get_tags, indexable
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import (
    _check_method_params,
    _check_sample_weight,
    _check_y,
    check_consistent_length,
    check_is_fitted,
    has_fit_parameter,
)

from tabtrain._estimator import classes_and_codes, score_of_labels
from tabtrain._folds import check_classes, checked_groups, is_number_of_folds, row_numbers
from tabtrain._thresholds import PRIOR_COUNT, HeldOut, classes_of
from tabtrain._validation import check_number
from tabtrain.objectives import get_objective

__all__ = ["ThresholdClassifier"]

RESPONSE_METHODS = ("decision_function", "predict_proba")
# Of this share of the rows the class predicted has the largest score, if there is one for each.
LEAST_SAME = 0.75


class ThresholdClassifier(ClassifierMixin, MetaEstimatorMixin, CallbackSupportMixin, BaseEstimator):
    """Any classifier, with the thresholds that are best for a metric.

    Every threshold that can be told apart is examined, on scores of rows that the classifier was
    not trained on. Of two classes it is where the second begins; of more, each class has an
    offset, which is added to its score before the highest is taken.

    The threshold that is best for the rows at hand jumps from row to row. So each row counts
    partly for its own class and partly for the classes that rows with such a score have: the
    fewer rows there are, the more (see `prior_count`).

    Parameters
    ----------
    estimator : estimator
        A classifier with `decision_function` or `predict_proba`. It is cloned and fitted, unless
        it is in a :class:`sklearn.frozen.FrozenEstimator` or `cv` is "prefit".
    objective : str, Objective or callable, default="balanced_accuracy"
        The metric: the name of a scikit-learn scorer ("accuracy", "f1", "f1_macro",
        "matthews_corrcoef"), an objective from `tabtrain.objectives` such as ``Cost(matrix)``, or
        a function of the confusion counts.
    cv : int, splitter, iterable, "prefit" or None, default=None
        How rows are held out; None is 5 stratified folds, in the order of the rows, which keep
        groups together if there are any. The rows of all folds decide together. "prefit" takes
        the estimator as it is, fitted already, which should be on other rows.
    response_method : {"auto", "decision_function", "predict_proba"}, default="auto"
        What the scores are; "auto" is the first of the two that there is. Of probabilities the
        logarithms are taken, of two classes the difference of the two.
    prior_count : float, default=300
        The calibrated probabilities of the classes count as much as so many examples of the
        rarest class. 0 takes the labels as they are.
    n_jobs : int or None, default=None
        The processes that fit the folds. The result is the same for any number.

    Attributes
    ----------
    estimator_ : estimator
        Fitted to all rows. What probabilities it gives, no threshold changes: ask it for them.
    classes_ : array of shape (n_classes,)
        The labels, sorted.
    offsets_ : float64 array of shape (1,) or (n_classes,)
        What is added to the scores: positive is in favour of the (second) class.
    threshold_ : float
        Of two classes: above it the second is predicted, as a probability if `response_method_`
        is "predict_proba"; infinite if all rows get one class. Of more there is none.
    fold_offsets_ : float64 array of shape (n_folds, 1) or (n_folds, n_classes)
        The offsets found without the rows of each fold: how sure they are. A single fold, as of
        an estimator that is fitted already, is divided into five; folds without weight are none.
    fold_scores_ : float64 array of shape (n_folds,)
        The objective of the rows of each fold, with these.
    oof_score_ : float
        The objective of all rows that were held out, each with the offsets found without its fold.
    oof_std_error_ : float
        Its standard error: of the rows, and of the offsets, by how far the score is from that with
        the offsets found with all folds.
    gain_ : float
        By how much that is higher than without offsets.
    gain_std_error_ : float
        The standard error of that.
    response_method_ : str
        What the scores are.
    n_features_in_ : int
        If the estimator has it.
    feature_names_in_ : array of shape (n_features,)
        If the estimator has it.

    See Also
    --------
    LinearClassifier : Trains for the metric, not only its threshold.
    sklearn.model_selection.TunedThresholdClassifierCV : Tries 100 thresholds, for two classes.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from tabtrain import ThresholdClassifier
    >>> X, y = make_classification(
    ...     n_samples=1_000, weights=[0.9, 0.1], class_sep=0.8, random_state=42
    ... )
    >>> forest = RandomForestClassifier(random_state=0)
    >>> clf = ThresholdClassifier(forest, "f1").fit(X, y)
    >>> clf.threshold_ < 0.5
    True
    >>> clf.gain_ > 2 * clf.gain_std_error_
    True
    """

    def __init__(
        self,
        estimator,
        objective="balanced_accuracy",
        *,
        cv=None,
        response_method="auto",
        prior_count=PRIOR_COUNT,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.objective = objective
        self.cv = cv
        self.response_method = response_method
        self.prior_count = prior_count
        self.n_jobs = n_jobs

    @with_callbacks
    def fit(self, X, y, sample_weight=None, groups=None, **params):
        """Fit the estimator, and find the thresholds.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Whatever the estimator takes.
        y : array-like of shape (n_samples,)
            The labels.
        sample_weight : array-like of shape (n_samples,), optional
            How much each row counts; not negative. A row of weight 2 is two rows, in standard
            errors and beside `prior_count`, too. The estimator is given it if it takes it.
        groups : array-like of shape (n_samples,), optional
            What belongs together: all rows of a group are in the same fold.
        **params : dict
            What else the estimator or the splitter has requested, with metadata routing enabled.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError, TypeError
            If an argument or a parameter is wrong, before the estimator is fitted.
        """
        # Imported here: importing the package must stay cheap.
        from joblib import Parallel, delayed
        from scipy.special import expit

        _raise_for_params(params, self, "fit", allow=["sample_weight", "groups"])
        objective = self._checked_objective()
        method = self._response_method()
        X, y, sample_weight = indexable(X, y, sample_weight)
        groups = checked_groups(X, groups)
        y = _check_y(y, estimator=self)
        classes, codes = classes_and_codes(y, type(self).__name__)
        objective.check(len(classes))
        weight = _check_sample_weight(sample_weight, y, dtype=np.float64, ensure_non_negative=True)
        estimator = self._checked_estimator()
        routed = self._routed(estimator, sample_weight, groups, params)
        splits = self._splits(estimator, X, y, codes, classes, routed.splitter.split)

        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        arguments = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        root = self._init_callback_context(max_subtasks=len(splits) + 1, sequential_subtasks=False)
        root.call_on_fit_task_begin(**arguments)

        # Made beforehand: a context must not change while it is sent to another process.
        rows = [train for train, _ in splits] + [np.arange(len(codes))]
        names = ["fold"] * len(splits) + ["refit"]
        tasks = [root.subcontext(task_name=name, task_id=i) for i, name in enumerate(names)]
        *of_folds, refitted = Parallel(n_jobs=self.n_jobs)(
            delayed(_fitted)(clone(estimator), self, task, X, y, some, routed.estimator.fit)
            for some, task in zip(rows, tasks, strict=True)
        )
        tables = [
            _safe_split(each, X, y, test, train)[0]
            for each, (train, test) in zip(of_folds, splits, strict=True)
        ]
        responses = [
            _responses(each, method, some, classes)
            for each, some in zip(of_folds, tables, strict=True)
        ]
        if len(classes) > 2 and method == "decision_function":
            _check_columns(of_folds, tables, responses, classes)
        least = None
        if method == "predict_proba":
            least = min(_least_log(each) for each in responses)
        raw = np.concatenate([_raw(each, least) for each in responses], axis=1)
        held_out = np.concatenate([test for _, test in splits])
        fold = np.repeat(np.arange(len(splits)), [len(test) for _, test in splits])
        counts = weight[held_out] > 0
        of_rows = HeldOut(
            codes[held_out][counts],
            weight[held_out][counts],
            np.unique(fold[counts], return_inverse=True)[1],  # those with rows
            objective.bind(codes, weight),
            len(classes),
            prior_count=self.prior_count,
        )
        outcome = _chosen(of_rows, raw[:, counts])
        root.call_on_fit_task_end(**arguments)

        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(refitted, name):
                outcome[name] = getattr(refitted, name)
        if len(classes) == 2:
            cut = -outcome["offsets_"][0]
            if least is not None:
                # Below or above all that stands for a probability of 0 or 1.
                cut = -np.inf if cut < least else np.inf if cut >= -least else expit(cut)
            outcome["threshold_"] = float(cut)
        for name, value in outcome.items():
            setattr(self, name, value)
        self.estimator_ = self.estimator if self._is_prefit() else refitted
        self.classes_ = classes
        self.response_method_ = method
        self._least_log = least
        return self

    def _checked_objective(self):
        objective = get_objective(self.objective, "class")
        if objective.softened(1.0) is None:
            raise ValueError(
                f"objective={self.objective!r} depends on more than which classes are predicted: "
                "thresholds are for metrics of counts"
            )
        check_number(self.prior_count, "prior_count", low=0)
        return objective

    def _is_prefit(self):
        return isinstance(self.cv, str) and self.cv == "prefit"

    def _checked_estimator(self):
        """The estimator to clone and fit; one that is fitted already stays as it is."""
        estimator = FrozenEstimator(self.estimator) if self._is_prefit() else self.estimator
        if isinstance(estimator, FrozenEstimator):
            check_is_fitted(estimator)
        return estimator

    def _response_method(self):
        if self.response_method not in ("auto", *RESPONSE_METHODS):
            raise ValueError(
                'response_method must be "auto", "decision_function" or "predict_proba", got '
                f"{self.response_method!r}"
            )
        is_any = self.response_method == "auto"
        methods = RESPONSE_METHODS if is_any else (self.response_method,)
        found = [name for name in methods if hasattr(self.estimator, name)]
        if not found or not hasattr(self.estimator, "fit"):
            raise TypeError(
                f"estimator must be a classifier with {' or '.join(methods)}, got "
                f"{self.estimator!r}, which has none"
            )
        return found[0]

    def _routed(self, estimator, sample_weight, groups, params):
        """What the estimator's `fit` and the splitter's `split` are given."""
        given = {"sample_weight": sample_weight, "groups": groups}
        given = {name: value for name, value in given.items() if value is not None}
        if _routing_enabled():
            return process_routing(self, "fit", **given, **params)
        groups = given.pop("groups", None)
        takes_weight = isinstance(estimator, FrozenEstimator) or has_fit_parameter(
            estimator, "sample_weight"
        )
        if given and not takes_weight:
            warnings.warn(
                f"{type(estimator).__name__}.fit takes no sample_weight: only the thresholds are "
                "chosen by weight",
                UserWarning,
                stacklevel=4,  # behind the wrapper that callbacks put around fit
            )
            given = {}
        split = {} if groups is None else {"groups": groups}
        return Bunch(estimator=Bunch(fit=given), splitter=Bunch(split=split))

    def _splits(self, estimator, X, y, codes, classes, params):
        """Pairs of the rows trained on and those held out."""
        is_fitted, everything = isinstance(estimator, FrozenEstimator), np.arange(len(codes))
        cv = None if self._is_prefit() else self.cv
        if is_fitted and cv is None and not params:
            return [(everything, everything)]  # none are trained on
        pairs = row_numbers(cv, X, y, params)
        if not is_fitted:
            check_classes(pairs, codes, classes, cv)
        return pairs

    def _raw_predictions(self, X):
        """The estimator's scores with the offsets added: ``[n_outputs, n]``."""
        check_is_fitted(self)
        responses = _responses(self.estimator_, self.response_method_, X, self.classes_)
        return _raw(responses, self._least_log) + self.offsets_[:, np.newaxis]

    def decision_function(self, X):
        """The estimator's scores, with the offsets added.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        float64 array of shape (n_samples,) for two classes, else (n_samples, n_classes)
        """
        raw = self._raw_predictions(X)
        return raw[0] if len(raw) == 1 else raw.T

    def predict(self, X):
        """The predicted labels: of two classes the second above the threshold.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        array of shape (n_samples,)
        """
        codes = classes_of(self._raw_predictions(X))  # first, as it says if this is not fitted
        return self.classes_[codes]

    def score(self, X, y, sample_weight=None):
        """The objective, taken of these rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Labels that were not among those of `fit` count as predicted wrong, where the
            objective takes more classes; else they are an error.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        predicted = self.predict(X)
        y = _check_y(y, estimator=self)
        check_consistent_length(predicted, y)
        weight = _check_sample_weight(sample_weight, y, dtype=np.float64, ensure_non_negative=True)
        return score_of_labels(self._checked_objective(), self.classes_, y, predicted, weight)

    def get_metadata_routing(self):
        """Where metadata goes: to the estimator's `fit` and the splitter's `split`.

        Returns
        -------
        MetadataRouter
        """
        from sklearn.model_selection import StratifiedGroupKFold

        router = MetadataRouter(owner=self).add_self_request(self)
        router.add(
            estimator=self.estimator,
            method_mapping=MethodMapping().add(caller="fit", callee="fit"),
        )
        cv = self.cv
        if is_number_of_folds(cv) or self._is_prefit():
            # Which of the two it is depends on whether there are groups.
            cv = StratifiedGroupKFold()
        return router.add(
            splitter=cv, method_mapping=MethodMapping().add(caller="fit", callee="split")
        )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "offsets_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        of_estimator = get_tags(self.estimator)
        tags.input_tags = of_estimator.input_tags
        tags.classifier_tags.multi_class = of_estimator.classifier_tags.multi_class
        return tags


def _fitted(estimator, caller, task, X, y, rows, params):
    """The estimator, fitted to some rows."""
    some, y_some = _safe_split(estimator, X, y, rows)
    params = _check_method_params(X, params, rows)
    arguments = {"estimator": caller, "X": some, "y": y_some, "metadata": params}
    with task.propagate_callback_context(estimator):
        task.call_on_fit_task_begin(**arguments)
        estimator.fit(some, y_some, **params)
    task.call_on_fit_task_end(**arguments)
    return estimator


def _responses(estimator, method, X, classes):
    """What a fitted estimator says of rows: ``[n_outputs, n]``, or probabilities of classes."""
    if not np.array_equal(estimator.classes_, classes):
        raise ValueError(f"estimator has the classes {estimator.classes_}, y has {classes}")
    found = np.asarray(getattr(estimator, method)(X), dtype=np.float64)
    found = found[np.newaxis] if found.ndim == 1 else found.T
    n_expected = 1 if len(classes) == 2 and method == "decision_function" else len(classes)
    if len(found) != n_expected:
        raise ValueError(
            f"{method} of {estimator!r} must have one column for each class, got {len(found)} "
            f"columns for {len(classes)} classes"
        )
    if not np.isfinite(found).all():
        raise ValueError(f"{method} of {estimator!r} must be finite, got NaN or infinity")
    return found


def _check_columns(estimators, tables, responses, classes):
    """Raise a ValueError if the largest score is not what is predicted: of three classes there
    are as many pairs, for which some estimators have scores."""
    n_rows = sum(each.shape[1] for each in responses)
    n_same = sum(
        np.count_nonzero(classes[classes_of(each)] == estimator.predict(some))
        for estimator, some, each in zip(estimators, tables, responses, strict=True)
    )
    if n_same < LEAST_SAME * n_rows:
        raise ValueError(
            f"decision_function of {estimators[0]!r} must have one column for each class, but that "
            f"of the class predicted is the largest for {n_same} of {n_rows} rows only. Of SVC, "
            "decision_function_shape must be 'ovr'"
        )


def _least_log(probabilities):
    """What stands for the logarithm of 0: half of the least that is more."""
    return np.log(np.min(probabilities, where=probabilities > 0, initial=1.0) / 2)


def _raw(responses, least_log):
    """Scores: as they are or, of probabilities, logarithms, none less than ``least_log``."""
    if least_log is None:
        return responses
    with np.errstate(divide="ignore"):
        log = np.maximum(np.log(responses), least_log)
    return log[1:] - log[:1] if len(log) == 2 else log


def _chosen(rows, raw):
    """The offsets that are best for all held-out rows, and what they are worth."""
    *without, everything = rows.without_each_part()
    offsets = rows.offsets(raw, everything)
    of_folds = np.stack([rows.offsets(raw, some) for some in without])
    plain = classes_of(raw)
    codes = classes_of(raw + of_folds[rows.part].T)
    gain, gain_std_error = rows.gain(codes, plain)
    return {
        "offsets_": offsets,
        "fold_offsets_": of_folds,
        "fold_scores_": np.array([rows.score(codes, ~some) for some in without]),
        "oof_score_": rows.score(codes),
        "oof_std_error_": rows.error(codes, classes_of(raw + offsets[:, np.newaxis])),
        "gain_": gain,
        "gain_std_error_": gain_std_error,
    }
