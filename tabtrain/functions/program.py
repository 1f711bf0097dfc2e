"""A function that a user wrote, as something that can be run over blocks of rows.

Compiled where that can be done, else as it is. All programs answer numbers: what a function
answers as a string is the number that its program has for that string, and what is no answer
(None, an exception, something else) is NaN.
"""

import ast
import functools
import re
import time
import warnings
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import EfficiencyWarning

from tabtrain._kernels.tiles import N_LANES, pack
from tabtrain.functions import source as sources
from tabtrain.functions.numbers import (
    OTHER_STRING,
    as_numbers,
    column_name,
    string_numbers,
    strings_in,
)
from tabtrain.functions.row_table import RowTable
from tabtrain.functions.signature import name_of

# So many rows are answered by the function itself, to see that the compiled one agrees.
SAMPLE = 200
# Numbers that differ by a smaller share of their size are the same but for rounding.
ROUNDING = 1e-9
# What a row takes when compiled, in seconds: to say how much slower it is if not.
COMPILED_SECONDS = 2e-9


class Facts(NamedTuple):
    """What is found out about a function when it is run first.

    Attributes
    ----------
    compiled : bool
    answers_bool : bool
        Whether it answers True or False.
    kinds : dict of int to str
        What the columns hold that it reads, see `RowTable.kind`.
    """

    compiled: bool
    answers_bool: bool
    kinds: dict


class Program:
    """What programs have in common.

    Parameters
    ----------
    function : callable
    parameters : list of Parameter
    strings : dict of str to float
        The numbers of strings.
    facts : Facts

    Attributes
    ----------
    thresholds : list of Threshold
        The parameters whose best values can be found exactly.
    whole_table : bool
        Whether a table must be one block.
    threads : bool
        Whether several threads can run it at once.
    has_strings : bool
        Whether it may answer strings.
    """

    thresholds: list = []
    whole_table = False
    threads = False
    has_strings = True

    def __init__(self, function, parameters, strings, facts):
        self._function = function
        self._parameters = parameters
        self._strings = strings
        self.facts = facts

    @property
    def defaults(self):
        """The parameters as their author wrote them: ``[K]``."""
        return np.array([each.number(each.default) for each in self._parameters])

    def rows(self, X):
        """What the blocks of a user's table are made of: a float array ``[n_rows, n_columns]``."""
        return self.rows_of(RowTable(X, self.facts.kinds))

    def record(self, X, i):
        """A row of a user's table, as a function of one row is given it."""
        return RowTable(X, self.facts.kinds).take([i]).rows()[0]

    def rows_of(self, table):
        """The same for a `RowTable`."""
        raise NotImplementedError

    def forward(self, params, tiles, raw):
        """Fill ``raw[P, 0, n]`` with the answers; NaN where there is none."""
        raise NotImplementedError

    def others(self, params, tiles, other):
        """Fill ``other[threshold, n]`` with what thresholds are compared with; NaN if not."""
        raise NotImplementedError

    def tally_of(self, labels):
        """How answers are counted in one with `forward`, or None.

        Parameters
        ----------
        labels : pair of float
            What it answers for the classes 0 and 1.

        Returns
        -------
        callable or None
            ``tally(params, tiles, y, weight, tallies[P, 4])`` adds the confusion counts; NaN for
            candidates of which the answer for a row that counts is neither label.
        """
        return None

    def arguments(self, numbers):
        """The parameters by name, as the function is given them."""
        return {
            each.name: each.value(number) if np.isfinite(number) else float(number)
            for each, number in zip(self._parameters, numbers, strict=True)
        }

    def number(self, answer):
        """The number that stands for an answer, NaN if that is none."""
        if isinstance(answer, str):
            return self._strings.get(answer, OTHER_STRING)
        try:
            return float(answer)
        except (TypeError, ValueError):
            return np.nan

    def said(self, number):
        """The answer that a number stands for, in words."""
        if np.isnan(number):
            return "nothing"
        names = {value: repr(name) for name, value in self._strings.items()}
        return names.get(number, "some string" if number == OTHER_STRING else repr(float(number)))


