"""Rules as people read them: text, Python, and a table of what each catches."""

import html
from typing import Any, NamedTuple

from tabtrain._rule_list import ABOVE, BELOW, MISSING

# What a test of numbers and one of categories is called.
_OPERATORS = {BELOW: ("<=", "in"), ABOVE: (">", "not in")}


class Comparison(NamedTuple):
    """A comparison on one feature, which of a missing value is false unless said otherwise.

    Attributes
    ----------
    feature : str or int
        The name of the column, or its number if it has none.
    operator : {"<=", ">", "in", "not in", "is missing", "is not missing"}
        "not in" is true of a missing value.
    value : float, tuple or None
        The threshold, the categories, or None.
    """

    feature: Any
    operator: str
    value: Any = None

    def __str__(self):
        name = self.feature if isinstance(self.feature, str) else f"column {self.feature}"
        if self.value is None:
            return f"{name} {self.operator}"
        return f"{name} {_compared(self.operator, self.value)}"

    def python(self):
        """The same as an expression of ``row``."""
        cell = f"row[{self.feature!r}]"
        if self.value is None:
            is_missing = f"{cell} is None or {cell} != {cell}"
            return f"({is_missing})" if self.operator == "is missing" else f"not ({is_missing})"
        return f"{cell} {_compared(self.operator, self.value)}"


def _compared(operator, value):
    """An operator and what stands behind it; of one category, whether it is that."""
    if not isinstance(value, tuple):
        return f"{operator} {value!r}"
    if len(value) == 1:
        return f"{'==' if operator == 'in' else '!='} {value[0]!r}"
    return f"{operator} {value!r}"


class Rule(NamedTuple):
    """What is answered where all conditions hold.

    Attributes
    ----------
    conditions : tuple of Comparison
    answer : object
        A label, or a number.
    """

    conditions: tuple
    answer: Any

    def __str__(self):
        return " and ".join(map(str, self.conditions))


class Rules(tuple):
    """A tuple of `Rule`: the first whose conditions all hold answers. Printed, it reads as such.

    Attributes
    ----------
    default : object
        What is answered where none does.
    """

    default: Any

    def __new__(cls, rules=(), default=None):
        self = super().__new__(cls, rules)
        self.default = default
        return self

    def __getnewargs__(self):
        return tuple(self), self.default

    def __repr__(self):
        return f"Rules({super().__repr__()}, default={self.default!r})"

    def __str__(self):
        lines: list[str] = []
        for rule in self:
            lines += [f"{'elif' if lines else 'if'} {rule}:", f"    {rule.answer!r}"]
        return "\n".join(
            [*lines, "else:", f"    {self.default!r}"] if lines else [f"{self.default!r}"]
        )


def named(rule_list, columns, answer):
    """Rules in the user's words.

    Parameters
    ----------
    rule_list : RuleList
    columns : Columns
    answer : callable
        What an answer of the list is to the user.

    Returns
    -------
    Rules
    """

    def comparison(condition):
        f = condition.feature
        feature = f if columns.names is None else columns.names[f]
        if condition.test not in _OPERATORS:
            missing = "is missing" if condition.test == MISSING else "is not missing"
            return Comparison(feature, missing)
        of_numbers, of_categories = _OPERATORS[condition.test]
        categories = columns.categories[f]
        if categories is None:
            return Comparison(feature, of_numbers, condition.threshold)
        members = tuple(categories[code] for code in condition.members)
        return Comparison(feature, of_categories, members)

    return Rules(
        (
            Rule(tuple(map(comparison, rule.conditions)), answer(rule.answer))
            for rule in rule_list.rules
        ),
        answer(rule_list.default),
    )


def as_python(rules):
    """The source of a function of a row that answers as the rules do.

    Raises
    ------
    ValueError
        If there is a category that cannot be written as source.
    """
    for condition in (each for rule in rules for each in rule.conditions):
        for value in condition.value if isinstance(condition.value, tuple) else ():
            if not isinstance(value, str | bytes | int | float):
                raise ValueError(
                    f"column {condition.feature!r} has the category {value!r}, which cannot be "
                    "written as source: make strings or numbers of its values"
                )
    lines = ["def rules(row):"]
    for rule in rules:
        conditions = " and ".join(each.python() for each in rule.conditions)
        lines += [f"    if {conditions}:", f"        return {rule.answer!r}"]
    return "\n".join([*lines, f"    return {rules.default!r}", ""])


class RuleReport:
    """How many rows each rule catches, and how they come out; printed or shown, it is a table.

    Attributes
    ----------
    columns : tuple of str
    rows : list of tuple
        One for each rule and the default.
    """

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows

    def to_frame(self):
        """The same as a DataFrame; needs pandas.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        return pd.DataFrame(self.rows, columns=list(self.columns))

    def _cells(self):
        rows = [[_cell(value) for value in row] for row in self.rows]
        return [list(self.columns), *rows]

    def __str__(self):
        cells = self._cells()
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        cells.insert(1, ["-" * width for width in widths])
        return "\n".join(
            "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in cells
        )

    __repr__ = __str__

    def _repr_html_(self):
        head, *rows = (
            "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
            for tag, row in zip(["th", *["td"] * len(self.rows)], self._cells(), strict=True)
        )
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value):
    return (
        value
        if isinstance(value, str)
        else f"{value:.4g}"
        if isinstance(value, float)
        else repr(value)
    )
