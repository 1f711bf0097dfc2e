"""Functions that users wrote: `FunctionClassifier` and `FunctionRegressor`."""

import re

import numpy as np
from sklearn.utils.validation import check_is_fitted

from tabtrain._estimator import MixedColumns, TrainedClassifier, TrainedRegressor
from tabtrain._validation import check_bool
from tabtrain.functions import source
from tabtrain.functions.digits import shortened
from tabtrain.functions.program import make_program
from tabtrain.functions.report import nearest_changes, report_of_labels, report_of_numbers
from tabtrain.functions.signature import Interval, name_of, near, parameters_of
from tabtrain.models import FunctionModel
from tabtrain.objectives import PassRate, get_objective

__all__ = ["FunctionClassifier", "FunctionRegressor", "Interval"]


class _Function(MixedColumns):
    def _check_parameters(self):
        super()._check_parameters()
        check_bool(self.vectorized, "vectorized")
        self._parameters()

    def _parameters(self):
        return parameters_of(self.function, self.bounds, self.fixed)

    def __repr__(self, N_CHAR_MAX=700):
        # Functions by their names, not by where they are in memory.
        return re.sub(r"<function (\S+) at 0x[0-9a-f]+>", r"\1", super().__repr__(N_CHAR_MAX))

    def __getstate__(self):
        # A function may have been written where nobody else can import it from.
        import cloudpickle

        state = super().__getstate__()
        texts = [source.text_of(each) for each in source.with_called(self.function)]
        return {**state, "function": (cloudpickle.dumps(self.function), texts)}

    def __setstate__(self, state):
        import pickle

        pickled, texts = state["function"]
        function = pickle.loads(pickled)
        super().__setstate__({**state, "function": function})
        for each, text in zip(source.with_called(function), texts, strict=True):
            if text is not None and source.text_of(each) is None:
                each.__tabtrain_source__ = text

    # Rows

    def _reader(self, X, classes, *, again):
        labels = None
        if self._answers_labels():
            labels = [each for each in classes if isinstance(each, str)]
        return make_program(
            self.function,
            self._parameters(),
            labels,
            X,
            vectorized=self.vectorized,
            as_before=self._program_facts if again else None,
        )

    def _answers_labels(self):
        """Whether the function answers labels, and not numbers."""
        return False

    def _labels(self, program, classes):
        """What the program answers for the classes; None if its answers are raw predictions."""
        return None

    def _make_model(self, reader, table, classes):
        return FunctionModel(reader, self._parameters(), self._labels(reader, classes), table)

    def _fitted(self, reader):
        labels = self._labels(reader, getattr(self, "classes_", None))
        model = FunctionModel(reader, self._parameters(), labels)
        return model, self._theta(model)

    def _raw_of(self, X):
        raw = super()._raw_of(X)
        failing = np.flatnonzero(np.isnan(raw[0]))
        if len(failing):
            classes = getattr(self, "classes_", None)
            program = self._reader(X, classes, again=True)
            self._refuse(program, X, int(failing[0]), self.parameters_, classes)
        return raw

    # Where it starts

    def _start(self, model, rng, classes):
        if self.init is None:
            return model.theta(model.program.defaults)
        if isinstance(self.init, str) and self.init == "random":
            return model.initial(rng, 1)[0]
        return self._theta_of(model, self._checked_init())

    def _checked_init(self):
        if not isinstance(self.init, dict):
            raise ValueError(
                f'init must be None, "random" or a dict of parameters, got {self.init!r}'
            )
        parameters = {each.name: each for each in self._parameters()}
        for name, value in self.init.items():
            if name not in parameters:
                raise ValueError(
                    f"init names {name!r}, which is no parameter of {name_of(self.function)}"
                    f"{near(name, list(parameters))}"
                )
            parameters[name].check(value, f"init has {name}={value!r}, ")
        return self.init

    def _theta(self, model):
        return self._theta_of(model, self.parameters_)

    def _theta_of(self, model, values):
        parameters = self._parameters()
        return model.theta(
            [each.number(values.get(each.name, each.default)) for each in parameters]
        )

    def _check_start(self, problem, theta, X, classes):
        row = problem.failing_row(theta)
        if row is not None:
            values = self._values(problem.model, theta)
            self._refuse(problem.model.program, X, row, values, classes)

    def _refuse(self, program, X, row, values, classes):
        """Say what is wrong with what the function answers for a row."""
        told = f"{name_of(self.function)} with {_said(values)}"
        if self.vectorized:
            try:
                found = np.asarray(self.function(X, **values))
            except Exception as error:
                raise ValueError(f"{told} raises {type(error).__name__}: {error}") from error
            if found.shape != (X.shape[0],):
                raise ValueError(
                    f"{told} must answer an array of shape ({X.shape[0]},), got {found.shape}"
                )
            answer = found[row]
        else:
            record = program.record(X, row)
            names = list(X.columns) if hasattr(X, "columns") else range(X.shape[1])
            told += f" for row {row} ({_said(dict(zip(names, record, strict=True)))})"
            try:
                answer = self.function(record, **values)
            except Exception as error:
                raise ValueError(f"{told} raises {type(error).__name__}: {error}") from error
        raise ValueError(f"{told} answers {answer!r}, which is no {self._accepted(classes)}")

    # What is learned

    def _values(self, model, theta):
        """The parameters by name, as the function takes them."""
        numbers = model.parameters(theta[np.newaxis])[0]
        return {
            each.name: each.value(number)
            for each, number in zip(self._parameters(), numbers, strict=True)
        }

    def _learned(self, model, theta):
        return {
            "parameters_": self._values(model, theta),
            "compiled_": model.program.facts.compiled,
            "_program_facts": model.program.facts,
        }

    def _finished(self, problem, theta):
        return shortened(problem, theta, self.tol)

    def _facts(self):
        return self.function, self._parameters(), self.vectorized

    def to_python(self):
        """The source of the function, with the parameters that were found as its defaults.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If the source cannot be read, as of what is not written in Python.
        """
        check_is_fitted(self)
        return source.with_defaults(self.function, self.parameters_)

    def report(self, X, y):
        """The table test: what came out of each row, and what should have; needs pandas.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)

        Returns
        -------
        Report
            ``report.rows`` is a DataFrame; printed, it shows the rows that fail. See
            `tabtrain.functions.report.Report`.
        """
        check_is_fitted(self)
        got = self.predict(X)
        X, y = self._validate(X, y, reset=False)
        return self._reported(X, np.asarray(y), got, getattr(X, "index", None))


