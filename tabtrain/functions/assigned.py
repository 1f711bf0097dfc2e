"""Which variables of a function may be read before they have a value."""

import ast


def unassigned(tree, arguments):
    """Whether there may be one; in doubt there is.

    Parameters
    ----------
    tree : ast.FunctionDef
    arguments : set of str

    Returns
    -------
    bool
    """
    found = _Reads(stored(tree))
    found.block(tree.body, set(arguments))
    return found.any_early


def stored(tree):
    """The variables that are given values anywhere in a tree."""
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


class _Reads:
    """Goes along the statements with the variables that are sure to have a value."""

    def __init__(self, local):
        self._local = local
        self.any_early = False

    def block(self, statements, known):
        """What is known after some statements; None if their end is never reached."""
        for statement in statements:
            known = self._statement(statement, known)
            if known is None:
                return None
        return known

    def _statement(self, node, known):
        if isinstance(node, ast.If):
            known = self._expression(node.test, known)
            ends = [self.block(each, set(known)) for each in (node.body, node.orelse)]
            reached = [each for each in ends if each is not None]
            return set.intersection(*reached) if reached else None
        if isinstance(node, (ast.For, ast.While)):
            known = self._expression(node.iter if isinstance(node, ast.For) else node.test, known)
            inside = set(known)
            if isinstance(node, ast.For):
                inside |= _stored(node.target)
            self.block(node.body, inside)
            self.block(node.orelse, set(known))
            return known
        if isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
            for child in ast.iter_child_nodes(node):
                self._expression(child, known)
            return None
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            return known | {node.name}
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            self._read(node.target.id, known)
        return self._expression(node, known)

    def _expression(self, node, known):
        """What is known after an expression or a simple statement."""
        if isinstance(node, (ast.BoolOp, ast.IfExp)):
            # Only what comes first is computed for certain.
            first, *rest = node.values if isinstance(node, ast.BoolOp) else (node.test, node.body)
            known = self._expression(first, known)
            rest += [node.orelse] if isinstance(node, ast.IfExp) else []
            inside = set(known)
            for each in rest:
                after = self._expression(each, inside)
                inside = after if isinstance(node, ast.BoolOp) else inside
            return known
        if isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp)):
            return known
        if isinstance(node, (ast.GeneratorExp, ast.Name)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self._read(node.id, known)
            return known
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            known = self._expression(node.value, known)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return known.union(*map(_stored, targets))
        for child in ast.iter_child_nodes(node):
            known = self._expression(child, known)
        return known

    def _read(self, name, known):
        if name in self._local and name not in known:
            self.any_early = True


def _stored(target):
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