class PythonProgram(Program):
    """The function as it is, row by row."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._rows = []
        self._keys = None
        names = [each.name for each in self._parameters if each.kind in ("float", "int")]
        try:
            source = sources.read(self._function)
            self._keys = sources.columns_read(source)
            tree, self.thresholds = sources.others(source, names)
        except sources.CannotRewriteError:
            return
        tree.name = sources.own("others")
        module = {
            **self._function.__globals__,
            **sources.namespace_of(self._function),
            sources.own("nan"): np.nan,
        }
        exec(ast.unparse(tree), module)
        self._others = module[tree.name]
        self._others.__defaults__ = self._function.__defaults__

    def rows_of(self, table):
        # Their numbers, by which blocks find them again.
        first = len(self._rows)
        self._rows += self.records(table)
        return np.arange(first, len(self._rows), dtype=np.float64)[:, np.newaxis]

    def records(self, table):
        """The rows of a table, as the function is given them."""
        places = None if self._keys is None else [table.place(key) for key in self._keys]
        return table.rows(places)

    def answers(self, rows, numbers):
        """The numbers that stand for the answers, for some values of the parameters."""
        return [self.number(each) for each in self.outcomes(rows, numbers)]

    def outcomes(self, rows, numbers):
        """The answers themselves; None where there is none."""
        arguments = self.arguments(numbers)
        return [self._answer(row, arguments) for row in rows]

    def _answer(self, row, arguments):
        try:
            return self._function(row, **arguments)
        except Exception:
            return None

    def forward(self, params, tiles, raw):
        rows = self._block(tiles)
        for p, numbers in enumerate(params):
            raw[p, 0] = self.answers(rows, numbers)

    def others(self, params, tiles, other):
        rows = self._block(tiles)
        other.fill(np.nan)
        arguments = self.arguments(params)
        for i, row in enumerate(rows):
            try:
                other[:, i] = self._others(row, **arguments)
            except Exception:
                other[:, i] = np.nan

    def _block(self, tiles):
        # Those that fill up the last tile are row 0, and count nothing.
        return [self._rows[int(i)] for i in tiles[:, 0].ravel()]


class TableProgram(Program):
    """A function of a whole table."""

    whole_table = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._tables = []

    def rows_of(self, table):
        self._tables.append(table.X)
        # Which table it is, in each row.
        return np.full((table.n_rows, 1), len(self._tables) - 1.0)

    def forward(self, params, tiles, raw):
        X = self._tables[int(tiles[0, 0, 0])]
        n_rows = X.shape[0]
        raw[:, 0] = 0.0
        for p, numbers in enumerate(params):
            raw[p, 0, :n_rows] = self._answers(X, self.arguments(numbers), n_rows)

    def answers_bool(self, table):
        """Whether the function answers True or False for the rows of a table."""
        try:
            found = self._function(table.X, **self.arguments(self.defaults))
        except Exception:
            return False
        return np.asarray(found).dtype == bool

    def _answers(self, X, arguments, n_rows):
        try:
            answers = np.asarray(self._function(X, **arguments))
        except Exception:
            return np.nan
        if answers.shape != (n_rows,):
            return np.nan
        if answers.dtype.kind in "biuf":
            return answers
        return [self.number(answer) for answer in answers.tolist()]


class CompiledProgram(Program):
    """The function compiled, column by column.

    Raises
    ------
    CannotRewriteError
        If it cannot be rewritten.
    numba.core.errors.NumbaError
        If it cannot be compiled.
    """

    threads = True

    def __init__(self, function, parameters, strings, facts, table):
        super().__init__(function, parameters, strings, facts)
        self.has_strings = bool(strings)
        source = sources.read(function)
        keys = sources.columns_read(source)
        if keys is None:
            raise sources.CannotRewriteError(
                f"{source.row!r} is used otherwise than as {source.row}.name, "
                f"{source.row}['name'] or {source.row}[3]"
            )
        places = {key: table.place(key) for key in keys}
        for key, place in places.items():
            if table.kind(place) == "objects":
                raise sources.CannotRewriteError(
                    f"column {key[1]!r} has neither numbers nor strings in it"
                )
        self._columns = sorted(set(places.values()))
        columns = {key: self._columns.index(place) for key, place in places.items()}
        names = [each.name for each in parameters]
        string_names = {
            column_name(i) for i, place in enumerate(self._columns) if table.holds_strings(place)
        }
        string_names |= {
            each.name
            for each in parameters
            if any(isinstance(choice, str) for choice in each.choices)
        }
        namespace = sources.namespace_of(function) | sources.constants_of(function)
        arguments = (source.row, columns, names, strings, string_names, namespace)
        answer = as_numbers(sources.plain(source), *arguments)
        trained = [each.name for each in parameters if each.kind in ("float", "int")]
        others, self.thresholds = sources.others(source, trained)
        # Others are floats, which do not overflow.
        counted = sources.counted_names(source.tree)
        kinds = tuple(
            "bool"
            if each.kind == "bool"
            else "int"
            if each.kind == "int" and each.name in counted
            else "float"
            for each in parameters
        )
        # A choice of strings or numbers is the number of that, not its place.
        self._choices = {
            i: np.array([self.number(choice) for choice in each.choices])
            for i, each in enumerate(parameters)
            if each.kind == "choice"
        }
        self._answer = answer, len(self._columns), kinds
        self._forward = _compiled("block_kernel", *self._answer, 0)
        if self.thresholds:
            other = as_numbers(others, *arguments, answers=False)
            n_others = len(self.thresholds)
            self._others = _compiled("block_kernel", other, len(self._columns), kinds, n_others)

    def rows_of(self, table):
        return table.numbers(self._columns, self._strings)

    def _numbers(self, params):
        if self._choices:
            params = params.copy()
            for i, numbers in self._choices.items():
                params[:, i] = numbers[params[:, i].astype(np.intp)]
        return params

    def forward(self, params, tiles, raw):
        self._forward(self._numbers(params), tiles, raw)

    def others(self, params, tiles, other):
        self._others(self._numbers(params[np.newaxis]), tiles, other[np.newaxis])

    def tally_of(self, labels):
        # One NaN is not another, and would be compiled anew.
        constants = tuple(np.nan if np.isnan(label) else float(label) for label in labels)
        kernel = _compiled("tally_kernel", *self._answer, constants)

        def tally(params, *block_and_tallies):
            kernel(self._numbers(params), *block_and_tallies)

        return tally


class TrainedProgram(CompiledProgram):
    """The function compiled, and as it is where what is compiled has no answer.

    New rows may be of a kind of which it was not found out, when the function was compiled, that
    Python has an answer for them.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._python = PythonProgram(*arguments[:-1])

    def rows_of(self, table):
        self._table = table
        numbers = super().rows_of(table)
        rows = np.empty((table.n_rows, numbers.shape[1] + 1), order="F")
        rows[:, :-1] = numbers
        rows[:, -1] = np.arange(table.n_rows)
        return rows

    def forward(self, params, tiles, raw):
        super().forward(params, tiles, raw)
        for answers_of_one, numbers in zip(raw[:, 0], params, strict=True):
            failing = np.flatnonzero(np.isnan(answers_of_one))
            if len(failing):
                # Behind the columns; those that fill up the last tile are row 0.
                chosen = tiles[:, -1].ravel()[failing].astype(int)
                rows = self._python.records(self._table.take(chosen))
                answers_of_one[failing] = self._python.answers(rows, numbers)

    def tally_of(self, labels):
        return None


