"""Grow lists of rules condition by condition, and repair them by trial and error."""

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain._conditions import Place
from tabtrain._rule_list import Rule, RuleList
from tabtrain._validation import check_bool
from tabtrain.optimizers._base import Optimizer, State

# Growth ends where so many conditions more have not raised the score.
PATIENCE = 3
# So many conditions are removed at most when a list is shaken.
MOST_SHAKEN = 2
# A larger list is preferred unless it is worse on rows that were not trained on by more than so
# many standard errors.
SLACK = 0.25


@dataclass(kw_only=True)
class _Growth(State):
    """``beams`` are for each set of rows the lists to grow from, the best first; ``size`` how many
    conditions they have at most; ``rule_list`` what ``theta`` says; ``held_out`` the best score on
    rows that were not trained on; ``n_stale`` and ``n_failed`` how many sizes and shakes brought
    nothing."""

    beams: tuple
    rule_list: RuleList
    size: int = 0
    held_out: float = -np.inf
    n_stale: int = 0
    n_failed: int = 0
    has_grown: bool = False


class RuleSearch(Optimizer):
    """Grow a list of rules condition by condition, each the best of all there are, and repair it.

    A condition added to a rule, or as a rule of its own anywhere in the list, is found exactly:
    over all features, thresholds, categories, directions and answers, in one pass over the rows.
    Some lists are grown side by side (a beam): the best by the objective, and as many that are the
    best by Matthews' correlation, since a first condition on a rare class often brings the
    objective nothing without a second. The best of each size is repaired as long as the objective
    rises: conditions are found anew, dropped, and rules moved and answered otherwise. The whole is
    shaken in the end: some conditions are removed at random, the list is grown again, to its size
    or as far as it may if nothing guards it, and repaired, and kept if it is better.

    How many conditions there are is decided on rows that were not trained on, if the estimator
    holds some out: for each fold lists are grown without it, and the list of all rows is of the
    largest size that is not worse on the rows of all folds, by more than a quarter of a standard
    error, than a smaller one. One condition alone needs no such guard: it is the best there is.

    Parameters
    ----------
    max_size : int, optional
        How many conditions there are at most, in all rules together.
    beam_width : int, default=2
        How many lists are grown side by side for the objective, and as many for the correlation.
    n_kicks : int, default=5
        After so many shakes without success it is over.
    guard : bool, default=True
        Whether rows that were not trained on decide how many conditions there are.

    Notes
    -----
    The estimator must train lists of rules: `RuleClassifier` or `RuleRegressor`.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from tabtrain import RuleClassifier, RuleSearch
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = RuleClassifier(3, 2, optimizer=RuleSearch(beam_width=4), random_state=0)
    >>> clf.fit(X, y).best_score_ > 0.95
    True
    """

    needs = frozenset({"rules"})

    def __init__(self, max_size=None, beam_width=2, n_kicks=5, guard=True):
        self.max_size = max_size
        self.beam_width = beam_width
        self.n_kicks = n_kicks
        self.guard = guard

    def check(self):
        if self.max_size is not None:
            check_scalar(self.max_size, "max_size", Integral, min_val=1)
        check_scalar(self.beam_width, "beam_width", Integral, min_val=1)
        check_scalar(self.n_kicks, "n_kicks", Integral, min_val=0)
        check_bool(self.guard, "guard")

    def start(self, problem, theta, rng):
        score = problem.scores(theta[np.newaxis])[0]
        return _Growth(theta, score, rng, beams=(), rule_list=problem.model.rule_list(theta))

    def step(self, problem, state):
        if not state.has_grown:
            return self._grow(problem, state)
        return self._kick(problem, state)

    def _grow(self, problem, state):
        """The state with lists of one condition more."""
        largest = self._largest(problem.model)
        splits = problem.splits if self.guard and largest > 1 else ()
        sets = [problem, *(train for train, _ in splits)]
        if state.size == 0:
            # Without rules; what is given to start from may have some.
            empty = [RuleList((), float(answer)) for answer in problem.model.answers or (0,)]
            first = [state.rule_list, *empty]
            beams = [each.conditions.scored(empty if i else first) for i, each in enumerate(sets)]
            state = replace(state, beams=tuple(map(_best, beams)))
            if splits:
                state = self._published(problem, splits, state)
        grown = tuple(map(self._grown, sets, state.beams))
        state = replace(state, beams=grown, size=state.size + 1, n_stale=state.n_stale + 1)
        state = self._published(problem, splits, state)
        state.has_grown = state.size == largest or state.n_stale == PATIENCE
        # One condition is the best there is.
        state.converged = state.has_grown and (self.n_kicks == 0 or largest == 1)
        return state

    def _largest(self, model):
        """How many conditions there may be."""
        largest = model.max_rules * model.max_conditions
        return min(largest, self.max_size or largest)

    def _grown(self, problem, beam):
        """The lists of a beam and those of a condition more, the best first."""
        places = [
            place
            for each in beam
            if not each.is_grown
            for place in _places(problem.model, each.rule_list)
        ]
        beam = [each._replace(is_grown=True) for each in beam]
        found = _best([*beam, *problem.conditions.find(places, self.beam_width)])
        # The best of the beam has been repaired.
        best = found[0] if found[0] is beam[0] else _repaired(problem, found[0])
        ranked = sorted(found, key=lambda each: -each.rank)
        return _best([best, *found[: self.beam_width], *ranked[: self.beam_width]])

    def _published(self, problem, splits, state):
        """The state with the list of all rows, if it is the best by what decides."""
        if splits:
            tallies = np.array(
                [
                    test.tally(test.model.theta(beam[0].rule_list))
                    for (_, test), beam in zip(splits, state.beams[1:], strict=True)
                ]
            )
            held_out, error = _score_and_error(problem.objective, tallies)
            best = max(held_out, state.held_out)
            state = replace(state, held_out=best)
            if held_out < best - SLACK * error:
                return state
        return self._with(problem, state, state.beams[0][0].rule_list)

    @staticmethod
    def _with(problem, state, rule_list):
        """The state with a list in the place of its own, if it scores higher."""
        theta = problem.model.theta(rule_list)
        score = problem.scores(theta[np.newaxis])[0]
        if not score > state.score:
            return state
        return replace(state, theta=theta, score=score, rule_list=rule_list, n_stale=0, n_failed=0)

    def _kick(self, problem, state):
        """The state after its list has been shaken."""
        rng, before = state.rng, state.rule_list
        places = [
            (r, j) for r, rule in enumerate(before.rules) for j in range(len(rule.conditions))
        ]
        if not places:
            return replace(state, converged=True)
        n = min(1 + rng.integers(MOST_SHAKEN), len(places))
        shaken = before
        for i in sorted(rng.choice(len(places), n, replace=False), reverse=True):
            shaken = _without(shaken, *places[i])
        found = problem.conditions.scored([shaken])[0]
        # What rows that were not trained on have decided stays.
        is_guarded = self.guard and problem.splits
        size = len(places) if is_guarded else self._largest(problem.model)
        while found.rule_list.n_conditions < size:
            places = list(_places(problem.model, found.rule_list))
            grown = _best(problem.conditions.find(places, 1))
            if not grown:
                break
            # By the other metric it may be another way.
            found = grown[0] if rng.random() < 0.5 else max(grown, key=lambda each: each.rank)
        found = _repaired(problem, found)
        state = replace(state, n_failed=state.n_failed + 1)
        state = self._with(problem, state, found.rule_list)
        state.converged = state.n_failed >= self.n_kicks
        return state


