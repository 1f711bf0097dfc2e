"""Lists of rules that are found from examples: `RuleClassifier` and `RuleRegressor`."""

from numbers import Integral

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, check_scalar

from tabtrain._columns import columns_of
from tabtrain._estimator import MixedColumns, TrainedClassifier, TrainedRegressor
from tabtrain._folds import folds
from tabtrain._kernels.confusion import tally
from tabtrain._rule_text import RuleReport, as_python, named
from tabtrain._validation import check_number
from tabtrain.models import RulesModel
from tabtrain.objectives import get_objective
from tabtrain.optimizers import RuleSearch

__all__ = ["RuleClassifier", "RuleRegressor"]

# Folds of numbers are stratified by these quantiles.
STRATA = np.linspace(0.1, 0.9, 9)


class _Rules(MixedColumns):
    def _check_parameters(self):
        super()._check_parameters()
        for name in ("max_rules", "max_conditions"):
            check_scalar(getattr(self, name), name, Integral, min_val=1)
        if isinstance(self.min_support, Integral):
            check_scalar(self.min_support, "min_support", Integral, min_val=0)
        else:
            check_number(self.min_support, "min_support", low=0, high=1, include_boundaries="left")
        if self.min_support > 0 and not self._searches_rules():
            raise ValueError(
                f"min_support={self.min_support!r} is kept to by RuleSearch alone, "
                f"got optimizer={self.optimizer!r}"
            )

    def _searches_rules(self):
        return self.optimizer in ("auto", "rule_search") or isinstance(self.optimizer, RuleSearch)

    @with_callbacks
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, groups=None):
        """Find the rules with the best score.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The examples. Columns of a DataFrame that are not of numbers hold categories. What is
            missing is NaN or None.
        y : array-like of shape (n_samples,)
            What should come out.
        sample_weight : array-like of shape (n_samples,), optional
            How much each example counts; not negative. One of weight 2 counts as two.
        X_val : DataFrame or array-like of shape (n_val, n_features), optional
            Held-out examples: the rules that do best on them are kept.
        y_val : array-like of shape (n_val,), optional
            What should come out of them.
        groups : array-like of shape (n_samples,), optional
            What belongs together: all rows of a group are in the same fold, or held out together.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError, TypeError
            If an argument or a parameter is wrong, before any search.
        """
        return self._fit(X, y, sample_weight, X_val, y_val, groups)

    def _reader(self, X, classes, *, again):
        if again:
            return self._columns
        columns = columns_of(X)
        goes_on = self.warm_start and hasattr(self, "n_iter_")
        if goes_on and columns.categories != self._columns.categories:
            raise ValueError("warm_start=True: X has other categories than the last fit had")
        return columns

    def _make_model(self, reader, table, classes):
        is_count = isinstance(self.min_support, Integral)
        return RulesModel(
            1 if classes is None else len(classes),
            int(self.max_rules),
            int(self.max_conditions),
            reader,
            min_support=float(self.min_support * (1.0 if is_count else table.weight.sum())),
            table=table,
        )

    def _start(self, model, rng, classes):
        return np.zeros(model.n_params)

    def _theta(self, model):
        longest = max((len(rule.conditions) for rule in self._rule_list.rules), default=0)
        if len(self._rule_list.rules) > model.max_rules or longest > model.max_conditions:
            raise ValueError(
                f"warm_start=True: the last fit found {len(self._rule_list.rules)} rules of up to "
                f"{longest} conditions, more than max_rules={self.max_rules} and "
                f"max_conditions={self.max_conditions} allow"
            )
        return model.theta(self._rule_list)

    def _facts(self):
        return self.max_rules, self.max_conditions, self.min_support

    def _learned(self, model, theta):
        rule_list = model.rule_list(theta)
        return {"_rule_list": rule_list, "_columns": model.columns}

    def _fitted(self, reader):
        rules = self._rule_list.rules
        model = RulesModel(
            len(self.classes_) if self._target == "class" else 1,
            max(len(rules), 1),
            max((len(rule.conditions) for rule in rules), default=1),
            reader,
        )
        return model, model.theta(self._rule_list)

    def _splits(self, problem, validation, training, classes, seed, groups):
        is_large = self.max_rules * self.max_conditions > 1
        is_guarded = self._searches_rules() and getattr(self.optimizer, "guard", True)
        if validation is not None or not is_guarded or not is_large:
            return ()
        X, y, weight = problem.examples
        splits = []
        codes, strata = self._strata(y, weight, classes)
        for train, test in folds(X, codes, weight, groups, self.cv, strata, seed):
            pair = [training.reweighted(weight * each) for each in (train, test)]
            if all(table.weight.any() for table in pair):
                splits.append(tuple(problem.beside(table=table) for table in pair))
        return tuple(splits)

    @property
    def rules_(self):
        """The rules that were found; printed, they read as such."""
        check_is_fitted(self)
        return named(self._rule_list, self._columns, self._answer)

    def to_python(self):
        """The source of a function of a row that answers as `predict` does.

        The row is anything whose cells are ``row[name]``, or ``row[number]`` if the columns had no
        names, as are the rows of an array, dicts, and what functions are given that
        :class:`FunctionClassifier` trains. A missing number must be NaN.

        Returns
        -------
        str
        """
        return as_python(self.rules_)

    def report(self, X, y, sample_weight=None):
        """How many rows each rule catches, and how they come out.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        RuleReport
            Printed, or shown in a notebook, it is a table; ``to_frame()`` is a DataFrame.
        """
        check_is_fitted(self)
        X, y = self._validate(X, y, reset=False)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        numbers = np.asarray(self._columns.rows(X), dtype=np.float64)
        leaf = self._rule_list.leaves(lambda c: c.holds(numbers[:, c.feature]), len(numbers))
        rules = self.rules_
        texts = [f"{'elif' if r else 'if'} {rule}" for r, rule in enumerate(rules)]
        answers = [rule.answer for rule in rules]
        rows = []
        for r, (text, answer) in enumerate(
            zip([*texts, "else"], [*answers, rules.default], strict=True)
        ):
            here = leaf == r
            rows.append((text, answer, *self._came_out(answer, y[here], weight[here])))
        return RuleReport(("rule", "answer", *self._columns_of_report), rows)


