"""Rewriting the function that a user wrote as one of numbers, for the compiler.

It is a function of columns and parameters, raises no exceptions where that can be foreseen, and
says beside its answer whether the original would have failed.

Strings are numbers, the same for the same string, that no calculation arrives at. They may only be
returned, kept and compared for equality; other functions are not rewritten.
"""

import ast
import builtins
import math
import types
from typing import NamedTuple

import numpy as np

from tabtrain.functions.assigned import stored, unassigned
from tabtrain.functions.lowering import lowered
from tabtrain.functions.source import (
    CannotRewriteError,
    as_written,
    column_of,
    namespace_of,
    own,
    plain,
    read,
)

# Strings that the function does not name are all the same to it.
OTHER_STRING = -(2.0**1000)
HIGHEST_STRING = -(2.0**900)
# Why most functions of strings are not rewritten.
_STRINGS = "strings are not only returned or compared for equality"


def string_numbers(strings):
    """The number of each string."""
    return {each: (1.0 + i) * HIGHEST_STRING for i, each in enumerate(sorted(set(strings)))}


def strings_in(source):
    """All strings that are written in a function."""
    return {
        node.value
        for node in ast.walk(ast.Module(source.tree.body, []))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


_OWN_FUNCTION = "it does what may fail in a function or comprehension of its own"
# What makes whole numbers, and what stands for it.
_FINITE = {
    int: "truncated",
    math.trunc: "truncated",
    round: "rounded",
    math.floor: "floor",
    math.ceil: "ceil",
}
# What Python refuses on numbers for which the compiler has an answer.
_REFUSED = (divmod, pow)
# Constants that are equal if they are the same to a function.
_PLAIN = (bool, int, float, str)


def _load(name):
    return ast.Name(own(name), ast.Load())


def _store(name):
    return ast.Name(own(name), ast.Store())


class Namespace(dict):
    """What the names in a function are; equal if they are what functions were compiled with."""

    def __hash__(self):  # type: ignore[override]
        return hash(tuple(sorted(self)))

    def __eq__(self, other):
        return self.keys() == other.keys() and all(
            value is other[name]
            or (type(value) is type(other[name]) and type(value) in _PLAIN and value == other[name])
            for name, value in self.items()
        )


class Rewritten(NamedTuple):
    """A function of numbers.

    Attributes
    ----------
    code : str
        It defines a function of that name that `own` gives to "function".
    namespace : Namespace
        What the names in it are.
    called : tuple of (Rewritten, str)
        The functions that it calls, and what they are called in it.
    may_raise : bool
        Whether it does what may yet raise exceptions.
    can_fail : bool
        Whether it may say that the original fails.
    """

    code: str
    namespace: Namespace
    called: tuple
    may_raise: bool
    can_fail: bool


class _Numbers(ast.NodeTransformer):
    """Makes a function one of numbers, that raises nothing.

    Parameters
    ----------
    namespace : dict
        What the names in the function are.
    callers : tuple of callable
        The functions on the way to this one, which is the last; none of the function of a row.
    row, columns, numbers, string_names, answers
        As for `as_numbers`; what is called by others has neither row nor strings.
    """

    def __init__(
        self,
        namespace,
        callers=(),
        row=None,
        columns=None,
        numbers=(),
        string_names=(),
        answers=True,
    ):
        self._namespace = namespace
        self._callers = callers
        self._row, self._columns, self._numbers = row, columns, numbers
        # Of columns and parameters that hold strings.
        self._string_names = set(string_names)
        # Whether `return` is to say if the original fails.
        self._answers = answers
        self._local: set[str] = set()
        self._called: dict[Rewritten, str] = {}
        self._n = 0
        self._depth = 0
        self._may_raise = self._can_fail = False

    def _new(self):
        self._n += 1
        return own(f"value_{self._n}")

    # Rows and strings

    def visit_Name(self, node):
        if node.id == self._row:
            raise CannotRewriteError(
                f"{self._row!r} is used otherwise than as {self._row}.name, "
                f"{self._row}['name'] or {self._row}[3]"
            )
        if node.id in self._string_names and isinstance(node.ctx, ast.Load):
            raise CannotRewriteError(_STRINGS)
        if isinstance(self._named(node), types.FunctionType):
            raise CannotRewriteError(f"it does otherwise with {node.id} than to call it")
        return node

    def visit_Attribute(self, node):
        return self._column(node) or self.generic_visit(node)

    def visit_Subscript(self, node):
        column = self._column(node)
        if column is None:
            self._may_raise = True
            return self.generic_visit(node)
        return column

    def _column(self, node):
        key = column_of(node, self._row)
        if key is None:
            return None
        name = column_name(self._columns[key])
        if name in self._string_names:
            raise CannotRewriteError(_STRINGS)
        return ast.copy_location(ast.Name(name, ast.Load()), node)

    def _string(self, node):
        """The number of what may be a string where that is allowed, else None."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value not in self._numbers:
                raise CannotRewriteError(_STRINGS)
            return ast.copy_location(ast.Constant(self._numbers[node.value]), node)
        key = column_of(node, self._row)
        name = column_name(self._columns[key]) if key is not None else getattr(node, "id", None)
        if name is not None and name in self._string_names:
            return ast.copy_location(ast.Name(name, ast.Load()), node)
        return None

    def _may_be_string(self, node):
        if isinstance(node, ast.IfExp):
            node.test = self.visit(node.test)
            node.body = self._may_be_string(node.body)
            node.orelse = self._may_be_string(node.orelse)
            return node
        return self._string(node) or self.visit(node)

    def _note_strings(self, tree):
        """Find the variables that may hold strings."""
        known = None
        while known != self._string_names:
            known = set(self._string_names)
            for node in ast.walk(tree):
                if isinstance(node, ast.Assign):
                    targets = node.targets
                elif isinstance(node, (ast.NamedExpr, ast.AnnAssign)):
                    targets = [node.target]
                else:
                    continue
                if node.value is not None and self._holds_string(node.value):
                    names = {each.id for each in targets if isinstance(each, ast.Name)}
                    self._string_names = self._string_names | names

    def _holds_string(self, node):
        if isinstance(node, ast.IfExp):
            return self._holds_string(node.body) or self._holds_string(node.orelse)
        if column_of(node, self._row) is not None and self._string(node) is not None:
            # Strings that are not written in the function have no numbers of their own.
            raise CannotRewriteError("strings of the table are kept in variables")
        return self._string(node) is not None

    def visit_Constant(self, node):
        if isinstance(node.value, str):
            raise CannotRewriteError(_STRINGS)
        if node.value is None:
            self._may_raise = True
        return node

    def visit_JoinedStr(self, node):
        raise CannotRewriteError("it makes strings")

    def visit_Assign(self, node):
        node.value = self._may_be_string(node.value)
        node.targets = [self.visit(target) for target in node.targets]
        return node

    def visit_AnnAssign(self, node):
        if node.value is None:
            return None
        assigned = ast.Assign([node.target], node.value)
        return self.visit_Assign(ast.copy_location(assigned, node))

    def visit_NamedExpr(self, node):
        node.value = self._may_be_string(node.value)
        return node

    def visit_Compare(self, node):
        (op,), (right,) = node.ops, node.comparators
        if isinstance(op, (ast.In, ast.NotIn)) and isinstance(
            right, (ast.Tuple, ast.List, ast.Set)
        ):
            return self._is_among(node, right.elts, isinstance(op, ast.NotIn))
        if isinstance(op, (ast.Is, ast.IsNot)):
            is_none = isinstance(right, ast.Constant) and right.value is None
            if not is_none or column_of(node.left, self._row) is not None:
                raise CannotRewriteError("it asks whether two things are the same object")
        sides = [self._string(node.left), self._string(right)]
        if sides == [None, None]:
            return self.generic_visit(node)
        is_equality = isinstance(op, (ast.Eq, ast.NotEq))
        if None in sides or not is_equality or not self._is_known(node.left, right):
            raise CannotRewriteError(_STRINGS)
        node.left, *node.comparators = sides
        return node

    def _is_known(self, *sides):
        """Whether one of two strings is written in the function, or a choice of a parameter.

        Others have no numbers of their own.
        """
        return any(column_of(side, self._row) is None for side in sides)

    def _is_among(self, node, elements, negated):
        if any(isinstance(each, ast.Starred) for each in elements):
            raise CannotRewriteError("it unpacks a sequence")
        name = self._new()
        kept = ast.NamedExpr(ast.Name(name, ast.Store()), node.left)
        holds_strings = self._string(node.left) is not None
        left = ast.Name(name, ast.Load())
        tests: list[ast.expr] = []
        for i, element in enumerate(elements):
            is_column = column_of(element, self._row) is not None
            is_string = self._string(element) is not None
            if is_string != holds_strings or (is_string and is_column):
                raise CannotRewriteError(_STRINGS)
            side = self._may_be_string(element)
            tests.append(ast.Compare(self.visit(kept) if i == 0 else left, [ast.Eq()], [side]))
        if not tests:
            return ast.copy_location(ast.Constant(negated), node)
        test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.Or(), tests)
        return ast.copy_location(ast.UnaryOp(ast.Not(), test) if negated else test, node)

    # What may fail

    def _checked(self, value, failed):
        """The value, once it is noted whether the original would have failed.

        ``failed(value)`` is an expression.
        """
        if self._depth:
            raise CannotRewriteError(_OWN_FUNCTION)
        if not self._answers:
            return value
        self._can_fail = True
        name = self._new()
        kept = ast.NamedExpr(ast.Name(name, ast.Store()), value)
        has_failed = ast.BinOp(_load("failed"), ast.BitOr(), failed(ast.Name(name, ast.Load())))
        noted = ast.NamedExpr(_store("failed"), has_failed)
        return _item(ast.Tuple([kept, noted], ast.Load()), 0)

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Mod)):
            if isinstance(node.right, ast.Constant) and node.right.value != 0:
                return node
            name = self._new()
            node.right = ast.NamedExpr(ast.Name(name, ast.Store()), node.right)
            return self._checked(
                node,
                lambda value: ast.Compare(
                    ast.Name(name, ast.Load()), [ast.Eq()], [ast.Constant(0.0)]
                ),
            )
        if isinstance(node.op, ast.Pow):
            node = ast.Call(_load("power"), [node.left, node.right], [])
            return self._checked_by("is_odd_2", node)
        return node

    def visit_AugAssign(self, node):
        if not isinstance(node.target, ast.Name):
            raise CannotRewriteError("it changes something in place")
        value = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
        return self.visit_Assign(ast.copy_location(ast.Assign([node.target], value), node))

    def _checked_by(self, test, call):
        """A call, and whether Python's own mathematics would have raised an exception there."""
        names = [self._new() for _ in call.args]
        call.args = [
            ast.NamedExpr(ast.Name(name, ast.Store()), argument)
            for name, argument in zip(names, call.args, strict=True)
        ]
        return self._checked(
            call,
            lambda value: ast.Call(
                _load(test), [value, *(ast.Name(name, ast.Load()) for name in names)], []
            ),
        )

    def visit_Call(self, node):
        called = self._named(node.func)
        if (
            called is float
            and len(node.args) == 1
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        ):
            return ast.copy_location(ast.Constant(float(node.args[0].value)), node)
        if isinstance(called, types.FunctionType):
            return self._call_of(called, node)
        self.generic_visit(node)
        if called in (min, max) and len(node.args) > 1 and not node.keywords:
            first, *rest = node.args
            for each in rest:
                first = ast.Call(_load("lower" if called is min else "higher"), [first, each], [])
            return first
        is_mathematics = getattr(called, "__module__", None) == "math"
        n_arguments = 0 if node.keywords else len(node.args)
        if called in _FINITE and n_arguments == 1:
            # As a float, which is as exact as whole numbers are here.
            node = ast.Call(_load(_FINITE[called]), node.args, [])
            return self._checked_by("is_odd_whole", node)
        if is_mathematics and 1 <= n_arguments <= 2:
            return self._checked_by(f"is_odd_{n_arguments}", node)
        if called is float and n_arguments == 1:
            return self._as_float(node.args[0])
        if called in _REFUSED or is_mathematics or called in _FINITE:
            raise CannotRewriteError(f"it calls {called.__name__} in a way that is not known")
        if called not in (abs, bool) and not isinstance(called, np.ufunc):
            self._may_raise = True
        return node

    def _call_of(self, function, node):
        """A call of another function of the user's, which is rewritten like this one."""
        rewritten = _of_called(function, self._callers)
        self._may_raise |= rewritten.may_raise
        name = self._called.setdefault(rewritten, own(f"called_{len(self._called)}"))
        arguments = [self.visit(each) for each in node.args]
        keywords = [self.visit(each) for each in node.keywords]
        call = ast.Call(ast.Name(name, ast.Load()), arguments, keywords)
        if not rewritten.can_fail:
            return _item(call, 0)
        return _item(self._checked(call, lambda value: _item(value, 1)), 0)

    def _as_float(self, value):
        # The compiler's own `float` takes no bool.
        return ast.BinOp(ast.Constant(1.0), ast.Mult(), value)

    def _named(self, node):
        """What an expression names from outside of the function, None if that is not known."""
        if isinstance(node, ast.Name) and node.id not in self._local:
            found = self._namespace.get(node.id, getattr(builtins, node.id, None))
        elif isinstance(node, ast.Attribute) and isinstance(
            module := self._named(node.value), types.ModuleType
        ):
            found = getattr(module, node.attr, None)
        else:
            return None
        return as_written(found)

    def visit_Return(self, node):
        if self._depth or not self._answers:
            return self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == own("nan"):
            return ast.copy_location(self._failure(), node)
        if _answers_none(node.value):
            if self._callers:
                raise CannotRewriteError("it may answer None")
            if node.value is None or isinstance(node.value, ast.Constant):
                return ast.copy_location(self._failure(), node)
            node.value = _without_none(node.value)
        value = self._may_be_string(node.value)
        if not self._callers:
            value = self._as_float(value)
        return ast.copy_location(ast.Return(ast.Tuple([value, _load("failed")], ast.Load())), node)

    def _failure(self):
        self._can_fail = True
        return ast.Return(ast.Tuple([_load("nan"), ast.Constant(True)], ast.Load()))

    # What is not looked into, and may raise anything

    def _unknown(self, node):
        self._may_raise = True
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        return node

    visit_FunctionDef = visit_Lambda = visit_ListComp = visit_SetComp = visit_DictComp = _unknown
    visit_GeneratorExp = _unknown

    def _raises(self, node):
        self._may_raise = True
        return self.generic_visit(node)

    visit_For = visit_While = visit_Raise = visit_Assert = _raises

    def _refused(self, node):
        raise CannotRewriteError(f"it has a statement that is not known: {ast.unparse(node)}")

    visit_Global = visit_Nonlocal = visit_With = visit_Import = visit_ImportFrom = _refused
    visit_Try = visit_TryStar = visit_Yield = visit_YieldFrom = visit_Await = (
        visit_AsyncFunctionDef
    ) = visit_ClassDef = _refused

    def rewritten(self, tree, arguments):
        """The function of a tree of `plain` or `others`, with other arguments.

        Parameters
        ----------
        tree : ast.FunctionDef
        arguments : ast.arguments

        Returns
        -------
        Rewritten
        """
        known = {each.arg for each in ast.walk(arguments) if isinstance(each, ast.arg)}
        if self._row is not None:
            known.add(self._row)
        if unassigned(tree, known):
            raise CannotRewriteError("a variable may be read before it has a value")
        self._local = known | stored(tree)
        self._note_strings(tree)
        body = []
        for statement in tree.body:
            done = self.visit(statement)
            body += done if isinstance(done, list) else [done] if done is not None else []
        if self._answers:
            body = [ast.Assign([_store("failed")], ast.Constant(False)), *body]
            if not _always_returns(tree.body):
                if self._callers:
                    raise CannotRewriteError("it may answer None")
                body.append(self._failure())
        tree.args = arguments
        tree.name = own("function")
        tree.body = lowered(body)
        return Rewritten(
            ast.unparse(ast.fix_missing_locations(tree)),
            Namespace(self._namespace),
            tuple(self._called.items()),
            self._may_raise,
            self._can_fail,
        )


def _item(node, place):
    return ast.Subscript(node, ast.Constant(place), ast.Load())


def _answers_none(node):
    """Whether an answer is written as None, or as None under a condition."""
    if isinstance(node, ast.IfExp):
        return _answers_none(node.body) or _answers_none(node.orelse)
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


def _without_none(node):
    """An answer with NaN in the place of None."""
    if isinstance(node, ast.IfExp):
        node.body, node.orelse = _without_none(node.body), _without_none(node.orelse)
    elif isinstance(node, ast.Constant) and node.value is None:
        return ast.copy_location(_load("nan"), node)
    return node


def _always_returns(body):
    """Whether the end of some statements is never reached."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, (ast.Return, ast.Raise)):
        return True
    return isinstance(last, ast.If) and _always_returns(last.body) and _always_returns(last.orelse)


def column_name(i):
    """What a column is called in what is rewritten."""
    return own(f"column_{i}")


def as_numbers(tree, row, columns, parameters, numbers, string_names, namespace, *, answers=True):
    """Rewrite a tree of `plain` or `others`.

    Parameters
    ----------
    tree : ast.FunctionDef
    row : str
        What the row is called.
    columns : dict
        The number of the column for each key of `columns_read`.
    parameters : list of str
    numbers : dict of str to float
        Of `string_numbers`.
    string_names : set of str
        The parameters and columns, by `column_name`, that hold strings.
    namespace : dict
        What the names in the function are.
    answers : bool
        Whether it is to answer ``(number, whether the original fails)``.

    Returns
    -------
    Rewritten

    Raises
    ------
    CannotRewriteError
    """
    rewriter = _Numbers(namespace, (), row, columns, numbers, string_names, answers)
    names = [*map(column_name, range(len(set(columns.values())))), *parameters]
    arguments = ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])
    return rewriter.rewritten(tree, arguments)


def _of_called(function, callers):
    """A function that another one calls: it answers ``(value, whether the original fails)``."""
    try:
        if function in callers:
            raise CannotRewriteError("it calls itself")
        tree = plain(read(function))
        if tree.args.kwonlyargs:
            raise CannotRewriteError("it has keyword-only arguments")
        # Its defaults are no text.
        namespace = namespace_of(function) | {own("defaults"): function.__defaults__}
        return _Numbers(namespace, (*callers, function)).rewritten(tree, tree.args)
    except CannotRewriteError as error:
        raise CannotRewriteError(f"of {function.__name__}, which it calls: {error}") from error
