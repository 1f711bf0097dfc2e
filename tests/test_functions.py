"""Functions that users wrote: read, rewritten, compiled, searched exactly."""

import __future__

import functools
import math
import types
import warnings
from typing import Annotated, Literal

import numba
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.exceptions import EfficiencyWarning
from tabtrain._kernels.tiles import N_LANES, pack

from tabtrain import Interval
from tabtrain._kernels import confusion
from tabtrain.functions import source as sources
from tabtrain.functions.program import CompiledProgram, Facts, PythonProgram, make_program
from tabtrain.functions.row_table import RowTable
from tabtrain.functions.signature import parameters_of
from tabtrain.models import FunctionModel
from tabtrain.objectives import F1, Accuracy
from tabtrain.problem import Problem
from tabtrain.table import Table
from tests.problems import random_table

seeds = st.integers(0, 2**32 - 1)
FACTS = Facts(compiled=True, answers_bool=False, kinds={})


def written(text):
    """The function that a text defines, which can be read."""
    module = {"math": math, "np": np, "Annotated": Annotated, "Literal": Literal}
    module |= {each.__name__: each for each in (Interval, rooted, factorial, absent, scaled)}
    exec(text, module)
    function = next(value for name, value in module.items() if name.startswith("rule"))
    function.__tabtrain_source__ = text
    return function


def rooted(x):
    return math.sqrt(abs(x))


def factorial(x):
    return x * factorial(x - 1) if x > 1 else 1


def scaled(x, *, factor=2.0):
    return x * factor


def absent(x):
    return x if x > 0 else None


def strings_for(function):
    from tabtrain.functions.numbers import string_numbers, strings_in

    return string_numbers(strings_in(sources.read(function)) | {"a", "b"})


