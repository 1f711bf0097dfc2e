"""What is maximised: a tally that adds over rows, and a score of it, one objective a file.

Objectives named like scikit-learn's scorers agree with them.
"""

import sys
from typing import TYPE_CHECKING, Any

from tabtrain._parts import names_without_arguments, public_classes, snake_case
from tabtrain.objectives._base import Objective

_classes = public_classes(sys.modules[__name__], Objective)
_by_name = names_without_arguments(_classes)
globals().update(_classes)

if TYPE_CHECKING:  # the classes are found when the package is imported

    def __getattr__(name: str) -> Any: ...


__all__ = ["Objective", "get_objective", "objective_names", *_classes]


def objective_names(target, *, with_gradient=False):
    """The names of the objectives of a kind of target that need no arguments."""
    return [
        name
        for name, cls in _by_name.items()
        if cls.target == target and (cls.tally_gradient is not None or not with_gradient)
    ]


def get_objective(objective, target):
    """The objective that a user named, gave or wrote.

    Parameters
    ----------
    objective : str, Objective or callable
        A name, an objective, or a function of the confusion counts.
    target : {"class", "number"}
        What the estimator predicts.

    Returns
    -------
    Objective

    Raises
    ------
    ValueError
        If there is none of that name, or it is for the other kind of target.
    TypeError
        If it is none of the three.
    """
    with_arguments = [
        name
        for name, cls in _classes.items()
        if cls.target == target and snake_case(name) not in _by_name
    ]
    accepted = (
        f"one of {', '.join(map(repr, objective_names(target)))}, or an instance from "
        f"tabtrain.objectives, such as {' or '.join(with_arguments)}"
    )
    if target == "class":
        accepted += ", or a function of the confusion counts"
    if isinstance(objective, str):
        if objective not in _by_name:
            raise ValueError(f"objective must be {accepted}, got {objective!r}")
        found = _by_name[objective]()
    elif isinstance(objective, Objective):
        found = objective
    elif callable(objective) and not isinstance(objective, type):
        found = _classes["CountScore"](objective)
    else:
        raise TypeError(f"objective must be {accepted}, got {objective!r}")
    if found.target != target:
        predicts = {"class": "classes", "number": "numbers"}
        raise ValueError(
            f"objective={objective!r} is for {predicts[found.target]}, this estimator predicts "
            f"{predicts[target]}: objective must be {accepted}"
        )
    return found
