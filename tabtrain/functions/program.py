"""A function that a user wrote, as something that can be run over blocks of rows.

Compiled where that can be done, else as it is. All programs answer numbers: what a function
answers as a string is the number that its program has for that string, and what is no answer
(None, an exception, something else) is NaN.
"""

import ast
import functools
import time
import warnings
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import EfficiencyWarning

from tabtrain._kernels.tiles import N_LANES, pack
from tabtrain.functions import source as sources
from tabtrain.functions.numbers import OTHER_STRING, as_numbers, string_numbers, strings_in
from tabtrain.functions.row_table import RowTable
from tabtrain.functions.signature import name_of

# So many rows are answered by the function itself, to see that the compiled one agrees.
SAMPLE = 200
# The types of constants.
_PLAIN = (bool, int, float, str)
# What a row takes when compiled, in seconds: to say how much slower it is if not.
COMPILED_SECONDS = 2e-9


class Facts(NamedTuple):
    """What is found out about a function when it is run first.

    Attributes
    ----------
    compiled : bool
    answers_bool : bool
        Whether it answers True or False.
    """

    compiled: bool
    answers_bool: bool


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
        return self.rows_of(RowTable(X))

    def rows_of(self, table):
        """The same for a `RowTable`."""
        raise NotImplementedError

    def forward(self, params, tiles, raw):
        """Fill ``raw[P, 0, n]`` with the answers; NaN where there is none."""
        raise NotImplementedError

    def others(self, params, tiles, other):
        """Fill ``other[threshold, n]`` with what thresholds are compared with; NaN if not."""
        raise NotImplementedError

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


class PythonProgram(Program):
    """The function as it is, row by row."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._rows = []
        names = [each.name for each in self._parameters if each.kind in ("float", "int")]
        try:
            source = sources.read(self._function)
            tree, self.thresholds = sources.others(source, names)
        except sources.CannotRewriteError:
            return
        tree.name = "others"
        module = {
            **self._function.__globals__,
            **sources.namespace_of(self._function),
            "_nan": np.nan,
        }
        exec(ast.unparse(tree), module)
        self._others = module["others"]

    def rows_of(self, table):
        # Their numbers, by which blocks find them again.
        first = len(self._rows)
        self._rows += table.rows()
        return np.arange(first, len(self._rows), dtype=np.float64)[:, np.newaxis]

    def answers_bool(self, table):
        """Whether the function answers True or False for the rows of a table."""
        found = [self._answer(row, self.arguments(self.defaults)) for row in table.rows()]
        return all(isinstance(each, (bool, np.bool_)) for each in found)

    def _answer(self, row, arguments):
        try:
            return self._function(row, **arguments)
        except Exception:
            return None

    def forward(self, params, tiles, raw):
        rows = self._block(tiles)
        for p, numbers in enumerate(params):
            arguments = self.arguments(numbers)
            raw[p, 0] = [self.number(self._answer(row, arguments)) for row in rows]

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
        self._columns = sorted(set(places.values()))
        columns = {key: self._columns.index(place) for key, place in places.items()}
        names = [each.name for each in parameters]
        string_names = {
            f"_column_{i}" for i, place in enumerate(self._columns) if table.holds_strings(place)
        }
        string_names |= {
            each.name
            for each in parameters
            if any(isinstance(choice, str) for choice in each.choices)
        }
        namespace = sources.namespace_of(function)
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
        module = _Namespace(namespace)
        self._forward = _compiled(
            answer.code, answer.may_raise, len(self._columns), kinds, 0, module
        )
        if self.thresholds:
            code = as_numbers(others, *arguments, answers=False)
            self._others = _compiled(
                code.code, code.may_raise, len(self._columns), kinds, len(self.thresholds), module
            )

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


class _Namespace(dict):
    """What the names in a function are; equal if they are what functions were compiled with."""

    def __hash__(self):  # type: ignore[override]
        return hash(tuple(sorted(self)))

    def __eq__(self, other):
        return self.keys() == other.keys() and all(
            value is other[name]
            or (type(value) is type(other[name]) and type(value) in _PLAIN and value == other[name])
            for name, value in self.items()
        )


@functools.lru_cache(maxsize=64)
def _compiled(code, may_raise, n_columns, kinds, n_others, namespace):
    """A kernel: ``forward(params, tiles, raw)``, or with ``n_others`` other sides `others`."""
    from tabtrain._kernels import function

    return function.block_kernel(code, may_raise, n_columns, kinds, n_others, namespace)


def make_program(function, parameters, labels, X, *, vectorized, as_before=None):
    """The fastest program there is of a function.

    It warns where the function is not compiled, and says why.

    Parameters
    ----------
    function : callable
    parameters : list of Parameter
    labels : list of str
        The strings that it may answer.
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
    strings = {*labels, *(s for each in parameters for s in each.choices if isinstance(s, str))}
    try:
        strings |= strings_in(sources.read(function))
    except sources.CannotRewriteError:
        pass
    table = RowTable(X)
    arguments = (function, parameters, string_numbers(strings))
    if as_before is not None:
        if as_before.compiled:
            return CompiledProgram(*arguments, as_before, table)
        return (TableProgram if vectorized else PythonProgram)(*arguments, as_before)
    some = table.some(SAMPLE)
    if vectorized:
        program = TableProgram(*arguments, Facts(False, False))
        program.facts = Facts(False, program.answers_bool(some))
        return program
    python = PythonProgram(*arguments, Facts(False, False))
    facts = Facts(True, python.answers_bool(some))
    begun = time.perf_counter()
    expected = answers(python, some)
    seconds = (time.perf_counter() - begun) / len(expected)
    try:
        compiled = CompiledProgram(*arguments, facts, table)
        same = np.array_equal(answers(compiled, some), expected, equal_nan=True)
        if same and _fails_alike(compiled, python, table):
            return compiled
        reason = "what is compiled answers otherwise"
    except sources.CannotRewriteError as error:
        reason = str(error)
    except Exception as error:
        if not type(error).__module__.startswith("numba"):
            raise
        reason = f"Numba cannot compile it: {' '.join(str(error).split())[:300]}"
    warnings.warn(
        f"{name_of(function)} runs as plain Python, about {seconds / COMPILED_SECONDS:.0f} times "
        f"slower than if it were compiled, because {reason}",
        EfficiencyWarning,
        stacklevel=5,  # whoever called fit
    )
    return PythonProgram(*arguments, facts._replace(compiled=False))


def answers(program, table):
    """What a program answers for the rows of a table, with the defaults."""
    rows = program.rows_of(table)
    n_tiles = -(-len(rows) // N_LANES)
    tiles = np.empty((n_tiles, rows.shape[1], N_LANES))
    pack(rows, tiles)
    raw = np.empty((1, 1, n_tiles * N_LANES))
    program.forward(program.defaults[np.newaxis], tiles, raw)
    return raw[0, 0, : len(rows)]


def _fails_alike(compiled, python, table):
    """Whether the function has no answer where what is compiled has none, of some such rows."""
    failing = np.flatnonzero(np.isnan(answers(compiled, table)))[:SAMPLE]
    return len(failing) == 0 or bool(np.isnan(answers(python, table.take(failing))).all())
