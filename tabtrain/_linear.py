"""Linear functions: `LinearClassifier` and `LinearRegressor`."""

import reprlib

import numpy as np
from sklearn.callback import with_callbacks

from tabtrain._estimator import TrainedEstimator
from tabtrain._folds import folds
from tabtrain._probabilities import Probabilities
from tabtrain._starts import fitted_parts, output_scale
from tabtrain._stream import StreamedClassifier, StreamedRegressor
from tabtrain._thresholds import N_PARTS
from tabtrain._validation import check_bool, check_number
from tabtrain.models import LinearModel
from tabtrain.models.linear import center_and_scale
from tabtrain.optimizers import CrossFit

__all__ = ["LinearClassifier", "LinearRegressor"]


class _Linear(TrainedEstimator):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_parameters(self):
        super()._check_parameters()
        check_bool(self.fit_intercept, "fit_intercept")
        check_number(self.alpha, "alpha", low=0)

    def _make_model(self, reader, table, classes):
        mean, deviation = table.mean_and_deviation()
        center, scale = center_and_scale(mean, deviation, self.fit_intercept)
        return LinearModel(
            1 if classes is None or len(classes) == 2 else len(classes),
            center,
            scale,
            fit_intercept=bool(self.fit_intercept),
            **self._output_scale(table),
        )

    def _output_scale(self, table):
        return {}

    def _start(self, model, rng, classes):
        if self.init is None:
            return np.zeros(model.n_params)
        if isinstance(self.init, str) and self.init == "random":
            return model.initial(rng, 1)[0]
        coef, intercept = self._init_arrays(classes)
        shape = (model.n_outputs, model.n_features)
        if coef.size != np.prod(shape) or coef.ndim > 2 or intercept.size not in (1, shape[0]):
            raise ValueError(
                f"init must have coef of shape {shape} and intercept of shape ({shape[0]},), "
                f"got {coef.shape} and {intercept.shape}"
            )
        if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
            raise ValueError("init must have finite coef and intercept, got NaN or infinity")
        if not self.fit_intercept and intercept.any():
            raise ValueError("init has an intercept that is not 0, but fit_intercept=False")
        return model.theta(coef.reshape(shape), np.broadcast_to(intercept.ravel(), shape[:1]))

    def _init_arrays(self, classes):
        init = self.init
        if hasattr(init, "get_params"):
            init = fitted_parts(init, ("coef_", "intercept_"), self, classes)
        elif not isinstance(init, tuple):
            init = (init, 0.0)
        try:
            coef, intercept = (np.asarray(part, dtype=np.float64) for part in init)
        except (TypeError, ValueError) as error:
            raise ValueError(
                'init must be None, "random", a fitted estimator with coef_ and intercept_, '
                f"coef or (coef, intercept), got {reprlib.repr(self.init)}"
            ) from error
        return coef, intercept

    def _theta(self, model):
        coef = self.coef_.reshape(model.n_outputs, model.n_features)
        return model.theta(coef, np.reshape(self.intercept_, model.n_outputs))

    def _fitted(self, reader):
        # In the user's units.
        coef = np.atleast_2d(self.coef_)
        model = LinearModel(len(coef), np.zeros(coef.shape[1]), np.ones(coef.shape[1]))
        return model, np.concatenate([coef.ravel(), np.ravel(self.intercept_)])


