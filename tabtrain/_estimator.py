"""The scikit-learn shell around a search: what all estimators share."""

import copy
import time
import warnings
from abc import ABC, abstractmethod
from contextlib import ExitStack
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    _check_y,
    check_consistent_length,
    check_is_fitted,
    check_scalar,
    validate_data,
)

from tabtrain._folds import checked_groups
from tabtrain._kernels.confusion import tally
from tabtrain._thresholds import classes_of
from tabtrain._validation import check_bool, check_number
from tabtrain.history import History
from tabtrain.objectives import get_objective, objective_names
from tabtrain.optimizers import Budget, Search, get_optimizer
from tabtrain.problem import Problem, raw_predictions
from tabtrain.table import Table, canonical

# What scikit-learn takes for a y that is not asked for; None is one that is missing.
NO_Y = "no_validation"


class TrainedEstimator(CallbackSupportMixin, BaseEstimator, ABC):
    """Validates, chooses parts, delegates to `Search`, and names what was learned.

    Subclasses say what they predict (`_target`, `_encode`), which function they train
    (`_make_model`), where it starts (`_start`) and what users see of it (`_learned`).
    """

    _target: str
    alpha = 0.0
    # The search to go on with, its seed, and what must be the same for that.
    _warm: tuple = (None, None, None)

    @abstractmethod
    def _encode(self, y, classes=None):
        """The classes (None for numbers) and the labels as numbers."""

    def _class_factors(self, classes, y, weight):
        """What the weight of the rows of each class is multiplied by; None is nothing."""
        return None

    def _reader(self, X, classes, *, again):
        """What makes the blocks of a table of the user's rows.

        ``again`` is whether the estimator is fitted and reads them as it did then.
        """
        return AsTheyAre

    @abstractmethod
    def _make_model(self, reader, table, classes):
        """The model, at the scale of the table."""

    @abstractmethod
    def _start(self, model, rng, classes):
        """The parameters that ``init`` says to start from."""

    @abstractmethod
    def _theta(self, model):
        """The parameters of the last fit."""

    @abstractmethod
    def _learned(self, model, theta):
        """The fitted attributes that the parameters give, by name."""

    @abstractmethod
    def _fitted(self, reader):
        """The trained function as a model and its parameters."""

    def _check_start(self, problem, theta, X, classes):
        """Raise a ValueError if the function cannot start where it is to."""

    def _finished(self, problem, theta):
        """The parameters in the end: they may be said more simply."""
        return theta

    def _remembered(self, model, table):
        """What else `fit` leaves behind, by name."""
        return {}

    def _facts(self):
        """What else must be the same for a search to be gone on with."""
        return ()

    def _check_parameters(self):
        check_bool(self.warm_start, "warm_start")
        check_number(self.tol, "tol", low=0)
        check_scalar(self.verbose, "verbose", (Integral, np.bool_), min_val=0)
        check_number(
            self.validation_fraction,
            "validation_fraction",
            low=0,
            high=1,
            include_boundaries="neither",
        )
        if self.n_jobs is not None:
            check_scalar(self.n_jobs, "n_jobs", Integral)
        for name in ("max_iter", "n_iter_no_change"):
            if getattr(self, name) is not None:
                check_scalar(getattr(self, name), name, Integral, min_val=1)
        if self.max_time is not None:
            check_number(self.max_time, "max_time", low=0, include_boundaries="neither")
        if self.max_iter is None and self.max_time is None and self.n_iter_no_change is None:
            raise ValueError(
                "the search would never stop: max_iter, max_time and n_iter_no_change are all None"
            )
        if not isinstance(self.early_stopping, (bool, np.bool_)) and self.early_stopping != "auto":
            raise ValueError(
                f"early_stopping must be True, False or 'auto', got {self.early_stopping!r}"
            )

    def __sklearn_is_fitted__(self):
        # Not by what checking X leaves behind, which a fit that fails leaves, too.
        return hasattr(self, "n_iter_")

    def _holds_out(self, X_val, y_val):
        if (X_val is None) != (y_val is None):
            given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} is given without {missing}")
        if self.early_stopping == "auto":
            return X_val is not None
        if X_val is not None and not self.early_stopping:
            raise ValueError(
                "X_val and y_val are given, but early_stopping=False: use 'auto' or True"
            )
        return bool(self.early_stopping)

    @with_callbacks
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Find the parameters with the best score.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The examples. float32 and float64 arrays are used as they are, without a copy. Linear
            functions take sparse arrays and matrices, too, which are never made dense.
        y : array-like of shape (n_samples,)
            What should come out.
        sample_weight : array-like of shape (n_samples,), optional
            How much each example counts; not negative.
        X_val : array-like of shape (n_val, n_features), optional
            Held-out examples: what does best on them is kept, and the search stops when they
            show no progress.
        y_val : array-like of shape (n_val,), optional
            What should come out of them.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError, TypeError
            If an argument or a parameter is wrong, before any search.
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    def _fit(self, X, y, sample_weight, X_val, y_val, groups=None):
        begun = time.monotonic()
        self._check_parameters()
        objective = get_objective(self.objective, self._target)
        holds_out = self._holds_out(X_val, y_val)
        goes_on = self.warm_start and hasattr(self, "n_iter_")
        examples = {"X": X, "y": y}
        if sample_weight is not None:
            examples["metadata"] = {"sample_weight": sample_weight}

        X, y = self._validate(X, y, reset=not goes_on)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        groups = checked_groups(X, groups)
        classes, codes = self._encode(y)
        if goes_on and classes is not None and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"warm_start=True: y has the classes {classes}, the last fit had {self.classes_}"
            )
        objective.check(1 if classes is None else len(classes))
        factors = self._class_factors(classes, y, weight)
        weight = times_factors(weight, factors, codes)
        search, seed, facts_before = self._warm if goes_on else (None, None, None)
        if seed is None:
            seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)

        reader = self._reader(X, classes, again=False)
        rows = reader.rows(X)
        with ExitStack() as open_tables:

            def table(*examples):
                return open_tables.enter_context(self._table(reader, *examples))

            held_out = None
            if X_val is not None:
                X_val, y_val = self._validate(X_val, y_val, reset=False)
                _, codes_val = self._encode(y_val, classes)
                weight_val = times_factors(np.ones(len(y_val)), factors, codes_val)
                held_out = table(reader.rows(X_val), codes_val, weight_val)
            elif holds_out:
                # A row of weight 0 is no row: two tables share one X, and nothing is copied.
                is_held_out = self._split(codes, weight, classes, seed, groups)
                held_out = table(rows, codes, weight * is_held_out)
                weight = weight * ~is_held_out
            training = table(rows, codes, weight)
            model = self._make_model(reader, training, classes)
            problem = Problem(model, objective, training, alpha=self.alpha)
            validation = None if held_out is None else problem.beside(table=held_out)
            problem.splits = self._splits(problem, validation, training, classes, seed, groups)
            optimizer = get_optimizer(
                self.optimizer,
                problem,
                self.objective,
                objective_names(self._target, with_gradient=True),
            )
            facts = None
            if self.warm_start:
                facts = _facts(problem, validation, objective, optimizer), self._facts()
            if search is not None and facts == facts_before:
                # A copy, as what has been learned must not change if a callback raises.
                search = copy.deepcopy(search)
            else:
                rng = np.random.default_rng(seed)
                theta = self._theta(model) if goes_on else self._start(model, rng, classes)
                self._check_start(problem, theta, X, classes)
                search = Search(clone(optimizer), rng, theta)
            # Who is shown held-out rows decides what is best on them.
            decides = "held-out rows" in optimizer.needs
            judge = None if decides else validation
            self._run(search, problem, judge, begun, examples, classes, model)
            if search.score == -np.inf:
                raise ValueError(
                    f"objective={self.objective!r}: none of {search.n_trials} candidates has a "
                    "score that is a finite number"
                )
            outcome = self._outcome(search, model, classes)
            theta = self._finished(problem, search.theta)
            problem.deadline = np.inf
            if decides or theta is not search.theta:
                outcome |= self._learned(model, theta)
                outcome["best_score_"] = float(problem.scores(theta[np.newaxis])[0])
                if validation is not None:
                    score = float(validation.scores(theta[np.newaxis])[0])
                    outcome["best_validation_score_"] = score
            outcome |= self._remembered(model, training)
        for name, value in outcome.items():
            setattr(self, name, value)
        self._warm = (search, seed, facts) if self.warm_start else (None, None, None)
        if optimizer.expects_convergence and search.stop_reason == "iterations":
            warnings.warn(
                f"{type(optimizer).__name__} has not converged after {search.n_iter} iterations: "
                "raise max_iter or alpha",
                ConvergenceWarning,
                stacklevel=4,  # behind the wrapper that callbacks put around fit
            )
        return self

    def _n_threads(self):
        # Imported here: importing the package must stay cheap.
        from joblib import effective_n_jobs

        return effective_n_jobs(self.n_jobs)

    def _table(self, reader, *examples):
        n_jobs = self._n_threads() if reader.threads else 1
        return Table(*examples, n_jobs=n_jobs, one_block=reader.whole_table)

    def _validate(self, X, y=NO_Y, *, reset):
        """The checked ``X``, or ``X, y`` if there is a ``y``."""
        y_if_any = {} if y is NO_Y else {"y": y, "y_numeric": self._target == "number"}
        takes_sparse = get_tags(self).input_tags.sparse
        return validate_data(
            self,
            X,
            accept_sparse="csr" if takes_sparse else False,
            dtype=[np.float64, np.float32],
            reset=reset,
            **y_if_any,
        )

    def _raw_predictions(self, X):
        check_is_fitted(self)
        return self._raw_of(self._validate(X, reset=False))

    def _raw_of(self, X):
        """The raw predictions for checked rows."""
        reader = self._reader(X, getattr(self, "classes_", None), again=True)
        with self._table(reader, reader.rows(X)) as table:
            model, theta = self._fitted(reader)
            return raw_predictions(model, theta, table)

    def _score(self, X, y, weight, objective):
        reader = self._reader(X, getattr(self, "classes_", None), again=True)
        model, theta = self._fitted(reader)
        with self._table(reader, reader.rows(X), y, weight) as table:
            return float(Problem(model, objective, table).scores(theta[np.newaxis])[0])

    def _split(self, codes, weight, classes, seed, groups):
        """Which rows are held out; rows of weight 0, which are none, may be on either side."""
        from sklearn.model_selection import StratifiedGroupKFold, train_test_split

        counts = np.flatnonzero(weight)
        labels = None if classes is None else codes[counts]
        try:
            if groups is None:
                _, held_out = train_test_split(
                    counts,
                    test_size=self.validation_fraction,
                    stratify=labels,
                    random_state=seed,
                )
            else:
                n_folds = max(round(1 / self.validation_fraction), 2)
                of_folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
                _, some = next(of_folds.split(counts, labels, groups[counts]))
                held_out = counts[some]
        except ValueError as error:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} of {len(counts)} rows cannot be "
                f"held out: {error}"
            ) from error
        is_held_out = np.zeros(len(codes), dtype=bool)
        is_held_out[held_out] = True
        return is_held_out

    def _splits(self, problem, validation, training, classes, seed, groups):
        """The folds, see `Problem.splits`; none where nothing is to be decided on held-out rows."""
        return ()

    def _run(self, search, problem, validation, begun, examples, classes, model):
        limits = [n for n in (self.max_iter, search.optimizer.max_steps) if n is not None]
        root = self._init_callback_context(max_subtasks=min(limits, default=None))
        root.call_on_fit_task_begin(estimator=self, **examples)

        def around_step(search):
            def outcome():
                return self._outcome(search, model, classes)

            step = root.subcontext(task_name="iteration")
            step.call_on_fit_task_begin(
                estimator=self, **examples, reconstruction_attributes=outcome
            )
            return lambda search: step.call_on_fit_task_end(
                estimator=self, **examples, reconstruction_attributes=outcome
            )

        search.run(
            problem,
            Budget(
                max_iter=self.max_iter,
                deadline=np.inf if self.max_time is None else begun + self.max_time,
                tol=self.tol,
                n_iter_no_change=self.n_iter_no_change,
            ),
            validation=validation,
            on_improvement=print if self.verbose else lambda improvement: None,
            # Nobody listens: the tree of tasks need not grow by a node an iteration.
            around_step=around_step if hasattr(self, "_skl_callbacks") else None,
        )
        root.call_on_fit_task_end(estimator=self, **examples)

    def _outcome(self, search, model, classes):
        """All fitted attributes, by name."""
        outcome = self._learned(model, search.theta) | search.state.outcome()
        if classes is not None:
            outcome["classes_"] = classes
        return outcome | {
            "best_score_": search.score,
            "best_validation_score_": search.validation_score,
            "history_": History(search.history, search.optimizer),
            "n_iter_": search.n_iter,
            "n_trials_": search.n_trials,
            "stop_reason_": search.stop_reason,
        }


