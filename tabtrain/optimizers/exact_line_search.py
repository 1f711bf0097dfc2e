"""Go along lines, each to the best of all points on it that can be told apart."""

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain.optimizers._base import Optimizer
from tabtrain.optimizers._population import Population
from tabtrain.optimizers.soft_ascent import Ascent, SoftAscent

# Which share of the lines go along the difference of two members in some of the parameters only,
# along a random direction, and along one parameter; the rest go along the whole difference.
PART, RANDOM, SINGLE = 0.05, 0.1, 0.05
# Of a population whose size is not given.
SMALLEST, LARGEST = 16, 48
# With fewer parameters a population is sooner where an annealing leads to.
MANY_PARAMS = 10
# Parameters that no line can move are drawn to one of this share of the members, the best.
BEST_SHARE = 1 / 8
# A line takes as long as several trials: where these move parameters that no line can move, every
# fourth is followed by one.
TRIALS_A_LINE = 4
# With members no further apart, as a share of their length, a population starts anew.
COLLAPSED = 0.01
# How the population begins, and how a member is annealed anew: in fewer steps, moved by about a
# temperature between these in each parameter, and from there.
FIRST, AGAIN = SoftAscent(), SoftAscent(end_tau=0.01, cooling=0.5)
COOLEST, HOTTEST = 0.03, 0.3


@dataclass(kw_only=True)
class _Population(Population):
    """``ascent`` is an annealing under way, whose best will join the population."""

    n_stale: int = 0
    ascent: Ascent | None = None


