"""Reading the function that a user wrote, and rewriting it for the compiler.

What is made of the syntax tree of a function:

- the columns of the row that it reads;
- its *thresholds*: parameters that occur once, as one side of a comparison that is made at most
  once a row. As nothing else depends on such a parameter, a row's answer is a step function of
  it, with its step at the comparison's other side. `others` is the function that answers these
  other sides, each as it is where the comparison is made, NaN where it is not made.
"""

import ast
import copy
import inspect
import textwrap
from dataclasses import dataclass
from typing import Any, NamedTuple


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
        arguments = self.tree.args
        return (arguments.posonlyargs + arguments.args)[0].arg


def text_of(function):
    """The text of a function, None where there is none to be had."""
    text = getattr(function, "__tabtrain_source__", None)
    if text is None:
        try:
            text = textwrap.dedent(inspect.getsource(function))
        except (OSError, TypeError):
            return None
    return text


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
    if text is None:
        raise CannotRewriteError("its source cannot be read")
    try:
        module = ast.parse(text)
    except SyntaxError as error:
        raise CannotRewriteError("its source cannot be read by itself") from error
    is_lambda = function.__name__ == "<lambda>"
    wanted = ast.Lambda if is_lambda else ast.FunctionDef
    found = [
        node
        for node in ast.walk(module)
        if isinstance(node, wanted) and getattr(node, "name", "<lambda>") == function.__name__
    ]
    if len(found) != 1:
        raise CannotRewriteError(
            "its source has several of that name" if found else "its source cannot be found"
        )
    tree: Any = found[0]
    if is_lambda:
        text = ast.get_source_segment(text, tree) or ""
        tree = ast.parse(text, mode="eval").body
        body: list[ast.stmt] = [ast.copy_location(ast.Return(tree.body), tree.body)]
        tree = ast.FunctionDef("answer", tree.args, body, [], lineno=1, col_offset=0)
    if not tree.args.posonlyargs + tree.args.args:
        raise CannotRewriteError("its first argument has no name")
    return Source(text, tree)


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
    lines = [line.encode() for line in source.text.splitlines(keepends=True)]
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
    return b"".join(lines).decode()


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
            name = f"_between_{self._n}"
            self._n += 1
            kept = ast.NamedExpr(ast.Name(name, ast.Store()), right)
            # A parameter stays the side of a comparison that it is.
            simple = isinstance(right, (ast.Name, ast.Constant))
            parts.append(ast.Compare(left, [op], [right if simple else kept]))
            left = copy.deepcopy(right) if simple else ast.Name(name, ast.Load())
        parts.append(ast.Compare(left, [node.ops[-1]], [node.comparators[-1]]))
        return ast.copy_location(ast.BoolOp(ast.And(), parts), node)


class _Unanswered(ast.NodeTransformer):
    """To raise an exception is as good as to answer None: both are no answer."""

    def visit_Raise(self, node):
        return ast.copy_location(ast.Return(ast.Constant(None)), node)

    def visit_Assert(self, node):
        no_answer = ast.Return(ast.Constant(None))
        return ast.copy_location(ast.If(ast.UnaryOp(ast.Not(), node.test), [no_answer], []), node)

    def visit(self, node):
        return node if isinstance(node, _OWN_SCOPE) else super().visit(node)


def plain(source):
    """The tree of a function without its documentation, all comparisons having two sides."""
    tree = copy.deepcopy(source.tree)
    tree.decorator_list, tree.returns = [], None
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
    found: dict[str, Any] = {}

    def walk(node, is_once):
        if isinstance(node, ast.Name) and node.id in counts:
            counts[node.id] += 1
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            is_once = False
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in _MIRRORED and is_once:
            sides = (node.left, node.comparators[0])
            for i, side in enumerate(sides):
                if isinstance(side, ast.Name) and side.id in counts:
                    op = type(node.ops[0]) if i else _MIRRORED[type(node.ops[0])]
                    found[side.id] = node, Threshold(side.id, _EQUAL_IS_BELOW[op])
                    break
        for child in ast.iter_child_nodes(node):
            walk(child, is_once and not isinstance(node, _REPEATED))

    for statement in tree.body:
        walk(statement, True)
    return {node: threshold for node, threshold in found.values() if counts[threshold.name] == 1}


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
        sides[other] = ast.NamedExpr(ast.Name(f"_other_{place}", ast.Store()), as_number)
        return ast.copy_location(ast.Compare(sides[0], node.ops, [sides[1]]), node)

    def _answer(self):
        names: list[ast.expr] = [
            ast.Name(f"_other_{i}", ast.Load()) for i in range(len(self._place))
        ]
        return ast.Return(ast.Tuple(names, ast.Load()))

    def visit_Return(self, node):
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(self._answer(), node)
        # Assigned, as a string may be.
        self._n_answers += 1
        kept = ast.Assign([ast.Name(f"_answer_{self._n_answers}", ast.Store())], node.value)
        return [kept, ast.copy_location(self._answer(), node)]

    def visit_FunctionDef(self, node):
        return node

    visit_AsyncFunctionDef = visit_Lambda = visit_ClassDef = visit_FunctionDef

    def rewritten(self, tree):
        first = [
            ast.Assign([ast.Name(f"_other_{i}", ast.Store())], ast.Name("_nan", ast.Load()))
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


def namespace_of(function):
    """What the names in a plain function are, apart from its own and the built-in ones."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    known = {**function.__globals__}
    for name, cell in cells:
        try:
            known[name] = cell.cell_contents
        except ValueError:  # It has nothing in it yet.
            continue
    # Positional arguments behind the row have their defaults.
    arguments = inspect.signature(function).parameters.values()
    known |= {
        each.name: each.default
        for each in list(arguments)[1:]
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    }
    used = {node.id for node in ast.walk(read(function).tree) if isinstance(node, ast.Name)}
    return {name: known[name] for name in used if name in known}
