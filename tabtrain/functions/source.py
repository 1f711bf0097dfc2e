"""Reading the function that a user wrote, and rewriting it for the compiler.

What is made of the syntax tree of a function:

- the columns of the row that it reads;
- its *thresholds*: parameters that occur once, as one side of a comparison that is made at most
  once a row. As nothing else depends on such a parameter, a row's answer is a step function of
  it, with its step at the comparison's other side. `others` is the function that answers these
  other sides, each as it is where the comparison is made, NaN where it is not made.
"""

import __future__

import ast
import copy
import functools
import inspect
import operator
import types
from dataclasses import dataclass
from typing import Any, NamedTuple

# How code says which features of later versions it was compiled with.
_FUTURE = functools.reduce(
    operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)
# What generated names begin with, and names of users do not.
_OWN = "_tabtrain_"


def own(name):
    """A generated name."""
    return f"{_OWN}{name}"


class CannotRewriteError(Exception):
    """The function is not one that can be rewritten; the message says why."""


class Threshold(NamedTuple):
    """A parameter that is one side of a comparison.

    Attributes
    ----------
    name : str
    equal_is_below : bool
        Whether a parameter that equals the other side does what a lower one does.
    """

    name: str
    equal_is_below: bool


@dataclass(frozen=True)
class Source:
    """A function as its author wrote it.

    Attributes
    ----------
    text : str
        Indented as at the top level of a module.
    tree : ast.FunctionDef
    """

    text: str
    tree: ast.FunctionDef

    @property
    def row(self):
        """What the row is called."""
        arguments = self.tree.args.posonlyargs + self.tree.args.args
        if not arguments:
            raise CannotRewriteError("its first argument has no name")
        return arguments[0].arg


def text_of(function):
    """The text of a function, None where there is none to be had."""
    text = getattr(function, "__tabtrain_source__", None)
    if text is None and inspect.isfunction(function):
        try:
            lines, _ = inspect.findsource(function)
        except OSError:
            return None
        text = _cut_out("".join(lines), function.__code__)
    return text


@functools.lru_cache(maxsize=16)
def _cut_out(text, code):
    """The text of a function in that of its file; None if it is not there, or not what runs."""
    nodes = [node for node in _functions(text, code.co_name) if _line(node) == code.co_firstlineno]
    if len(nodes) != 1 or not _is_compiled_to(text, code):
        return None
    (node,) = nodes
    if isinstance(node, ast.Lambda):
        found = ast.get_source_segment(text, node) or ""
        # What goes on in the next line does so by brackets, which may stand around it.
        return f"({found})" if "\n" in found else found
    indent = node.col_offset
    lines = text.split("\n")[_line(node) - 1 : node.end_lineno]
    return "".join(f"{line if line[:indent].strip() else line[indent:]}\n" for line in lines)


def _functions(text, name):
    """The syntax trees of functions of that name, outer ones first."""
    kind = ast.Lambda if name == "<lambda>" else ast.FunctionDef
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError):
        return []
    found: list[Any] = [node for node in ast.walk(module) if isinstance(node, kind)]
    return [node for node in found if getattr(node, "name", name) == name]


def _line(node):
    return min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])


def _is_compiled_to(text, code):
    """Whether some code is what a text is compiled to: a file may be newer than what runs."""
    module = ast.parse(text)
    # Notebooks compile statements one by one, which may make a difference.
    units = [module, *(ast.Module([statement], []) for statement in module.body)]
    for unit in units:
        try:
            found = compile(unit, "<source>", "exec", code.co_flags & _FUTURE, dont_inherit=True)
        except SyntaxError:  # Not all of a notebook's cell need be one.
            continue
        if code in _codes(found):
            return True
    return False


def _codes(code):
    """Some code and all that is defined in it."""
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _codes(each)


def read(function):
    """The source of a function.

    Raises
    ------
    CannotRewriteError
        If it cannot be had.
    """
    if not inspect.isfunction(function):
        raise CannotRewriteError("it is not a plain Python function")
    if hasattr(function, "__wrapped__"):
        raise CannotRewriteError("it is wrapped by a decorator")
    text = text_of(function)
    source = None if text is None else _read(text, function.__code__.co_name)
    if source is None:
        raise CannotRewriteError("its source cannot be read")
    return source


@functools.lru_cache(maxsize=64)
def _read(text, name):
    tree: Any = next(iter(_functions(text, name)), None)
    if isinstance(tree, ast.Lambda):
        body: list[ast.stmt] = [ast.copy_location(ast.Return(tree.body), tree.body)]
        tree = ast.FunctionDef("answer", tree.args, body, [], lineno=1, col_offset=0)
    return None if tree is None else Source(text, tree)


