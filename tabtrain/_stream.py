"""`partial_fit`: training that goes on with rows as they come.

A call is one pass of the optimizer over the rows that it is given, in batches, from where the last
call or `fit` ended. Features are standardised by all rows so far, those of earlier calls included:
streams need no scaler in front, and their first rows need not be like all others. The parameters
are handed on in the user's units, so a call sees the same function whatever the scale has become.

Models that are trained so have `center`, `scale`, `output_center` and `output_scale`, as
`LinearModel` has them.
"""

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight

from tabtrain._estimator import (
    TrainedClassifier,
    TrainedEstimator,
    TrainedRegressor,
    times_factors,
)
from tabtrain.objectives import get_objective, objective_names
from tabtrain.optimizers import get_optimizer, stream_optimizer
from tabtrain.problem import Problem


@dataclass(frozen=True)
class Seen:
    """What is known of all rows so far; stands in for a table where a model is made.

    Attributes
    ----------
    n_rows : int
        Those that have a weight.
    weight : float
        What they weigh together.
    features, labels : tuple of mean and deviation, arrays
    """

    n_rows: int = 0
    weight: float = 0.0
    features: tuple = (0.0, 0.0)
    labels: tuple = (0.0, 0.0)

    def mean_and_deviation(self):
        return self.features

    def mean_and_deviation_of_y(self):
        return self.labels

    @property
    def alike(self):
        """``y`` and ``weight`` of two rows that have the mean and deviation of all labels."""
        mean, deviation = self.labels
        return np.concatenate([mean - deviation, mean + deviation]), np.ones(2)

    def with_table(self, table):
        """What is known with the rows of a table."""
        features, labels = table.mean_and_deviation(), table.mean_and_deviation_of_y()
        return self._with(table, features, labels)

    def with_fitted(self, model, table):
        """The same of a table that was just fitted, whose scale the model has taken."""
        labels = np.array([model.output_center]), np.array([model.output_scale])
        return self._with(table, (model.center, model.scale), labels)

    def _with(self, table, features, labels):
        weight = self.weight + table.weight.sum()
        share = table.weight.sum() / weight
        return Seen(
            self.n_rows + int(np.count_nonzero(table.weight)),
            weight,
            _merged(self.features, features, share),
            _merged(self.labels, labels, share),
        )


def _merged(before, moments, share):
    """The mean and deviation of two samples, of which the second has a share of the weight.

    T. Chan, G. Golub, R. LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
    Variances", 1979; of deviations, as squares may be infinite.
    """
    (mean, deviation), (other_mean, other_deviation) = before, moments
    apart = other_mean - mean
    within = np.hypot(np.sqrt(1 - share) * deviation, np.sqrt(share) * other_deviation)
    between = np.sqrt(share * (1 - share)) * apart
    return mean + share * apart, np.hypot(within, between)


@dataclass(frozen=True)
class Stream:
    """Where a stream stands. ``state`` is that of ``optimizer``; None after `fit`."""

    seen: Seen
    optimizer: Any = None
    state: Any = None


def _takes_streams(estimator):
    stream_optimizer(estimator.optimizer)
    if get_objective(estimator.objective, estimator._target).tally_gradient is None:
        names = ", ".join(map(repr, objective_names(estimator._target, with_gradient=True)))
        raise AttributeError(
            f"partial_fit follows a gradient, and objective={estimator.objective!r} has none: use "
            f"{names}"
        )
    return True


