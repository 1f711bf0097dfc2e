"""Follow the gradient, bent by what the last steps told of the curvature."""

from dataclasses import dataclass, replace
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain._kernels.curvature import bend, dot
from tabtrain._validation import check_number
from tabtrain.optimizers._base import Optimizer, State

# The constants of the Wolfe conditions for quasi-Newton directions, section 3.1 of [1].
C1, C2 = 1e-4, 0.9
# The most points that are looked at on a line.
MAX_POINTS = 20


class _Memory(NamedTuple):
    """What the last steps told of the curvature, as `bend` takes it."""

    steps: tuple = ()
    changes: tuple = ()
    rho: np.ndarray = np.empty(0)

    def with_last(self, step, change, n_kept):
        first = max(len(self.rho) + 1 - n_kept, 0)
        return _Memory(
            (*self.steps[first:], step),
            (*self.changes[first:], change),
            np.append(self.rho[first:], 1 / dot(step, change)),
        )


@dataclass(kw_only=True)
class _Curve(State):
    """``flat`` is the largest slope that counts as none."""

    gradient: np.ndarray
    flat: float
    memory: _Memory


class LBFGS(Optimizer):
    """Limited-memory BFGS, for objectives with a gradient.

    The direction is the two-loop recursion, the step satisfies the strong Wolfe conditions [1]_.
    SciPy's L-BFGS-B cannot be left after an iteration and taken up again later, which warm
    starts and callbacks need, nor can several searches share a pass over the table.

    Parameters
    ----------
    memory : int, default=10
        How many steps are remembered.
    gtol : float, default=1e-5
        The search has converged when the largest slope, with respect to the parameters at
        the data's scale, is below ``gtol``, or below ``gtol`` times that of the start if the
        start's is above 1.
    ftol : float, default=1e-14
        It has also converged when a step raises the score by less than this share of it.

    References
    ----------
    .. [1] J. Nocedal, S. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 7.4.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabtrain import LBFGS, LinearClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = LinearClassifier("neg_log_loss", optimizer=LBFGS(), alpha=0.01)
    >>> clf.fit(X, y).stop_reason_
    'no change'
    """

    needs = frozenset({"gradient"})
    expects_convergence = True

    def __init__(self, memory=10, gtol=1e-5, ftol=1e-14):
        self.memory = memory
        self.gtol = gtol
        self.ftol = ftol

    def check(self):
        check_scalar(self.memory, "memory", Integral, min_val=1)
        check_number(self.gtol, "gtol", low=0)
        check_number(self.ftol, "ftol", low=0)

    def start(self, problem, theta, rng):
        return _answered([self._begun(theta, rng)], within_bounds(problem))[0]

    def step(self, problem, state):
        return _answered([self._moved(state)], within_bounds(problem))[0]

    def ascended(self, evaluate, thetas, max_steps):
        """Where so many steps lead, or fewer if they converge, from several points side by side.

        Parameters
        ----------
        evaluate : callable
            Takes a list of numbers of points, and a list of these or what has become of them,
            and yields for each what is to become of it, its score and its gradient.
        thetas : float64 array of shape (n_points, n_params)
        max_steps : int

        Returns
        -------
        list of float64 arrays of shape (n_params,)
        """
        return _answered([self._ascended(theta, max_steps) for theta in thetas], evaluate)

    # What follows are generators: they yield a point, and are sent the one that is in bounds, its
    # score and its gradient. So many of them can be answered by one pass over the table.

    def _ascended(self, theta, max_steps):
        state = yield from self._begun(theta, None)
        for _ in range(max_steps):
            if state.converged:
                break
            state = yield from self._moved(state)
        return state.theta

    def _begun(self, theta, rng):
        _, score, gradient = yield theta
        largest = np.abs(gradient).max(initial=0.0)
        flat = self.gtol * max(1.0, largest)
        return _Curve(
            theta, score, rng, bool(largest <= flat), gradient=gradient, flat=flat, memory=_Memory()
        )

    def _moved(self, state):
        found = yield from _line_search(state)
        if found is None:
            # The remembered curvature misleads: forget it; without any, there is no way up.
            return replace(state, memory=_Memory(), converged=len(state.memory.rho) == 0)
        theta, score, gradient = found
        step, change = theta - state.theta, state.gradient - gradient
        memory = state.memory
        if dot(step, change) > 0:
            memory = memory.with_last(step, change, self.memory)
        gain = score - state.score
        return replace(
            state,
            theta=theta,
            score=score,
            gradient=gradient,
            memory=memory,
            converged=bool(
                np.abs(gradient).max() <= state.flat
                or gain <= self.ftol * max(abs(score), abs(state.score))
            ),
        )


def _answered(searches, evaluate):
    """What some searches return, the points they yield evaluated together."""
    results = [None] * len(searches)
    answers = dict.fromkeys(range(len(searches)))
    while True:
        points = {}
        for i, answer in answers.items():
            try:
                points[i] = searches[i].send(answer)
            except StopIteration as end:
                results[i] = end.value
        if not points:
            return results
        answers = dict(zip(points, evaluate([*points], [*points.values()]), strict=True))


def within_bounds(problem):
    """Evaluates points at the nearest within the bounds; slopes that lead out of them are 0."""

    def evaluate(_, thetas):
        low, high = problem.bounds
        for theta in map(problem.project, thetas):
            score, gradient = problem.value_and_gradient(theta)
            leads_out = ((theta <= low) & (gradient < 0)) | ((theta >= high) & (gradient > 0))
            yield theta, score, np.where(leads_out, 0.0, gradient)

    return evaluate


def _line_search(state):
    """A point that satisfies the strong Wolfe conditions; None if none is found.

    Between a step that is too short and one that is too long lies one that does; the next is
    where a parabola through what is known has its top.
    """
    direction = state.gradient.copy()
    bend(*state.memory, direction)
    slope = dot(state.gradient, direction)
    # The first step of all is at most about as long as the parameters' scale.
    length = (
        1.0 if len(state.memory.rho) else 1 / max(1.0, dot(state.gradient, state.gradient) ** 0.5)
    )
    short, score_at_short, slope_at_short, long = 0.0, state.score, slope, None
    for _ in range(MAX_POINTS):
        found = yield state.theta + length * direction
        _, score, gradient = found
        slope_here = dot(gradient, direction)
        rises_enough = score >= state.score + C1 * length * slope
        if rises_enough and abs(slope_here) <= C2 * slope:
            return found
        if rises_enough and slope_here > 0:
            width, fall = length - short, slope_at_short - slope_here
            short, score_at_short, slope_at_short = length, score, slope_here
            further = width * slope_here / fall if fall > 0 else np.inf
            length += np.clip(further, length, 9 * length) if long is None else (long - length) / 2
        else:
            long = length
            rise = slope_at_short * (long - short)
            lack = rise - (score - score_at_short)
            share = rise / (2 * lack) if 0 < lack < np.inf else 0.0
            length = short + np.clip(share, 0.1, 0.9) * (long - short)
    return None
