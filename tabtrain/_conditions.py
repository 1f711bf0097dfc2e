"""The best condition at a place in a list of rules, over all features and thresholds, exactly.

A row is open at a place if it decides nothing but the condition there: the row passes all rules
before, and all other conditions of its rule hold. If the condition holds, the rule answers, else
what comes after. So the score of every condition there could be follows from the sums of open rows
by the codes of their values (see `tabtrain._kernels.splits`): those between codes at once, and
within a code, where that is of several values, only where the best that may be there is better.
"""

from collections import OrderedDict
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from tabtrain._kernels import splits  # type: ignore[attr-defined]
from tabtrain._rule_list import ABOVE, BELOW, MISSING, PRESENT, Condition, Rule, RuleList

# Where conditions hold is kept of some, in so many bytes.
KEPT_BYTES = 2**25
# So many rows, and so many codes, of places are looked at at a time, at least those of one.
N_AT_A_TIME = 2**19
# So many numbers are in the tallies that are looked at at a time, if there are no more of a place,
# a feature and an answer.
MAX_NUMBERS = 2**23
# Of tallies with more entries, those of one lie side by side, not those of one entry.
SIDE_BY_SIDE = 16
# What stands for no rule and no condition, see `splits.fill_leaves`.
NO_RULE, NO_CONDITION = -2, -1
# Of all weight less than this is a rounding error.
NOTHING = 1e-12
# So many digits tell any two numbers apart.
ALL_DIGITS = 17


class Found(NamedTuple):
    """A list of rules with another condition.

    Attributes
    ----------
    rule_list : RuleList
    score : float
    rank : float
        Its score by the other metric.
    is_grown : bool
        Whether the lists of a condition more are known, too.
    """

    rule_list: RuleList
    score: float
    rank: float
    is_grown: bool = False


class Place(NamedTuple):
    """Where a condition can be put.

    Attributes
    ----------
    rule_list : RuleList
        Without the condition, but with its rule, which may have others.
    r, j : int
        The rule, and which of its conditions it will be.
    answers : tuple of int
        What the rule may answer; numbers are made the best.
    """

    rule_list: RuleList
    r: int
    j: int
    answers: tuple