class LinearClassifier(Probabilities, _Linear, StreamedClassifier):
    """A linear function of the features, trained for the metric it is judged by.

    Of two classes the second is predicted where ``X @ coef_.T + intercept_`` is above 0; of
    more, the one whose function is the largest.

    Parameters
    ----------
    objective : str, Objective or callable, default="accuracy"
        What is maximised: the name of a scikit-learn scorer ("accuracy",
        "balanced_accuracy", "f1", "f1_macro", "f1_micro", "f1_weighted", "jaccard",
        "matthews_corrcoef", "neg_brier_score", "neg_log_loss", "precision", "recall"), an
        objective from `tabtrain.objectives`, such as ``FBeta(beta=2)`` or ``Cost(matrix)``,
        or a function of the confusion counts, see `tabtrain.objectives.CountScore`.
    optimizer : str or Optimizer, default="auto"
        How to search: an optimizer from `tabtrain.optimizers`, or the snake-case name of
        one. "auto" is :class:`~tabtrain.optimizers.LBFGS` if the objective has a gradient,
        else :class:`~tabtrain.optimizers.CrossFit`, which decides on rows that were not trained
        on. That takes ``alpha=0`` and a start that is not random; else "auto" is
        :class:`~tabtrain.optimizers.ExactLineSearch` or, on a table of more than 2**24
        numbers, :class:`~tabtrain.optimizers.SoftAscent`. ``history_.optimizer`` says which.
    alpha : float, default=0.0
        The L2 penalty: what is maximised is the score less ``alpha / 2`` times the sum of
        the squared weights of the standardised features. With "neg_log_loss"
        and features that are standardised already (by weight, if samples have weights), this
        is ``LogisticRegression(C=1 / (alpha * n_samples))``; weights count as samples.
    fit_intercept : bool, default=True
        Whether the function has a constant. If not, features are scaled but not centered.
    class_weight : dict, "balanced" or None, default=None
        How much the rows of each class count, times their `sample_weight`; "balanced" makes
        all classes count alike.
    init : None, "random", estimator, array or tuple of arrays, default=None
        Where to start: None is at zero, "random" a random point drawn from `random_state`,
        an estimator is a fitted one of tabtrain or scikit-learn with ``coef_`` and
        ``intercept_``, arrays are ``coef`` or ``(coef, intercept)`` in the shapes of these.
        Meta-estimators clone what they are given: there, wrap a fitted estimator in
        :class:`sklearn.frozen.FrozenEstimator`.
    warm_start : bool, default=False
        Whether `fit` goes on where the last one ended. With the same examples the search is
        taken up again as if it had not been left, else it starts anew from the last
        parameters.
    max_iter : int or None, default=1000
        The iterations of one `fit`.
    max_time : float or None, default=None
        The seconds of one `fit`; then the best so far is kept, in the middle of an iteration.
        Preparing the table and scoring the start are not cut short.
    tol : float, default=1e-6
        A score that is higher by less than ``tol`` times its size is no improvement, and is
        kept only if the search has converged to it.
    n_iter_no_change : int or None, default=100
        Stop after so many iterations without an improvement; None is never.
    early_stopping : bool or "auto", default="auto"
        Whether held-out rows decide which parameters are kept and what is an improvement:
        `X_val` and `y_val` of `fit`, or else `validation_fraction` of its rows,
        drawn from each class in proportion, groups as wholes. "auto" is if `X_val` and `y_val`
        are given. With :class:`~tabtrain.optimizers.CrossFit` these rows take the place of folds.
    validation_fraction : float, default=0.1
        The share of the rows held out if `early_stopping` is True and none are given.
    cv : int, splitter, iterable or None, default=None
        The folds of :class:`~tabtrain.optimizers.CrossFit`; None is 5, stratified, with copies
        of a row in the same one, or groups if there are any. Splitters must not hold out a row
        twice. Other optimizers have no folds.
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
    classes_ : array of shape (n_classes,)
        The labels, sorted.
    coef_ : float64 array of shape (1, n_features) or (n_classes, n_features)
        The weights, in the user's units.
    intercept_ : float64 array of shape (1,) or (n_classes,)
    n_iter_ : int
        The iterations of the search, those of earlier fits included if it was taken up again.
    n_trials_ : int
        How many candidates were tried.
    best_score_ : float
        The score of the parameters on the training rows, penalty included.
    best_validation_score_ : float or None
        Their score on the held-out rows.
    oof_score_ : float
        The score to expect of new rows: that on rows of each fold, of what was trained and chosen
        without them; NaN if training was stopped before. Rows weigh as in training, by
        `class_weight` too. Only of :class:`~tabtrain.optimizers.CrossFit`, like the next two.
    oof_std_error_ : float
        Its standard error: of the rows, and of what was chosen, by how far the score is from that
        with all chosen on all rows.
    selection_ : Selection
        What was trained, and what each was worth on rows it was not trained on; see
        :class:`~tabtrain.selection.Selection`. ``print(selection_)`` says whether training for the
        metric helped.
    stop_reason_ : str
        "iterations", "time", "no change", "callback" or "interrupted".
    history_ : History
        A tuple of the improvements; ``history_.to_frame()`` is a DataFrame with the columns
        ``time``, ``iteration``, ``trial``, ``score``, ``newly_right`` and ``newly_wrong``.
        Scores are those of the search: of :class:`~tabtrain.optimizers.CrossFit` on rows that were
        not trained on, of others as `best_score_`.
    n_features_in_ : int
    feature_names_in_ : array of shape (n_features,)
        If `X` had column names that are all strings.

    See Also
    --------
    LinearRegressor : The same for numbers.
    ThresholdClassifier : Finds the threshold only, for any classifier.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from tabtrain import LinearClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = LinearClassifier(objective="f1", random_state=0).fit(X, y)
    >>> clf.score(X, y) == clf.best_score_
    True
    >>> clf.score(X, y) > 0.97
    True
    """

    def __init__(
        self,
        objective="accuracy",
        *,
        optimizer="auto",
        alpha=0.0,
        fit_intercept=True,
        class_weight=None,
        init=None,
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
        self.objective = objective
        self.optimizer = optimizer
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.init = init
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

    @with_callbacks
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, groups=None):
        """Find the parameters with the best score.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The examples. float32 and float64 arrays are used as they are, without a copy.
            Sparse arrays and matrices are never made dense.
        y : array-like of shape (n_samples,)
            What should come out.
        sample_weight : array-like of shape (n_samples,), optional
            How much each example counts; not negative. One of weight 2 counts as two, in
            `oof_std_error_` and wherever few rows are trusted less than many, too: weights that
            sum to 1 are one row.
        X_val : array-like of shape (n_val, n_features), optional
            Held-out examples, on which is decided what is kept.
        y_val : array-like of shape (n_val,), optional
            What should come out of them.
        groups : array-like of shape (n_samples,), optional
            What belongs together: all rows of a group are in the same fold, or held out together
            by `early_stopping`. Without either they make no difference.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError, TypeError
            If an argument or a parameter is wrong, before any search.
        """
        return self._fit(X, y, sample_weight, X_val, y_val, groups)

    def _splits(self, problem, validation, training, classes, seed, groups):
        is_asked = self.optimizer in ("auto", "cross_fit") or isinstance(self.optimizer, CrossFit)
        is_random = isinstance(self.init, str) and self.init == "random"
        if not is_asked or is_random or self.alpha > 0 or problem.has_gradient:
            return ()
        if validation is not None:
            n_held_out = np.count_nonzero(validation.examples[2])
            if n_held_out < N_PARTS:
                raise ValueError(
                    f"{n_held_out} held-out rows are too few to decide on: CrossFit needs at least "
                    f"{N_PARTS}, as X_val or by a larger validation_fraction"
                )
            return ((problem, validation),)
        X, codes, weight = problem.examples
        splits = []
        for train, test in folds(X, codes.astype(np.intp), weight, groups, self.cv, classes, seed):
            tables = [training.reweighted(weight * each) for each in (train, test)]
            if all(table.weight.any() for table in tables):
                model = self._make_model(None, tables[0], classes)
                splits.append(tuple(problem.beside(model=model, table=table) for table in tables))
        return tuple(splits)

    def _learned(self, model, theta):
        coef, intercept = model.coefficients(theta)
        return {"coef_": coef, "intercept_": intercept}


