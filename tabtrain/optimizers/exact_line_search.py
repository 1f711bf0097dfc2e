"""Go along lines, each to the best of all points on it that can be told apart."""

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain.optimizers._base import Optimizer, State
from tabtrain.optimizers.soft_ascent import Ascent, SoftAscent

# Which share of the lines go along the difference of two others, along this difference in some
# of the parameters only, and along a random direction; the rest go along one parameter.
DIFFERENCE, PART, RANDOM = 0.4, 0.2, 0.2
# How far the first population is from its center, and members are moved to find others.
SPREAD = 0.3
# Between which temperatures a member is annealed anew.
COOLEST, HOTTEST = 0.03, 0.3


@dataclass(kw_only=True)
class _Population(State):
    """``ascent`` is an annealing under way, whose best will join the population."""

    thetas: np.ndarray
    scores: np.ndarray
    n_stale: int = 0
    ascent: Ascent | None = None


class ExactLineSearch(Optimizer):
    """Exact line searches from a population of points.

    Along a line in parameter space the prediction of each row flips at one point, so the best
    point of the whole line is found exactly, for any metric of counts, in two passes over the
    rows [1]_. In an iteration each member of a population goes to the best point of a line of
    its own, where that is no worse. Most lines go along the difference of two other members, as
    in differential evolution [2]_: directions and scales are learned from what has survived.

    Where the metric can be made smooth, the population begins around what :class:`SoftAscent`
    finds, and when it gets no better any more, another annealing finds one that takes the place
    of the worst. Else that is a random neighbour of another.

    Parameters
    ----------
    population_size : int, default=24
        How many lines an iteration searches; at least 4.
    patience : int, default=20
        After so many iterations without a better score the worst member is replaced.

    References
    ----------
    .. [1] F. J. Och, "Minimum Error Rate Training in Statistical Machine Translation", ACL 2003.
    .. [2] R. Storn, K. Price, "Differential Evolution: A Simple and Efficient Heuristic for
       Global Optimization over Continuous Spaces", Journal of Global Optimization 11, 1997.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from tabtrain import ExactLineSearch, LinearClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = LinearClassifier(optimizer=ExactLineSearch(), random_state=0).fit(X, y)
    >>> clf.best_score_ > 0.985
    True
    """

    needs = frozenset({"line search"})

    def __init__(self, population_size=24, patience=20):
        self.population_size = population_size
        self.patience = patience

    def check(self):
        check_scalar(self.population_size, "population_size", Integral, min_val=4)
        check_scalar(self.patience, "patience", Integral, min_val=1)

    def start(self, problem, theta, rng):
        thetas = theta[np.newaxis]
        scores = problem.scores(thetas)
        ascent = SoftAscent().start(problem, theta, rng) if problem.softens else None
        return _Population(theta, scores[0], rng, thetas=thetas, scores=scores, ascent=ascent)

    def step(self, problem, state):
        if state.ascent is not None:
            return self._anneal(problem, state)
        n_missing = self.population_size - len(state.thetas)
        if n_missing > 0:
            return self._join(problem, state, self._first_members(problem, state, n_missing))
        if state.n_stale >= self.patience:
            return self._renew(problem, replace(state, n_stale=0))
        return self._search_lines(problem, state)

    def _anneal(self, problem, state):
        ascent = SoftAscent().step(problem, state.ascent)
        state = _with_best(replace(state, ascent=ascent), ascent.theta, ascent.score)
        if len(ascent.taus) > 0:
            return state
        return self._join(problem, replace(state, ascent=None), ascent.theta[np.newaxis])

    def _first_members(self, problem, state, n):
        if not problem.softens:
            return problem.initial(state.rng, n)
        moves = state.rng.standard_normal((n, problem.n_params)) / np.sqrt(problem.n_params)
        return problem.project(state.theta + SPREAD * moves)

    def _join(self, problem, state, thetas):
        """The state with new members, in the place of the worst if there are too many."""
        thetas = problem.normalized(thetas)
        scores = problem.scores(thetas)
        too_many = len(state.thetas) + len(thetas) - self.population_size
        stay = np.sort(np.argsort(state.scores, kind="stable")[max(too_many, 0) :])
        state = replace(
            state,
            thetas=np.concatenate([state.thetas[stay], thetas]),
            scores=np.concatenate([state.scores[stay], scores]),
        )
        best = np.argmax(scores)
        return _with_best(state, thetas[best], scores[best])

    def _renew(self, problem, state):
        rng = state.rng
        member = state.thetas[rng.integers(len(state.thetas))]
        move = rng.standard_normal(problem.n_params)
        if not problem.softens:
            neighbour = problem.project(member + SPREAD * move)
            return self._join(problem, state, neighbour[np.newaxis])
        tau = COOLEST * (HOTTEST / COOLEST) ** rng.random()
        present = problem.project(member + tau * move)
        ascent = Ascent(present, -np.inf, rng, taus=SoftAscent().taus(tau), present=present)
        return self._anneal(problem, replace(state, ascent=ascent))

    def _search_lines(self, problem, state):
        lines = self._lines(problem, state)
        steps, _ = problem.line_search(state.thetas, lines)
        thetas = problem.project(state.thetas + steps[:, np.newaxis] * lines)
        thetas = problem.normalized(thetas)
        scores = problem.scores(thetas)
        # Not only if better: there are ways up along plateaus, too.
        moves = scores >= state.scores
        thetas = np.where(moves[:, np.newaxis], thetas, state.thetas)
        scores = np.where(moves, scores, state.scores)
        best = np.argmax(scores)
        n_stale = 0 if scores[best] > state.score else state.n_stale + 1
        state = replace(state, thetas=thetas, scores=scores, n_stale=n_stale)
        return _with_best(state, thetas[best], scores[best])

    def _lines(self, problem, state):
        """A direction for each member, within one of the groups of parameters that may move."""
        thetas, rng = state.thetas, state.rng
        n, n_params = thetas.shape
        groups = problem.line_groups[rng.integers(len(problem.line_groups), size=n)]
        kind = rng.random((n, 1))
        first = rng.integers(n, size=n)
        second = (first + rng.integers(1, n, size=n)) % n
        is_difference = kind < DIFFERENCE + PART
        draws = rng.standard_normal((n, n_params))
        directions = np.where(is_difference, thetas[first] - thetas[second], draws)
        shares = rng.random((n, n_params))
        some = groups & (shares < rng.random((n, 1)))
        single = groups & (shares == np.max(shares, axis=1, where=groups, initial=0, keepdims=True))
        which = np.where(is_difference & (kind >= DIFFERENCE), some, groups)
        which = np.where(kind >= DIFFERENCE + PART + RANDOM, single, which)
        lines = directions * which
        # Where two members are alike.
        return np.where(lines.any(axis=1, keepdims=True), lines, draws * groups)


def _with_best(state, theta, score):
    if score > state.score:
        return replace(state, theta=theta, score=score)
    return state
