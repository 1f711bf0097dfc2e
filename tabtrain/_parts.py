"""Finding the parts: a new model, objective or optimizer is one new file in its folder."""

import importlib
import inspect
import pkgutil
import re


def public_classes(package, base):
    """The classes derived from ``base`` that the modules of a package define.

    Parameters
    ----------
    package : module
        The package; modules whose names begin with an underscore are left out.
    base : type
        What the classes have in common.

    Returns
    -------
    dict of str to type
        By class name, in the order of the modules' names.
    """
    found = {}
    for module_info in pkgutil.iter_modules(package.__path__):
        if not module_info.name.startswith("_"):
            module = importlib.import_module(f"{package.__name__}.{module_info.name}")
            for name, value in vars(module).items():
                if (
                    inspect.isclass(value)
                    and issubclass(value, base)
                    and value.__module__ == module.__name__
                    and not name.startswith("_")
                ):
                    found[name] = value
    return found


def snake_case(class_name):
    """``"HillClimb"`` becomes ``"hill_climb"``, ``"AdamW"`` ``"adamw"``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", class_name).lower()


def names_without_arguments(classes):
    """The classes that can be made from their name alone, by snake-case name."""
    return {
        snake_case(name): cls
        for name, cls in classes.items()
        if not any(
            parameter.default is parameter.empty
            for parameter in inspect.signature(cls).parameters.values()
        )
    }