def tiles_of(rows):
    tiles = np.empty((-(-len(rows) // N_LANES), rows.shape[1], N_LANES))
    pack(rows, tiles)
    return tiles


def answers_of(program, X, params):
    table = RowTable(X)
    rows = program.rows_of(table)
    tiles = tiles_of(rows)
    raw = np.empty((len(params), 1, tiles.shape[0] * N_LANES))
    program.forward(params, tiles, raw)
    return raw[:, 0, : len(rows)]


def others_of(program, X, params):
    rows = program.rows_of(RowTable(X))
    tiles = tiles_of(rows)
    other = np.empty((len(program.thresholds), tiles.shape[0] * N_LANES))
    program.others(params, tiles, other)
    return other[:, : len(rows)]


# Signatures


def test_kinds_of_parameters():
    def rule(
        row,
        *,
        a=1.5,
        b=2,
        c=True,
        d: Literal["x", "y"] = "y",
        e: Annotated[int, Interval(0, 9)] = 3,
        f: float = 4,
    ):
        return row[0] > a

    found = parameters_of(rule, bounds={"a": (1, 2)}, fixed=["b"])
    assert [each.kind for each in found] == ["float", "int", "bool", "choice", "int", "float"]
    assert [(each.low, each.high) for each in found] == [
        (1, 2),
        (2, 2),
        (0, 1),
        (0, 1),
        (0, 9),
        (-np.inf, np.inf),
    ]
    values = [each.value(each.number(each.default)) for each in found]
    assert values == [1.5, 2, True, "y", 3, 4.0]
    assert [type(value) for value in values] == [float, int, bool, str, int, float]


def test_each_annotation_is_evaluated_by_itself():
    low = 2

    def rule(
        row: "NotImported.Series",  # type: ignore[name-defined]  # noqa: F821
        *,
        a: Annotated[float, Interval(2, 3)] = 2.5,
        b: "Annotated[int, Interval(low, 9)]" = 3,
        c: "Literal['x', 'y']" = "x",
    ) -> "NotImported":  # type: ignore[name-defined]  # noqa: F821
        return row[0] > low

    for function in (rule, functools.partial(rule), functools.wraps(rule)(lambda *_: 1)):
        found = parameters_of(function)
        assert [(each.kind, each.low, each.high) for each in found] == [
            ("float", 2, 3),
            ("int", 2, 9),
            ("choice", 0, 1),
        ]


def no_parameters(row):
    return True


def no_row(*, a=1.0):
    return True


def two_rows(row, other, *, a=1.0):
    return True


def no_default(row, *, a):
    return True


def odd_default(row, *, a=None):
    return True


def not_finite(row, *, a=math.inf):
    return True


def out_of_bounds(row, *, a: Annotated[float, Interval(0, 1)] = 2.0):
    return True


def no_choice(row, *, a: Literal["x", "y"] = "z"):  # type: ignore[assignment]
    return True


def odd_annotation(row, *, a: "Anotated[float, 3]" = 2.0):  # type: ignore # noqa: F821
    return True


def generator(row, *, a=1.0):
    yield a


async def later(row, *, a=1.0):
    return a


def fine(row, *, limit=1.0, kind: Literal["x", "y"] = "x"):
    return True


@pytest.mark.parametrize(
    ("function", "options", "error", "message"),
    [
        (3, {}, TypeError, "function must be callable, got 3"),
        (no_parameters, {}, ValueError, "no parameter to train"),
        (odd_annotation, {}, TypeError, "annotation of parameter 'a'.*NameError.*'Anotated'"),
        (generator, {}, TypeError, "must answer by return, generator is a generator function"),
        (later, {}, TypeError, "must answer by return, later is an async function"),
        (fine, {"fixed": 3}, TypeError, "fixed must be a sequence of parameter names, got 3"),
        (no_row, {}, ValueError, "first argument"),
        (two_rows, {}, ValueError, "'other'"),
        (no_default, {}, ValueError, "'a' must have a default"),
        (odd_default, {}, TypeError, "'a' must be a float, an int, a bool"),
        (not_finite, {}, ValueError, "'a' must be finite"),
        (out_of_bounds, {}, ValueError, "not within its bounds 0"),
        (no_choice, {}, ValueError, "not among its choices"),
        (fine, {"bounds": {"limt": (0, 1)}}, ValueError, "did you mean 'limit'"),
        (fine, {"bounds": {"limit": 3}}, ValueError, r"\(low, high\), got 3"),
        (fine, {"bounds": {"limit": (2, 1)}}, ValueError, "leave nothing"),
        (fine, {"bounds": {"limit": (2, 3)}}, ValueError, "not within its bounds"),
        (fine, {"bounds": {"kind": (0, 1)}}, ValueError, "has choices"),
        (fine, {"bounds": [0]}, TypeError, "bounds must be a dict"),
        (fine, {"fixed": ["kin"]}, ValueError, "did you mean 'kind'"),
        (fine, {"fixed": "kind"}, TypeError, "fixed must be a sequence"),
        (fine, {"fixed": ["kind", "limit"]}, ValueError, "all of limit, kind are fixed"),
    ],
)
def test_what_cannot_be_trained_is_refused(function, options, error, message):
    with pytest.raises(error, match=message):
        parameters_of(function, **options)


# The compiled function is the function

FUNCTIONS = {
    "nested": """
def rule(row, *, p=0.5, q=1, r=2.0):
    if row.a > p:
        if row.b < q:
            return 1
        elif row.c == 0:
            return 2
    else:
        while_not = row.a * r
        if while_not >= 1:
            return 3
    return 0
""",
    "logic": """
def rule(row, *, p=0.5, q=1.0):
    return not (row.a > p and row.b > q) or (row.c < 0 and row.a)
""",
    "chained": """
def rule(row, *, low=-1.0, high=1.0):
    return low < row.a + row.b <= high != row.c
""",
    "minimum": """
def rule(row, *, p=0.5, q=1.0):
    return max(min(row.a, p), row.b, q) + abs(row.c)
""",
    "division": """
def rule(row, *, p=0.5, q=1.0):
    if row.b > 0 and row.a / row.b > p:
        return row.a / row.b
    return row.c / q % 2 + row.a // p
""",
    "divides by zero": """
def rule(row, *, p=0.5):
    return row.a / row.b > p
""",
    "mathematics": """
def rule(row, *, p=0.5, q=2.0):
    x = math.exp(row.a) + math.log(row.b) if row.b > 0 else math.sqrt(row.c)
    return x ** p + math.hypot(row.a, q)
""",
    "strings": """
def rule(row, *, p=0.5, kind: Literal["x", "y"] = "x"):
    label = "a" if row["s"] == "x" or row.s == kind else "b"
    if row.a > p and row.s in ("y", "z") and row.s != kind:
        label = "c"
    return label
""",
    "loop": """
def rule(row, *, p=0.5, n=3):
    total = 0.0
    for i in range(n):
        total += row.a * i
        if total > 3 * p:
            break
    return total
""",
    "assigned in place": """
def rule(row, *, p=0.5, q=0.0):
    x: float = row.a
    x += row.b if (y := row.c) > p else y
    x *= 2
    return x > q
""",
    "nothing": """
def rule(row, *, p=0.5):
    if row.a > p:
        return None
    if row.b > p:
        return row.c
""",
    "raises": """
def rule(row, *, p=0.5):
    if row.a > p:
        raise ValueError("no")
    assert row.b < 2
    return True
""",
    "positions": """
def rule(row, *, p=0.5, n: Annotated[int, Interval(0, 5)] = 2, upper=False):
    return row[0] > p if upper else row[-2] * n + (row[1] in (0, 1, -1))
""",
    "whole numbers": """
def rule(row, *, p=0.5, n=3):
    return int(row.a * 2) + round(row.b) + math.floor(row.c / 3) > p + n * n
""",
    "not a number": """
def rule(row, *, p=0.5):
    x = row.a if row.b > 0 else math.nan
    return 1 if math.isnan(x) else int(x) > p
""",
    "no whole number": """
def rule(row, *, p=0.5):
    return int(row.a if row.b > 0 else math.nan) > p or math.sin(math.inf * row.c) > 0
""",
}


def random_rows(rng, n_rows=50):
    numbers = rng.integers(-4, 5, (n_rows, 3)) / 2.0
    X = pd.DataFrame(numbers, columns=list("abc"))
    X["s"] = rng.choice(list("xyzw"), n_rows)
    return X


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_answers_are_those_of_python(name, rng):
    function = written(FUNCTIONS[name])
    parameters = parameters_of(function)
    X = random_rows(rng)
    arguments = (function, parameters, strings_for(function), FACTS)
    python, compiled = PythonProgram(*arguments), CompiledProgram(*arguments, RowTable(X))
    defaults = python.defaults
    params = np.tile(defaults, (9, 1))
    for j, each in enumerate(parameters):
        if each.choices:
            params[:, j] = rng.integers(len(each.choices), size=9)
        else:
            params[:, j] += rng.integers(-3, 4, 9) / (1 if each.kind == "int" else 2)
            params[:, j] = np.clip(params[:, j], each.low, each.high)
    expected = answers_of(python, X, params)
    assert_array_equal(answers_of(compiled, X, params), expected)
    assert not np.isnan(expected).all()
    assert compiled.thresholds == python.thresholds
    for values in params[:3]:
        found = others_of(compiled, X, values) if compiled.thresholds else np.empty((0, len(X)))
        expected = others_of(python, X, values)
        # Python stops where it raises, and knows no more of such a row.
        known = ~np.isnan(expected)
        assert_array_equal(found[known], expected[known])


def helper(x):
    return 2 * deeper(x)


def deeper(x):
    return x + LIMIT


LIMIT = 0.5


def test_functions_that_are_called_are_compiled_too(rng):
    factor = 3.0

    def rule(row, share=0.5, *, p=0.5):
        return helper(row.a) * factor * share > p

    X = random_rows(rng)
    program = make_program(rule, parameters_of(rule), [], X, vectorized=False)
    assert isinstance(program, CompiledProgram)
    assert_array_equal(
        answers_of(program, X, program.defaults[np.newaxis])[0], 3 * (X.a + 0.5) > 0.5
    )


@pytest.mark.parametrize(
    "name", sorted(FUNCTIONS.keys() - {"strings", "nothing", "raises", "positions"})
)
def test_functions_that_are_called_are_compiled_as_those_of_rows_are(name, rng):
    text = FUNCTIONS[name].replace("row.", "").replace("rule(row, *, ", "called(a, b, c, ")
    module = {"math": math}
    exec(text, module)
    called = module["called"]
    called.__tabtrain_source__ = text

    def rule(row, *, p=0.5, q=2.0):
        return called(row.a, row.b, row.c, p) if row.b != q else called(row.c, 1, row.a)

    X = random_rows(rng)
    arguments = (rule, parameters_of(rule), {}, FACTS)
    params = rng.integers(-3, 4, (9, 2)) / 2
    expected = answers_of(PythonProgram(*arguments), X, params)
    assert not np.isnan(expected).all()
    assert_array_equal(answers_of(CompiledProgram(*arguments, RowTable(X)), X, params), expected)


HELPERS = {
    "divides": "def helper(x, y):\n    return x / y\n",
    "makes whole": "def helper(x, y):\n    return int(x if y > 0 else math.nan)\n",
    "rounds": "def helper(x, y):\n    return round(x if y > 0 else math.inf)\n",
    "powers": "def helper(x, y):\n    return x**0.5 + y\n",
    "mathematics": "def helper(x, y, base=2.0):\n    return math.log(x) * base + y\n",
    "raises": "def helper(x, y):\n    if x > y:\n        raise ValueError\n    return x\n",
    "asserts": "def helper(x, y):\n    assert x < y\n    return x < 0\n",
    "two": "def helper(x, y):\n    return divided(x, y=y) + divided(y, 2)\n"
    "def divided(x, y):\n    return x / y\n",
    "pair": "def helper(x, y):\n    low, high = pair(x, y)\n    return low / high\n"
    "def pair(x, y):\n    return x, y\n",
}


@pytest.mark.parametrize("name", HELPERS)
def test_what_fails_in_a_function_that_is_called_fails(name, rng):
    """In any row, not only in those that are tried first."""
    text = HELPERS[name]
    module = {"math": math}
    exec(text, module)
    for each in module.values():
        if isinstance(each, types.FunctionType):
            each.__tabtrain_source__ = text
    helper = module["helper"]

    def rule(row, *, p=0.5):
        return (helper(row.a, row.b) > p) + (row.a > 0)

    X = random_rows(rng)
    parameters = parameters_of(rule)
    python = PythonProgram(rule, parameters, {}, FACTS)
    compiled = CompiledProgram(rule, parameters, {}, FACTS, RowTable(X))
    params = rng.integers(-3, 4, (9, 1)) / 2
    expected = answers_of(python, X, params)
    assert np.isnan(expected).any()
    assert not np.isnan(expected).all()
    assert_array_equal(answers_of(compiled, X, params), expected)
    assert compiled.thresholds == python.thresholds
    found, expected = (others_of(each, X, params[0]) for each in (compiled, python))
    known = ~np.isnan(expected)
    assert known.any()
    assert_array_equal(found[known], expected[known])


def test_functions_that_users_compiled_fail_as_python_does(rng):
    divided = numba.njit(divided_by)

    def rule(row, *, p=0.5):
        return divided(row.a, row.b) > p

    X = random_rows(rng)
    parameters = parameters_of(rule)
    arguments = (rule, parameters, {}, FACTS)
    compiled = CompiledProgram(*arguments, RowTable(X))
    params = np.array([[0.5]])
    expected = answers_of(PythonProgram(*arguments), X, params)
    assert np.isnan(expected).any()
    assert_array_equal(answers_of(compiled, X, params), expected)


def divided_by(x, y):
    return x / y


def test_variables_of_users_may_have_the_names_of_functions(rng):
    def rule(row, *, p=0.5):
        helper = max = row.a
        return helper + max > p

    X = random_rows(rng)
    program = make_program(rule, parameters_of(rule), [], X, vectorized=False)
    assert isinstance(program, CompiledProgram)
    assert_array_equal(answers_of(program, X, np.array([[0.5]]))[0], 2 * X.a > 0.5)


@pytest.mark.parametrize(
    "name", ["_failed", "_value_1", "_step_1", "_column_0", "_other_0", "_nan"]
)
def test_users_may_give_any_names(name, rng):
    text = f"""
def rule(row, *, p=0.5, {name}=1.0):
    low = row.b < {name} < row.c
    {name} = row.a / (row.b if row.a else 1)
    return {name} > p and not low
"""
    function = written(text)
    X = random_rows(rng)
    program = make_program(function, parameters_of(function), [], X, vectorized=False)
    assert isinstance(program, CompiledProgram)
    python = PythonProgram(function, parameters_of(function), {}, FACTS)
    params = rng.integers(-3, 4, (9, 2)) / 2
    assert_array_equal(answers_of(program, X, params), answers_of(python, X, params))
    found, expected = (others_of(each, X, params[0]) for each in (program, python))
    known = ~np.isnan(expected)
    assert known.any()
    assert_array_equal(found[known], expected[known])


def test_defaults_and_annotations_may_name_what_is_local(rng):
    start, share, kind = 0.5, 2.0, float

    def rule(row, factor=share, *, p: kind = start) -> kind:
        return row.a * factor > p

    X = random_rows(rng)
    program = make_program(rule, parameters_of(rule), [], X, vectorized=False)
    assert isinstance(program, CompiledProgram)
    python = PythonProgram(rule, parameters_of(rule), {}, FACTS)
    assert [each.name for each in python.thresholds] == ["p"]
    assert_array_equal(others_of(python, X, np.array([0.5]))[0], 2 * X.a)
    assert_array_equal(answers_of(program, X, np.array([[0.5]]))[0], 2 * X.a > 0.5)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return sum(row) > p", "'row' is used otherwise"),
        ("return row[int(p)] > 1", "'row' is used otherwise"),
        ("return row.s.startswith('x')", "strings are not only"),
        ("return row.s > 'x'", "strings are not only"),
        ("return row.s + 'x' == 'xx'", "strings are not only"),
        ("import os\n    return row.a > p", "a statement that is not known"),
        ("return row.a.is_integer() or row.b > p", "Numba cannot compile"),
        ("return [row.a > p, 'x'][0]", "strings are not only"),
        ("return row.a is p", "the same object"),
        ("return row.s == None or row.a > p", "strings are not only"),
        ("_tabtrain_x = row.a\n    return _tabtrain_x > p", "names that begin with _tabtrain_"),
        ("return row.when > row.when - row.when.resolution * p", "'when' has neither numbers nor"),
        ("return row.s in ('x', None) or row.a > p", "strings are not only"),
        ("return round(row.a, 2) > p", "it calls round"),
        ("return divmod(row.a, 2)[0] > p", "it calls divmod"),
        ("return sum([math.exp(row.a) for i in (0, 1)]) > p", "may fail in a function"),
        ("return sum([rooted(row.a) for i in (0, 1)]) > p", "may fail in a function"),
        ("return max([row.a, p], key=rooted) > p", "otherwise with rooted than to call it"),
        ("return factorial(row.a) > p", "of factorial, which it calls: it calls itself"),
        ("return scaled(row.a) > p", "of scaled, which it calls: it has keyword-only arguments"),
        ("return (absent(row.a) is None) > p", "of absent, which it calls: it may answer None"),
        (
            "try:\n        return 1 / row.b > p\n    except Exception:\n        return False",
            "known",
        ),
        (
            "if row.a > p:\n        x = 1\n    elif row.a <= p:\n        x = 0\n    return x",
            "before",
        ),
        ("x = row.s\n    return x == 'x'", "kept in variables"),
        ("x = 'a' if row.a > p else 'b'\n    return x + 'c' == 'ac'", "strings are not only"),
        ("x = 1\n    if row.a > p: x = 'a'\n    return x == 1 or x > 'A'", "strings are not only"),
        ("return (lambda x: x / row.b)(p) > 1 if row.b else False", "may fail in a function"),
    ],
)
def test_what_is_not_compiled_runs_as_it_is_and_says_why(body, reason, rng):
    function = written(f"def rule(row, *, p=1.0):\n    {body}\n")
    X = random_rows(rng).assign(when=pd.Timestamp("2020-01-01"))
    X = X.drop(columns=["s", "when"]) if "sum" in body else X
    with pytest.warns(EfficiencyWarning, match=f"times slower.*because.*{reason}"):
        program = make_program(function, parameters_of(function), [], X, vectorized=False)
    assert isinstance(program, PythonProgram)
    expected = [function(row, p=1.0) for row in RowTable(X).rows()]
    assert_array_equal(answers_of(program, X, np.ones((1, 1)))[0], expected)


def test_without_a_source_a_function_runs_as_it_is(rng):
    module: dict = {}
    exec("def rule(row, *, p=1.0): return row.a > p", module)
    X = random_rows(rng)
    with pytest.warns(EfficiencyWarning, match="its source cannot be read"):
        program = make_program(
            module["rule"], parameters_of(module["rule"]), [], X, vectorized=False
        )
    assert program.thresholds == []


def test_the_names_of_the_user_do_not_meet_those_of_the_kernel(rng):
    module: dict = {}
    text = """
def max(a, b):
    return a * 0
def np(a):
    return a + 1
def called(a):
    return a
compiled = kernel = guarded = function = 2.0
def rule(row, *, p=0.5):
    return max(row.a, 1) + np(row.b) * compiled + called(function) > p
"""
    exec(text, module)
    for name in ("max", "np", "called", "rule"):
        module[name].__tabtrain_source__ = text
    function = module["rule"]
    X = random_rows(rng)
    program = make_program(function, parameters_of(function), [], X, vectorized=False)
    assert isinstance(program, CompiledProgram)
    assert_array_equal(answers_of(program, X, np.array([[3.0]]))[0], (X.b + 1) * 2 + 2 > 3)


# Thresholds


def names_of(text, names="pqr"):
    tree = sources.plain(sources.read(written(text)))
    return {each.name for each in sources.thresholds(tree, list(names)).values()}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return row.a > p", "p"),
        ("return p <= row.a", "p"),
        ("return p < row.a < q", "pq"),
        ("return row.a < p < row.b", ""),
        ("return row.a > p and (row.b < q or not row.c >= r)", "pqr"),
        ("return 1 if row.a > p else 0", "p"),
        ("return row.a * q > p", "p"),
        ("return row.a > 2 * p", ""),
        ("return row.a > -p", ""),
        ("return row.a == p", ""),
        ("return row.a > p or row.b > p", ""),
        ("return min(row.a, p) > q", "q"),
        ("x = p\n    return row.a > x", ""),
        ("p = 3\n    return row.a > p", ""),
        ("for i in range(3):\n        if row.a > p: return True\n    return row.b > q", "q"),
        ("while row.a > p: return 1\n    return 0", ""),
        ("return any([row.a > p for i in range(3)])", ""),
        ("f = lambda: row.a > p\n    return f()", ""),
        ("if row.a > p:\n        if row.b > q: return 1\n    return 0", "pq"),
        ("return (row.a > p) + (row.b > q)", "pq"),
        ("return p > q", "p"),
        ("return p < q and row.a > p", "q"),
    ],
)
def test_which_parameters_are_thresholds(body, found):
    assert names_of(f"def rule(row, *, p=1.0, q=1.0, r=1.0):\n    {body}\n") == set(found)