def with_defaults(function, values):
    """The text of a function with other defaults.

    Parameters
    ----------
    function : callable
    values : dict of str to object

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the source cannot be read.
    """
    try:
        source = read(function)
    except CannotRewriteError as error:
        raise ValueError(
            f"there is no source to write the parameters into: {error}. parameters_ holds them"
        ) from error
    arguments = source.tree.args
    lines = [line.encode() for line in source.text.split("\n")]
    # From the last to the first, so that what is before stays where it is.
    for argument, default in reversed(
        list(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
    ):
        if argument.arg in values:
            first, last = default.lineno - 1, default.end_lineno - 1
            before = lines[first][: default.col_offset]
            after = lines[last][default.end_col_offset :]
            new = repr(values[argument.arg]).encode()
            lines[first : last + 1] = [before + new + after]
    return b"\n".join(lines).decode()


def column_of(node, row):
    """The key by which a node reads a column of the row, None if it does not."""
    if isinstance(node, ast.Attribute) and _is_name(node.value, row):
        return ("attribute", node.attr)
    if isinstance(node, ast.Subscript) and _is_name(node.value, row):
        key = node.slice
        if isinstance(key, ast.UnaryOp) and isinstance(key.op, ast.USub):
            key = key.operand
            if isinstance(key, ast.Constant) and type(key.value) is int:
                return ("item", -key.value)
        elif isinstance(key, ast.Constant) and type(key.value) in (int, str):
            return ("item", key.value)
    return None


def columns_read(source):
    """The keys of the columns that a function reads, None if only running it can tell."""
    keys: dict[Any, None] = {}
    n_uses = 0
    for node in ast.walk(ast.Module(source.tree.body, [])):
        key = column_of(node, source.row)
        if key is not None:
            keys[key] = None
            n_uses += 1
        n_uses -= _is_name(node, source.row)
    return list(keys) if n_uses == 0 else None


def counted_names(tree):
    """The names that say how often, or which: in ``range`` and between brackets."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            inside = node.slice
        elif isinstance(node, ast.Call) and _is_name(node.func, "range"):
            inside = node
        else:
            continue
        found |= {each.id for each in ast.walk(inside) if isinstance(each, ast.Name)}
    return found


def _is_name(node, name):
    return isinstance(node, ast.Name) and node.id == name


# Thresholds


# What a parameter on the right of a comparison does where both sides are equal: as a lower one?
_EQUAL_IS_BELOW = {ast.Gt: False, ast.LtE: False, ast.GtE: True, ast.Lt: True}
_MIRRORED = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE}
_OWN_SCOPE = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
_REPEATED = (ast.For, ast.AsyncFor, ast.While, *_OWN_SCOPE)


class _Plain(ast.NodeTransformer):
    """Comparisons of two sides each: ``a < b < c`` is ``a < b and b < c``, b computed once."""

    def __init__(self):
        self._n = 0

    def visit_Compare(self, node):
        self.generic_visit(node)
        if len(node.ops) == 1:
            return node
        left = node.left
        parts: list[ast.expr] = []
        for op, right in zip(node.ops[:-1], node.comparators[:-1], strict=True):
            name = own(f"between_{self._n}")
            self._n += 1
            kept = ast.NamedExpr(ast.Name(name, ast.Store()), right)
            # A parameter stays the side of a comparison that it is.
            simple = isinstance(right, (ast.Name, ast.Constant))
            parts.append(ast.Compare(left, [op], [right if simple else kept]))
            left = copy.deepcopy(right) if simple else ast.Name(name, ast.Load())
        parts.append(ast.Compare(left, [node.ops[-1]], [node.comparators[-1]]))
        return ast.copy_location(ast.BoolOp(ast.And(), parts), node)


class _Unanswered(ast.NodeTransformer):
    """To raise an exception is as good as to answer NaN: both are no answer."""

    def visit_Raise(self, node):
        return ast.copy_location(ast.Return(ast.Name(own("nan"), ast.Load())), node)

    def visit_Assert(self, node):
        no_answer = ast.Return(ast.Name(own("nan"), ast.Load()))
        return ast.copy_location(ast.If(ast.UnaryOp(ast.Not(), node.test), [no_answer], []), node)

    def visit(self, node):
        return node if isinstance(node, _OWN_SCOPE) else super().visit(node)


def plain(source):
    """The tree of a function without its documentation, all comparisons having two sides.

    Raises
    ------
    CannotRewriteError
        If it has names such as are generated.
    """
    if _OWN in source.text:
        raise CannotRewriteError(f"names that begin with {_OWN} are not for functions of users")
    tree = copy.deepcopy(source.tree)
    # What is evaluated where it is defined may name what is nowhere else.
    tree.decorator_list, tree.returns, tree.type_params = [], None, []
    tree.args.defaults, tree.args.kw_defaults = [], [None] * len(tree.args.kwonlyargs)
    for each in ast.walk(tree.args):
        if isinstance(each, ast.arg):
            each.annotation = None
    if ast.get_docstring(tree) is not None:
        tree.body = tree.body[1:] or [ast.Pass()]
    if not any(isinstance(node, ast.Try) for node in ast.walk(tree)):
        tree.body = [_Unanswered().visit(statement) for statement in tree.body]
    return ast.fix_missing_locations(_Plain().visit(tree))


def thresholds(tree, names):
    """Where in a plain tree parameters are thresholds.

    Parameters
    ----------
    tree : ast.FunctionDef
        Of `plain`.
    names : collection of str
        The parameters that may be.

    Returns
    -------
    dict of ast.Compare to Threshold
    """
    counts = dict.fromkeys(names, 0)
    comparisons = []

    def walk(node, is_once):
        if isinstance(node, ast.Name) and node.id in counts:
            counts[node.id] += 1
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            is_once = False
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in _MIRRORED and is_once:
            comparisons.append(node)
        for child in ast.iter_child_nodes(node):
            walk(child, is_once and not isinstance(node, _REPEATED))

    for statement in tree.body:
        walk(statement, True)
    found = {}
    for node in comparisons:
        op = type(node.ops[0])
        for side, as_right in ((node.left, _MIRRORED[op]), (node.comparators[0], op)):
            if isinstance(side, ast.Name) and counts.get(side.id) == 1:
                found[node] = Threshold(side.id, _EQUAL_IS_BELOW[as_right])
                break
    return found


class _Others(ast.NodeTransformer):
    """Makes a function answer the other sides of its thresholds."""

    def __init__(self, found):
        self._place = {node: i for i, node in enumerate(found)}
        self._found = found
        self._n_answers = 0

    def visit_Compare(self, node):
        place = self._place.get(node)
        sides = [node.left, node.comparators[0]]
        if place is None:
            return self.generic_visit(node)
        name = self._found[node].name
        other = 0 if _is_name(sides[1], name) else 1
        side = self.visit(sides[other])
        as_number = ast.Call(ast.Name("float", ast.Load()), [side], [])
        sides[other] = ast.NamedExpr(ast.Name(own(f"other_{place}"), ast.Store()), as_number)
        return ast.copy_location(ast.Compare(sides[0], node.ops, [sides[1]]), node)

    def _answer(self):
        names: list[ast.expr] = [
            ast.Name(own(f"other_{i}"), ast.Load()) for i in range(len(self._place))
        ]
        return ast.Return(ast.Tuple(names, ast.Load()))

    def visit_Return(self, node):
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(self._answer(), node)
        # Assigned, as a string may be.
        self._n_answers += 1
        kept = ast.Assign([ast.Name(own(f"answer_{self._n_answers}"), ast.Store())], node.value)
        return [kept, ast.copy_location(self._answer(), node)]

    def visit_FunctionDef(self, node):
        return node

    visit_AsyncFunctionDef = visit_Lambda = visit_ClassDef = visit_FunctionDef

    def rewritten(self, tree):
        first = [
            ast.Assign([ast.Name(own(f"other_{i}"), ast.Store())], ast.Name(own("nan"), ast.Load()))
            for i in range(len(self._place))
        ]
        statements = [self.visit(statement) for statement in tree.body]
        body = first
        for each in statements:
            body = body + (each if isinstance(each, list) else [each])
        tree.body = [*body, self._answer()]
        return ast.fix_missing_locations(tree)


def others(source, names):
    """A tree that answers the other sides of the thresholds, and which thresholds they are."""
    tree = plain(source)
    found = thresholds(tree, names)
    return _Others(found).rewritten(tree), list(found.values())


def with_called(function):
    """A plain function and all that it calls, directly or not, always in the same order."""
    found = [function]
    for each in found:
        if inspect.isfunction(each):
            known, code = names_around(each), each.__code__
            called = [known.get(name) for name in (*code.co_names, *code.co_freevars)]
            called = [as_written(other) for other in called]
            found += [other for other in called if inspect.isfunction(other) and other not in found]
    return found


def as_written(function):
    """The plain function of one that its author had compiled by Numba; anything else as it is."""
    original = getattr(function, "py_func", None)
    return original if inspect.isfunction(original) else function


def names_around(function):
    """What names are where a plain function was defined, as far as it can tell."""
    known = {**function.__globals__}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            known[name] = cell.cell_contents
        except ValueError:  # It has nothing in it yet.
            continue
    return known


def namespace_of(function):
    """What the names in a plain function are, apart from its own and the built-in ones."""
    code, known = function.__code__, names_around(function)
    used = {node.id for node in ast.walk(read(function).tree) if isinstance(node, ast.Name)}
    used -= {*code.co_varnames, *code.co_cellvars}
    return {name: known[name] for name in used if name in known}


def constants_of(function):
    """The arguments behind the row that are not trained: they are their defaults."""
    arguments = list(inspect.signature(function).parameters.values())[1:]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {each.name: each.default for each in arguments if each.kind in positional}