class LinearRegressor(_Linear, StreamedRegressor):
    """A linear function of the features, trained for the measure of error it is judged by.

    Parameters
    ----------
    objective : str or Objective, default="r2"
        What is maximised: the name of a scikit-learn scorer ("neg_mean_absolute_error",
        "neg_mean_squared_error", "r2") or an objective from `tabtrain.objectives`, such as
        ``PassRate(tolerance=0.5)``.
    optimizer : str or Optimizer, default="auto"
        How to search: an optimizer from `tabtrain.optimizers`, or the snake-case name of
        one. "auto" is :class:`~tabtrain.optimizers.LBFGS` if the objective has a gradient,
        else :class:`~tabtrain.optimizers.HillClimb`, or, with more than 100 parameters,
        :class:`~tabtrain.optimizers.CMAES`; ``history_.optimizer`` says which.
    alpha : float, default=0.0
        The L2 penalty: what is maximised is the score less ``alpha / 2`` times the sum of
        the squared weights of the standardised features. With
        "neg_mean_squared_error" and features that are standardised already, this is
        ``Ridge(alpha * n_samples / 2)``.
    fit_intercept : bool, default=True
        Whether the function has a constant. If not, features are scaled but not centered.
    init : None, "random", estimator, array or tuple of arrays, default=None
        Where to start: None is at zero, "random" a random point drawn from `random_state`,
        an estimator is a fitted one of tabtrain or scikit-learn with ``coef_`` and
        ``intercept_``, arrays are ``coef`` or ``(coef, intercept)`` in the shapes of these.
        Meta-estimators clone what they are given: there, wrap a fitted estimator in
        :class:`sklearn.frozen.FrozenEstimator`.
    warm_start : bool, default=False
        Whether `fit` goes on where the last one ended. With the same examples the search is
        taken up again as if it had not been left, else it starts anew from the last
        parameters.
    max_iter : int or None, default=1000
        The iterations of one `fit`.
    max_time : float or None, default=None
        The seconds of one `fit`; then the best so far is kept, in the middle of an iteration.
        Preparing the table and scoring the start are not cut short.
    tol : float, default=1e-6
        A score that is higher by less than ``tol`` times its size is no improvement, and is
        kept only if the search has converged to it.
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
    coef_ : float64 array of shape (n_features,)
        The weights, in the user's units.
    intercept_ : float
    n_iter_ : int
        The iterations of the search, those of earlier fits included if it was taken up again.
    n_trials_ : int
        How many candidates were tried.
    best_score_ : float
        The score of the parameters on the training rows, penalty included.
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
    LinearClassifier : The same for classes.

    Examples
    --------
    The share of patients whose progression is predicted to within 50:

    >>> from sklearn.datasets import load_diabetes
    >>> from tabtrain import LinearRegressor, PassRate
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = LinearRegressor(PassRate(tolerance=50), random_state=0).fit(X, y)
    >>> reg.score(X, y) == reg.best_score_
    True
    >>> reg.score(X, y) > LinearRegressor(PassRate(tolerance=50), max_iter=1).fit(X, y).score(X, y)
    True
    """

    def __init__(
        self,
        objective="r2",
        *,
        optimizer="auto",
        alpha=0.0,
        fit_intercept=True,
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
        self.objective = objective
        self.optimizer = optimizer
        self.alpha = alpha
        self.fit_intercept = fit_intercept
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

    def _output_scale(self, table):
        return output_scale(table, self.fit_intercept)

    def _learned(self, model, theta):
        coef, intercept = model.coefficients(theta)
        return {"coef_": coef[0], "intercept_": float(intercept[0])}