class TrainedClassifier(ClassifierMixin, TrainedEstimator):
    """What estimators of classes share; they have a `class_weight`."""

    _target = "class"

    def _encode(self, y, classes=None):
        if classes is None:
            return classes_and_codes(y, type(self).__name__)
        check_classification_targets(y)
        unknown = np.setdiff1d(y, classes)
        if unknown.size:
            raise ValueError(f"labels {unknown} are not among the classes {classes}")
        return classes, np.searchsorted(classes, y)

    def _class_factors(self, classes, y, weight):
        if self.class_weight is None:
            return None
        counts = weight > 0
        missing = np.setdiff1d(classes, y[counts])
        if isinstance(self.class_weight, str) and missing.size:
            raise ValueError(
                f"class_weight={self.class_weight!r}: the rows of classes {missing} have no weight"
            )
        factors = compute_class_weight(
            self.class_weight, classes=classes, y=y, sample_weight=weight
        )
        if not (np.isfinite(factors).all() and (factors >= 0).all()):
            raise ValueError(
                f"class_weight must be finite and not negative, got {self.class_weight!r}"
            )
        return factors

    def decision_function(self, X):
        """The raw predictions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        float64 array of shape (n_samples,) for two classes, else (n_samples, n_classes)
        """
        raw = self._raw_predictions(X)
        return raw[0] if len(raw) == 1 else raw.T

    def predict(self, X):
        """The predicted labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        array of shape (n_samples,)
        """
        codes = classes_of(self._raw_predictions(X))  # first, as it says if this is not fitted
        return self.classes_[codes]

    def score(self, X, y, sample_weight=None):
        """The objective, taken of these examples (without `class_weight` and penalty).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Labels that were not among those of `fit` count as predicted wrong, where the
            objective is a metric of counts that takes more classes; else they are an error.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        check_is_fitted(self)
        objective = get_objective(self.objective, self._target)
        X, y = self._validate(X, y, reset=False)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if objective.tally is not tally:
            _, codes = self._encode(y, self.classes_)
            return self._score(X, codes, weight, objective)
        predicted = self.classes_[classes_of(self._raw_of(X))]
        return score_of_labels(objective, self.classes_, y, predicted, weight)


class TrainedRegressor(RegressorMixin, TrainedEstimator):
    """What estimators of numbers share."""

    _target = "number"

    def _encode(self, y, classes=None):
        return None, y.astype(np.float64, copy=False)

    def predict(self, X):
        """The predicted numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        float64 array of shape (n_samples,)
        """
        return self._raw_predictions(X)[0]

    def score(self, X, y, sample_weight=None):
        """The objective, taken of these examples (without penalty).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        check_is_fitted(self)
        X, y = self._validate(X, y, reset=False)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        return self._score(X, y, weight, get_objective(self.objective, self._target))