class RandomFunction:
    """A random function of rows a, b, c: conditions, arithmetic and control flow of all kinds."""

    def __init__(self, rng):
        self._rng = rng
        self.names: list[str] = []
        self._depth = 0
        body = self._block(1, 3)
        declared = ", ".join(
            f"{name}={rng.integers(-4, 5)}{'' if rng.random() < 0.3 else '.0'}"
            for name in self.names
        )
        self.text = f"def rule(row, *, {declared or 'p0=1.0'}):\n{body}"

    def _pick(self, *choices):
        return choices[self._rng.integers(len(choices))]

    def _parameter(self):
        if self.names and self._rng.random() < 0.25:
            return self._pick(*self.names)
        self.names.append(f"p{len(self.names)}")
        return self.names[-1]

    def _number(self):
        column = f"row.{self._pick('a', 'b', 'c')}"
        return self._pick(
            lambda: column,
            lambda: column,
            lambda: f"{column} + {self._pick('row.a', '1', '-2')}",
            lambda: f"({column} if {self._condition(1)} else {self._pick('0', 'row.b')})",
            lambda: f"{self._pick('min', 'max')}({column}, {self._pick('0.5', 'row.c')})",
            lambda: f"abs({column})",
            lambda: f"{column} * 2",
            lambda: self._parameter(),
        )()

    def _condition(self, depth):
        op = self._pick("<", "<=", ">", ">=")
        if depth == 0:
            sides = [self._number(), self._parameter()]
            if self._rng.random() < 0.3:
                sides.reverse()
            return f"{sides[0]} {op} {sides[1]}"
        return self._pick(
            lambda: self._condition(0),
            lambda: f"({self._condition(depth - 1)} and {self._condition(depth - 1)})",
            lambda: f"({self._condition(depth - 1)} or {self._condition(depth - 1)})",
            lambda: f"(not {self._condition(depth - 1)})",
            lambda: f"{self._parameter()} < {self._number()} <= {self._parameter()}",
            lambda: f"({self._condition(0)} if {self._condition(0)} else {self._condition(0)})",
        )()

    def _block(self, indent, depth):
        """Statements, all of whose paths end in a return."""
        space = "    " * indent
        if depth == 0 or self._rng.random() < 0.2:
            answer = self._pick("0", "1", "2", f"({self._condition(1)}) + 0", "1")
            return f"{space}return {answer}\n"
        kind = self._rng.integers(4)
        if kind == 0:
            return (
                f"{space}if {self._condition(1)}:\n{self._block(indent + 1, depth - 1)}"
                f"{self._block(indent, depth - 1)}"
            )
        if kind == 1:
            return (
                f"{space}if {self._condition(2)}:\n{self._block(indent + 1, depth - 1)}"
                f"{space}else:\n{self._block(indent + 1, depth - 1)}"
            )
        if kind == 2:
            name = f"x{indent}{depth}"
            return (
                f"{space}{name} = {self._number()}\n"
                f"{space}if {name} > {self._parameter()}:\n{self._block(indent + 1, depth - 1)}"
                f"{self._block(indent, depth - 1)}"
            )
        return (
            f"{space}for i in range(2):\n"
            f"{space}    if {self._condition(1)}:\n{self._block(indent + 2, 0)}"
            f"{self._block(indent, depth - 1)}"
        )


