"""Try candidates around the best, go to the best of them, again and again."""

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain._validation import check_number
from tabtrain.optimizers._base import Optimizer, State


@dataclass(kw_only=True)
class _Climb(State):
    """``theta`` and ``score`` are the best of all climbs; the others are of the present one."""

    summit: np.ndarray
    summit_score: float
    step_size: float
    success: float


class HillClimb(Optimizer):
    """The (1 + lambda) evolution strategy: the best so far and lambda candidates around it.

    The candidates of an iteration are normally distributed around the summit of the present
    climb, in pairs on opposite sides of it [2]_; the best of them becomes the summit if it is
    no worse. The step size follows the share of candidates that are better. Where it has
    become so small that the climb has ended, a new one starts from a new random point.

    Parameters
    ----------
    n_candidates : int, default=64
        How many candidates an iteration tries.
    step_size : float, default=1.0
        The standard deviation of the first candidates; 1 is the scale of the starting points.
    min_step_size : float, default=1e-3
        The step size that ends a climb.

    Notes
    -----
    The step size is ``step_size *= exp((success - target) / (damping * (1 - target)))``, where
    ``success`` is a moving average of the share of better candidates [1]_.

    References
    ----------
    .. [1] C. Igel, N. Hansen, S. Roth, "Covariance Matrix Adaptation for Multi-objective
       Optimization", Evolutionary Computation 15(1), 2007, algorithm 2 and table 1.
    .. [2] D. Brockhoff et al., "Mirrored Sampling and Sequential Selection for Evolution
       Strategies", Parallel Problem Solving from Nature XI, 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabtrain import HillClimb, LinearClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = LinearClassifier(optimizer=HillClimb(n_candidates=32), random_state=0)
    >>> clf.fit(X, y).best_score_ > 0.95
    True
    """

    def __init__(self, n_candidates=64, step_size=1.0, min_step_size=1e-3):
        self.n_candidates = n_candidates
        self.step_size = step_size
        self.min_step_size = min_step_size

    def check(self):
        check_scalar(self.n_candidates, "n_candidates", Integral, min_val=1)
        for name in ("step_size", "min_step_size"):
            check_number(getattr(self, name), name, low=0, include_boundaries="neither")
        if self.min_step_size >= self.step_size:
            raise ValueError(
                f"min_step_size must be below step_size ({self.step_size}), "
                f"got {self.min_step_size}"
            )

    @property
    def _target(self):
        return 1 / (5 + np.sqrt(self.n_candidates) / 2)

    def start(self, problem, theta, rng):
        state = _Climb(
            theta=theta,
            score=-np.inf,
            rng=rng,
            summit=theta,
            summit_score=-np.inf,
            step_size=self.step_size,
            success=self._target,
        )
        return self._begin(problem, state, theta)

    def _begin(self, problem, state, summit):
        score = problem.scores(summit[np.newaxis])[0]
        return self._with_best(
            replace(
                state,
                summit=summit,
                summit_score=score,
                step_size=self.step_size,
                success=self._target,
            )
        )

    def step(self, problem, state):
        if state.step_size < self.min_step_size:
            return self._begin(problem, state, problem.initial(state.rng, 1)[0])
        candidates = problem.project(self._around(state, problem.n_params))
        scores = problem.scores(candidates, at_least=state.summit_score)
        state = self._adapt(state, np.mean(scores > state.summit_score), problem.n_params)
        best = np.argmax(scores)
        if scores[best] >= state.summit_score:
            state = replace(state, summit=candidates[best], summit_score=scores[best])
        return self._with_best(state)

    def _around(self, state, n_params):
        n_pairs = -(-self.n_candidates // 2)
        moves = state.step_size * state.rng.standard_normal((n_pairs, n_params))
        candidates = np.empty((2 * n_pairs, n_params))
        np.add(state.summit, moves, out=candidates[:n_pairs])
        np.subtract(state.summit, moves, out=candidates[n_pairs:])
        return candidates[: self.n_candidates]

    def _adapt(self, state, share_better, n_params):
        rate = self._target * self.n_candidates / (2 + self._target * self.n_candidates)
        damping = 1 + n_params / (2 * self.n_candidates)
        success = (1 - rate) * state.success + rate * share_better
        growth = np.exp((success - self._target) / (damping * (1 - self._target)))
        return replace(state, success=success, step_size=state.step_size * growth)

    @staticmethod
    def _with_best(state):
        if state.summit_score > state.score:
            return replace(state, theta=state.summit, score=state.summit_score)
        return state
