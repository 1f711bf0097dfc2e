"""Networks: `MLPClassifier` and `MLPRegressor`."""

import reprlib
from collections.abc import Iterable
from numbers import Integral

import numpy as np
from sklearn.callback import with_callbacks

from tabtrain._estimator import TrainedEstimator
from tabtrain._kernels.mlp import ACTIVATIONS
from tabtrain._probabilities import Probabilities
from tabtrain._starts import fitted_parts, output_scale
from tabtrain._stream import StreamedClassifier, StreamedRegressor
from tabtrain._thresholds import N_PARTS
from tabtrain._validation import check_number
from tabtrain.models import MLPModel
from tabtrain.models.linear import center_and_scale
from tabtrain.optimizers import TwoStage

__all__ = ["MLPClassifier", "MLPRegressor"]


class _MLP(TrainedEstimator):
    def _check_parameters(self):
        super()._check_parameters()
        check_number(self.alpha, "alpha", low=0)
        self._hidden_sizes()
        if not isinstance(self.activation, str) or self.activation not in ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {sorted(ACTIVATIONS)}, got {self.activation!r}"
            )

    def _hidden_sizes(self):
        sizes = self.hidden_layer_sizes
        sizes = tuple(sizes) if isinstance(sizes, Iterable) else (sizes,)
        for size in sizes:
            is_whole = isinstance(size, Integral) and not isinstance(size, (bool, np.bool_))
            if not is_whole or size < 1:
                raise ValueError(
                    "hidden_layer_sizes must be whole numbers above 0, one for each hidden layer, "
                    f"got {self.hidden_layer_sizes!r}"
                )
        return tuple(map(int, sizes))

    def _make_model(self, reader, table, classes):
        mean, deviation = table.mean_and_deviation()
        center, scale = center_and_scale(mean, deviation, True)
        return MLPModel(
            1 if classes is None or len(classes) == 2 else len(classes),
            center,
            scale,
            hidden_layer_sizes=self._hidden_sizes(),
            activation=self.activation,
            **self._output_scale(table),
        )

    def _output_scale(self, table):
        return {}

    def _start(self, model, rng, classes):
        if self.init is None:
            return model.initial(rng, 1)[0]
        init = self.init
        if hasattr(init, "get_params"):
            init = fitted_parts(init, ("coefs_", "intercepts_"), self, classes)
            theirs = getattr(self.init, "activation", self.activation)
            if theirs != self.activation and len(init[0]) > 1:
                raise ValueError(
                    f"init has activation={theirs!r}, this network has {self.activation!r}"
                )
        try:
            coefs, intercepts = (
                [np.asarray(part, dtype=np.float64) for part in parts] for parts in init
            )
        except (TypeError, ValueError) as error:
            raise ValueError(
                "init must be None, a fitted estimator with coefs_ and intercepts_, or (coefs, "
                f"intercepts), two lists of arrays, got {reprlib.repr(self.init)}"
            ) from error
        shapes = [part.shape for part in (*coefs, *intercepts)]
        expected = [*model.shapes, *((n_out,) for _, n_out in model.shapes)]
        if shapes != expected:
            raise ValueError(
                f"init must have coefs and intercepts of shapes {expected}, got {shapes}"
            )
        if not all(np.isfinite(part).all() for part in (*coefs, *intercepts)):
            raise ValueError("init must have finite coefs and intercepts, got NaN or infinity")
        return model.theta(coefs, intercepts)

    def _theta(self, model):
        shapes = [coefs.shape for coefs in self.coefs_]
        if shapes != model.shapes:
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} makes layers of shapes "
                f"{model.shapes}, those to go on from have {shapes}"
            )
        return model.theta(self.coefs_, self.intercepts_)

    def _facts(self):
        return self.hidden_layer_sizes, self.activation

    def _learned(self, model, theta):
        coefs, intercepts = model.coefficients(theta)
        return {
            "coefs_": coefs,
            "intercepts_": intercepts,
            "n_layers_": len(coefs) + 1,
            "n_outputs_": model.n_outputs,
        }

    def _fitted(self, reader):
        # In the user's units.
        n_features = len(self.coefs_[0])
        model = MLPModel(
            self.n_outputs_,
            np.zeros(n_features),
            np.ones(n_features),
            hidden_layer_sizes=[coefs.shape[1] for coefs in self.coefs_[:-1]],
            activation=self.activation,
        )
        return model, model.theta(self.coefs_, self.intercepts_)