def random_problem(seed, make):
    """A problem of a random function on a grid, and its parts."""
    rng = np.random.default_rng(seed)
    random = RandomFunction(rng)
    function = written(random.text)
    parameters = parameters_of(function)
    X = pd.DataFrame(rng.integers(-4, 5, (19, 3)) / 2.0, columns=list("abc"))
    y = rng.integers(3, size=19).astype(float)
    weight = rng.choice([0.0, 1.0, 2.0], 19)
    weight[0] = 1.0
    program = make(function, parameters, X)
    table = Table(program.rows(X), y, weight)
    model = FunctionModel(program, parameters, np.arange(3.0), table)
    return Problem(model, Accuracy(), table), function, parameters, X, y, weight


def python_score(function, values, X, y, weight):
    answers = [function(row, **values) for row in RowTable(X).rows()]
    return np.average(np.array(answers, dtype=float) == y, weights=weight)


def check_lines(problem, function, parameters, X, y, weight):
    """Every exact line search is as good as trying all values there are, one by one."""
    names = [each.name for each in parameters]
    defaults = {each.name: each.default for each in parameters}
    model = problem.model
    for group in problem.line_groups:
        (j,) = np.flatnonzero(group)
        start = model.theta(model.program.defaults)
        (step,), (score,) = problem.line_search(start[np.newaxis], group[np.newaxis] * 1.0)
        values = np.arange(-20, 20.01, 1.0 if parameters[j].kind == "int" else 0.25)
        by_hand = max(
            python_score(function, defaults | {names[j]: parameters[j].value(value)}, X, y, weight)
            for value in values
        )
        assert score == pytest.approx(by_hand, abs=1e-12)
        theta = problem.project(start + step * group)
        found = parameters[j].value(model.parameters(theta[np.newaxis])[0, j])
        there = python_score(function, defaults | {names[j]: found}, X, y, weight)
        assert there == pytest.approx(score, abs=1e-12)
        assert problem.scores(theta[np.newaxis])[0] == pytest.approx(score, abs=1e-12)


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_line_searches_of_random_functions_are_exact(seed):
    def make(function, parameters, X):
        return PythonProgram(function, parameters, {}, FACTS)

    check_lines(*random_problem(seed, make))


