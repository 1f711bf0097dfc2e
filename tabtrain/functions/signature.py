"""What of a function training may change: its keyword-only parameters."""

import difflib
import functools
import inspect
import math
import reprlib
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Annotated, Any, Literal

import numpy as np

from tabtrain.functions.source import names_around

NO_LIMIT = (-np.inf, np.inf)


@dataclass(frozen=True)
class Interval:
    """The lowest and the highest value that a parameter of a function may have.

    Parameters
    ----------
    low, high : float
        Both included; infinite where there is no limit.

    Examples
    --------
    >>> from typing import Annotated
    >>> from tabtrain import Interval
    >>> def is_adult(person, *, min_age: Annotated[int, Interval(16, 25)] = 18):
    ...     return person.age >= min_age
    """

    low: float = -np.inf
    high: float = np.inf


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function that training may change.

    Attributes
    ----------
    name : str
    default : float, int, bool or one of the choices
    kind : {"float", "int", "bool", "choice"}
    low, high : float
        The same for a parameter that is fixed. Of choices, their places.
    choices : tuple
        Of "bool" and "choice"; empty for numbers.
    """

    name: str
    default: Any
    kind: str
    low: float
    high: float
    choices: tuple = ()

    def value(self, number):
        """What the function is given for a number: a value of the type it expects."""
        if self.choices:
            return self.choices[round(number)]
        return round(number) if self.kind == "int" else float(number)

    def number(self, value):
        """The inverse of `value`."""
        return float(_place(value, self.choices) if self.choices else value)

    def check(self, value, told):
        """Raise an exception that says what was `told`, and why, if it may not have a value."""
        if self.choices:
            if value not in self.choices:
                raise ValueError(f"{told}which is not among its choices {self.choices}")
        elif not isinstance(value, Real) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError(f"{told}which is no finite number")
        elif self.kind == "int" and not float(value).is_integer():
            raise ValueError(f"{told}which is no whole number")
        if self.low == self.high and self.number(value) != self.low:
            raise ValueError(f"{told}but the parameter is fixed at {self.default!r}")
        if not self.low <= self.number(value) <= self.high:
            raise ValueError(f"{told}which is not within its bounds {self.low} to {self.high}")


def parameters_of(function, bounds=None, fixed=()):
    """The parameters that training may change.

    Parameters
    ----------
    function : callable
    bounds : dict of str to (low, high), optional
        In place of those that annotations give.
    fixed : sequence of str
        The names of those that keep their default.

    Returns
    -------
    list of Parameter
        Fixed ones are among them.

    Raises
    ------
    TypeError, ValueError
        If the function, `bounds` or `fixed` cannot be used; it says what could be.
    """
    if not callable(function):
        raise TypeError(f"function must be callable, got {function!r}")
    for kind, is_kind in (
        ("a generator", inspect.isgeneratorfunction),
        ("an async", inspect.iscoroutinefunction),
        ("an async", inspect.isasyncgenfunction),
    ):
        if is_kind(function):
            raise TypeError(
                f"function must answer by return, {name_of(function)} is {kind} function"
            )
    try:
        signature = inspect.signature(function)
    except ValueError as error:
        raise ValueError(
            f"function={function!r} does not say what its parameters are: wrap it in one that "
            "has keyword-only parameters with defaults"
        ) from error
    listed = list(signature.parameters.values())
    _check_positional(function, listed)
    found = [each for each in listed if each.kind is each.KEYWORD_ONLY]
    if not found:
        raise ValueError(
            f"{name_of(function)} has no parameter to train: write those that training may change "
            "behind a star, with a default, as in "
            "def rule(row, *, limit=10.0): return row.age > limit"
        )
    names = [each.name for each in found]
    bounds = {} if bounds is None else bounds
    if not isinstance(bounds, dict):
        raise TypeError(f"bounds must be a dict of parameter names to (low, high), got {bounds!r}")
    fixed = () if fixed is None else fixed
    if isinstance(fixed, str) or not isinstance(fixed, Iterable):
        raise TypeError(f"fixed must be a sequence of parameter names, got {fixed!r}")
    for argument, given in (("bounds", bounds), ("fixed", fixed)):
        for name in given:
            if name not in names:
                raise ValueError(
                    f"{argument} names {name!r}, which is no parameter of {name_of(function)}: "
                    f"it has {', '.join(map(repr, names))}{near(name, names)}"
                )
    parameters = [
        _parameter(each, _hint(function, each), bounds.get(each.name), each.name in fixed)
        for each in found
    ]
    if all(each.low == each.high for each in parameters):
        raise ValueError(f"no parameter to train: all of {', '.join(names)} are fixed")
    return parameters


def _check_positional(function, listed):
    positional = [
        each for each in listed if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    if not positional and not any(each.kind is each.VAR_POSITIONAL for each in listed):
        raise ValueError(f"the first argument of {name_of(function)} must be the row, it has none")
    for each in positional[1:]:
        if each.default is each.empty:
            raise ValueError(
                f"{name_of(function)} needs {each.name!r}: only its first argument, the row, may "
                "be without a default"
            )


def _hint(function, declared):
    """What a parameter is annotated with; None if it is not."""
    if declared.annotation is declared.empty:
        return None
    annotated = types.SimpleNamespace(__annotations__={declared.name: declared.annotation})
    function = inspect.unwrap(function)
    if isinstance(function, functools.partial):
        function = function.func
    if not inspect.isfunction(function):
        function = getattr(function, "__func__", type(function).__call__)
    known = names_around(function) if inspect.isfunction(function) else {}
    try:
        return typing.get_type_hints(annotated, known, include_extras=True)[declared.name]
    except Exception as error:  # Annotations are any expressions.
        raise TypeError(
            f"the annotation of parameter {declared.name!r}, {declared.annotation!r}, cannot be "
            f"evaluated: {type(error).__name__}: {error}"
        ) from error


def _parameter(declared, hint, bounds, is_fixed):
    name: str = declared.name
    default: Any = declared.default
    if default is declared.empty:
        raise ValueError(f"parameter {name!r} must have a default, where training starts")
    if isinstance(default, np.generic):
        default = default.item()
    interval = Interval()
    if typing.get_origin(hint) is Annotated:
        hint, *notes = typing.get_args(hint)
        interval = next((note for note in notes if isinstance(note, Interval)), interval)
    if typing.get_origin(hint) is Literal:
        return _choice(name, default, typing.get_args(hint), bounds, is_fixed)
    if hint not in (float, int, bool):
        hint = type(default)
    if hint is bool:
        return _choice(name, default, (False, True), bounds, is_fixed)
    is_number = isinstance(default, Real) and not isinstance(default, bool)
    if hint not in (float, int) or not is_number:
        raise TypeError(
            f"parameter {name!r} must be a float, an int, a bool or one of the choices of a "
            f"Literal, got the default {default!r} for {getattr(hint, '__name__', hint)}"
        )
    if not np.isfinite(default):
        raise ValueError(f"the default of parameter {name!r} must be finite, got {default!r}")
    if hint is int and not isinstance(default, Integral):
        raise TypeError(f"parameter {name!r} is an int, got the default {default!r}")
    low, high = (interval.low, interval.high) if bounds is None else _pair(name, bounds)
    if hint is int:
        low, high = float(np.ceil(low)), float(np.floor(high))
    if not low <= high:
        raise ValueError(f"the bounds of parameter {name!r} leave nothing: {low} to {high}")
    if not low <= default <= high:
        raise ValueError(
            f"the default of parameter {name!r}, {default!r}, is not within its bounds {low} "
            f"to {high}"
        )
    default = hint(default)
    if is_fixed:
        low = high = default
    return Parameter(name, default, hint.__name__, float(low), float(high))


def _choice(name, default, choices, bounds, is_fixed):
    if not all(isinstance(each, (bool, int, float, str)) for each in choices):
        raise TypeError(
            f"the choices of parameter {name!r} must be strings, numbers, True or False, got "
            f"{choices}"
        )
    if bounds is not None:
        raise ValueError(f"bounds names {name!r}, which has choices: {choices}")
    try:
        place = _place(default, choices)
    except ValueError:
        raise ValueError(
            f"the default of parameter {name!r}, {default!r}, is not among its choices {choices}"
        ) from None
    low, high = (place, place) if is_fixed else (0, len(choices) - 1)
    kind = "bool" if choices == (False, True) else "choice"
    return Parameter(name, choices[place], kind, float(low), float(high), choices)


def _place(value, choices):
    # 1 and True are equal, but not the same choice.
    same = [i for i, each in enumerate(choices) if type(each) is type(value) and each == value]
    return same[0] if same else choices.index(value)


def _pair(name, bounds):
    try:
        low, high = (float(each) for each in bounds)
    except (TypeError, ValueError):
        raise ValueError(f"bounds of {name!r} must be (low, high), got {bounds!r}") from None
    return low, high


def name_of(function):
    """What a function is called in messages."""
    return getattr(function, "__name__", None) or reprlib.repr(function)


def near(name, names):
    """A hint at names that look like another, or nothing."""
    found = difflib.get_close_matches(str(name), [str(each) for each in names])
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""