class MixedColumns(TrainedEstimator):
    """What estimators share that take strings in the columns of DataFrames, and missing values."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _validate(self, X, y=NO_Y, *, reset):
        if not hasattr(X, "columns"):
            y_if_any = {} if y is NO_Y else {"y": y, "y_numeric": self._target == "number"}
            return validate_data(
                self,
                X,
                dtype=[np.float64, np.float32],
                ensure_all_finite="allow-nan",
                reset=reset,
                **y_if_any,
            )
        # What its columns hold is for the reader to say.
        X = validate_data(self, X, reset=reset, skip_check_array=True)
        if len(X) == 0:
            raise ValueError("X has no rows")
        if y is NO_Y:
            return X
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but it is None")
        y = _check_y(y, y_numeric=self._target == "number", estimator=self)
        check_consistent_length(X, y)
        return X, y


class AsTheyAre:
    """Blocks are made of the user's rows, as they are."""

    threads = True
    whole_table = False

    @staticmethod
    def rows(X):
        # Sorted once for all tables of these rows.
        return canonical(X) if issparse(X) else X


def classes_and_codes(y, name):
    """The labels that occur, sorted, and which of them each row has.

    ``name`` is who needs at least two.
    """
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        got = f"one class: {classes[0]}" if len(classes) else "no rows"
        raise ValueError(f"{name} needs examples of at least 2 classes, y has {got}")
    return classes, codes