@pytest.mark.parametrize("seed", range(4))
def test_line_searches_of_random_functions_are_exact_when_compiled(seed):
    def make(function, parameters, X):
        return CompiledProgram(function, parameters, {}, FACTS, RowTable(X))

    check_lines(*random_problem(seed, make))


def test_rows_for_which_the_function_fails_are_never_preferred(rng):
    """The line would lead to where it divides by zero."""

    def rule(row, *, p=5.0):
        return 1 / row.b > 0 if row.a > p else False

    X = pd.DataFrame({"a": np.arange(8.0), "b": [0.0, 0, 1, 1, 1, 1, 1, 1]})
    y = np.ones(8)
    program = make_program(rule, parameters_of(rule), [], X, vectorized=False)
    table = Table(program.rows(X), y)
    problem = Problem(
        FunctionModel(program, parameters_of(rule), np.array([0.0, 1.0]), table), F1(), table
    )
    thetas = problem.model.theta(np.array([[5.0], [1.5], [0.5], [-1.0]]))
    scores = problem.scores(thetas)
    assert_array_equal(scores[2:], -np.inf)
    assert scores[1] > scores[0] > 0
    steps, found = problem.line_search(thetas[:1], np.ones((1, 1)))
    assert problem.scores(thetas[:1] + steps)[0] == found[0] == scores[1]