def _plain(value):
    """The same without NumPy's type."""
    return value.item() if isinstance(value, np.generic) else value


class RuleClassifier(_Rules, TrainedClassifier):
    """A list of rules, found for the metric it is judged by.

    ``if`` all conditions of the first rule hold, it answers, ``elif`` those of the second, and so
    on, ``else`` the default. A condition compares one feature: with a threshold, with one or some
    categories, or asks whether it is missing.

    With one rule of one condition the result is the best there is, over all features, thresholds,
    directions and answers, for any metric of counts [1]_. Larger lists are grown and repaired, see
    :class:`~tabtrain.optimizers.RuleSearch`, and rows that were not trained on decide how large.

    Parameters
    ----------
    max_rules : int, default=1
        How many rules there are at most, without ``else``.
    max_conditions : int, default=1
        How many conditions a rule has at most.
    objective : str, Objective or callable, default="accuracy"
        What is maximised, a metric of the confusion counts: the name of a scikit-learn scorer
        ("accuracy", "balanced_accuracy", "f1", "f1_macro", "f1_micro", "f1_weighted", "jaccard",
        "matthews_corrcoef", "precision", "recall"), an objective from `tabtrain.objectives`, such
        as ``FBeta(beta=2)`` or ``Cost(matrix)``, or a function of the counts.
    min_support : int or float, default=0
        What each rule must catch of the training rows, by weight: so many, or if it is a float
        that share.
    optimizer : str or Optimizer, default="auto"
        How to search; "auto" is :class:`~tabtrain.optimizers.RuleSearch`. Others that need no
        gradient can be used, too, but know nothing of rules.
    class_weight : dict, "balanced" or None, default=None
        How much the rows of each class count, times their `sample_weight`; "balanced" makes
        all classes count the same.
    warm_start : bool, default=False
        Whether `fit` goes on where the last one ended. With the same examples the search is
        taken up again as if it had not been left, else it starts anew from the last rules.
    max_iter : int or None, default=1000
        The iterations of one `fit`.
    max_time : float or None, default=None
        The seconds of one `fit`; then the best so far is kept, in the middle of an iteration.
        Preparing the table and scoring the start are not cut short.
    tol : float, default=1e-6
        A score that is higher by less than ``tol`` times its size is no improvement.
    n_iter_no_change : int or None, default=100
        Stop after so many iterations without an improvement; None is never.
    early_stopping : bool or "auto", default="auto"
        Whether held-out rows decide which rules are kept, in the place of folds: `X_val` and
        `y_val` of `fit`, or else `validation_fraction` of its rows. "auto" is if `X_val` and
        `y_val` are given.
    validation_fraction : float, default=0.1
        The share of the rows held out if `early_stopping` is True and none are given.
    cv : int, splitter, iterable or None, default=None
        The folds that decide how many conditions there are, if there may be more than one; None is
        5, stratified, with copies of a row in the same one, or groups if there are any.
        ``optimizer=RuleSearch(guard=False)`` does without.
    n_jobs : int or None, default=None
        The threads that read the table. None is 1 unless in a
        :obj:`joblib.parallel_config` context, -1 all processors. The result is the same,
        to the bit, for any number.
    random_state : int, RandomState instance or None, default=None
        The only source of chance.
    verbose : int, default=0
        If above 0, print a line for each improvement.

    Attributes
    ----------
    rules_ : Rules
        A tuple of the rules, with ``default``; printed, it reads as ``if``, ``elif`` and ``else``.
    classes_ : array of shape (n_classes,)
        The labels, sorted.
    n_iter_ : int
        The iterations of the search, those of earlier fits included if it was taken up again.
    n_trials_ : int
        How many candidates were tried; the best condition of a feature counts as one.
    best_score_ : float
        The score of the rules on the training rows.
    best_validation_score_ : float or None
        Their score on the held-out rows.
    stop_reason_ : str
        "iterations", "time", "no change", "callback" or "interrupted".
    history_ : History
        A tuple of the improvements; ``history_.to_frame()`` is a DataFrame with the columns
        ``time``, ``iteration``, ``trial``, ``score``, ``newly_right`` and ``newly_wrong``.
    n_features_in_ : int
    feature_names_in_ : array of shape (n_features,)
        If `X` had column names that are all strings.

    See Also
    --------
    FunctionClassifier : Rules that you wrote, with thresholds to be found.

    Notes
    -----
    Columns of a DataFrame that are not of numbers hold categories. A missing value is neither at
    most a threshold nor above it, and in no set of categories; categories that were not there in
    training are treated alike. The best set of categories is that of those whose rows gain the
    most: for two classes and metrics such as accuracy, cost or F1 no other is better.

    References
    ----------
    .. [1] R. C. Holte, "Very Simple Classification Rules Perform Well on Most Commonly Used
       Datasets", Machine Learning 11, 1993.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabtrain import RuleClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> clf = RuleClassifier(max_rules=2, random_state=0).fit(X, y)
    >>> print(clf.rules_)
    if petal width (cm) > 1.75:
        2
    elif petal length (cm) > 2.5:
        1
    else:
        0
    >>> print(clf.report(X, y))
    rule                          answer  rows  right  share right
    ----------------------------  ------  ----  -----  -----------
    if petal width (cm) > 1.75         2    46     45       0.9783
    elif petal length (cm) > 2.5       1    54     49       0.9074
    else                               0    50     50            1
    """

    def __init__(
        self,
        max_rules=1,
        max_conditions=1,
        objective="accuracy",
        *,
        min_support=0,
        optimizer="auto",
        class_weight=None,
        warm_start=False,
        max_iter=1000,
        max_time=None,
        tol=1e-6,
        n_iter_no_change=100,
        early_stopping="auto",
        validation_fraction=0.1,
        cv=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.max_rules = max_rules
        self.max_conditions = max_conditions
        self.objective = objective
        self.min_support = min_support
        self.optimizer = optimizer
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.max_iter = max_iter
        self.max_time = max_time
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # One condition does not tell three classes from each other.
        tags.classifier_tags.poor_score = True
        return tags

    def _check_parameters(self):
        super()._check_parameters()
        if get_objective(self.objective, self._target).tally is not tally:
            raise ValueError(
                f"objective={self.objective!r} is no metric of counts: rules answer labels, for "
                "which 'accuracy', 'f1' or any other metric of the confusion counts will do"
            )

    @staticmethod
    def _strata(y, weight, classes):
        return y.astype(np.intp), classes

    def _answer(self, code):
        return _plain(self.classes_[int(code)])

    _columns_of_report = ("rows", "right", "share right")

    @staticmethod
    def _came_out(answer, y, weight):
        rows, right = float(weight.sum()), float(weight[y == answer].sum())
        return rows, right, right / rows if rows else float("nan")


class RuleRegressor(_Rules, TrainedRegressor):
    """A list of rules, each with a number, found for the measure of error it is judged by.

    ``if`` all conditions of the first rule hold, its number is answered, ``elif`` those of the
    second, and so on, ``else`` the default. A condition compares one feature: with a threshold,
    with one or some categories, or asks whether it is missing.

    Conditions are found by the squared error that they leave, numbers are the best for the
    objective (means, medians, or the middle of what is within the tolerance of the most rows), and
    lists are compared by the objective. Of features of very many values all thresholds are tried
    for the one that is best at some quantiles. See :class:`~tabtrain.optimizers.RuleSearch`.

    Parameters
    ----------
    max_rules : int, default=1
        How many rules there are at most, without ``else``.
    max_conditions : int, default=1
        How many conditions a rule has at most.
    objective : str or Objective, default="r2"
        What is maximised: the name of a scikit-learn scorer ("neg_mean_absolute_error",
        "neg_mean_squared_error", "r2") or an objective from `tabtrain.objectives`, such as
        ``PassRate(tolerance=0.1, relative=True)``.
    min_support : int or float, default=0
        What each rule must catch of the training rows, by weight: so many, or if it is a float
        that share.
    optimizer : str or Optimizer, default="auto"
        How to search; "auto" is :class:`~tabtrain.optimizers.RuleSearch`. Others that need no
        gradient can be used, too, but know nothing of rules.
    warm_start : bool, default=False
        Whether `fit` goes on where the last one ended. With the same examples the search is
        taken up again as if it had not been left, else it starts anew from the last rules.
    max_iter : int or None, default=1000
        The iterations of one `fit`.
    max_time : float or None, default=None
        The seconds of one `fit`; then the best so far is kept, in the middle of an iteration.
        Preparing the table and scoring the start are not cut short.
    tol : float, default=1e-6
        A score that is higher by less than ``tol`` times its size is no improvement.
    n_iter_no_change : int or None, default=100
        Stop after so many iterations without an improvement; None is never.
    early_stopping : bool or "auto", default="auto"
        Whether held-out rows decide which rules are kept, in the place of folds: `X_val` and
        `y_val` of `fit`, or else `validation_fraction` of its rows. "auto" is if `X_val` and
        `y_val` are given.
    validation_fraction : float, default=0.1
        The share of the rows held out if `early_stopping` is True and none are given.
    cv : int, splitter, iterable or None, default=None
        The folds that decide how many conditions there are, if there may be more than one; None is
        5, with copies of a row in the same one, or groups if there are any.
        ``optimizer=RuleSearch(guard=False)`` does without.
    n_jobs : int or None, default=None
        The threads that read the table. None is 1 unless in a
        :obj:`joblib.parallel_config` context, -1 all processors. The result is the same,
        to the bit, for any number.
    random_state : int, RandomState instance or None, default=None
        The only source of chance.
    verbose : int, default=0
        If above 0, print a line for each improvement.

    Attributes
    ----------
    rules_ : Rules
        A tuple of the rules, with ``default``; printed, it reads as ``if``, ``elif`` and ``else``.
    n_iter_ : int
        The iterations of the search, those of earlier fits included if it was taken up again.
    n_trials_ : int
        How many candidates were tried; the best condition of a feature counts as one.
    best_score_ : float
        The score of the rules on the training rows.
    best_validation_score_ : float or None
        Their score on the held-out rows.
    stop_reason_ : str
        "iterations", "time", "no change", "callback" or "interrupted".
    history_ : History
        A tuple of the improvements; ``history_.to_frame()`` is a DataFrame with the columns
        ``time``, ``iteration``, ``trial``, ``score``, ``newly_right`` and ``newly_wrong``.
    n_features_in_ : int
    feature_names_in_ : array of shape (n_features,)
        If `X` had column names that are all strings.

    See Also
    --------
    RuleClassifier : The same for classes.
    FunctionRegressor : Rules that you wrote, with numbers to be found.

    Notes
    -----
    Columns of a DataFrame that are not of numbers hold categories. A missing value is neither at
    most a threshold nor above it, and in no set of categories.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from tabtrain import RuleRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> reg = RuleRegressor(2, 1, "neg_mean_absolute_error", random_state=0).fit(X, y)
    >>> print(reg.rules_)
    if s5 > 4.88:
        220.0
    elif bmi <= 26.85:
        91.0
    else:
        172.5
    """

    def __init__(
        self,
        max_rules=1,
        max_conditions=1,
        objective="r2",
        *,
        min_support=0,
        optimizer="auto",
        warm_start=False,
        max_iter=1000,
        max_time=None,
        tol=1e-6,
        n_iter_no_change=100,
        early_stopping="auto",
        validation_fraction=0.1,
        cv=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.max_rules = max_rules
        self.max_conditions = max_conditions
        self.objective = objective
        self.min_support = min_support
        self.optimizer = optimizer
        self.warm_start = warm_start
        self.max_iter = max_iter
        self.max_time = max_time
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags

    @staticmethod
    def _strata(y, weight, classes):
        # Folds are alike in how large the numbers are.
        codes = np.searchsorted(np.quantile(np.unique(y[weight > 0]), STRATA), y)
        return codes, np.unique(codes)

    @staticmethod
    def _answer(number):
        return float(number)

    _columns_of_report = ("rows", "mean", "mean absolute error")

    @staticmethod
    def _came_out(answer, y, weight):
        rows = float(weight.sum())
        if not rows:
            return rows, float("nan"), float("nan")
        mean = float(np.average(y, weights=weight))
        return rows, mean, float(np.average(np.abs(y - answer), weights=weight))
