"""Lists of rules, as vectors."""

import math
from typing import Any

import numpy as np

from tabtrain._codes import Codes
from tabtrain._conditions import ClassConditions, NumberConditions
from tabtrain._kernels import splits  # type: ignore[attr-defined]
from tabtrain._rule_list import ABOVE, BELOW, MISSING, NONE, PRESENT, Condition, Rule, RuleList
from tabtrain.objectives.matthews_corrcoef import MatthewsCorrcoef

# What a condition has beside the entries of categories: its test, feature and threshold.
N_ENTRIES = 3


class RulesModel:
    """Lists of rules.

    Of each condition in turn ``theta`` has the test, the feature, the threshold in units of the
    feature's scale, and 1 or 0 for each category; then the answers of the rules and of the rest. A
    rule without conditions is none.

    Parameters
    ----------
    n_classes : int
        1 for numbers.
    max_rules, max_conditions : int
        How many rules there may be, and conditions in each.
    columns : Columns
        What the features hold, see `tabtrain._columns`.
    min_support : float, default=0.0
        The weight of rows that each rule must catch, to be kept to by who makes rules.
    table : Table, optional
        The rows from which the scales of thresholds and answers and the starting points are taken;
        else the scales are 1.
    """

    backward = None
    n_kept = 0
    scale_free = False
    can_fail = False
    fused: dict = {}
    line_events: dict = {}

    def __init__(
        self, n_classes, max_rules, max_conditions, columns, *, min_support=0.0, table=None
    ):
        self.n_classes = n_classes
        # Of numbers any is.
        self.answers = tuple(range(n_classes)) if n_classes > 1 else ()
        self.n_outputs = n_classes if n_classes > 2 else 1
        self.max_rules, self.max_conditions = max_rules, max_conditions
        self.columns, self.n_categories = columns, columns.n_categories
        self.min_support = min_support
        self._n_entries = N_ENTRIES + int(self.n_categories.max(initial=0))
        n_conditions = max_rules * max_conditions
        self._n_of_conditions = n_conditions * self._n_entries
        self.n_params = self._n_of_conditions + max_rules + 1
        self.row_work = 2 * n_conditions
        self._samples: Any = None
        self._scale = np.ones(len(self.n_categories))
        self._answer_scale = 1.0
        if table is not None:
            self._samples = _samples(table)
            self._scale = np.array([_scale_of(sample) for sample in self._samples])
            if n_classes == 1:
                self._answers = table.y[: table.n_rows][table.weight[: table.n_rows] > 0]
                self._answer_scale = _scale_of(self._answers)
        n_features = len(self.n_categories)
        low, high, grid = (np.empty(self.n_params) for _ in range(3))
        for array, entries, answer in (
            (low, (NONE, 0, -np.inf, *np.zeros(self._n_entries - N_ENTRIES)), 0),
            (high, (PRESENT, n_features - 1, np.inf, *np.ones(self._n_entries - N_ENTRIES)), 1),
            (grid, (1, 1, 0, *np.ones(self._n_entries - N_ENTRIES)), 1),
        ):
            array[: self._n_of_conditions] = np.tile(entries, n_conditions)
            array[self._n_of_conditions :] = answer
        answers = slice(self._n_of_conditions, None)
        if n_classes == 1:
            low[answers], high[answers], grid[answers] = -np.inf, np.inf, 0
        else:
            high[answers] = n_classes - 1
        self.bounds, self.grid = np.stack([low, high]), grid
        self.penalty_weights = np.zeros(self.n_params)
        self.line_groups = np.zeros((0, self.n_params), dtype=bool)

    def _conditions(self, thetas):
        """The entries of the conditions: ``[P, rule, condition, entry]``."""
        shape = (len(thetas), self.max_rules, self.max_conditions, self._n_entries)
        return thetas[:, : self._n_of_conditions].reshape(shape)

    def parameters(self, thetas):
        """The same entries in the user's units; the threshold of categories is NaN."""
        params = np.where(self.grid > 0, np.round(thetas), thetas)
        params = np.clip(params, *self.bounds)
        conditions = self._conditions(params)
        # What is NaN is no feature, and its condition none.
        feature = np.nan_to_num(conditions[..., 1]).astype(np.intp)
        threshold = conditions[..., 2] * self._scale[feature]
        conditions[..., 2] = np.where(self.n_categories[feature] > 0, np.nan, threshold)
        params[:, self._n_of_conditions :] *= self._answer_scale
        return params

    def forward(self, params, tiles, raw, kept=None):
        answers = params[:, self._n_of_conditions :]
        if self.n_outputs > 1:
            answers = answers[:, :, np.newaxis] == np.arange(self.n_outputs)
        elif self.n_classes == 2:
            answers = 2 * answers[:, :, np.newaxis] - 1
        else:
            answers = answers[:, :, np.newaxis]
        answers = np.ascontiguousarray(answers, dtype=np.float64)
        splits.forward(np.ascontiguousarray(self._conditions(params)), answers, tiles, raw)

    def codes(self, table, check_time):
        """The values of a table as `conditions` takes them."""
        return Codes(table, self.n_categories, check_time)

    def conditions(self, objective, table, weight, codes, begin, *, has_bounds):
        """What finds the best conditions for lists of rules, see `tabtrain._conditions`."""
        parts = table, weight, codes, self, begin
        if self.n_classes == 1:
            return NumberConditions(*parts, objective=objective)
        return ClassConditions(
            *parts,
            score=objective.score,
            rank=MatthewsCorrcoef().score,
            has_bounds=has_bounds,
        )

    def initial(self, rng, n):
        thetas = np.zeros((n, self.n_params))
        conditions = self._conditions(thetas)
        shape = conditions.shape[:3]
        feature = rng.integers(len(self.n_categories), size=shape)
        place = rng.random(shape)
        conditions[..., 0] = rng.integers(BELOW, ABOVE, size=shape, endpoint=True)
        conditions[..., 1] = feature
        for i in np.ndindex(shape):
            sample = self._samples[feature[i]]
            if len(sample):
                conditions[i][2] = sample[int(place[i] * len(sample))] / self._scale[feature[i]]
        conditions[..., N_ENTRIES:] = rng.integers(2, size=conditions[..., N_ENTRIES:].shape)
        answers = thetas[:, self._n_of_conditions :]
        if self.n_classes == 1:
            answers[:] = rng.choice(self._answers, answers.shape) / self._answer_scale
        else:
            answers[:] = rng.integers(self.n_classes, size=answers.shape)
        return thetas

    def theta(self, rule_list):
        """The inverse of `rule_list`."""
        theta = np.zeros((1, self.n_params))
        conditions = self._conditions(theta)[0]
        for r, rule in enumerate(rule_list.rules):
            for j, (test, feature, threshold, members) in enumerate(rule.conditions):
                entries = conditions[r, j]
                entries[:2] = test, feature
                if not math.isnan(threshold):
                    entries[2] = threshold / self._scale[feature]
                entries[N_ENTRIES + np.array(members, dtype=np.intp)] = 1
        answers = theta[0, self._n_of_conditions :]
        answers[: len(rule_list.rules)] = [rule.answer for rule in rule_list.rules]
        answers[-1] = rule_list.default
        answers /= self._answer_scale
        return theta[0]

    def rule_list(self, theta):
        """What ``theta`` says, without what makes no difference.

        Returns
        -------
        RuleList
        """
        params = self.parameters(theta[np.newaxis])
        answers = params[0, self._n_of_conditions :]
        rules = []
        for entries_of_rule, answer in zip(self._conditions(params)[0], answers, strict=False):
            conditions = tuple(
                self._condition(entries)
                for entries in entries_of_rule
                if BELOW <= entries[0] <= PRESENT and entries[1] >= 0
            )
            if conditions:
                rules.append(Rule(conditions, float(answer)))
        return RuleList(tuple(rules), float(answers[-1]))

    def _condition(self, entries):
        test, feature = int(entries[0]), int(entries[1])
        if test in (MISSING, PRESENT):
            return Condition(test, feature)
        n_categories = self.n_categories[feature]
        members = np.flatnonzero(entries[N_ENTRIES : N_ENTRIES + n_categories] == 1)
        return Condition(test, feature, float(entries[2]), tuple(members.tolist()))


# A threshold begins at one of about so many values.
N_SAMPLES = 256


def _samples(table):
    """Of each feature some values of rows that count, sorted."""
    rows = np.flatnonzero(table.weight[: table.n_rows])
    rows = rows[np.linspace(0, len(rows) - 1, min(N_SAMPLES, len(rows))).astype(np.intp)]
    values = np.sort(np.asarray(table.X[rows], dtype=np.float64), axis=0)
    return [column[np.isfinite(column)] for column in values.T]


def _scale_of(values):
    """How far apart values are, as a power of two, by which nothing is rounded."""
    if len(values) == 0:
        return 1.0
    low, high = np.sort(values)[[int(0.16 * len(values)), int(0.84 * len(values))]]
    width = (high - low) / 2 or np.max(np.abs(values)) or 1.0
    return 2.0 ** np.clip(np.round(np.log2(width)), -500, 500)