def _said(values):
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


class FunctionClassifier(_Function, TrainedClassifier):
    """A function that you wrote, its parameters found from examples.

    Parameters
    ----------
    function : callable
        The function. Its first argument is a row, whose columns it reads by name, as in
        ``row.glucose`` or ``row["any name"]`` (of a DataFrame), or by place, as in ``row[3]``.
        Its keyword-only parameters are what training may change; their defaults are where it
        starts. They are float, int, bool or the choices of a `typing.Literal`, by their
        annotation or else their default.
        It answers a label, any of the classes; True and False are the second and the first
        of two classes. With ``returns="score"`` it answers a number, and the second of two
        classes is predicted where that is above 0.
    objective : str, Objective or callable, default="accuracy"
        What is maximised: the name of a scikit-learn scorer, an objective from
        `tabtrain.objectives`, or a function of the confusion counts, as for
        :class:`LinearClassifier`.
    returns : {"label", "score"}, default="label"
        What the function answers.
    vectorized : bool, default=False
        Whether it is a function of the whole table, ``function(X, **parameters)``, with an
        answer for each row.
    bounds : dict of str to (low, high), optional
        Between which parameters must stay, in place of those that annotations give, as in
        ``Annotated[int, Interval(18, 90)]``. Both ends are included.
    fixed : sequence of str, default=()
        The parameters that keep their default.
    optimizer : str or Optimizer, default="auto"
        How to search: an optimizer from `tabtrain.optimizers`, or the snake-case name of
        one. "auto" is :class:`~tabtrain.optimizers.ExactLineSearch` if there are thresholds, see
        `exact_`, else :class:`~tabtrain.optimizers.HillClimb` or, with more than 100
        parameters, :class:`~tabtrain.optimizers.CMAES`; ``history_.optimizer`` says which.
    class_weight : dict, "balanced" or None, default=None
        How much the rows of each class count, times their `sample_weight`; "balanced" makes
        all classes count alike.
    init : None, "random" or dict, default=None
        Where to start: None is at the defaults, "random" a random point drawn from
        `random_state`, a dict has the values of parameters by name.
    warm_start : bool, default=False
        Whether `fit` goes on where the last one ended. With the same examples the search is
        taken up again as if it had not been left, else it starts anew from the last
        parameters.
    max_iter : int or None, default=1000
        The iterations of one `fit`.
    max_time : float or None, default=None
        The seconds of one `fit`; then the best so far is kept, in the middle of an iteration.
        Compiling the function and scoring the start are not cut short.
    tol : float, default=1e-6
        A score that is higher by less than ``tol`` times its size is no improvement, and
        parameters are rounded where that costs no more.
    n_iter_no_change : int or None, default=100
        Stop after so many iterations without an improvement; None is never.
    early_stopping : bool or "auto", default="auto"
        Whether held-out rows decide which parameters are kept and what is an improvement:
        `X_val` and `y_val` of `fit`, or else `validation_fraction` of its rows.
        "auto" is if `X_val` and `y_val` are given.
    validation_fraction : float, default=0.1
        The share of the rows held out if `early_stopping` is True and none are given.
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
    parameters_ : dict of str to float, int, bool or str
        The values that were found, of all parameters. Thresholds are in the middle of the gap
        between two rows; all have no more digits than they need.
    exact_ : tuple of str
        The parameters that are thresholds: they occur once, as one side of a comparison, so
        that all values that can be told apart are tried in one pass.
    compiled_ : bool
        Whether the function was compiled.
    classes_ : array of shape (n_classes,)
        The labels, sorted.
    n_iter_ : int
        The iterations of the search, those of earlier fits included if it was taken up again.
    n_trials_ : int
        How many candidates were tried.
    best_score_ : float
        The score of the parameters on the training rows.
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
    FunctionRegressor : The same for functions that answer a number.

    Notes
    -----
    The function is compiled with Numba, and only the columns that it reads are touched. It should
    give the same answer for the same row every time. If it cannot be compiled it runs as it is,
    with one `sklearn.exceptions.EfficiencyWarning` that says why.

    Parameters with which the function has no answer for some row that counts, because it raises
    an exception or answers None or NaN, are never chosen. Missing values are NaN among numbers and
    None in columns of strings: what to do with them is for the function to say.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from tabtrain import FunctionClassifier
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> def is_benign(tumour, *, max_area=500.0, max_points=0.1):
    ...     return tumour["worst area"] < max_area and tumour["worst concave points"] < max_points
    >>> clf = FunctionClassifier(is_benign, objective="f1", random_state=0).fit(X, y)
    >>> clf.exact_
    ('max_area', 'max_points')
    >>> clf.score(X, y) > 0.93
    True
    >>> print(clf.to_python().splitlines()[0])
    def is_benign(tumour, *, max_area=..., max_points=...):
    """

    def __init__(
        self,
        function,
        objective="accuracy",
        *,
        returns="label",
        vectorized=False,
        bounds=None,
        fixed=(),
        optimizer="auto",
        class_weight=None,
        init=None,
        warm_start=False,
        max_iter=1000,
        max_time=None,
        tol=1e-6,
        n_iter_no_change=100,
        early_stopping="auto",
        validation_fraction=0.1,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.function = function
        self.objective = objective
        self.returns = returns
        self.vectorized = vectorized
        self.bounds = bounds
        self.fixed = fixed
        self.optimizer = optimizer
        self.class_weight = class_weight
        self.init = init
        self.warm_start = warm_start
        self.max_iter = max_iter
        self.max_time = max_time
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        tags.classifier_tags.multi_class = self.returns != "score"
        return tags

    def _check_parameters(self):
        super()._check_parameters()
        if self.returns not in ("label", "score"):
            raise ValueError(f"returns must be 'label' or 'score', got {self.returns!r}")

    def _encode(self, y, classes=None):
        classes, codes = super()._encode(y, classes)
        if self.returns == "score" and len(classes) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is multiclass: "
                "returns='score' tells two classes from each other, use returns='label'"
            )
        return classes, codes

    def _answers_labels(self):
        return self.returns == "label"

    def _labels(self, program, classes):
        if not self._answers_labels():
            return None
        if len(classes) == 2 and program.facts.answers_bool:
            return np.array([0.0, 1.0])
        return np.array([program.number(each) for each in classes.tolist()])

    def _learned(self, model, theta):
        exact = tuple(each.name for each in model.program.thresholds)
        return super()._learned(model, theta) | {"exact_": exact}

    def _reported(self, X, y, got, index):
        reader = self._reader(X, self.classes_, again=True)
        changes = [""] * len(y)
        if reader.thresholds:
            codes = np.searchsorted(self.classes_, y)
            with self._table(reader, reader.rows(X)) as table:
                model = FunctionModel(
                    reader, self._parameters(), self._labels(reader, self.classes_), table
                )
                changes = nearest_changes(model, self._theta(model), table, codes, y != got)
        return report_of_labels(index, y, got, self.classes_, changes)

    def _accepted(self, classes):
        return "number" if self.returns == "score" else f"label of y: {classes}"