def answers_strings(row, *, p=0.0, q=1.0):
    return "x" if row[0] / row[1] > p or row[1] > q else "y"


def answers_bool(row, *, p=0.0, q=1.0):
    return row[0] / row[1] > p or row[1] > q


@pytest.mark.parametrize("n_rows", [100, 5000])
@pytest.mark.parametrize("weights", ["ones", "zeros and ones", "fractions"])
@pytest.mark.parametrize("rule", [answers_strings, answers_bool])
def test_fused_counts_are_those_of_raw_predictions(rule, weights, n_rows, rng):
    """To the bit, and candidates that fail are found alike."""
    X = rng.integers(-3, 4, (n_rows, 2)) + 0.5
    X[77, 1] = 0.0
    X[77, 0] = 99.0
    y = rng.integers(2, size=n_rows).astype(float)
    if weights == "zeros and ones":
        weight = rng.integers(2, size=n_rows).astype(float)
    else:
        weight = random_table(rng, n_rows, 1, 2, weights=weights)[2]
    for weight[77] in (0.0, 1.0):
        program = make_program(rule, parameters_of(rule), ["x", "y"], X, vectorized=False)
        labels = [program.number(each) for each in ("x", "y")]
        labels = np.array(labels if rule is answers_strings else [0.0, 1.0])
        table = Table(program.rows(X), y, weight)
        model = FunctionModel(program, parameters_of(rule), labels)
        assert model.fused
        fused = Problem(model, F1(), table)
        model.fused = {}
        by_raw = Problem(model, F1(), table)
        thetas = rng.standard_normal((150, 2))
        scores = fused.scores(thetas)
        assert_array_equal(scores, by_raw.scores(thetas))
        assert np.isinf(scores).all() == (weight[77] > 0)
        assert len(np.unique(scores)) > 10 or weight[77] > 0


def test_fused_counts_one_by_one():
    """A label that is never answered, rows that are answered with none, and single rows."""

    def rule(row, *, p=0.0):
        return row[0] if row[0] > p else -1.0

    X = np.array([[0.0], [1.0], [2.0], [1.0]])
    y, weight = np.array([0.0, 1.0, 1.0, 0.0]), np.array([1.0, 2.0, 0.25, 3.0])
    program = make_program(rule, parameters_of(rule), [], X, vectorized=False)
    for rows, labels, threshold, expected in (
        (slice(0, 4), (-1.0, 1.0), 0.5, None),
        (slice(0, 2), (-1.0, 1.0), 0.5, [1, 0, 0, 2]),
        (slice(1, 4), (1.0, 2.0), 0.5, [3, 0, 2, 0.25]),
        (slice(2, 3), (np.nan, 2.0), 0.5, [0, 0, 0, 0.25]),
        (slice(0, 3), (np.nan, -1.0), 9.0, [0, 1, 0, 2.25]),
    ):
        table = Table(program.rows(X[rows]), y[rows], weight[rows])
        model = FunctionModel(program, parameters_of(rule), np.array(labels))
        tallies = np.zeros((1, 4))
        params = model.parameters(model.theta(np.array([[threshold]])))
        model.fused[confusion.tally](params, *table.block(0), tallies)
        assert_array_equal(tallies[0], np.full(4, np.nan) if expected is None else expected)


# Source with other defaults


def test_source_with_defaults_keeps_everything_else():
    text = """def rule(row, *, größe: Annotated[float, Interval(0, 9)] = 1.5,  # "é"
         q=(
             2
         ), kind: Literal["x", "y"] = "x"):
    # why
    return row.a > größe and row.b < q  # = 1.5
"""
    found = sources.with_defaults(written(text), {"größe": 0.25, "q": 7, "kind": "y"})
    expected = text.replace("= 1.5,", "= 0.25,").replace(" 2\n", " 7\n").replace('= "x"', "= 'y'")
    assert found == expected


