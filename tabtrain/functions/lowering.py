"""Assignments inside expressions become statements, which every compiler takes.

``x = a / (b := c) if d else e`` becomes ``if d: b = c; t = a / b`` and so on: what is computed,
and in which order, stays as it was.
"""

import ast
from typing import Any

from tabtrain.functions.source import own


def lowered(statements):
    """Statements that do the same without ``:=``.

    Parameters
    ----------
    statements : list of ast.stmt

    Returns
    -------
    list of ast.stmt
    """
    return _Lowering().statements(statements)


def _assigns(node):
    return any(isinstance(each, ast.NamedExpr) for each in ast.walk(node))


def _store(name, value):
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _load(name):
    return ast.Name(name, ast.Load())


class _Lowering:
    def __init__(self):
        self._n = 0

    def _new(self):
        self._n += 1
        return own(f"step_{self._n}")

    def statements(self, statements):
        found = []
        for statement in statements:
            found += self._statement(statement)
        return found

    def _statement(self, node):
        before = []
        if isinstance(node, ast.While) and _assigns(node.test):
            before, test = self.expression(node.test)
            stop = ast.If(ast.UnaryOp(ast.Not(), test), [*node.orelse, ast.Break()], [])
            node.test = ast.Constant(True)
            node.body = [*before, stop, *node.body]
            node.orelse, before = [], []
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr) and name not in ("target", "annotation"):
                more, lowered_value = self.expression(value)
                before += more
                setattr(node, name, lowered_value)
            elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, name, self.statements(value))
            elif isinstance(value, list) and value and isinstance(value[0], ast.ExceptHandler):
                for handler in value:
                    handler.body = self.statements(handler.body)
        return [*before, node]

    def expression(self, node):
        """Statements that come before, and the expression that is left."""
        if not _assigns(node):
            return [], node
        if isinstance(node, ast.NamedExpr):
            before, value = self.expression(node.value)
            return [*before, _store(node.target.id, value)], _load(node.target.id)
        if isinstance(node, ast.BoolOp):
            return self._in_turn(node)
        if isinstance(node, ast.IfExp):
            return self._either(node)
        return self._parts(node)

    def _in_turn(self, node):
        """``and`` and ``or``: each next value only if the last has not decided."""
        name = self._new()
        first, *rest = node.values
        before, value = self.expression(first)
        statements = [*before, _store(name, value)]
        inner = statements
        for each in rest:
            before, value = self.expression(each)
            undecided = _load(name)
            if isinstance(node.op, ast.Or):
                undecided = ast.UnaryOp(ast.Not(), undecided)
            then = ast.If(undecided, [*before, _store(name, value)], [])
            inner.append(then)
            inner = then.body
        return statements, _load(name)

    def _either(self, node):
        name = self._new()
        before, test = self.expression(node.test)
        branches = []
        for each in (node.body, node.orelse):
            statements, value = self.expression(each)
            branches.append([*statements, _store(name, value)])
        return [*before, ast.If(test, *branches)], _load(name)

    def _parts(self, node):
        """An expression whose parts are all computed, from left to right."""
        before = []
        places: list[tuple[Any, Any, Any]] = []
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                places.append((node, name, value))
            elif isinstance(value, list):
                places += [(value, i, each) for i, each in enumerate(value)]
        last = max(i for i, (_, _, value) in enumerate(places) if _assigns(value))
        for i, (holder, key, value) in enumerate(places):
            if not isinstance(value, ast.expr):
                continue
            more, value = self.expression(value)
            before += more
            if i < last and not isinstance(value, ast.Constant) and key != "func":
                # What comes later may change what it is computed from.
                kept = self._new()
                before.append(_store(kept, value))
                value = _load(kept)
            if isinstance(holder, list):
                holder[key] = value
            else:
                setattr(holder, key, value)
        return before, node