def score_of_labels(objective, classes, y, predicted, weight):
    """The metric of predicted labels, those that are not among the classes included."""
    from sklearn.metrics import confusion_matrix

    labels = np.union1d(classes, y)
    objective.check(len(labels))
    counts = confusion_matrix(y, predicted, labels=labels, sample_weight=weight)
    return float(objective.score(counts.reshape(1, -1))[0])


def times_factors(weight, factors, codes):
    """The weights of rows, times the factors of their classes."""
    if factors is not None:
        weight = weight * factors[codes]
    total = weight.sum()
    if not 0 < total < np.inf:
        raise ValueError(
            "sample_weight and class_weight must leave rows some finite weight, "
            f"their products sum to {total}"
        )
    return weight


def _facts(problem, validation, objective, optimizer):
    """What must be the same for a search to be gone on with."""
    # Imported here: importing the package must stay cheap.
    from joblib import hash as hash_of

    def of_part(part):
        # A function that the user wrote is itself, and cannot always be pickled.
        if callable(part):
            return part
        if not hasattr(part, "get_params"):
            return hash_of(part)
        params = part.get_params(deep=False)
        return type(part), {name: of_part(value) for name, value in params.items()}

    tables = [problem.examples, None if validation is None else validation.examples]
    tables += [held_out.examples[2] for _, held_out in problem.splits]
    return hash_of(tables), problem.alpha, of_part(objective), of_part(optimizer)
