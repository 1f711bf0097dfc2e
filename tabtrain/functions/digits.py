"""Parameters with no more digits than they need."""

import time

import numpy as np

from tabtrain.problem import TimeUpError

# Seconds that it may take if the time for the search is over.
EXTRA_SECONDS = 0.1
# So many tell any two numbers apart.
ALL_DIGITS = 17


def shortened(problem, theta, tol):
    """The same parameters, said with as few digits as do no harm.

    Thresholds go to the middle of the gap in which no row's label changes. Other numbers are
    rounded to the fewest digits with which the score is no lower.

    Parameters
    ----------
    problem : Problem
        Of a `FunctionModel`.
    theta : array of shape (n_params,)
    tol : float
        A score that is lower by no more than this share of its size is no lower.

    Returns
    -------
    array of shape (n_params,)
    """
    problem.deadline = max(problem.deadline, time.monotonic() + EXTRA_SECONDS)
    low, high = problem.bounds
    try:
        for j in np.flatnonzero((problem.grid == 0) & (low < high)):
            theta = _with_fewer_digits(problem, theta, j, tol)
    except TimeUpError:
        pass  # The others keep all their digits.
    return theta


def _with_fewer_digits(problem, theta, j, tol):
    model = problem.model
    low, high = problem.bounds
    values = model.parameters(theta[np.newaxis])[0]
    middle, margin = values[j], np.inf
    if "line search" in problem.capabilities and problem.line_groups[:, j].any():
        middle, margin = _middle(problem, theta, j, middle)
    candidates = np.tile(values, (ALL_DIGITS + 1, 1))
    candidates[1:, j] = [float(f"{middle:.{digits}g}") for digits in range(1, ALL_DIGITS + 1)]
    thetas = model.theta(candidates)
    allowed = ((low <= thetas) & (thetas <= high)).all(axis=1)
    allowed &= np.abs(candidates[:, j] - middle) <= margin
    score, *scores = problem.scores(thetas)
    good = np.flatnonzero(allowed[1:] & (np.array(scores) >= score - tol * abs(score)))
    return thetas[1 + good[0]] if len(good) else theta


def _middle(problem, theta, j, value):
    """The middle of the gap in which a threshold lies, and how far from it still is."""
    line = np.zeros(len(theta))
    line[j] = 1.0
    low, high = problem.room(theta, line)
    if not np.isfinite(high - low):
        return value, np.inf
    ends = problem.model.parameters(theta + np.outer([low, (low + high) / 2, high], line))[:, j]
    return ends[1], (ends[2] - ends[0]) / 4
