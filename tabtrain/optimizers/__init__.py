"""Trial and error and gradients, one optimizer a file."""

import sys
from typing import TYPE_CHECKING, Any

from tabtrain._parts import names_without_arguments, public_classes
from tabtrain.optimizers._base import Optimizer, State
from tabtrain.optimizers._search import Budget, Search

_classes = public_classes(sys.modules[__name__], Optimizer)
_by_name = names_without_arguments(_classes)
globals().update(_classes)

if TYPE_CHECKING:  # the classes are found when the package is imported

    def __getattr__(name: str) -> Any: ...


__all__ = ["Budget", "Optimizer", "Search", "State", "get_optimizer", *_classes]


# Of a table with more numbers, "auto" takes methods that make few passes over it.
LARGE = 2**24
# What decides on rows that were not trained on, and what it takes.
DECIDE = {name: _by_name[name].needs for name in ("cross_fit", "two_stage")}
# With more parameters, "auto" takes what learns a scale for each.
MANY_PARAMS = 100

# What optimizers may need, as errors say it.
_NEEDS = {
    "gradient": "a gradient",
    "soft gradient": "a metric of counts that can be made smooth",
    "held-out rows": "rows that are held out, as LinearClassifier does where CrossFit is its "
    "optimizer, alpha=0 and init is not random, and MLPClassifier where TwoStage is and there are "
    "enough rows of each class",
    "hidden layers": "hidden layers",
    "linear function": "a linear function",
    "rules": "lists of rules, as RuleClassifier trains them for metrics of counts",
    "line search": "a metric of counts and a model whose rows flip one by one along lines",
}


def _auto(problem):
    """What suits a problem best, by the measurements in the guide."""
    able = problem.capabilities
    if "gradient" in able:
        return "lbfgs" if "linear function" in able else "adam"
    if "rules" in able:
        return "rule_search"
    for name, needs in DECIDE.items():
        if needs <= able:
            return name
    if "line search" in able:
        is_large = problem.examples[0].size > LARGE and "soft gradient" in able
        return "soft_ascent" if is_large else "exact_line_search"
    return "cmaes" if problem.n_params > MANY_PARAMS else "hill_climb"


def stream_optimizer(optimizer):
    """What a user named or gave, "auto" being "adam", if it can go on with other rows.

    Raises
    ------
    AttributeError
        If it cannot.
    """
    by_name = isinstance(optimizer, str)
    found = "adam" if by_name and optimizer == "auto" else optimizer
    if getattr(_by_name.get(found) if by_name else found, "epoch", None) is None:
        names = ", ".join(repr(name) for name, cls in _by_name.items() if cls.epoch is not None)
        raise AttributeError(
            f"partial_fit takes an optimizer that sees a few rows at a time ({names}), got "
            f"optimizer={optimizer!r}"
        )
    return found


def get_optimizer(optimizer, problem, objective, with_gradient):
    """The optimizer that a user named or gave, checked against what the problem can do.

    Parameters
    ----------
    optimizer : str or Optimizer
        A name, an optimizer, or "auto": what suits the problem.
    problem : Problem
    objective : str, Objective or callable
        As the user gave it, to name it in errors.
    with_gradient : list of str
        The objectives that have a gradient, likewise.

    Returns
    -------
    Optimizer

    Raises
    ------
    ValueError
        If there is none of that name, or it needs what the problem does not have.
    TypeError
        If it is neither.
    """
    names = ", ".join(map(repr, ["auto", *_by_name]))
    accepted = f"one of {names}, or an instance from tabtrain.optimizers"
    if isinstance(optimizer, str):
        name = _auto(problem) if optimizer == "auto" else optimizer
        if name not in _by_name:
            raise ValueError(f"optimizer must be {accepted}, got {optimizer!r}")
        found = _by_name[name]()
    elif isinstance(optimizer, Optimizer):
        found = optimizer
    else:
        raise TypeError(f"optimizer must be {accepted}, got {optimizer!r}")
    found.check()
    for need in sorted(found.needs - problem.capabilities):
        would_work = [n for n, cls in _by_name.items() if cls.needs <= problem.capabilities]
        message = (
            f"optimizer={optimizer!r} needs {_NEEDS[need]}, and objective={objective!r} with this "
            f"model has none: use an optimizer that needs none ({', '.join(map(repr, would_work))})"
        )
        if need == "gradient":
            message += (
                f" or an objective that has one ({', '.join(map(repr, with_gradient))}, or Soft "
                "of a metric of counts)"
            )
        raise ValueError(message)
    return found