class _Conditions:
    """Finds conditions for lists of rules.

    Parameters
    ----------
    table : Table
    weight : float64 array of shape (n_padded,)
    codes : Codes
    model : RulesModel
    begin : callable
        Called with the number of trials, before they are made.
    """

    _open: Any

    def __init__(self, table, weight, codes, model, begin):
        # Only the rows that count.
        self._rows = np.flatnonzero(weight).astype(np.int32)
        self._weight = weight[self._rows]
        self._X, self._codes = table.X, codes
        self._sets = set(np.flatnonzero(model.n_categories).tolist())
        self._min_support = max(model.min_support, np.finfo(np.float64).tiny)
        self._begin = begin
        self._kept: OrderedDict = OrderedDict()
        # Of each code and answer there are two tallies.
        self._n_numbers = 2 * model.n_classes**2
        self._n_kept = max(KEPT_BYTES // max(len(self._rows), 1), 2)

    def holds(self, condition):
        """In which of the rows that count a condition holds."""
        found = self._kept.pop(condition, None)
        if found is None:
            x = np.asarray(self._X[self._rows, condition.feature], dtype=np.float64)
            found = condition.holds(x)
            if len(self._kept) >= self._n_kept:
                self._kept.popitem(last=False)
        self._kept[condition] = found
        return found

    def leaves(self, rule_lists):
        """Which rule answers, for each of some lists and of the rows that count.

        Returns
        -------
        uint16 array of shape (n_lists, n_rows_that_count)
        """
        rules = [each.rules for each in rule_lists]
        n_conditions = max((len(rule.conditions) for each in rules for rule in each), default=0)
        shape = len(rules), max(map(len, rules)), max(n_conditions, 1)
        lists = np.full(shape, NO_RULE, dtype=np.int32)
        numbers: dict = {}
        for of_list, each in zip(lists, rules, strict=True):
            for of_rule, rule in zip(of_list, each, strict=False):
                of_rule[:] = NO_CONDITION
                of_rule[: len(rule.conditions)] = [
                    numbers.setdefault(condition, len(numbers)) for condition in rule.conditions
                ]
        holds = np.empty((len(numbers), len(self._rows)), dtype=bool)
        for row, condition in zip(holds, numbers, strict=True):
            row[:] = self.holds(condition)
        leaf = np.empty((len(rules), len(self._rows)), dtype=np.uint16)
        splits.fill_leaves(holds.view(np.uint8), lists, leaf)
        return leaf

    def find(self, places, n_best):
        """The best conditions of all there are, at some places in lists.

        Parameters
        ----------
        places : list of Place
        n_best : int
            So many are found that are good by the score, and so many by the other metric, no two
            at the same place with the same feature and answer.

        Returns
        -------
        list of Found
            The best is among them; empty if no condition has the support.
        """
        at_a_time = N_AT_A_TIME // max(len(self._rows), len(self._codes.in_order))
        # Of a place and an answer there are so many numbers for one feature, at most.
        n_numbers = self._n_numbers * int(np.diff(self._codes.first).max())
        n_answers = max(MAX_NUMBERS // n_numbers, 1)
        places = [
            each._replace(answers=each.answers[i : i + n_answers])
            for each in places
            for i in range(0, max(len(each.answers), 1), n_answers)
        ]
        most = max((len(each.answers) for each in places), default=1)
        at_a_time = max(min(at_a_time, MAX_NUMBERS // (n_numbers * max(most, 1))), 1)
        found = []
        for i in range(0, len(places), at_a_time):
            some = places[i : i + at_a_time]
            opened = self._opened(some)
            for begin, end in self._shares(sum(len(each.answers) for each in some)):
                self._begin(len(some) * (end - begin))
                found += self._find(opened, begin, end, n_best)
        return found

    def _shares(self, n_answers):
        """The features that are looked at at a time, pairs of the first and the end, for so many
        answers of all places."""
        yield 0, len(self._codes.codes)

    def _find(self, opened, begin, end, n_best):
        """The same for places whose rows are known, and some of the features."""
        raise NotImplementedError

    def _opened(self, places):
        """What is open at some places."""
        rests = [each.rule_list.with_rule(each.r) for each in places]
        # What comes to the rule without the condition, and where it comes to without the rule.
        here, leaves = np.split(self.leaves([each.rule_list for each in places] + rests), 2)
        return [self._open(self, *each) for each in zip(places, rests, here, leaves, strict=True)]

    def _add(self, opened, kind, weight, sums):
        """Add the weights of open rows by code and kind."""
        splits.add_by_code(
            self._codes.codes, self._codes.first[:-1], opened.rows, kind, weight, sums
        )

    def _ordered(self, sums, gains, weights):
        """In which order codes join a condition, for each row of gains of a row of each kind.

        Categories by their mean gain, the best first.
        """
        orders = np.tile(self._codes.in_order, (len(gains), 1))
        for f in self._sets:
            begin, end = self._codes.first[f : f + 2]
            weight = weights[begin : end - 1].sum(axis=1)
            gain = gains @ sums[begin : end - 1].T
            # What does not occur makes no difference.
            gain = np.divide(gain, weight, out=np.full(gain.shape, -np.inf), where=weight > 0)
            orders[:, begin : end - 1] = begin + np.argsort(-gain, axis=1, kind="stable")
        return orders

    def _condition(self, sums, order, b, side):
        """The condition that a place stands for; ``sums`` are the weights of open rows."""
        f = int(self._codes.feature[b])
        begin, end = self._codes.first[f : f + 2]
        occurs = sums[begin:end].any(axis=1)
        if b == end - 1:
            return Condition(PRESENT if side else MISSING, f)
        if f in self._sets:
            codes = order[begin : end - 1] - begin
            codes = codes[occurs[codes]]
            n_first = np.count_nonzero(occurs[order[begin : b + 1] - begin])
            inside, outside = codes[:n_first], codes[n_first:]
            if side:
                inside, outside = outside, inside
            # What is missing is in no set, and so not in any.
            if len(inside) > len(outside) and not occurs[-1]:
                return Condition(ABOVE, f, members=tuple(sorted(outside.tolist())))
            return Condition(BELOW, f, members=tuple(sorted(inside.tolist())))
        # In the midst of the gap between the nearest that occur.
        there = np.flatnonzero(occurs[:-1])
        at = np.searchsorted(there, b - begin, side="right")
        between = short_number(self._codes.high[f, there[at - 1]], self._codes.low[f, there[at]])
        return Condition(ABOVE if side else BELOW, f, between)


class ClassConditions(_Conditions):
    """For lists that answer classes.

    Parameters
    ----------
    table, weight, codes, model, begin
        The sums of the weights are exact.
    score, rank : callable
        The scores of tallies, and those by another metric.
    has_bounds : bool
        Whether the score rises when a row comes to its own class.
    """

    def __init__(self, *args, score, rank, has_bounds):
        super().__init__(*args)
        table, _, _, model, _ = args
        self._kind = table.y[self._rows].astype(np.uint16)
        self._n_classes, self._open = model.n_classes, _OpenToClasses
        self._score, self._rank = score, rank
        self._has_bounds = has_bounds

    def _shares(self, n_answers):
        n_codes = max(MAX_NUMBERS // (self._n_numbers * max(n_answers, 1)), 1)
        first, begin, n_features = self._codes.first, 0, len(self._codes.codes)
        while begin < n_features:
            end = int(np.searchsorted(first, first[begin] + n_codes, side="right")) - 1
            end = max(end, begin + 1)
            yield begin, end
            begin = end

    def _find(self, opened, begin, end, n_best):
        n_codes, n_tallies = len(self._codes.in_order), self._n_classes**2
        first = self._codes.first[begin : end + 1]
        # The rows that are open, and an answer of the rule.
        pairs = [(each, i) for each in opened for i in range(len(each.answers))]
        if not pairs:
            return []
        inside = self._codes.several
        inside = inside[slice(*np.searchsorted(inside, first[[0, -1]]))]
        n_places = 2 * int(first[-1] - first[0]) * len(pairs)
        n_bounds = 2 * len(inside) * len(pairs)
        layout: Any = "F" if n_tallies > SIDE_BY_SIDE else "C"
        tallies = np.empty((n_tallies, n_places), order=layout)
        bounds = np.empty((n_tallies, n_bounds), order=layout)
        places, bounded = (np.empty(n, dtype=np.int64) for n in (n_places, n_bounds))
        runs = np.empty((end - begin) * len(pairs) + 1, dtype=np.int64)
        n = m = n_runs = n_before = 0
        for each in opened:
            more, more_runs, more_bounds = splits.fill_tallies(
                each.sums,
                first,
                each.orders,
                each.tally,
                each.moves,
                each.leaf_of_kind,
                each.of_leaf,
                self._min_support,
                inside,
                tallies[:, n:],
                places[n:],
                runs[n_runs:],
                bounds[:, m:],
                bounded[m:],
            )
            places[n : n + more] += 2 * n_codes * n_before
            runs[n_runs : n_runs + more_runs] += n
            bounded[m : m + more_bounds] += 2 * n_codes * n_before
            n, m = n + more, m + more_bounds
            n_runs, n_before = n_runs + more_runs, n_before + len(each.answers)
        runs[n_runs] = n
        tallies, places = tallies[:, :n], places[:n]
        scores = self._finite(self._score, tallies)
        least = scores.max(initial=-np.inf)
        chosen = self._within_codes(pairs, bounds[:, :m], bounded[:m], least)
        # Not even one has a score.
        if least == -np.inf:
            return chosen
        runs = runs[: n_runs + 1]
        tops = _tops(scores, runs)
        by_score = tops[np.argsort(-scores[tops], kind="stable")[:n_best]]
        if n_best > 1:
            tops = _tops(self._finite(self._rank, tallies), runs)
        ranks = self._finite(self._rank, tallies[:, tops])
        by_rank = tops[np.argsort(-ranks, kind="stable")[:n_best]]
        best = list(dict.fromkeys([*by_score, *by_rank]))
        ranks = self._finite(self._rank, tallies[:, best])
        for place, rank in zip(best, ranks, strict=True):
            if scores[place] > -np.inf:
                pair, b = divmod(int(places[place]) // 2, n_codes)
                at, i = pairs[pair]
                condition = self._condition(at.sums, at.orders[i], b, places[place] % 2)
                rule_list = at.with_condition(condition, at.answers[i])
                chosen.append(Found(rule_list, float(scores[place]), float(rank)))
        return chosen

    @staticmethod
    def _finite(score, tallies):
        """The scores of tallies ``[n_tallies, ...]``, minus infinity for NaN."""
        values = score(tallies.reshape(len(tallies), -1).T)
        return np.fmax(values, -np.inf).reshape(tallies.shape[1:])

    def scored(self, rule_lists):
        """Lists of rules with their scores.

        Parameters
        ----------
        rule_lists : list of RuleList

        Returns
        -------
        list of Found
        """
        self._begin(len(rule_lists))
        at_a_time = max(KEPT_BYTES // len(self._rows), 1)
        tallies = np.concatenate(
            [
                self._tallies(rule_lists[i : i + at_a_time])
                for i in range(0, len(rule_lists), at_a_time)
            ]
        )
        values = [np.fmax(f(tallies), -np.inf).tolist() for f in (self._score, self._rank)]
        return [Found(*each) for each in zip(rule_lists, *values, strict=True)]

    def _tallies(self, rule_lists):
        """Those of lists of rules, NaN where one catches too little: ``[n_lists, n_tallies]``."""
        n, n_lists = self._n_classes, len(rule_lists)
        n_leaves = max(len(each.rules) for each in rule_lists) + 1
        sums = np.zeros((n_lists, n_leaves, n))
        splits.add_by_code(
            self.leaves(rule_lists),
            np.arange(n_lists, dtype=np.int32) * n_leaves,
            np.arange(len(self._rows), dtype=np.int32),
            self._kind,
            self._weight,
            sums.reshape(-1, n),
        )
        answers = np.zeros((n_lists, n_leaves))
        is_rule = np.zeros((n_lists, n_leaves), dtype=bool)
        for i, (rules, default) in enumerate(rule_lists):
            answers[i, : len(rules)] = [rule.answer for rule in rules]
            answers[i, len(rules)] = default
            is_rule[i, : len(rules)] = True
        tallies = sums.transpose(0, 2, 1) @ (answers[:, :, np.newaxis] == np.arange(float(n)))
        tallies[(is_rule & (sums.sum(axis=2) < self._min_support)).any(axis=1)] = np.nan
        return tallies.reshape(n_lists, -1)

    def _within_codes(self, pairs, bounds, bounded, least):
        """The best condition between values of one code, if any is better than the least: a list
        of none or one."""
        values = np.full(len(bounded), np.inf)
        if self._has_bounds:
            values = self._finite(self._score, bounds)
        some = np.flatnonzero(values > least)
        pair, code = np.divmod(bounded[some] // 2, len(self._codes.in_order))
        runs = _runs(pair * len(self._codes.codes) + self._codes.feature[code])
        tops = _tops(values[some], runs)
        found = []
        # What promises most comes first: with what it holds others need not be looked at.
        for run in np.argsort(-values[some[tops]], kind="stable"):
            begin, end = runs[run : run + 2]
            if not values[some[tops[run]]] > least:
                break
            codes = code[begin:end][values[some[begin:end]] > least]
            opened, i = pairs[pair[begin]]
            better = self._within(opened, i, codes)
            if better is not None and better.score > least:
                least, found = better.score, [better]
        return found

    def _within(self, opened, i, codes):
        """The best of an answer between values of one of some codes of a feature."""
        f = self._codes.feature[codes[0]]
        begin, missing = self._codes.first[f], self._codes.first[f + 1] - 1
        keep = np.zeros(missing + 1 - begin, dtype=bool)
        keep[codes - begin] = True
        code = self._codes.codes[f, opened.rows]
        some = np.flatnonzero(keep[code])
        x = np.asarray(self._X[opened.rows[some], f], dtype=np.float64)
        in_turn = np.argsort(x, kind="stable")
        x, some = x[in_turn], some[in_turn]
        code = code[some]
        is_same = code[1:] == code[:-1]
        borders = np.flatnonzero((x[1:] > x[:-1]) & is_same)
        if len(borders) == 0:
            return None
        # Of each kind what it holds for: all codes before, and the values of the code so far.
        of_codes = opened.sums[begin:missing].cumsum(axis=0)
        held = np.zeros((len(some), len(opened.leaf_of_kind)))
        held[np.arange(len(some)), opened.kind[some]] = opened.weight[some]
        held = held.cumsum(axis=0)
        last = np.append(np.flatnonzero(~is_same), len(some) - 1)
        of_code = code[last]
        after = np.repeat(of_codes[of_code] - held[last], np.diff(last, prepend=-1), axis=0)
        held = held[borders] + after[borders]
        held = np.concatenate([held, of_codes[-1] - held])
        changes = held @ opened.changes(i)
        n_tallies = len(opened.tally)
        tallies = opened.tally + changes[:, :n_tallies]
        scores = self._finite(self._score, tallies.T)
        stays = opened.of_leaf - changes[:, n_tallies:]
        scores[np.minimum(held.sum(axis=1), stays.min(axis=1)) < self._min_support] = -np.inf
        best = np.argmax(scores)
        side, at = divmod(int(best), len(borders))
        between = short_number(x[borders[at]], x[borders[at] + 1])
        condition = Condition(ABOVE if side else BELOW, int(f), between)
        rank = self._finite(self._rank, tallies[best][:, np.newaxis])[0]
        rule_list = opened.with_condition(condition, opened.answers[i])
        return Found(rule_list, float(scores[best]), float(rank))


def _runs(keys):
    """Where runs of equal keys begin, and the end."""
    return np.concatenate([[0], np.flatnonzero(keys[1:] != keys[:-1]) + 1, [len(keys)]])


def _tops(values, runs):
    """Where each run has its greatest value."""
    if len(values) == 0:
        return np.zeros(0, dtype=np.intp)
    greatest = np.maximum.reduceat(values, runs[:-1])
    places = np.flatnonzero(values == np.repeat(greatest, np.diff(runs)))
    return places[np.searchsorted(places, runs[:-1])]


class _Open:
    """The rows that are open at a place.

    Attributes
    ----------
    rest : RuleList
        The list without the rule.
    leaves : uint16 array of shape (n_rows_that_count,)
        Which of its rules answers.
    here : intp array of shape (n_open,)
        Which of the rows that count are open.
    rows : int32 array of shape (n_open,)
        Which of the rows of the table they are.
    weight : float64 array of shape (n_open,)
    leaf : uint16 array of shape (n_open,)
        Where a row comes to if the condition does not hold, of the rules behind and the default.
    of_leaf : float64 array of shape (n_leaves,)
        The weight in these, infinite for the default.
    """

    def __init__(self, of, place, rest, here, leaves):
        self.place, self.rest, self.leaves = place, rest, leaves
        r = place.r
        self.here = np.flatnonzero(here == r)
        self.rows, self.weight = of._rows[self.here], of._weight[self.here]
        self.leaf = leaves[self.here] - np.uint16(r)
        self.of_leaf = np.bincount(leaves, of._weight, len(rest.rules) + 1)[r:]
        self.of_leaf[-1] = np.inf

    def with_condition(self, condition, answer):
        """The list with a condition at the place."""
        rule_list, r, j, _ = self.place
        conditions = rule_list.rules[r].conditions
        return rule_list.with_rule(
            r, Rule((*conditions[:j], condition, *conditions[j:]), float(answer))
        )


class _OpenToClasses(_Open):
    """The same with what the scores of classes follow from.

    Attributes
    ----------
    answers : tuple of int
        What the rule may answer; not what the leaves do all, as then it makes no difference.
    kind : uint16 array of shape (n_open,)
        ``n_leaves`` times the class, plus the leaf.
    sums : float64 array of shape (n_codes, n_kinds)
    tally : float64 array of shape (n_tallies,)
        If the condition holds nowhere.
    leaf_of_kind, moves, orders : int32 arrays
        See `splits.fill_tallies`.
    """

    def __init__(self, of, place, rest, here, leaves):
        super().__init__(of, place, rest, here, leaves)
        n = of._n_classes
        labels = (*(int(rule.answer) for rule in rest.rules), int(rest.default))
        entry = of._kind * np.intp(n) + np.array(labels)[leaves]
        self.tally = np.bincount(entry, of._weight, n * n)
        labels = labels[place.r :]
        self.answers = tuple(a for a in place.answers if {a} != set(labels))
        self.leaf_of_kind, self.moves, gains = _moves(n, labels, self.answers)
        self.kind = of._kind[self.here] * np.uint16(len(labels)) + self.leaf
        self.sums = np.zeros((len(of._codes.in_order), len(self.leaf_of_kind)))
        of._add(self, self.kind, self.weight, self.sums)
        self.orders = of._ordered(self.sums, gains, self.sums)

    def changes(self, i):
        """What changes if the condition comes to hold for a row of each kind: the entries of the
        tally, then what leaves each leaf."""
        n_tallies, kinds = len(self.tally), np.arange(len(self.leaf_of_kind))
        changes = np.zeros((len(kinds), n_tallies + len(self.of_leaf)))
        changes[kinds, self.moves[i, :, 0]] -= 1
        changes[kinds, self.moves[i, :, 1]] += 1
        changes[kinds, n_tallies + self.leaf_of_kind] = 1
        return changes


@lru_cache(maxsize=2**10)
def _moves(n_classes, labels, answers):
    """What the condition of a rule with one of some answers does, if leaves have these labels.

    Returns
    -------
    leaf, moves : int32 arrays
        See `splits.fill_tallies`.
    gains : float64 array of shape (n_answers, n_kinds)
        How many more are right, for a row of each kind.
    """
    label, leaf = np.divmod(np.arange(n_classes * len(labels), dtype=np.int32), len(labels))
    before, after = np.array(labels)[leaf], np.array(answers, dtype=np.intp)[:, np.newaxis]
    moves = np.empty((len(answers), len(leaf), 3), dtype=np.int32)
    moves[..., 0] = label * n_classes + before
    moves[..., 1] = label * n_classes + after
    moves[..., 2] = label * (n_classes + 1)
    gains = 1.0 * (label == after) - (label == before)
    for array in (leaf, moves, gains):
        array.flags.writeable = False
    return leaf, moves, gains


class NumberConditions(_Conditions):
    """For lists that answer numbers, each that which is best for the rows that it is for.

    Conditions are found by the squared error that they leave, with all answers at their means.

    Parameters
    ----------
    table, weight, codes, model, begin
    objective : Objective
        With a `best_constant`.
    """

    def __init__(self, *args, objective):
        super().__init__(*args)
        self._table, self._all_weight = args[0], args[1]
        self._open = _Open
        self._y = self._table.y[self._rows]
        self._objective = objective
        # Squares about zero would lose all digits where the mean is large.
        self._centered = self._y - np.average(self._y, weights=self._weight)

    def scored(self, rule_lists):
        """Lists of rules with the best answers, and their scores; by the other metric as by this.

        Parameters
        ----------
        rule_lists : list of RuleList

        Returns
        -------
        list of Found
        """
        self._begin(len(rule_lists))
        return [self._scored(each) for each in rule_lists]

    def _scored(self, rule_list):
        leaf = self.leaves([rule_list])[0]
        answers = np.zeros(len(rule_list.rules) + 1)
        caught = np.bincount(leaf, self._weight, len(answers))
        for i in range(len(answers)):
            here = leaf == i
            # Where nothing comes to, it makes no difference.
            some = here if here.any() else slice(None)
            answers[i] = self._objective.best_constant(self._y[some], self._weight[some])
        rules = [
            rule._replace(answer=float(answer))
            for rule, answer in zip(rule_list.rules, answers, strict=False)
        ]
        found = RuleList(tuple(rules), float(answers[-1]))
        if (caught[:-1] < self._min_support).any():
            return Found(found, -np.inf, -np.inf)
        raw = np.zeros((1, 1, self._table.n_padded))
        raw[0, 0, self._rows] = answers[leaf]
        tally = np.zeros((1, self._objective.n_tallies(1)))
        self._objective.tally(raw, self._table.y, self._all_weight, tally)
        score = float(np.nan_to_num(self._objective.score(tally), nan=-np.inf)[0])
        return Found(found, score, score)

    def _find(self, opened, begin, end, n_best):
        found = [each for one in opened for each in self._found_at(one, n_best)]
        return sorted(found, key=lambda each: -each.score)

    def _found_at(self, opened, n_best):
        n_leaves, n_codes, r = len(opened.of_leaf), len(self._codes.in_order), opened.place.r
        # First kinds of weights, then of weighted numbers.
        weighted = self._weight * self._centered
        sums = np.zeros((n_codes, 2 * n_leaves))
        self._add(opened, opened.leaf, opened.weight, sums)
        self._add(opened, opened.leaf + np.uint16(n_leaves), weighted[opened.here], sums)
        leaf = np.arange(n_leaves, dtype=np.int32)
        weights, gain = sums[:, :n_leaves], np.repeat([[0.0, 1.0]], n_leaves, axis=1)
        orders = self._ordered(sums, gain, weights)
        to = np.full_like(leaf, n_leaves)
        moves = np.concatenate(
            [np.stack([leaf, to, leaf], axis=1), np.stack([leaf, to, leaf], axis=1) + n_leaves + 1]
        )
        of_leaf = [
            np.append(np.bincount(opened.leaves, w, len(opened.rest.rules) + 1)[r:], 0.0)
            for w in (self._weight, weighted)
        ]
        tallies = np.empty((2 * n_leaves + 2, 2 * n_codes))
        places, runs = np.empty((2, 2 * n_codes), dtype=np.int64)
        n, n_runs, _ = splits.fill_tallies(
            sums,
            self._codes.first,
            orders,
            np.concatenate(of_leaf),
            moves[np.newaxis],
            np.append(leaf, np.full_like(leaf, -1)),
            opened.of_leaf,
            self._min_support,
            self._codes.several[:0],
            tallies,
            places,
            runs,
            np.empty((len(tallies), 0)),
            places[:0],
        )
        if n == 0:
            return []
        values = _explained(tallies[n_leaves + 1 :, :n], tallies[: n_leaves + 1, :n])
        b = places[:n] // 2
        tops = _tops(values, np.append(runs[:n_runs], n))
        tops = tops[np.argsort(-values[tops], kind="stable")[:n_best]]
        conditions = [
            self._within(opened, b[top], places[top] % 2, values[top], of_leaf)
            or self._condition(weights, orders[0], b[top], places[top] % 2)
            for top in tops
        ]
        return self.scored([opened.with_condition(each, 0.0) for each in conditions])

    def _within(self, opened, b, side, least, of_leaf):
        """The best condition between any values of a feature, if it is better than the least."""
        f = int(self._codes.feature[b])
        if b == self._codes.first[f + 1] - 1 or f not in self._codes.feature[self._codes.several]:
            return None
        x = np.asarray(self._X[opened.rows, f], dtype=np.float64)
        some = np.flatnonzero(~np.isnan(x))
        some = some[np.argsort(x[some], kind="stable")]
        x = x[some]
        borders = np.flatnonzero(x[1:] > x[:-1])
        if len(borders) == 0:
            return None
        n_leaves = len(opened.of_leaf)
        gone = np.zeros((2, n_leaves, len(some)))
        weight, here = opened.weight[some], opened.here[some]
        gone[0, opened.leaf[some], np.arange(len(some))] = weight
        gone[1, opened.leaf[some], np.arange(len(some))] = weight * self._centered[here]
        gone = gone.cumsum(axis=2)
        gone = gone[..., -1:] - gone[..., borders] if side else gone[..., borders]
        weights, sums = (
            np.concatenate([base[:-1, np.newaxis] - each, each.sum(axis=0)[np.newaxis]])
            for base, each in zip(of_leaf, gone, strict=True)
        )
        values = _explained(sums, weights)
        support = np.minimum(weights[-1], (opened.of_leaf[:, np.newaxis] - gone[0]).min(axis=0))
        values[support < self._min_support] = -np.inf
        i = np.argmax(values)
        if not values[i] > least:
            return None
        between = short_number(x[borders[i]], x[borders[i] + 1])
        return Condition(ABOVE if side else BELOW, f, between)


def _explained(sums, weights):
    """How much smaller the squared error is with leaves at their means than at zero."""
    # Of leaves that are empty but for rounding, nothing is known.
    return np.divide(
        sums**2, weights, out=np.zeros_like(sums), where=weights > NOTHING * weights.sum(axis=0)
    ).sum(axis=0)


def short_number(low, high):
    """A number from low on and below high, near their middle, with as few digits as do."""
    middle = low + (high - low) / 2 if np.isfinite(high - low) else low / 2 + high / 2
    if not np.isfinite(middle):
        # Between a number and infinity, or the two infinities.
        middle = 0.0 if low < 0 < high else (low if np.isfinite(low) else -np.finfo(float).max)
        return float(middle)
    for digits in range(1, ALL_DIGITS + 1):
        number = float(f"{middle:.{digits}g}")
        if abs(number - middle) <= (high - low) / 4 and low <= number < high:
            return number
    return float(low)
