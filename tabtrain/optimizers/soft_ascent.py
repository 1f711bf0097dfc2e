"""Follow the gradient of smooth counts, and sharpen them step by step."""

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain._kernels.curvature import dot
from tabtrain._validation import check_number
from tabtrain.optimizers._base import Optimizer, State
from tabtrain.optimizers.lbfgs import LBFGS


@dataclass(kw_only=True)
class Ascent(State):
    """``taus`` are the temperatures still to come; ``inner`` is the state of the gradient search
    at the first of them, None before it has begun at ``present``."""

    taus: np.ndarray
    present: np.ndarray
    inner: Any = None
    n_steps: int = 0


class SoftAscent(Optimizer):
    """Deterministic annealing of a metric of counts.

    A row counts for a class by its share of ``softmax(raw / tau)``, which has a gradient (see
    `tabtrain.objectives.Soft`). It is followed with :class:`LBFGS` at one temperature ``tau``
    after the other, down to one where the counts are nearly those of predicted classes. Every
    point on the way is scored by the metric itself. At a high temperature there are hardly any
    local optima, so that the start matters little [1]_.

    Where the size of the parameters changes no prediction, it is kept at 1: else the search
    would sharpen the counts by making them large. Where the last temperature is done, a new
    annealing begins from the best point, moved at random, at a random temperature.

    Parameters
    ----------
    start_tau, end_tau : float, default=0.3 and 0.003
        The first and the last temperature, in units of the raw prediction.
    cooling : float, default=0.7
        What each temperature is of the one before, about; below 1.
    n_steps : int, default=15
        The most steps at each.

    References
    ----------
    .. [1] K. Rose, "Deterministic Annealing for Clustering, Compression, Classification,
       Regression, and Related Optimization Problems", Proceedings of the IEEE 86(11), 1998.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from tabtrain import LinearClassifier, SoftAscent
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = LinearClassifier("f1", optimizer=SoftAscent(), random_state=0).fit(X, y)
    >>> clf.best_score_ > 0.98
    True
    """

    needs = frozenset({"soft gradient"})

    def __init__(self, start_tau=0.3, end_tau=0.003, cooling=0.7, n_steps=15):
        self.start_tau = start_tau
        self.end_tau = end_tau
        self.cooling = cooling
        self.n_steps = n_steps

    def check(self):
        for name in ("start_tau", "end_tau"):
            check_number(getattr(self, name), name, low=0, include_boundaries="neither")
        if self.end_tau > self.start_tau:
            raise ValueError(
                f"end_tau must not be above start_tau ({self.start_tau}), got {self.end_tau}"
            )
        check_number(self.cooling, "cooling", low=0, high=1, include_boundaries="neither")
        check_scalar(self.n_steps, "n_steps", Integral, min_val=1)

    def start(self, problem, theta, rng):
        return self.begun(problem, theta, problem.scores(theta[np.newaxis])[0], rng)

    def begun(self, problem, theta, score, rng):
        """The state before the first step, from a point whose score is known."""
        # At zero all rows have the same share, and no direction leads up.
        present = theta if theta.any() else problem.initial(rng, 1)[0]
        return Ascent(theta, score, rng, taus=self.taus(self.start_tau), present=present)

    def taus(self, start_tau):
        """The temperatures of an annealing."""
        n_levels = np.ceil(np.log(self.end_tau / start_tau) / np.log(self.cooling))
        return np.geomspace(start_tau, self.end_tau, int(n_levels) + 1)

    def step(self, problem, state):
        if len(state.taus) == 0:
            tau = self.end_tau * (self.start_tau / self.end_tau) ** state.rng.random()
            moved = state.theta + tau * state.rng.standard_normal(problem.n_params)
            state = replace(state, taus=self.taus(tau), present=problem.project(moved))
        soft = problem.softened(state.taus[0])
        if problem.scale_free:
            soft = _OnSphere(soft)
        if state.inner is None:
            inner = LBFGS().start(soft, problem.normalized(state.present), state.rng)
            state = replace(state, n_steps=0)
        else:
            inner = LBFGS().step(soft, state.inner)
        present = problem.normalized(inner.theta)
        state = replace(state, present=present, inner=inner, n_steps=state.n_steps + 1)
        candidates = present[np.newaxis]
        scores = problem.scores(candidates, at_least=state.score)
        state = state.with_best(candidates, scores)
        if inner.converged or state.n_steps > self.n_steps:
            state = replace(state, taus=state.taus[1:], inner=None)
        return state


class _OnSphere:
    """A problem as a function of the direction of theta."""

    def __init__(self, problem):
        self._problem = problem
        self.project = problem.project
        self.bounds = problem.bounds

    def value_and_gradient(self, theta):
        size = dot(theta, theta) ** 0.5
        direction = theta / size
        value, gradient = self._problem.value_and_gradient(direction)
        return value, (gradient - dot(gradient, direction) * direction) / size