class ExactLineSearch(Optimizer):
    """Exact line searches from a population of points.

    Along a line in parameter space the prediction of each row flips at one point, so the best
    point of the whole line is found exactly, for any metric of counts, in two passes over the
    rows [1]_. In an iteration each member of a population goes to the best point of a line of
    its own, where that is no worse. Most lines go along the difference of two other members, as
    in differential evolution [2]_: directions and scales are learned from what has survived.
    Parameters that no line can move, such as a factor in a function that a user wrote, are
    moved by trial and error, as there [3]_; every fourth trial is where a line begins.

    The members begin at random points. Where the metric can be made smooth and there are many
    parameters, what :class:`SoftAscent` finds is among them. When the best gets no better any
    more, the worst is replaced by what such an annealing finds from another member, or else by
    a random neighbour of one. A population that has drawn together starts anew.

    Parameters
    ----------
    population_size : int, optional
        How many lines an iteration searches, at least 4; unless given 4 for each parameter,
        but at least 16 and at most 48.
    patience : int, default=50
        After so many iterations without a better member the worst is replaced.

    References
    ----------
    .. [1] F. J. Och, "Minimum Error Rate Training in Statistical Machine Translation", ACL 2003.
    .. [2] R. Storn, K. Price, "Differential Evolution: A Simple and Efficient Heuristic for
       Global Optimization over Continuous Spaces", Journal of Global Optimization 11, 1997.
    .. [3] J. Zhang, A. C. Sanderson, "JADE: Adaptive Differential Evolution with Optional
       External Archive", IEEE Transactions on Evolutionary Computation 13(5), 2009.

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

    def __init__(self, population_size=None, patience=50):
        self.population_size = population_size
        self.patience = patience

    def check(self):
        if self.population_size is not None:
            check_scalar(self.population_size, "population_size", Integral, min_val=4)
        check_scalar(self.patience, "patience", Integral, min_val=1)

    def start(self, problem, theta, rng):
        members = problem.normalized(theta[np.newaxis])
        scores = problem.scores(theta[np.newaxis])
        anneals = problem.softens and problem.n_params >= MANY_PARAMS
        ascent = FIRST.begun(problem, theta, scores[0], rng) if anneals else None
        return _Population(theta, scores[0], rng, members=members, scores=scores, ascent=ascent)

    def step(self, problem, state):
        if state.ascent is not None:
            return self._anneal(problem, state)
        n_missing = self._size(problem) - len(state.members)
        if n_missing > 0:
            return self._join(problem, state, problem.initial(state.rng, n_missing))
        if state.n_stale >= self.patience:
            return self._renew(problem, replace(state, n_stale=0))
        return self._search_lines(problem, state)

    def _size(self, problem):
        return self.population_size or min(max(4 * problem.n_params, SMALLEST), LARGEST)

    def _anneal(self, problem, state):
        ascent = AGAIN.step(problem, state.ascent)
        state = replace(state, ascent=ascent)
        state = state.with_best(ascent.theta[np.newaxis], np.array([ascent.score]))
        if len(ascent.taus) > 0:
            return state
        return self._join(problem, replace(state, ascent=None), ascent.theta[np.newaxis])

    def _join(self, problem, state, candidates):
        """The state with new members, in the place of the worst if there are too many."""
        candidates = problem.normalized(candidates)
        scores = problem.scores(candidates)
        too_many = len(state.members) + len(candidates) - self._size(problem)
        stay = np.sort(np.argsort(state.scores, kind="stable")[max(too_many, 0) :])
        members = np.concatenate([state.members[stay], candidates])
        return state.with_members(members, np.concatenate([state.scores[stay], scores]))

    def _renew(self, problem, state):
        rng = state.rng
        size = np.square(state.members).sum(axis=1).mean()
        if state.members.var(axis=0).sum() <= COLLAPSED**2 * size:
            members = problem.normalized(problem.initial(rng, len(state.members)))
            return state.with_members(members, problem.scores(members))
        member = state.members[rng.integers(len(state.members))]
        tau = COOLEST * (HOTTEST / COOLEST) ** rng.random()
        moves = tau * rng.standard_normal((1, problem.n_params))
        moved = problem.project(member + moves)
        if not problem.softens:
            return self._join(problem, state, moved)
        ascent = Ascent(moved[0], -np.inf, rng, taus=AGAIN.taus(tau), present=moved[0])
        return self._anneal(problem, replace(state, ascent=ascent))

    def _search_lines(self, problem, state):
        members = self._moved(problem, state)
        if members is not state.members and state.n_steps % TRIALS_A_LINE:
            scores = problem.scores(members, at_least=state.scores.min())
            return self._replaced(state, members, scores)
        lines = self._lines(problem, state)
        steps, scores = problem.line_search(members, lines)
        found = members + steps[:, np.newaxis] * lines
        moved = problem.project(found)
        # What the best score is must be known to the bit, and what was moved again at all.
        unsure = (scores > state.score) | (moved != found).any(axis=1)
        moved = problem.normalized(moved)
        if unsure.any():
            scores[unsure] = problem.scores(moved[unsure])
        return self._replaced(state, moved, scores)

    @staticmethod
    def _replaced(state, candidates, scores):
        """Candidates take the places of members that are no better."""
        # Not only if better: there are ways up along plateaus, too.
        after = state.with_replaced(candidates, scores, scores >= state.scores)
        is_better = after.scores.max() > state.scores.max()
        return replace(after, n_stale=0 if is_better else state.n_stale + 1)

    def _moved(self, problem, state):
        """Where the lines begin: the members, moved if there are parameters that no line moves.

        They go as in current-to-pbest/1/bin of differential evolution [2] [3].
        """
        members, rng = state.members, state.rng
        low, high = problem.bounds
        if not (~problem.line_groups.any(axis=0) & (low < high)).any():
            return members
        n, n_params = members.shape
        best = np.argsort(-state.scores, kind="stable")[: max(int(BEST_SHARE * n), 1)]
        moves = members[rng.choice(best, n)] - members + self._differences(members, rng)
        moves *= rng.uniform(0.1, 1.0, (n, 1))
        moves *= rng.random((n, n_params)) < rng.random((n, 1))
        return problem.project(members + moves)

    @staticmethod
    def _differences(members, rng):
        n = len(members)
        first = rng.integers(n, size=n)
        return members[first] - members[(first + rng.integers(1, n, size=n)) % n]

    def _lines(self, problem, state):
        """A direction for each member, within one of the groups of parameters that may move."""
        members, rng = state.members, state.rng
        n, n_params = members.shape
        groups = problem.line_groups[rng.integers(len(problem.line_groups), size=n)]
        kind = rng.random(n)
        part = np.flatnonzero(kind < PART)
        random = np.flatnonzero((kind >= PART) & (kind < PART + RANDOM))
        single = np.flatnonzero(kind >= 1 - SINGLE)
        lines = self._differences(members, rng)
        lines[part] *= rng.random((len(part), n_params)) < rng.random((len(part), 1))
        lines[random] = rng.standard_normal((len(random), n_params))
        chosen = np.argmax(rng.random((len(single), n_params)) * groups[single], axis=1)
        lines[single] = np.arange(n_params) == chosen[:, np.newaxis]
        lines *= groups
        # Where two members are alike.
        empty = np.flatnonzero(~lines.any(axis=1))
        lines[empty] = groups[empty] * rng.standard_normal((len(empty), n_params))
        return lines