class FunctionRegressor(_Function, TrainedRegressor):
    """A function that you wrote, its parameters found from examples.

    Parameters
    ----------
    function : callable
        The function. Its first argument is a row, whose columns it reads by name, as in
        ``row.glucose`` or ``row["any name"]`` (of a DataFrame), or by place, as in ``row[3]``.
        Its keyword-only parameters are what training may change; their defaults are where it
        starts. They are float, int, bool or the choices of a `typing.Literal`, by their
        annotation or else their default.
        It answers a number.
    objective : str or Objective, default="r2"
        What is maximised: the name of a scikit-learn scorer ("neg_mean_absolute_error",
        "neg_mean_squared_error", "r2") or an objective from `tabtrain.objectives`, such as
        ``PassRate(tolerance=0.1, relative=True)``.
    vectorized : bool, default=False
        Whether it is a function of the whole table, ``function(X, **parameters)``, with an
        answer for each row.
    bounds : dict of str to (low, high), optional
        Between which parameters must stay, in place of those that annotations give, as in
        ``Annotated[int, Interval(18, 90)]``. Both ends are included.
    fixed : sequence of str, default=()
        The parameters that keep their default.
    optimizer : str or Optimizer, default="auto"
        How to search: an optimizer from `tabtrain.optimizers`, or the snake-case name of
        one. "auto" is :class:`~tabtrain.optimizers.HillClimb` or, with more than 100
        parameters, :class:`~tabtrain.optimizers.CMAES`; ``history_.optimizer`` says which.
    init : None, "random" or dict, default=None
        Where to start: None is at the defaults, "random" a random point drawn from
        `random_state`, a dict has the values of parameters by name.
    warm_start : bool, default=False
        Whether `fit` goes on where the last one ended. With the same examples the search is
        taken up again as if it had not been left, else it starts anew from the last
        parameters.
    max_iter : int or None, default=1000
        The iterations of one `fit`.
    max_time : float or None, default=None
        The seconds of one `fit`; then the best so far is kept, in the middle of an iteration.
        Compiling the function and scoring the start are not cut short.
    tol : float, default=1e-6
        A score that is higher by less than ``tol`` times its size is no improvement, and
        parameters are rounded where that costs no more.
    n_iter_no_change : int or None, default=100
        Stop after so many iterations without an improvement; None is never.
    early_stopping : bool or "auto", default="auto"
        Whether held-out rows decide which parameters are kept and what is an improvement:
        `X_val` and `y_val` of `fit`, or else `validation_fraction` of its rows.
        "auto" is if `X_val` and `y_val` are given.
    validation_fraction : float, default=0.1
        The share of the rows held out if `early_stopping` is True and none are given.
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
    parameters_ : dict of str to float, int, bool or str
        The values that were found, of all parameters. They have no more
        digits than they need.
    compiled_ : bool
        Whether the function was compiled.
    n_iter_ : int
        The iterations of the search, those of earlier fits included if it was taken up again.
    n_trials_ : int
        How many candidates were tried.
    best_score_ : float
        The score of the parameters on the training rows.
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
    FunctionClassifier : The same for functions that answer a label.

    Notes
    -----
    The function is compiled with Numba, and only the columns that it reads are touched. It should
    give the same answer for the same row every time. If it cannot be compiled it runs as it is,
    with one `sklearn.exceptions.EfficiencyWarning` that says why.

    Parameters with which the function has no answer for some row that counts, because it raises
    an exception or answers None or NaN, are never chosen. Missing values are NaN among numbers and
    None in columns of strings: what to do with them is for the function to say.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from tabtrain import FunctionRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> def progression(patient, *, base=100.0, per_bmi=1.0, usual_bmi=25.0):
    ...     return base + per_bmi * max(patient.bmi - usual_bmi, 0)
    >>> reg = FunctionRegressor(progression, random_state=0).fit(X, y)
    >>> reg.score(X, y) > 0.34
    True
    """

    def __init__(
        self,
        function,
        objective="r2",
        *,
        vectorized=False,
        bounds=None,
        fixed=(),
        optimizer="auto",
        init=None,
        warm_start=False,
        max_iter=1000,
        max_time=None,
        tol=1e-6,
        n_iter_no_change=100,
        early_stopping="auto",
        validation_fraction=0.1,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.function = function
        self.objective = objective
        self.vectorized = vectorized
        self.bounds = bounds
        self.fixed = fixed
        self.optimizer = optimizer
        self.init = init
        self.warm_start = warm_start
        self.max_iter = max_iter
        self.max_time = max_time
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags

    def _reported(self, X, y, got, index):
        objective = get_objective(self.objective, self._target)
        passed = None
        if isinstance(objective, PassRate):
            passed = ~objective.row_errors(got[np.newaxis, np.newaxis], y)
        return report_of_numbers(index, y, got, passed)

    def _accepted(self, classes):
        return "finite number"

    def _check_start(self, problem, theta, X, classes):
        super()._check_start(problem, theta, X, classes)
        _, _, weight = problem.examples
        infinite = np.flatnonzero(np.isinf(problem.raw(theta)[0]) & (weight > 0))
        if len(infinite):
            values = self._values(problem.model, theta)
            self._refuse(problem.model.program, X, int(infinite[0]), values, classes)
