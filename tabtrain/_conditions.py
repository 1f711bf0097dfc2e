"""The best condition at a place in a list of rules, over all features and thresholds, exactly.

A row is open at a place if it decides nothing but the condition there: the row passes all rules
before, and all other conditions of its rule hold. If the condition holds, the rule answers, else
what comes after. So the score of every condition there could be follows from the sums of open rows
by the codes of their values (see `tabtrain._kernels.splits`): those between codes at once, and
within a code, where that is of several values, only where the best that may be there is better.
"""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from tabtrain._kernels import splits  # type: ignore[attr-defined]
from tabtrain._rule_list import ABOVE, BELOW, MISSING, PRESENT, Condition, Rule, RuleList

# Numbers have a code for so many rows, but at least and at most so many codes.
ROWS_A_CODE, MIN_CODES, MAX_CODES = 64, 2**7, 2**10
# Cuts between codes are quantiles of about so many rows.
N_SAMPLED = 2**14
# Cells are even between these quantiles of the cuts.
OUTSIDE = 0.005
# Where conditions hold is kept of some, in so many bytes.
KEPT_BYTES = 2**25
# Of all weight less than this is a rounding error.
NOTHING = 1e-12
# So many digits tell any two numbers apart.
ALL_DIGITS = 17


class Codes:
    """The codes of a table's values.

    Parameters
    ----------
    table : Table
    n_categories : intp array of shape (n_features,)
        0 for numbers.
    check_time : callable
        Called before each block.

    Attributes
    ----------
    codes : uint16 array of shape (n_features, n_padded)
    first : int32 array of shape (n_features + 1,)
        Where the codes of each feature begin among all; the last of a feature is of what is
        missing.
    low, high : float64 arrays of shape (n_features, n_codes)
        The least and greatest value of each, of rows that count.
    has_several : bool array of shape (n_codes,)
        Which of all are of several values.
    any_several : bool
        Whether any are.
    in_order : int32 array of shape (n_codes,)
        All of them, as they come.
    """

    def __init__(self, table, n_categories, check_time):
        rows = np.flatnonzero(table.weight[: table.n_rows])
        n_codes = min(max(len(rows) // ROWS_A_CODE, MIN_CODES), MAX_CODES)
        rows = rows[np.linspace(0, len(rows) - 1, min(N_SAMPLED, len(rows))).astype(np.intp)]
        cuts = [
            np.arange(n_categories[f] - 1.0)
            if n_categories[f]
            else _cuts(table.X[rows, f], n_codes)
            for f in range(table.n_features)
        ]
        missing = np.array([len(each) + 1 for each in cuts], dtype=np.int32)
        # Infinity behind the cuts, as often as a window may be wide.
        filled = np.full((table.n_features, 3 * missing.max()), np.inf)
        scale = np.zeros((table.n_features, 2))
        for f, each in enumerate(cuts):
            filled[f, : len(each)] = each
            if np.isfinite(each).any():
                # Few of the values are outside.
                begin, end = np.quantile(each[np.isfinite(each)], [OUTSIDE, 1 - OUTSIDE])
                width = end - begin
                scale[f] = begin, splits.N_CELLS / width if 0 < width < np.inf else 0.0
        start = np.empty((table.n_features, splits.N_CELLS), dtype=np.uint16)
        window = np.empty(table.n_features, dtype=np.int32)
        splits.cells(filled, scale, start, window)
        n_codes = missing.max()
        self.codes = np.empty((table.n_features, table.n_padded), dtype=np.uint16)

        def of_block(i):
            check_time()
            block = table.block(i)
            low = np.full((table.n_features, n_codes), np.inf)
            high = -low
            codes = self.codes[:, table.rows(i)]
            splits.code(
                block.tiles, block.weight, filled, scale, start, window, missing, codes, low, high
            )
            return low, high

        lows, highs = zip(*table.map(of_block, range(table.n_blocks)), strict=True)
        self.low, self.high = np.min(lows, axis=0), np.max(highs, axis=0)
        self.first = np.append(0, np.cumsum(missing + 1)).astype(np.int32)
        several = [
            np.append(low[:m] < high[:m], False)
            for low, high, m in zip(self.low, self.high, missing, strict=True)
        ]
        self.has_several = np.concatenate(several)
        self.any_several = bool(self.has_several.any())
        self.in_order = np.arange(self.first[-1], dtype=np.int32)


def _cuts(values, n_codes):
    """What separates the codes of numbers, sorted; of few different values each has its own."""
    values = np.asarray(values, dtype=np.float64)
    values = np.sort(values[~np.isnan(values)])
    distinct = np.unique(values)
    if len(distinct) > n_codes:
        places = np.linspace(0, len(values) - 1, n_codes).round().astype(np.intp)
        distinct = np.unique(values[places])
    return distinct[:-1]


class Found(NamedTuple):
    """A list of rules with another condition.

    Attributes
    ----------
    rule_list : RuleList
    score : float
    rank : float
        Its score by the other metric.
    """

    rule_list: RuleList
    score: float
    rank: float


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

    def __init__(self, table, weight, codes, model, begin):
        # Only the rows that count.
        self._rows = np.flatnonzero(weight).astype(np.int32)
        self._weight = weight[self._rows]
        self._X, self._codes = table.X, codes
        self._is_set = np.repeat(model.n_categories > 0, np.diff(codes.first))
        self._min_support = max(model.min_support, np.finfo(np.float64).tiny)
        self._begin = begin
        self._kept: OrderedDict = OrderedDict()
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

    def _sums(self, opened, kind, weight, n_kinds):
        """The weights of open rows by code and kind."""
        sums = np.zeros((self._codes.first[-1], n_kinds))
        splits.add_by_code(
            self._codes.codes, self._codes.first[:-1], opened.rows, kind, weight, sums
        )
        return sums

    def _ordered(self, gain, weight):
        """In which order codes join a condition: categories by their mean gain, the best first."""
        order = self._codes.in_order
        if not self._is_set.any():
            return order
        order = order.copy()
        # What does not occur makes no difference.
        gain = np.divide(gain, weight, out=np.full(len(gain), -np.inf), where=weight > 0)
        for begin, end in zip(self._codes.first, self._codes.first[1:], strict=False):
            if self._is_set[begin]:
                some = gain[begin : end - 1]
                order[begin : end - 1] = begin + np.argsort(-some, kind="stable")
        return order

    def _tops(self, values, n_best):
        """The best places by values ``[n, 2, n_codes]``, one of each of n and feature.

        Yields
        ------
        i, f, side, b : int
        """
        first = self._codes.first[:-1]
        tops = np.array([np.maximum.reduceat(each.max(axis=0), first) for each in values])
        for place in np.argsort(-tops, axis=None, kind="stable")[:n_best]:
            i, f = np.unravel_index(place, tops.shape)
            if tops[i, f] == -np.inf:
                break
            begin, end = self._codes.first[f : f + 2]
            here = values[i][:, begin:end]
            side, b = np.unravel_index(np.argmax(here), here.shape)
            yield int(i), int(f), int(side), int(begin + b)

    def _condition(self, occurs, order, f, side, b):
        """The condition that a place stands for; ``occurs`` is which codes do in open rows."""
        begin, end = self._codes.first[f : f + 2]
        occurs = occurs[begin:end]
        if b == end - 1:
            return Condition(PRESENT if side else MISSING, f)
        if self._is_set[begin]:
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
    rounding : callable
        How far off a score that is known as the sum of rounded numbers may be.
    """

    def __init__(self, *args, score, rank, has_bounds, rounding):
        super().__init__(*args)
        table, _, _, model, _ = args
        self._y = table.y[self._rows].astype(np.intp)
        self._n_classes = model.n_classes
        self._score, self._rank = score, rank
        self._has_bounds, self._rounding = has_bounds, rounding

    def find(self, rule_list, r, j, answers, n_best):
        """The same list with another condition, the best of all there are.

        Parameters
        ----------
        rule_list : RuleList
        r, j : int
            In the place of condition j of rule r, or behind its last.
        answers : sequence of int
            What the rule may answer.
        n_best : int
            So many are returned that are good by the score, and so many by the other metric, no
            two with the same feature and answer.

        Returns
        -------
        list of Found
            The best by the score comes first; empty if no condition has the support.
        """
        self._begin(len(self._codes.codes))
        opened = _OpenToClasses(self, rule_list, r, j)
        # Where all leaves answer the same as the rule, it makes no difference.
        found = [self._effects(opened, a) for a in answers if (opened.labels != a).any()]
        if not found:
            return []
        least = max(each.scores.max() for each in found)
        exact = None
        for effects in found:
            within = self._within_codes(opened, effects, least)
            if within is not None:
                least, exact = within[0], (effects, within)
        chosen = []
        if exact is not None:
            effects, (score, tally, condition) = exact
            chosen.append(
                self._found(opened, effects.answer, condition, score, self._rank(tally)[0])
            )
        if n_best > 1 or not chosen:
            chosen += self._best(opened, found, [each.scores for each in found], n_best)
        if n_best > 1:
            ranks = [self._values(self._rank, each.tallies, each.support) for each in found]
            chosen += self._best(opened, found, ranks, n_best)
        return chosen

    def _best(self, opened, found, values, n_best):
        """The best conditions by some values of places."""
        chosen = []
        for i, f, side, b in self._tops(values, n_best):
            condition = self._condition(opened.occurs, found[i].order, f, side, b)
            tally = found[i].tallies[np.newaxis, :, side, b]
            rank = np.nan_to_num(self._rank(tally), nan=-np.inf)[0]
            chosen.append(
                self._found(opened, found[i].answer, condition, found[i].scores[side, b], rank)
            )
        return chosen

    @staticmethod
    def _found(opened, answer, condition, score, rank):
        return Found(opened.with_condition(condition, answer), float(score), float(rank))

    def _values(self, score, tallies, support):
        """The scores of tallies ``[T, ...]``, minus infinity where the support is too low."""
        values = score(tallies.reshape(len(tallies), -1).T).reshape(support.shape)
        return np.where((support >= self._min_support) & ~np.isnan(values), values, -np.inf)

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
        n = self._n_classes
        tallies = np.zeros((len(rule_lists), n * n))
        for tally, each in zip(tallies, rule_lists, strict=True):
            labels = np.array([rule.answer for rule in each.rules] + [each.default], dtype=np.intp)
            leaf = each.leaves(self.holds, len(self._rows))
            caught = np.bincount(leaf, self._weight, len(labels))
            tally[:] = np.bincount(self._y * n + labels[leaf], self._weight, n * n)
            if (caught[:-1] < self._min_support).any():
                tally[:] = np.nan
        values = [
            np.nan_to_num(f(tallies), nan=-np.inf).tolist() for f in (self._score, self._rank)
        ]
        return [Found(*each) for each in zip(rule_lists, *values, strict=True)]

    def _effects(self, opened, answer):
        """What all conditions would do, if the rule had that answer."""
        n = self._n_classes
        label, leaf = np.divmod(np.arange(opened.sums.shape[1]), len(opened.labels))
        before = label * n + opened.labels[leaf]
        moves = np.stack([before, label * n + answer, label * (n + 1)], axis=1).astype(np.int32)
        gain = opened.sums @ (1.0 * (label == answer) - (label == opened.labels[leaf]))
        order = self._ordered(gain, opened.sums.sum(axis=1))
        shape = (n * n, 2, len(order))
        tallies, support = np.empty(shape), np.empty(shape[1:])
        bounds = np.empty(shape if self._has_bounds and self._codes.any_several else (0, 0, 0))
        splits.fill_tallies(
            opened.sums,
            self._codes.first,
            order,
            opened.tally,
            moves,
            leaf.astype(np.int32),
            opened.of_leaf,
            tallies,
            bounds,
            support,
        )
        scores = self._values(self._score, tallies, support)
        return _Effects(answer, moves, order, tallies, bounds, support, scores)

    def _within_codes(self, opened, effects, least):
        """The best condition between values of one code, if it is better than the least.

        Returns
        -------
        score : float
        tally : float64 array of shape (1, n_tallies)
        condition : Condition
        """
        several = self._codes.has_several & opened.occurs
        if not several.any():
            return None
        bounds = np.full(len(several), np.inf)
        if self._has_bounds:
            of_tallies = self._score(effects.bounds.reshape(len(effects.bounds), -1).T)
            bounds = of_tallies.reshape(2, -1).max(axis=0)
        bounds[~several] = -np.inf
        of_feature = np.maximum.reduceat(bounds, self._codes.first[:-1])
        best = None
        # What promises most comes first: with what it holds others need not be looked at.
        for f in np.argsort(-of_feature, kind="stable"):
            limit = least - self._rounding(least)
            if not of_feature[f] > limit:
                break
            begin, end = self._codes.first[f : f + 2]
            found = self._within(opened, effects, f, bounds[begin:end] > limit)
            if found is not None and found[0] > least:
                least, best = found[0], found
        return best

    def _within(self, opened, effects, f, keep):
        """The same for one feature; ``keep`` says which of its codes."""
        begin, end = self._codes.first[f : f + 2]
        code = self._codes.codes[f, opened.rows]
        some = np.flatnonzero(keep[code])
        x = np.asarray(self._X[opened.rows[some], f], dtype=np.float64)
        order = np.argsort(x, kind="stable")
        some, x = some[order], x[order]
        code = code[some].astype(np.intp)
        weight, kind = opened.weight[some], opened.kind[some]
        n_tallies, n_leaves = len(effects.tallies), len(opened.labels)
        # What each row changes, if the condition comes to hold for it.
        changes = np.zeros((n_tallies + n_leaves, len(some)))
        each = np.arange(len(some))
        changes[effects.moves[kind, 0], each] -= weight
        changes[effects.moves[kind, 1], each] += weight
        changes[n_tallies + kind % n_leaves, each] = weight
        sums = changes.cumsum(axis=1)
        starts = np.flatnonzero(np.append(True, code[1:] != code[:-1]))
        of_code = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(code))))
        sums -= np.where(starts > 0, sums[:, starts - 1], 0.0)[:, of_code]
        borders = np.flatnonzero((x[1:] > x[:-1]) & (code[1:] == code[:-1]))
        if len(borders) == 0:
            return None
        found = None
        changed = sums[:, borders]
        before = begin + code[borders] - 1
        for side in range(2):
            # Before the first code it holds for none, or for all that is not missing.
            none = effects.tallies[:, 1, end - 1] if side else opened.tally
            from_start = np.where(
                code[borders] > 0, effects.tallies[:, side, before], none[:, np.newaxis]
            )
            sign = -1 if side else 1
            tallies = from_start + sign * changed[:n_tallies]
            scores = np.nan_to_num(self._score(tallies.T), nan=-np.inf)
            gone = opened.gone(begin, end, code[borders], side) + sign * changed[n_tallies:]
            support = np.minimum(
                gone.sum(axis=0), (opened.of_leaf[:, np.newaxis] - gone).min(axis=0)
            )
            scores[support < self._min_support] = -np.inf
            i = np.argmax(scores)
            if scores[i] > -np.inf and (found is None or scores[i] > found[0]):
                between = short_number(x[borders[i]], x[borders[i] + 1])
                condition = Condition(ABOVE if side else BELOW, int(f), between)
                found = scores[i], tallies[:, i : i + 1].T, condition
        return found


class _Effects(NamedTuple):
    """What conditions would do, if their rule had an answer; see `splits.fill_tallies`."""

    answer: int
    moves: np.ndarray
    order: np.ndarray
    tallies: np.ndarray
    bounds: np.ndarray
    support: np.ndarray
    scores: np.ndarray


class _Open:
    """The rows that are open at a place.

    Attributes
    ----------
    rest : RuleList
        The list without the rule.
    leaves : intp array of shape (n_rows_that_count,)
        Which of its rules answers.
    here : intp array of shape (n_open,)
        Which of the rows that count are open.
    rows : int32 array of shape (n_open,)
        Which of the rows of the table they are.
    weight : float64 array of shape (n_open,)
    leaf : intp array of shape (n_open,)
        Where a row comes to if the condition does not hold, of the rules behind and the default.
    of_leaf : float64 array of shape (n_leaves,)
        The weight in these, infinite for the default.
    """

    def __init__(self, of, rule_list, r, j):
        rule = rule_list.rules[r]
        self._rule_list, self._r, self._j = rule_list, r, j
        self.rest = rule_list.with_rule(r)
        self.leaves = self.rest.leaves(of.holds, len(of._rows))
        is_open = self.leaves >= r
        for i, each in enumerate(rule.conditions):
            if i != j:
                is_open &= of.holds(each)
        self.here = np.flatnonzero(is_open)
        self.rows, self.weight = of._rows[self.here], of._weight[self.here]
        self.leaf = self.leaves[self.here] - r
        self.of_leaf = np.bincount(self.leaves, of._weight, len(self.rest.rules) + 1)[r:]
        self.of_leaf[-1] = np.inf

    def with_condition(self, condition, answer):
        """The list with a condition at the place."""
        rule = self._rule_list.rules[self._r]
        conditions = (*rule.conditions[: self._j], condition, *rule.conditions[self._j + 1 :])
        return self._rule_list.with_rule(self._r, Rule(conditions, float(answer)))


class _OpenToClasses(_Open):
    """The same with what the scores of classes follow from.

    Attributes
    ----------
    labels : intp array of shape (n_leaves,)
        What the leaves answer.
    kind : uint16 array of shape (n_open,)
        ``n_leaves`` times the class, plus the leaf.
    sums : float64 array of shape (n_codes, n_kinds)
    occurs : bool array of shape (n_codes,)
    tally : float64 array of shape (n_tallies,)
        If the condition holds nowhere.
    """

    def __init__(self, of, rule_list, r, j):
        super().__init__(of, rule_list, r, j)
        n, rest = of._n_classes, self.rest
        labels = np.array([each.answer for each in rest.rules] + [rest.default], dtype=np.intp)
        self.labels = labels[r:]
        n_leaves = len(self.labels)
        self.kind = (of._y[self.here] * n_leaves + self.leaf).astype(np.uint16)
        self.sums = of._sums(self, self.kind, self.weight, n * n_leaves)
        self.occurs = self.sums.any(axis=1)
        self.tally = np.bincount(of._y * n + labels[self.leaves], of._weight, n * n)

    def gone(self, begin, end, code, side):
        """What leaves each leaf if the condition holds before some codes of a feature, or from
        them on: ``[n_leaves, len(code)]``."""
        of_leaf = self.sums[begin : end - 1].reshape(end - 1 - begin, -1, len(self.labels))
        before = np.concatenate([np.zeros((1, len(self.labels))), of_leaf.sum(axis=1).cumsum(0)])
        return (before[-1] - before[code] if side else before[code]).T


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
        leaf = rule_list.leaves(self.holds, len(self._rows))
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

    def find(self, rule_list, r, j, answers, n_best):
        """As `ClassConditions.find`; all answers are made the best."""
        self._begin(len(self._codes.codes))
        opened = _Open(self, rule_list, r, j)
        n_leaves = len(opened.of_leaf)
        kind, y = opened.leaf.astype(np.uint16), self._centered[opened.here]
        weights = self._sums(opened, kind, opened.weight, n_leaves)
        sums = self._sums(opened, kind, opened.weight * y, n_leaves)
        occurs = weights.any(axis=1)
        order = self._ordered(sums.sum(axis=1), weights.sum(axis=1))
        leaf = np.arange(n_leaves, dtype=np.int32)
        moves = np.stack([leaf, np.full_like(leaf, n_leaves), leaf], axis=1)
        of_leaf = [
            np.append(np.bincount(opened.leaves, w, len(opened.rest.rules) + 1)[r:], 0.0)
            for w in (self._weight, self._weight * self._centered)
        ]
        filled, support = [], np.empty((2, len(order)))
        for of_code, base in zip((sums, weights), of_leaf[::-1], strict=True):
            tallies = np.empty((n_leaves + 1, 2, len(order)))
            # Last that of weights, which the support is in.
            splits.fill_tallies(
                of_code,
                self._codes.first,
                order,
                base,
                moves,
                leaf,
                opened.of_leaf,
                tallies,
                np.empty((0, 0, 0)),
                support,
            )
            filled.append(tallies)
        values = _explained(*filled)
        values[support < self._min_support] = -np.inf
        conditions = [
            self._within(opened, f, side, b, values[side, b], of_leaf)
            or self._condition(occurs, order, f, side, b)
            for _, f, side, b in self._tops(values[np.newaxis], n_best)
        ]
        found = self.scored([opened.with_condition(each, 0.0) for each in conditions])
        return sorted(found, key=lambda each: -each.score)

    def _within(self, opened, f, side, b, least, of_leaf):
        """The best condition between any values of a feature, if it is better than the least."""
        begin, end = self._codes.first[f : f + 2]
        if b == end - 1 or not self._codes.has_several[begin:end].any():
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
