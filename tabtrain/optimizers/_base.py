"""What an optimizer is."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import BaseEstimator


@dataclass
class State:
    """Where a search stands; with it, it goes on as if it had never stopped.

    Attributes
    ----------
    theta : float64 array of shape (n_params,)
        The best candidate so far.
    score : float
        Its score.
    rng : numpy.random.Generator
    converged : bool
        Whether another step could change nothing.
    """

    theta: np.ndarray
    score: float
    rng: "np.random.Generator"  # quoted, so that it is not imported before it is used
    converged: bool = False

    def with_best(self, candidates, scores):
        """The same, but with the best of some candidates if it is better."""
        best = np.argmax(scores)
        if scores[best] > self.score:
            return replace(self, theta=candidates[best], score=scores[best])
        return self

    def improves(self, than, tol):
        """Whether the candidate is to take the place of one with the score ``than``."""
        return is_higher(self.score, than, tol)

    def outcome(self):
        """What else estimators have as fitted attributes, by name."""
        return {}


def is_higher(score, than, tol):
    """Whether a score is higher by more than ``tol`` times the other's size."""
    return score > than + (tol * abs(than) if np.isfinite(than) else 0.0)


class Optimizer(BaseEstimator):
    """Proposes candidates and learns from their scores.

    Attributes
    ----------
    needs : frozenset of str
        Of `Problem.capabilities`, those that it cannot do without.
    expects_convergence : bool
        Whether stopping for want of iterations is worth a warning.
    max_steps : int or None
        After so many iterations it is done, whatever it has found; None is not known.
    """

    needs: frozenset[str] = frozenset()
    expects_convergence = False
    max_steps: int | None = None

    def check(self):
        """Raise a TypeError or ValueError if a parameter is wrong."""

    def start(self, problem, theta, rng):
        """The state before the first step.

        Parameters
        ----------
        problem : Problem
        theta : array of shape (n_params,)
            Where to start.
        rng : numpy.random.Generator
            The only source of chance.

        Returns
        -------
        State
        """
        raise NotImplementedError

    def step(self, problem, state):
        """The state after one more iteration; the old one stays as it was, but for its rng."""
        raise NotImplementedError

    # ``epoch(problem, state, importance)``: what moves by each row once, whatever the score, and so
    # can go on with other rows. None: all rows have to be there at once.
    epoch: Callable[..., State] | None = None
