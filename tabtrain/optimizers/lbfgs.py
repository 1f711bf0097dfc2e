"""Follow the gradient, bent by what the last steps told of the curvature."""

import warnings
from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain._validation import check_number
from tabtrain.optimizers._base import Optimizer, State

# The constants of the Wolfe conditions for quasi-Newton directions, section 3.1 of [1].
C1, C2 = 1e-4, 0.9


@dataclass(kw_only=True)
class _Curve(State):
    """``flat`` is the largest slope that counts as none; ``steps`` and ``changes`` are the last
    steps and the changes of the negated gradient along them, newest last."""

    gradient: np.ndarray
    flat: float
    steps: tuple = ()
    changes: tuple = ()


class LBFGS(Optimizer):
    """Limited-memory BFGS, for objectives with a gradient.

    The line search is SciPy's (:func:`scipy.optimize.line_search`), for a step that satisfies
    the strong Wolfe conditions; the direction is the two-loop recursion [1]_. SciPy's own
    L-BFGS-B cannot be left after an iteration and taken up again later, which warm starts
    and callbacks need.

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
        score, gradient = within_bounds(problem)(theta)
        largest = np.abs(gradient).max(initial=0.0)
        flat = self.gtol * max(1.0, largest)
        return _Curve(
            theta=theta,
            score=score,
            rng=rng,
            converged=bool(largest <= flat),
            gradient=gradient,
            flat=flat,
        )

    def step(self, problem, state):
        found = self._line_search(problem, state)
        if found is None:
            # The remembered curvature misleads: forget it; without any, there is no way up.
            return replace(state, steps=(), changes=(), converged=not state.steps)
        theta, score, gradient = found
        step, change = theta - state.theta, state.gradient - gradient
        steps, changes = state.steps, state.changes
        if step @ change > 0:
            steps = (*steps, step)[-self.memory :]
            changes = (*changes, change)[-self.memory :]
        converged = np.abs(gradient).max() <= state.flat or score - state.score <= self.ftol * max(
            abs(score), abs(state.score)
        )
        return replace(
            state,
            theta=theta,
            score=score,
            gradient=gradient,
            steps=steps,
            changes=changes,
            converged=bool(converged),
        )

    def _line_search(self, problem, state):
        # Imported here: importing the package must stay cheap.
        from scipy.optimize import line_search

        points = {}
        evaluate = within_bounds(problem)

        def value_and_gradient(theta):
            key = theta.tobytes()
            if key not in points:
                points[key] = (problem.project(theta), *evaluate(theta))
            return points[key]

        direction = ascent_direction(state)
        slope = state.gradient @ direction
        # The first step is about as long as the parameters' scale, the others of length 1 if
        # that satisfies the strong Wolfe conditions, as it mostly does.
        if not state.steps:
            before = -state.score + np.linalg.norm(state.gradient) / 2
        else:
            before = None
            found = value_and_gradient(state.theta + direction)
            _, score, gradient = found
            if score >= state.score + C1 * slope and abs(gradient @ direction) <= C2 * slope:
                return found
        with warnings.catch_warnings():
            # That no step was found is told by None, and seen to by the caller.
            warnings.filterwarnings("ignore", "The line search algorithm", RuntimeWarning)
            step_length = line_search(
                lambda theta: -value_and_gradient(theta)[1],
                lambda theta: -value_and_gradient(theta)[2],
                state.theta,
                direction,
                -state.gradient,
                -state.score,
                before,
                c1=C1,
                c2=C2,
            )[0]
        if step_length is None:
            return None
        return value_and_gradient(state.theta + step_length * direction)


def within_bounds(problem):
    """The score of the nearest point within the bounds, and its gradient: 0 where a step leads
    out of them."""

    def value_and_gradient(theta):
        low, high = problem.bounds
        score, gradient = problem.value_and_gradient(problem.project(theta))
        leads_out = ((theta <= low) & (gradient < 0)) | ((theta >= high) & (gradient > 0))
        return score, np.where(leads_out, 0.0, gradient)

    return value_and_gradient


def ascent_direction(state):
    """The gradient times the approximate inverse of the negative Hessian."""
    direction = state.gradient.copy()
    pairs = [
        (step, change, 1 / (step @ change))
        for step, change in zip(state.steps, state.changes, strict=True)
    ]
    shares = []
    for step, change, rho in reversed(pairs):
        shares.append(rho * (step @ direction))
        direction -= shares[-1] * change
    if pairs:
        step, change, rho = pairs[-1]
        direction /= rho * (change @ change)
    for (step, change, rho), share in zip(pairs, reversed(shares), strict=True):
        direction += (share - rho * (change @ direction)) * step
    return direction
