"""Lists of rules as values: if this and that, then this; else if ...; else that."""

import math
from typing import NamedTuple

import numpy as np

# The tests of conditions, as kernels number them.
NONE, BELOW, ABOVE, MISSING, PRESENT = range(5)


class Condition(NamedTuple):
    """A comparison on one feature.

    Attributes
    ----------
    test : int
        `BELOW` (at most the threshold, or one of the members), `ABOVE` (above the threshold, or
        none of the members), `MISSING` or `PRESENT`.
    feature : int
    threshold : float
        NaN for a feature of categories.
    members : tuple of int
        The codes of categories, sorted.
    """

    test: int
    feature: int
    threshold: float = math.nan
    members: tuple = ()

    def holds(self, x):
        """In which rows of a float64 column it is true; a missing value is not above or below."""
        if self.test == MISSING:
            return np.isnan(x)
        if self.test == PRESENT:
            return ~np.isnan(x)
        if not math.isnan(self.threshold):
            return x <= self.threshold if self.test == BELOW else x > self.threshold
        return np.isin(x, self.members, invert=self.test == ABOVE)


class Rule(NamedTuple):
    """What is answered where all conditions hold."""

    conditions: tuple
    answer: float


class RuleList(NamedTuple):
    """The first rule whose conditions all hold answers, or else the default.

    Answers are the codes of classes, or numbers.
    """

    rules: tuple
    default: float

    @property
    def n_conditions(self):
        return sum(len(rule.conditions) for rule in self.rules)

    def leaves(self, holds, n_rows):
        """Which rule answers, for each row: intp array, the number of rules for the default.

        ``holds`` is in which rows a condition does.
        """
        leaf = np.full(n_rows, len(self.rules), dtype=np.intp)
        for r in reversed(range(len(self.rules))):
            leaf[np.logical_and.reduce([holds(each) for each in self.rules[r].conditions])] = r
        return leaf

    def with_rule(self, r, *rules):
        """The same with others in the place of a rule."""
        return self._replace(rules=(*self.rules[:r], *rules, *self.rules[r + 1 :]))