def test_a_lambda_can_be_read():
    rule = lambda row, *, p=1.0: row[0] > p  # noqa: E731
    assert sources.with_defaults(rule, {"p": 2.0}) == "lambda row, *, p=2.0: row[0] > p"


def same(function):
    return function


# fmt: off
several_lines = same(
    lambda row, *, p=1.0: row[0] > p
    or row[1] > 2.9  # comment
)
# fmt: on


def test_functions_are_read_to_their_end():
    text = "(lambda row, *, p=2.0: row[0] > p\n    or row[1] > 2.9)"
    assert sources.with_defaults(several_lines, {"p": 2.0}) == text
    X = np.array([[0.0, 3.0], [0.0, 0.0]])
    program = make_program(several_lines, parameters_of(several_lines), [], X, vectorized=False)
    assert isinstance(program, CompiledProgram)
    assert_array_equal(answers_of(program, X, np.ones((1, 1))), [[1, 0]])


@pytest.mark.parametrize("line", ["import math", "from __future__ import annotations"])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_source_that_is_not_what_runs_is_not_read(tmp_path, line, at_once):
    """Whether the file is compiled at once, or by statements as in notebooks."""
    file = tmp_path / "rules.py"
    text = f"{line}\ndef rule(row: float, *, p=1.0):\n    return math.exp(row[0]) > p\n"
    file.write_text(text, encoding="utf-8")
    module = {"math": math}
    parts = [text] if at_once else [text.replace(line, ""), text.partition("def")[0]]
    flags = __future__.annotations.compiler_flag if "annotations" in line else 0
    for part in parts:
        exec(compile(part, file, "exec", flags), module)
    rule = module["rule"]
    for _ in range(100):
        rule([1.0])
    assert sources.with_defaults(rule, {"p": 2.0}) == text.partition("\n")[2].replace("1.0", "2.0")
    for other in ("math.exp(row[0]) < p", "math.exp(row[1]) > p", "(", "math.exp(row[0]) > p or p"):
        changed = text.replace("math.exp(row[0]) > p", other)
        file.write_text(f"{changed}# {other}", encoding="utf-8")
        with pytest.raises(ValueError, match="its source cannot be read"):
            sources.with_defaults(rule, {"p": 2.0})


def test_functions_inside_others_are_read_as_if_they_were_not(tmp_path):
    text = """def around(decorated, factor):
    @decorated
    def rule(row, *, p=1.0):
        \'\'\'Two
        lines.

not indented.\'\'\'
        return row[0] * factor > p
    return rule
"""
    file = tmp_path / "rules.py"
    file.write_text(text, encoding="utf-8")
    module: dict = {}
    exec(compile(text, file, "exec"), module)
    expected = """@decorated
def rule(row, *, p=1.0):
    \'\'\'Two
    lines.

not indented.\'\'\'
    return row[0] * factor > p
"""
    assert sources.text_of(module["around"](lambda function: function, 2.0)) == expected


# Tables


def test_missing_columns_are_named(rng):
    table = RowTable(random_rows(rng).rename(columns={"a": "glucose"}))
    with pytest.raises(ValueError, match=r"row\.glucos.*did you mean 'glucose'"):
        table.place(("attribute", "glucos"))
    with pytest.raises(ValueError, match=r"row\['Z'\].*it has \['glucose', 'b', 'c', 's'\]"):
        table.place(("item", "Z"))
    with pytest.raises(ValueError, match=r"row\[4\], the table has 4 columns"):
        table.place(("item", 4))
    with pytest.raises(ValueError, match="no DataFrame"):
        RowTable(np.zeros((2, 2))).place(("attribute", "a"))


def test_rows_have_names_places_and_keys():
    X = pd.DataFrame({"a": [1, 2], "two words": ["x", "y"], "count": [0.5, 1.5]})
    first, second = RowTable(X).rows()
    assert (first.a, first["two words"], first[-1], second[0], second.count) == (
        1,
        "x",
        0.5,
        2,
        1.5,
    )
    assert type(first.a) is int
    with pytest.raises(AttributeError, match="did you mean 'count'"):
        _ = first.cont
    with pytest.raises(KeyError, match="two words"):
        first["two word"]


def outcomes_by_row(function, X, fitted_with, *, share=1):
    """What a function that is not compiled answers for rows, so many of them at once."""
    with pytest.warns(EfficiencyWarning):
        fitted = make_program(function, parameters_of(function), [], fitted_with, vectorized=False)
    found = []
    for first in range(0, len(X), share):
        rows = X[first : first + share]
        parameters = parameters_of(function)
        again = make_program(
            function, parameters, [], rows, vectorized=False, as_before=fitted.facts
        )
        found += answers_of_new(again, rows).tolist()
    return found


CELLS = pd.DataFrame(
    {
        "s": ["x", None, "y", np.nan, "x"],
        "mixed": ["x", 1.5, None, 2, float("nan")],
        "n": np.array([1, None, 2.5, np.nan, 3], dtype=object),
        "category": pd.Categorical(["x", None, "y", "x", None]),
    }
)