class _Streamed(TrainedEstimator):
    _stream: Stream | None = None

    def _remembered(self, model, table):
        return {"_stream": Stream(Seen().with_fitted(model, table))}

    def _partial_fit(self, X, y, classes, sample_weight):
        self._check_parameters()
        objective = get_objective(self.objective, self._target)
        stream = self._stream
        X, y = self._validate(X, y, reset=stream is None)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        classes, codes = self._encode(y, classes)
        objective.check(1 if classes is None else len(classes))
        weight = times_factors(weight, self._class_factors(classes, y, weight), codes)
        reader = self._reader(X, classes, again=False)
        with self._table(reader, reader.rows(X), codes, weight) as table:
            seen = (Seen() if stream is None else stream.seen).with_table(table)
            model = self._make_model(reader, seen, classes)
            problem = Problem(model, objective, table, alpha=self.alpha, labels=seen.alike)
            optimizer = get_optimizer(
                stream_optimizer(self.optimizer),
                problem,
                self.objective,
                objective_names(self._target, with_gradient=True),
            )
            if stream is not None and type(stream.optimizer) is type(optimizer):
                # A copy, as nothing must have changed if what follows raises.
                rng = copy.deepcopy(stream.state.rng)
                state = replace(stream.state, rng=rng, present=self._theta(model))
            else:
                seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
                rng = np.random.default_rng(seed)
                theta = self._start(model, rng, classes) if stream is None else self._theta(model)
                state = optimizer.begun(theta, -np.inf, rng)
            importance = table.weight.sum() / np.count_nonzero(table.weight)
            importance *= seen.n_rows / seen.weight
            state = optimizer.epoch(problem, state, importance)
        if not np.isfinite(state.answer).all():
            raise ValueError(
                f"{optimizer!r} leaves the range of numbers: its learning_rate is too high, or "
                "rows are too far from all before them; max_norm limits how far a batch can lead"
            )
        outcome = self._learned(model, state.answer)
        if classes is not None:
            outcome["classes_"] = classes
        outcome["n_iter_"] = getattr(self, "n_iter_", 0) + 1
        for name, value in outcome.items():
            setattr(self, name, value)
        self._stream = Stream(seen, optimizer, state)
        self._warm = (None, None, None)
        return self


class StreamedClassifier(_Streamed, TrainedClassifier):
    """What estimators of classes share that can be trained with rows as they come."""

    @available_if(_takes_streams)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Go on with some rows: one pass over them.

        It goes on from where the last call or `fit` ended, and keeps what it ends with: no score
        decides, no rows are held out, and `max_iter`, `max_time`, `tol`, `n_iter_no_change` and
        `early_stopping` say nothing. Features are standardised by all rows so far. Only for
        objectives that have a gradient, and the optimizers
        :class:`~tabtrain.optimizers.SGD`, :class:`~tabtrain.optimizers.Adam` and
        :class:`~tabtrain.optimizers.AdamW`; "auto" is Adam here.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,), optional
            All labels there will ever be, on the first call; later it may be left out.
        sample_weight : array-like of shape (n_samples,), optional
            How much each example counts, beside all rows so far.

        Returns
        -------
        self : object
            With `n_iter_`, which counts the calls, too, `classes_` and what was learned; what tells
            of a search, as `history_` and `best_score_`, is that of the last `fit`.

        Raises
        ------
        ValueError, TypeError
            If an argument or a parameter is wrong, or the parameters grow beyond all numbers; then
            the estimator is as it was.
        """
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} takes all rows at once: for partial_fit, give "
                "a dict of factors or sample_weight"
            )
        known = self.classes_ if self._stream is not None else None
        if classes is None:
            if known is None:
                raise ValueError("classes must be passed on the first call to partial_fit")
            classes = known
        else:
            classes = np.unique(classes)
            if known is not None and not np.array_equal(classes, known):
                raise ValueError(f"classes are {classes}, in earlier calls they were {known}")
            if len(classes) < 2:
                raise ValueError(
                    f"{type(self).__name__} needs at least 2 classes, classes has one class or "
                    f"none: {classes}"
                )
        return self._partial_fit(X, y, classes, sample_weight)


class StreamedRegressor(_Streamed, TrainedRegressor):
    """What estimators of numbers share that can be trained with rows as they come."""

    @available_if(_takes_streams)
    def partial_fit(self, X, y, sample_weight=None):
        """Go on with some rows: one pass over them.

        It goes on from where the last call or `fit` ended, and keeps what it ends with: no score
        decides, no rows are held out, and `max_iter`, `max_time`, `tol`, `n_iter_no_change` and
        `early_stopping` say nothing. Features and labels are standardised by all rows so far. Only
        for objectives that have a gradient, and the optimizers
        :class:`~tabtrain.optimizers.SGD`, :class:`~tabtrain.optimizers.Adam` and
        :class:`~tabtrain.optimizers.AdamW`; "auto" is Adam here.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            How much each example counts, beside all rows so far.

        Returns
        -------
        self : object
            With `n_iter_`, which counts the calls, too, and what was learned; what tells of a
            search, as `history_` and `best_score_`, is that of the last `fit`.

        Raises
        ------
        ValueError, TypeError
            If an argument or a parameter is wrong, or the parameters grow beyond all numbers; then
            the estimator is as it was.
        """
        return self._partial_fit(X, y, None, sample_weight)