def _is_asked(optimizer):
    return optimizer in ("auto", "two_stage") or isinstance(optimizer, TwoStage)


class MLPClassifier(Probabilities, _MLP, StreamedClassifier):
    """A network (multi-layer perceptron), trained for the metric it is judged by.

    Of two classes the second is predicted where the only output is above 0; of more, the one
    whose output is the largest.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        How many units each hidden layer has; an empty sequence is a linear function.
    activation : {"identity", "logistic", "relu", "tanh"}, default="relu"
        The function of the hidden units.
    objective : str, Objective or callable, default="neg_log_loss"
        What is maximised: the name of a scikit-learn scorer ("accuracy",
        "balanced_accuracy", "f1", "f1_macro", "f1_micro", "f1_weighted", "jaccard",
        "matthews_corrcoef", "neg_brier_score", "neg_log_loss", "precision", "recall"), an
        objective from `tabtrain.objectives`, such as ``FBeta(beta=2)``, ``Cost(matrix)`` or
        ``Soft("f1")``, or a function of the confusion counts, see
        `tabtrain.objectives.CountScore`.
    optimizer : str or Optimizer, default="auto"
        How to search: an optimizer from `tabtrain.optimizers`, or the snake-case name of
        one. "auto" is :class:`~tabtrain.optimizers.Adam` if the objective has a gradient,
        else :class:`~tabtrain.optimizers.TwoStage`, which trains for the log-loss first, and lets
        rows that are held out decide on the rest. Where there are too few to hold out some,
        "auto" is :class:`~tabtrain.optimizers.ExactLineSearch`. ``history_.optimizer`` says which.
    alpha : float, default=0.0
        The L2 penalty: what is maximised is the score less ``alpha / 2`` times the sum of
        the squared weights of all layers, for standardised features.
        :class:`sklearn.neural_network.MLPClassifier` divides its own by the size of a batch:
        ``alpha=1e-4`` there is 5e-7 here.
    class_weight : dict, "balanced" or None, default=None
        How much the rows of each class count, times their `sample_weight`; "balanced" makes
        all classes count alike.
    init : None, estimator or tuple of lists of arrays, default=None
        Where to start: None is at random, as scikit-learn draws it, from `random_state`; an
        estimator is a fitted one of tabtrain or scikit-learn with ``coefs_`` and
        ``intercepts_``; lists are ``(coefs, intercepts)`` in the shapes of these.
        Meta-estimators clone what they are given: there, wrap a fitted estimator in
        :class:`sklearn.frozen.FrozenEstimator`.
    warm_start : bool, default=False
        Whether `fit` goes on where the last one ended. With the same examples the search is
        taken up again as if it had not been left, else it starts anew from the last
        parameters.
    max_iter : int or None, default=200
        The iterations of one `fit`: epochs, where the optimizer goes by batches of rows.
    max_time : float or None, default=None
        The seconds of one `fit`; then the best so far is kept, in the middle of an iteration.
        Preparing the table and scoring the start are not cut short.
    tol : float, default=1e-4
        A score that is higher by less than ``tol`` times its size is no improvement, and is
        kept only if the search has converged to it.
    n_iter_no_change : int or None, default=10
        Stop after so many iterations without an improvement; None is never.
    early_stopping : bool or "auto", default="auto"
        Whether held-out rows decide which parameters are kept and what is an improvement:
        `X_val` and `y_val` of `fit`, or else `validation_fraction` of its rows,
        drawn from each class in proportion, groups as wholes. "auto" is if `X_val` and `y_val`
        are given. :class:`~tabtrain.optimizers.TwoStage` holds rows out in any case.
    validation_fraction : float, default=0.1
        The share of the rows held out if none are given.
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
    coefs_ : list of float64 arrays of shape (n_inputs, n_units)
        The weights of each layer, in the user's units.
    intercepts_ : list of float64 arrays of shape (n_units,)
    n_layers_ : int
        With those of inputs and outputs.
    n_outputs_ : int
        1 for two classes, else one for each.
    n_iter_ : int
        The iterations of the search, those of earlier fits included if it was taken up again.
    n_trials_ : int
        How many candidates were tried.
    best_score_ : float
        The score of the parameters on the training rows, penalty included.
    best_validation_score_ : float or None
        Their score on the held-out rows, if `early_stopping` holds them out.
    oof_score_, oof_std_error_ : float
        The score to expect of new rows, and its standard error, as of
        :class:`~tabtrain.LinearClassifier`; NaN if training was stopped before. Only of
        :class:`~tabtrain.optimizers.TwoStage`, like the next.
    selection_ : Selection
        What was trained for the last layer, and what each was worth on the rows held out; see
        :class:`~tabtrain.selection.Selection`. ``print(selection_)`` says whether training for the
        metric helped; None if training was stopped before.
    stop_reason_ : str
        "iterations", "time", "no change", "callback" or "interrupted".
    history_ : History
        A tuple of the improvements; ``history_.to_frame()`` is a DataFrame with the columns
        ``time``, ``iteration``, ``trial``, ``score``, ``newly_right`` and ``newly_wrong``.
        Scores are those of the search: of :class:`~tabtrain.optimizers.TwoStage` on the rows held
        out, of others as `best_score_`.
    n_features_in_ : int
    feature_names_in_ : array of shape (n_features,)
        If `X` had column names that are all strings.

    See Also
    --------
    MLPRegressor : The same for numbers.
    LinearClassifier : Without hidden layers, with the exact searches that this allows.

    Notes
    -----
    Features are standardised inside: a :class:`sklearn.preprocessing.StandardScaler` before it
    changes nothing but rounding. Rows whose features are mostly 0, as those of pictures and of
    categories that are one-hot, are trained on faster as they are.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from tabtrain import Adam, MLPClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> optimizer = Adam(0.01, batch_size=50)  # a small table takes larger, fewer steps
    >>> clf = MLPClassifier((16,), optimizer=optimizer, early_stopping=True, random_state=0)
    >>> clf.fit(X, y).score(X, y) > -0.1
    True
    >>> [coefs.shape for coefs in clf.coefs_]
    [(30, 16), (16, 1)]
    """

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        objective="neg_log_loss",
        optimizer="auto",
        alpha=0.0,
        class_weight=None,
        init=None,
        warm_start=False,
        max_iter=200,
        max_time=None,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping="auto",
        validation_fraction=0.1,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.objective = objective
        self.optimizer = optimizer
        self.alpha = alpha
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

    @with_callbacks
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, groups=None):
        """Find the parameters with the best score.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The examples. float32 and float64 arrays are used as they are, without a copy.
        y : array-like of shape (n_samples,)
            What should come out.
        sample_weight : array-like of shape (n_samples,), optional
            How much each example counts; not negative.
        X_val : array-like of shape (n_val, n_features), optional
            Held-out examples, on which is decided what is kept.
        y_val : array-like of shape (n_val,), optional
            What should come out of them.
        groups : array-like of shape (n_samples,), optional
            What belongs together: all rows of a group are trained on, or all are held out. Where
            none are held out they make no difference.

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
        if not _is_asked(self.optimizer) or problem.has_gradient:
            return ()
        if validation is not None:
            suffice = np.count_nonzero(validation.examples[2]) >= N_PARTS
            return ((problem, validation),) if suffice else ()
        _, codes, weight = problem.examples
        n_of_class = np.bincount(codes[weight > 0].astype(np.intp), minlength=len(classes))
        n_held_out = int(self.validation_fraction * n_of_class.sum())
        if n_held_out < max(N_PARTS, len(classes)) or n_of_class.min() < 2:
            return ()
        is_held_out = self._split(codes, weight, classes, seed, groups)
        tables = [training.reweighted(weight * rows) for rows in (~is_held_out, is_held_out)]
        return (tuple(problem.beside(table=table) for table in tables),)


class MLPRegressor(_MLP, StreamedRegressor):
    """A network (multi-layer perceptron), trained for the measure of error it is judged by.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        How many units each hidden layer has; an empty sequence is a linear function.
    activation : {"identity", "logistic", "relu", "tanh"}, default="relu"
        The function of the hidden units.
    objective : str or Objective, default="r2"
        What is maximised: the name of a scikit-learn scorer ("neg_mean_absolute_error",
        "neg_mean_squared_error", "r2") or an objective from `tabtrain.objectives`, such as
        ``PassRate(tolerance=0.5)``.
    optimizer : str or Optimizer, default="auto"
        How to search: an optimizer from `tabtrain.optimizers`, or the snake-case name of
        one. "auto" is :class:`~tabtrain.optimizers.Adam` if the objective has a gradient, else
        :class:`~tabtrain.optimizers.HillClimb`, or, with more than 100 parameters,
        :class:`~tabtrain.optimizers.CMAES`; ``history_.optimizer`` says which.
    alpha : float, default=0.0
        The L2 penalty: what is maximised is the score less ``alpha / 2`` times the sum of
        the squared weights of all layers, for standardised features.
    init : None, estimator or tuple of lists of arrays, default=None
        Where to start: None is at random, as scikit-learn draws it, from `random_state`; an
        estimator is a fitted one of tabtrain or scikit-learn with ``coefs_`` and
        ``intercepts_``; lists are ``(coefs, intercepts)`` in the shapes of these.
        Meta-estimators clone what they are given: there, wrap a fitted estimator in
        :class:`sklearn.frozen.FrozenEstimator`.
    warm_start : bool, default=False
        Whether `fit` goes on where the last one ended. With the same examples the search is
        taken up again as if it had not been left, else it starts anew from the last
        parameters.
    max_iter : int or None, default=200
        The iterations of one `fit`: epochs, where the optimizer goes by batches of rows.
    max_time : float or None, default=None
        The seconds of one `fit`; then the best so far is kept, in the middle of an iteration.
        Preparing the table and scoring the start are not cut short.
    tol : float, default=1e-4
        A score that is higher by less than ``tol`` times its size is no improvement, and is
        kept only if the search has converged to it.
    n_iter_no_change : int or None, default=10
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
    coefs_ : list of float64 arrays of shape (n_inputs, n_units)
        The weights of each layer, in the user's units.
    intercepts_ : list of float64 arrays of shape (n_units,)
    n_layers_ : int
        With those of inputs and outputs.
    n_outputs_ : int
        1.
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
    MLPClassifier : The same for classes.

    Notes
    -----
    Features and labels are standardised inside, so that neither their units nor those of the
    learning rate matter.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from tabtrain import Adam, MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> optimizer = Adam(0.01, batch_size=50)  # a small table takes larger, fewer steps
    >>> reg = MLPRegressor((8,), "tanh", optimizer=optimizer, early_stopping=True, random_state=0)
    >>> reg.fit(X, y).score(X, y) > 0.4
    True
    """

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        objective="r2",
        optimizer="auto",
        alpha=0.0,
        init=None,
        warm_start=False,
        max_iter=200,
        max_time=None,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping="auto",
        validation_fraction=0.1,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.objective = objective
        self.optimizer = optimizer
        self.alpha = alpha
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
        return output_scale(table, True)