@functools.lru_cache(maxsize=64)
def _compiled(kind, *arguments):
    """A kernel: what the function of that name in `tabtrain._kernels.function` makes."""
    from tabtrain._kernels import function

    return getattr(function, kind)(*arguments)


def make_program(function, parameters, labels, X, *, vectorized, as_before=None):
    """The fastest program there is of a function.

    It warns where the function is not compiled, and says why.

    Parameters
    ----------
    function : callable
    parameters : list of Parameter
    labels : list of str or None
        The strings that it may answer; None if it answers numbers, which may be rounded otherwise.
    X : DataFrame or array of shape (n_rows, n_columns)
        The table that it will be run over first.
    vectorized : bool
        Whether it is a function of the whole table.
    as_before : Facts, optional
        What was found out when this was called before; then it does not warn.

    Returns
    -------
    Program
    """
    strings = {
        *(labels or []),
        *(s for each in parameters for s in each.choices if isinstance(s, str)),
    }
    try:
        strings |= strings_in(sources.read(function))
    except sources.CannotRewriteError:
        pass
    arguments = (function, parameters, string_numbers(strings))
    if as_before is not None:
        table = RowTable(X, as_before.kinds)
        if as_before.compiled:
            try:
                return TrainedProgram(*arguments, as_before, table)
            except Exception as error:
                _why_not_compiled(error)  # What it calls is not what it was.
        return (TableProgram if vectorized else PythonProgram)(*arguments, as_before)
    table = RowTable(X)
    facts = Facts(False, False, table.kinds)
    chosen = table.spread(SAMPLE)
    if vectorized:
        program = TableProgram(*arguments, facts)
        program.facts = facts._replace(answers_bool=program.answers_bool(table.take(chosen)))
        return program
    python = PythonProgram(*arguments, facts)
    begun = time.perf_counter()
    outcomes = python.outcomes(python.records(table.take(chosen)), python.defaults)
    seconds = (time.perf_counter() - begun) / len(chosen)
    answered = [each for each in outcomes if each is not None]
    are_bool = bool(answered) and all(isinstance(each, (bool, np.bool_)) for each in answered)
    python.facts = facts = facts._replace(answers_bool=are_bool)
    try:
        compiled = CompiledProgram(*arguments, facts._replace(compiled=True), table)
        found = answers(compiled, table)
        failing = np.setdiff1d(np.flatnonzero(np.isnan(found))[:SAMPLE], chosen)
        outcomes += python.outcomes(python.records(table.take(failing)), python.defaults)
        expected = np.array([python.number(each) for each in outcomes])
        chosen = np.append(chosen, failing)
        rounding = ROUNDING if labels is None else 0.0
        same = np.isclose(found[chosen], expected, rtol=rounding, atol=0.0, equal_nan=True)
        if same.all():
            return compiled
        first = np.argmin(same)
        one, other = python.said(expected[first]), python.said(found[chosen[first]])
        reason = f"row {chosen[first]} is answered {one} by Python and {other} by what is compiled"
    except Exception as error:
        reason = _why_not_compiled(error)
    warnings.warn(
        f"{name_of(function)} runs as plain Python, about {seconds / COMPILED_SECONDS:.0f} times "
        f"slower than if it were compiled, because {reason}",
        EfficiencyWarning,
        stacklevel=6,  # whoever called fit
    )
    return python


def _why_not_compiled(error):
    """The reason; an exception that has another one is raised again."""
    if isinstance(error, sources.CannotRewriteError):
        return str(error)
    if type(error).__module__.startswith("numba"):
        told = re.sub(r"Failed in \w+ mode pipeline \(.*?\)", "", str(error))
        return f"Numba cannot compile it: {' '.join(told.split())[:300]}"
    raise error


def answers(program, table):
    """What a program answers for the rows of a table, with the defaults."""
    rows = program.rows_of(table)
    n_tiles = -(-len(rows) // N_LANES)
    tiles = np.empty((n_tiles, rows.shape[1], N_LANES))
    pack(rows, tiles)
    raw = np.empty((1, 1, n_tiles * N_LANES))
    program.forward(program.defaults[np.newaxis], tiles, raw)
    return raw[0, 0, : len(rows)]
