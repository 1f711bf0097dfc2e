"""Rewriting the function that a user wrote as one of numbers, for the compiler.

It is a function of columns and parameters, raises no exceptions where that can be foreseen, and
says beside its answer whether the original would have failed.

Strings are numbers, the same for the same string, that no calculation arrives at. They may only be
returned, kept and compared for equality; other functions are not rewritten.
"""

import ast
import builtins
import math
from typing import NamedTuple

import numpy as np

from tabtrain.functions.assigned import unassigned
from tabtrain.functions.lowering import lowered
from tabtrain.functions.source import CannotRewriteError, column_of

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


_OWN_FUNCTION = "it divides or calls mathematics in a function or comprehension of its own"
# What makes whole numbers, and what stands for it.
_FINITE = {
    int: "_truncated",
    math.trunc: "_truncated",
    round: "_rounded",
    math.floor: "_floor",
    math.ceil: "_ceil",
}
# What Python refuses on numbers for which the compiler has an answer.
_REFUSED = (divmod, pow)


class _Numbers(ast.NodeTransformer):
    """Makes a function one of numbers, that raises nothing.

    Attributes
    ----------
    may_raise : bool
        Whether it does what may yet raise exceptions.
    """

    def __init__(self, row, columns, numbers, string_names, namespace, answers):
        self._row, self._columns, self._numbers = row, columns, numbers
        # Of columns and parameters that hold strings.
        self._string_names = string_names
        self._namespace = namespace
        # Whether `return` is to say if the original fails.
        self._answers = answers
        self._n = 0
        self._depth = 0
        self.may_raise = False

    def _new(self):
        self._n += 1
        return f"_value_{self._n}"

    # Rows and strings

    def visit_Name(self, node):
        if node.id == self._row:
            raise CannotRewriteError(
                f"{self._row!r} is used otherwise than as {self._row}.name, "
                f"{self._row}['name'] or {self._row}[3]"
            )
        if node.id in self._string_names and isinstance(node.ctx, ast.Load):
            raise CannotRewriteError(_STRINGS)
        return node

    def visit_Attribute(self, node):
        return self._column(node) or self.generic_visit(node)

    def visit_Subscript(self, node):
        column = self._column(node)
        if column is None:
            self.may_raise = True
            return self.generic_visit(node)
        return column

    def _column(self, node):
        key = column_of(node, self._row)
        if key is None:
            return None
        name = f"_column_{self._columns[key]}"
        if name in self._string_names:
            raise CannotRewriteError(_STRINGS)
        return ast.copy_location(ast.Name(name, ast.Load()), node)

    def _string(self, node):
        """The number of what may be a string where that is allowed, else None."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return ast.copy_location(ast.Constant(self._numbers[node.value]), node)
        key = column_of(node, self._row)
        name = f"_column_{self._columns[key]}" if key is not None else getattr(node, "id", None)
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
            self.may_raise = True
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
        if not self._answers:
            return value
        name = self._new()
        kept = ast.NamedExpr(ast.Name(name, ast.Store()), value)
        has_failed = ast.BinOp(
            ast.Name("_failed", ast.Load()), ast.BitOr(), failed(ast.Name(name, ast.Load()))
        )
        noted = ast.NamedExpr(ast.Name("_failed", ast.Store()), has_failed)
        return ast.Subscript(ast.Tuple([kept, noted], ast.Load()), ast.Constant(0), ast.Load())

    def visit_BinOp(self, node):
        self.generic_visit(node)
        can_fail = isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Mod, ast.Pow))
        if self._depth and can_fail:
            raise CannotRewriteError(_OWN_FUNCTION)
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
            node = ast.Call(ast.Name("_power", ast.Load()), [node.left, node.right], [])
            return self._checked_by("_is_odd_2", node)
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
                ast.Name(test, ast.Load()),
                [value, *(ast.Name(name, ast.Load()) for name in names)],
                [],
            ),
        )

    def visit_Call(self, node):
        called = self._called(node.func)
        if (
            called is float
            and len(node.args) == 1
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        ):
            return ast.copy_location(ast.Constant(float(node.args[0].value)), node)
        is_mathematics = getattr(called, "__module__", None) == "math"
        if (self._depth or node.keywords) and (is_mathematics or called in _FINITE):
            raise CannotRewriteError(_OWN_FUNCTION)
        self.generic_visit(node)
        if called in (min, max) and len(node.args) > 1 and not node.keywords:
            name = "_lower" if called is min else "_higher"
            first, *rest = node.args
            for each in rest:
                first = ast.Call(ast.Name(name, ast.Load()), [first, each], [])
            return first
        n_arguments = len(node.args)
        if called in _FINITE and n_arguments == 1:
            # As a float, which is as exact as whole numbers are here.
            node = ast.Call(ast.Name(_FINITE[called], ast.Load()), node.args, [])
            return self._checked_by("_is_odd_whole", node)
        if is_mathematics and 1 <= n_arguments <= 2:
            return self._checked_by(f"_is_odd_{n_arguments}", node)
        if called is float and n_arguments == 1:
            return self._as_float(node.args[0])
        if called in _REFUSED or is_mathematics or called in _FINITE:
            raise CannotRewriteError(f"it calls {called.__name__} in a way that is not known")
        if called not in (abs, bool) and not isinstance(called, np.ufunc):
            self.may_raise = True
        return node

    def _as_float(self, value):
        # The compiler's own `float` takes no bool.
        return ast.BinOp(ast.Constant(1.0), ast.Mult(), value)

    def _called(self, node):
        """The function that an expression names, None if that is not known."""
        if isinstance(node, ast.Name):
            return self._namespace.get(node.id, getattr(builtins, node.id, None))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = self._namespace.get(node.value.id)
            if module is math or module is np:
                return getattr(module, node.attr, None)
        return None

    def visit_Return(self, node):
        if self._depth or not self._answers:
            return self.generic_visit(node)
        is_none = node.value is None or (
            isinstance(node.value, ast.Constant) and node.value.value is None
        )
        if is_none:
            return ast.copy_location(_failure(), node)
        value = self._as_float(self._may_be_string(_without_none(node.value)))
        return ast.copy_location(
            ast.Return(ast.Tuple([value, ast.Name("_failed", ast.Load())], ast.Load())), node
        )

    # What is not looked into, and may raise anything

    def _unknown(self, node):
        self.may_raise = True
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        return node

    visit_FunctionDef = visit_Lambda = visit_ListComp = visit_SetComp = visit_DictComp = _unknown
    visit_GeneratorExp = _unknown

    def _raises(self, node):
        self.may_raise = True
        return self.generic_visit(node)

    visit_For = visit_While = visit_Raise = visit_Assert = _raises

    def _refused(self, node):
        raise CannotRewriteError(f"it has a statement that is not known: {ast.unparse(node)}")

    visit_Global = visit_Nonlocal = visit_With = visit_Import = visit_ImportFrom = _refused
    visit_Try = visit_TryStar = visit_Yield = visit_YieldFrom = visit_Await = (
        visit_AsyncFunctionDef
    ) = visit_ClassDef = _refused

    def rewritten(self, tree, parameters):
        """The tree, as a function of the columns and the parameters."""
        if unassigned(tree, [*tree.args.args, *tree.args.posonlyargs, *tree.args.kwonlyargs]):
            raise CannotRewriteError("a variable may be read before it has a value")
        self._note_strings(tree)
        body = []
        for statement in tree.body:
            done = self.visit(statement)
            body += done if isinstance(done, list) else [done] if done is not None else []
        if self._answers:
            first = ast.Assign([ast.Name("_failed", ast.Store())], ast.Constant(False))
            ends = _always_returns(tree.body)
            body = [first, *body, *([] if ends else [_failure()])]
        columns = [f"_column_{i}" for i in range(len(set(self._columns.values())))]
        arguments = [ast.arg(name) for name in [*columns, *parameters]]
        tree.args = ast.arguments([], arguments, None, [], [], None, [])
        tree.name = "_function"
        tree.body = lowered(body)
        return ast.fix_missing_locations(tree)


def _failure():
    return ast.Return(ast.Tuple([ast.Name("_nan", ast.Load()), ast.Constant(True)], ast.Load()))


def _without_none(node):
    """An answer with NaN in the place of None."""
    if isinstance(node, ast.IfExp):
        node.body, node.orelse = _without_none(node.body), _without_none(node.orelse)
    elif isinstance(node, ast.Constant) and node.value is None:
        return ast.copy_location(ast.Name("_nan", ast.Load()), node)
    return node


def _always_returns(body):
    """Whether the end of some statements is never reached."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, (ast.Return, ast.Raise)):
        return True
    return isinstance(last, ast.If) and _always_returns(last.body) and _always_returns(last.orelse)


class Rewritten(NamedTuple):
    """A function of numbers.

    Attributes
    ----------
    code : str
        It defines ``_function(*columns, *parameters)``.
    may_raise : bool
    """

    code: str
    may_raise: bool


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
        The parameters and columns, as ``_column_3``, that hold strings.
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
    rewriter = _Numbers(row, columns, numbers, string_names, namespace, answers)
    tree = rewriter.rewritten(tree, parameters)
    return Rewritten(ast.unparse(tree), rewriter.may_raise)