@pytest.mark.parametrize("passed_on", [True, False])
def test_a_row_is_the_same_whatever_other_rows_there_are(passed_on):
    def kind_of(value):
        return 0 if value is None else 1 if value != value else 2 if isinstance(value, str) else 3

    def kinds_of(row):
        return (
            1000 * kind_of(row[0]) + 100 * kind_of(row[1]) + 10 * kind_of(row[2]) + kind_of(row[3])
        )

    def rule(row, *, p=0.0):
        try:
            kinds = [kind_of(row.s), kind_of(row.mixed), kind_of(row.n), kind_of(row.category)]
        finally:
            pass
        return p + sum(10**i * kind for i, kind in enumerate(reversed(kinds)))

    def other(row, *, p=0.0):
        return kinds_of(row) + p

    function = other if passed_on else rule
    expected = [2232, 310, 2032, 312, 2030]
    for share in (5, 2, 1):
        assert outcomes_by_row(function, CELLS, CELLS, share=share) == expected


def test_numbers_in_place_of_strings_are_refused_and_the_other_way_round():
    def rule(row, *, p=2.0):
        return row.s == "x" or row.n > p

    program = make_program(rule, parameters_of(rule), [], CELLS, vectorized=False)
    assert isinstance(program, CompiledProgram)
    plain = PythonProgram(rule, parameters_of(rule), {}, program.facts)
    for each in (program, plain):
        for missing in (None, np.nan):
            X = CELLS.assign(s=missing)
            assert_array_equal(answers_of_new(each, X), [0, 0, 1, 0, 1])
        X = CELLS.assign(category=1.0, mixed="x")
        assert_array_equal(answers_of_new(each, X), [1, 0, 1, 0, 1])
        with pytest.raises(ValueError, match="column 'n' holds strings, where it held numbers"):
            each.rows(CELLS.assign(n=CELLS.n.astype(str)))
        with pytest.raises(ValueError, match="column 'n' holds objects, where it held numbers"):
            each.rows(CELLS.assign(n=pd.Timestamp("2020-01-01")))
        with pytest.raises(ValueError, match="column 's' holds numbers, where it held strings"):
            each.rows(CELLS.assign(s=[1, 2, 3, None, 4]))


def answers_of_new(program, X):
    rows = program.rows(X)
    tiles = tiles_of(rows)
    raw = np.empty((1, 1, tiles.shape[0] * N_LANES))
    program.forward(program.defaults[np.newaxis], tiles, raw)
    return raw[0, 0, : len(rows)]


def test_python_answers_new_rows_where_what_is_compiled_has_no_answer():
    def rule(row, *, p=1.0, q=0.0):
        return np.log(row.a) / row.b > p and row.c > q

    X = pd.DataFrame({"a": [1.0, 4, 9], "b": [1.0, 2, 3], "c": 1.0})
    program = make_program(rule, parameters_of(rule), [], X, vectorized=False)
    assert isinstance(program, CompiledProgram)
    again = make_program(
        rule, parameters_of(rule), [], X, vectorized=False, as_before=program.facts
    )
    a = np.random.default_rng(0).uniform(0.5, 20, 100)
    new = pd.DataFrame({"a": a, "b": np.arange(100.0) % 3, "c": 1.0})
    rows = again.rows(new)
    tiles, params = tiles_of(rows), np.array([[1.0, 0.0], [0.3, 2.0], [-1.0, 0.5]])
    raw = np.empty((3, 1, tiles.shape[0] * N_LANES))
    with np.errstate(divide="ignore"):
        again.forward(params, tiles, raw)
        by_hand = [
            (np.log(new.a) / new.b > params[i, 0]) & (new.c > params[i, 1]) for i in range(3)
        ]
    assert_array_equal(raw[:, 0, :100], by_hand)


@pytest.mark.parametrize(
    "body", ["row.a**2 * p", "np.exp(row.a) * p", "np.tanh(row.a) + np.cbrt(p)"]
)
def test_numbers_may_be_rounded_otherwise(body, rng):
    function = written(f"def rule(row, *, p=1.1):\n    return {body}\n")
    X = pd.DataFrame({"a": rng.uniform(0.1, 3, 200)})
    program = make_program(function, parameters_of(function), None, X, vectorized=False)
    assert isinstance(program, CompiledProgram)
    expected = [function(row) for row in RowTable(X).rows()]
    np.testing.assert_allclose(answers_of(program, X, np.array([[1.1]]))[0], expected, rtol=1e-12)


def test_the_row_that_is_answered_otherwise_is_named():
    function = written("def rule(row, *, p=1.1):\n    return (2**53 + int(row.b) == 2**53) + 1\n")
    X = pd.DataFrame({"b": [0.0, 1, 2, 3]})
    told = "row 1 is answered 1.0 by Python and 2.0 by what is compiled"
    with pytest.warns(EfficiencyWarning, match=told):
        make_program(function, parameters_of(function), [], X, vectorized=False)


def test_whole_table_functions_see_the_whole_table(rng):
    def rule(X, *, p=1.0):
        return X.a - X.a.mean() > p

    X = random_rows(rng, 3000)
    program = make_program(rule, parameters_of(rule), [], X, vectorized=True)
    with Table(program.rows(X), one_block=program.whole_table) as table:
        assert table.n_blocks == 1
        raw = np.empty((2, 1, table.n_padded))
        program.forward(np.array([[0.0], [1.0]]), table.block(0).tiles, raw)
    for p in (0, 1):
        assert_array_equal(raw[p, 0, :3000], rule(X, p=float(p)))


def test_warnings_are_not_given_twice(rng):
    """When predictions are made, the function is what it was in training."""
    function = written("def rule(row, *, p=1.0):\n    return sum(row) > p\n")
    X = np.zeros((3, 2))
    with pytest.warns(EfficiencyWarning):
        program = make_program(function, parameters_of(function), [], X, vectorized=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = make_program(
            function, parameters_of(function), [], X, vectorized=False, as_before=program.facts
        )
    assert isinstance(again, PythonProgram)
