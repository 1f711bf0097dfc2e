"""What optimizers that follow the gradient of batches of rows have in common."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain._validation import check_bool, check_number
from tabtrain.optimizers._base import Optimizer, State, is_higher

SCHEDULES = ("constant", "invscaling", "adaptive")
# What "adaptive" goes on with, as in scikit-learn, and when it has converged.
ADAPTED, LEAST_SHARE = 1 / 5, 1e-4
# A score that is higher by less than this share of its size may be so by rounding.
ROUNDING = 1e-9


@dataclass(kw_only=True)
class Descent(State):
    """``theta`` and ``score`` are the best after any epoch; what follows is of the last.

    ``present`` is where it stands, ``answer`` what it found: the same, or the mean on the way.
    ``moments`` ``[n_moments, n_params]`` is what is kept of earlier gradients, ``share`` what is
    left of the learning rate, ``n_stale`` how many epochs there were since the score last rose.
    """

    present: np.ndarray
    answer: np.ndarray
    moments: np.ndarray
    share: float = 1.0
    n_epochs: int = 0
    n_updates: int = 0
    n_stale: int = 0


class MiniBatch(Optimizer):
    """An iteration is an epoch: all rows that count once, in random order, batch by batch.

    Subclasses give `n_moments` and `_updates`. Gradients are measured in the units of the
    objective and of the labels, so that learning rates do not depend on these.
    """

    needs = frozenset({"gradient"})
    expects_convergence = True
    n_moments: int

    def check(self):
        check_number(self.learning_rate, "learning_rate", low=0, include_boundaries="neither")
        check_scalar(self.batch_size, "batch_size", Integral, min_val=1)
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {SCHEDULES}, got {self.schedule!r}")
        check_number(self.power_t, "power_t", low=0)
        check_scalar(self.patience, "patience", Integral, min_val=1)
        if self.max_norm is not None:
            check_number(self.max_norm, "max_norm", low=0, include_boundaries="neither")
        check_bool(self.average, "average")

    def _updates(self, problem, state, rate) -> Callable[[np.ndarray, float], None]:
        """What moves `state.present` and `state.moments` by a gradient times a number."""
        raise NotImplementedError

    def start(self, problem, theta, rng):
        return self.begun(theta, problem.scores(theta[np.newaxis], keep_errors=True)[0], rng)

    def begun(self, theta, score, rng, **changes):
        """The state before the first epoch, from a point whose score is known."""
        moments = np.zeros((self.n_moments, len(theta)))
        return Descent(theta, score, rng, present=theta, answer=theta, moments=moments, **changes)

    def step(self, problem, state):
        state = self.epoch(problem, state)
        with np.errstate(over="ignore", invalid="ignore"):
            score = problem.scores(state.answer[np.newaxis], keep_errors=True)[0]
        if is_higher(score, state.score, ROUNDING):
            return replace(state, theta=state.answer, score=score, n_stale=0)
        state = replace(state, n_stale=state.n_stale + 1)
        goes_astray = score == -np.inf
        is_stale = self.schedule == "adaptive" and state.n_stale >= self.patience
        if not goes_astray and not is_stale:
            return state
        # Back to the best, in smaller steps.
        share = state.share * ADAPTED
        changes = {"share": share, "n_epochs": state.n_epochs}
        changes["converged"] = self.schedule == "adaptive" and share < LEAST_SHARE
        return self.begun(state.theta, state.score, state.rng, **changes)

    def epoch(self, problem, state, importance=1.0):
        """The state after all rows were seen once more; the score is not known yet.

        Parameters
        ----------
        problem : Problem
        state : Descent
        importance : float, default=1.0
            How much the rows weigh, beside those of other tables.
        """
        rate = self.learning_rate * state.share
        if self.schedule == "invscaling":
            rate /= (1 + state.n_epochs) ** self.power_t
        rows = state.rng.permutation(problem.rows_that_count)
        size = min(self.batch_size, len(rows))
        # Batches count by their weight: with equal weights all alike, but for the last.
        scale = importance * len(rows) / size / problem.gradient_unit
        state = replace(
            state,
            present=state.present.copy(),
            moments=state.moments.copy(),
            n_epochs=state.n_epochs + 1,
        )
        update = self._updates(problem, state, rate)
        starts, total = range(0, len(rows), size), np.zeros(len(state.present))
        with np.errstate(over="ignore", invalid="ignore"):
            for first in starts:
                gradient, share = problem.batch_gradient(state.present, rows[first : first + size])
                state.n_updates += 1
                update(gradient, self._clipped(gradient, scale * share))
                if not problem.is_free:
                    state.present[:] = problem.project(state.present)
                if self.average:
                    total += state.present
        state.answer = state.present
        if self.average:
            state.answer = problem.project(total / len(starts))
        return state

    def _clipped(self, gradient, scale):
        """What the gradient is to be multiplied by so that it is not longer than `max_norm`."""
        if self.max_norm is None:
            return scale
        length = np.linalg.norm(gradient)
        return min(scale, self.max_norm / length) if length > 0 else scale
