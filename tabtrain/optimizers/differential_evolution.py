"""Move the members of a population along the differences of others."""

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain._validation import check_number
from tabtrain.optimizers._base import Optimizer
from tabtrain.optimizers._population import Population, first_population

# How often a member's factor and rate are drawn anew, and what from, see [2].
REDRAW = 0.1
LOWEST_FACTOR, HIGHEST_FACTOR = 0.1, 1.0


@dataclass(kw_only=True)
class _SelfAdapting(Population):
    """``factors`` and ``rates`` belong to the members and are inherited like them."""

    factors: np.ndarray
    rates: np.ndarray


class DifferentialEvolution(Optimizer):
    """Differential evolution, current-to-pbest/1/bin, with parameters that adapt themselves.

    In every iteration each member of the population is moved towards one of the best and along
    the difference of two others [1]_ [3]_; some of its parameters are then those of the moved
    one. This trial replaces the member if it is no worse. The steps are as large as the
    population is wide, so they become smaller as it contracts. Once all members score the same,
    a new population is drawn.

    Parameters
    ----------
    population_size : int, default=64
        How many members there are, of which each tries one candidate in an iteration.
    best_share : float, default=0.1
        What share of the members are the best towards which the others are moved; it is at
        least one member.

    Notes
    -----
    The factor of the differences (F) and the rate at which parameters are taken over (CR) belong
    to each member; a trial has new random ones with probability 0.1, and keeps them if it
    replaces the member [2]_.

    References
    ----------
    .. [1] R. Storn, K. Price, "Differential Evolution - A Simple and Efficient Heuristic for
       Global Optimization over Continuous Spaces", Journal of Global Optimization 11, 1997.
    .. [2] J. Brest et al., "Self-Adapting Control Parameters in Differential Evolution: A
       Comparative Study on Numerical Benchmark Problems", IEEE Transactions on Evolutionary
       Computation 10(6), 2006.
    .. [3] J. Zhang, A. C. Sanderson, "JADE: Adaptive Differential Evolution with Optional
       External Archive", IEEE Transactions on Evolutionary Computation 13(5), 2009.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabtrain import DifferentialEvolution, LinearClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> evolution = DifferentialEvolution(population_size=32)
    >>> clf = LinearClassifier(optimizer=evolution, random_state=0)
    >>> clf.fit(X, y).best_score_ > 0.95
    True
    """

    def __init__(self, population_size=64, best_share=0.1):
        self.population_size = population_size
        self.best_share = best_share

    def check(self):
        # A member and two others.
        check_scalar(self.population_size, "population_size", Integral, min_val=3)
        check_number(self.best_share, "best_share", low=0, high=1)

    def start(self, problem, theta, rng):
        size = self.population_size
        return first_population(
            problem,
            theta,
            rng,
            size,
            _SelfAdapting,
            factors=np.full(size, 0.5),
            rates=np.full(size, 0.9),
        )

    def step(self, problem, state):
        if state.is_flat:
            return state.renewed(problem)
        factors, rates = self._inherited(state)
        moved = self._moved(state, factors[:, np.newaxis])
        taken_over = state.rng.random(moved.shape) < rates[:, np.newaxis]
        # At least one parameter, or the trial would be the member.
        one = state.rng.integers(problem.n_params, size=(len(moved), 1))
        np.put_along_axis(taken_over, one, True, axis=1)
        trials = problem.project(np.where(taken_over, moved, state.members))
        scores = problem.scores(trials, at_least=state.scores.min())
        no_worse = scores >= state.scores
        state = replace(
            state,
            factors=np.where(no_worse, factors, state.factors),
            rates=np.where(no_worse, rates, state.rates),
        )
        return state.with_replaced(trials, scores, no_worse)

    @staticmethod
    def _inherited(state):
        """The factors and rates of the trials: the members', some drawn anew [2]."""
        new = state.rng.random((4, len(state.members)))
        width = HIGHEST_FACTOR - LOWEST_FACTOR
        factors = np.where(new[0] < REDRAW, LOWEST_FACTOR + width * new[1], state.factors)
        return factors, np.where(new[2] < REDRAW, new[3], state.rates)

    def _moved(self, state, factors):
        members, rng = state.members, state.rng
        size = len(members)
        n_best = max(int(self.best_share * size), 1)
        best = np.argsort(-state.scores, kind="stable")[:n_best]
        # Two others, by how many places they come after the member: never itself, nor the same.
        first = rng.integers(1, size, size=size)
        second = rng.integers(1, size - 1, size=size)
        second += second >= first
        others = (np.arange(size) + [first, second]) % size
        # The current-to-pbest/1 of [3], without its archive.
        to_best = members[rng.choice(best, size)] - members
        return members + factors * (to_best + members[others[0]] - members[others[1]])