def _score_and_error(objective, tallies):
    """The score of tallies in all, and its standard error by leaving out each (the jackknife)."""
    total = tallies.sum(axis=0)
    n = len(tallies)
    without = objective.score(total - tallies) if n > 1 else np.zeros(1)
    error = np.sqrt((n - 1) * np.var(without))
    return float(objective.score(total[np.newaxis])[0]), float(error)


def _best(found):
    """The best first, of equals the smallest; each list once."""
    found = sorted(found, key=lambda each: (-each.score, each.rule_list.n_conditions))
    return list({each.rule_list: each for each in reversed(found)}.values())[::-1]


def _places(model, rule_list):
    """Where a condition can be added."""
    if len(rule_list.rules) < model.max_rules:
        for r in range(len(rule_list.rules) + 1):
            rules = (*rule_list.rules[:r], Rule((), 0.0), *rule_list.rules[r:])
            yield Place(rule_list._replace(rules=rules), r, 0, model.answers)
    for r, rule in enumerate(rule_list.rules):
        if len(rule.conditions) < model.max_conditions:
            yield Place(rule_list, r, len(rule.conditions), (rule.answer,))


def _without(rule_list, r, j, *, keep_rule=False):
    """The list without a condition, and without its rule if that was its only one."""
    rule = rule_list.rules[r]
    conditions = rule.conditions[:j] + rule.conditions[j + 1 :]
    rest = [rule._replace(conditions=conditions)] if conditions or keep_rule else []
    return rule_list.with_rule(r, *rest)


def _repaired(problem, found):
    """The list with conditions found anew, dropped, and rules moved and answered otherwise, for as
    long as that raises the score."""
    model = problem.model
    # One condition alone is the best there is.
    while found.rule_list.n_conditions > 1:
        before = found
        places = [
            Place(_without(found.rule_list, r, j, keep_rule=True), r, j, model.answers)
            for r, rule in enumerate(found.rule_list.rules)
            for j in range(len(rule.conditions))
        ]
        found = _higher(problem, found, problem.conditions.find(places, 1))
        found = _higher(
            problem, found, problem.conditions.scored(list(_changed(model, found.rule_list)))
        )
        if found is before:
            break
    return found


def _higher(problem, found, others):
    """The best of the others if it scores higher, or as high with fewer conditions."""

    def worth(each):
        return each.score, -each.rule_list.n_conditions

    best = max(others, key=worth, default=found)
    if best.score > found.score + problem.rounding(found.score):
        return best
    return found


def _changed(model, rule_list):
    """Lists of which a condition is dropped, a rule moved, or an answer is another."""
    rules = rule_list.rules
    for r, rule in enumerate(rules):
        for j in range(len(rule.conditions)):
            yield _without(rule_list, r, j)
        for other in range(len(rules)):
            # To the place before is what moving the rule there behind this one is.
            if other not in (r, r - 1):
                moved = list(rules)
                moved.insert(other, moved.pop(r))
                yield rule_list._replace(rules=tuple(moved))
        for answer in model.answers:
            if answer != rule.answer:
                yield rule_list.with_rule(r, rule._replace(answer=float(answer)))
    for answer in model.answers:
        if answer != rule_list.default:
            yield rule_list._replace(default=float(answer))
