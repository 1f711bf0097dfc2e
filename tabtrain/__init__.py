"""Train functions on tables of examples, for the metric they are judged by."""

import importlib
from typing import Any

__version__ = "0.1.0"

# Where the public names come from: loaded when one of them is first asked for, so that
# importing the package costs next to nothing.
_SOURCES = (
    "_function",
    "_linear",
    "_mlp",
    "_rules",
    "_threshold_classifier",
    "objectives",
    "optimizers",
)


def __getattr__(name: str) -> Any:
    if name in _SOURCES:
        return importlib.import_module(f"tabtrain.{name}")
    if name.startswith("_") and name != "__all__":
        raise AttributeError(f"module 'tabtrain' has no attribute {name!r}")
    public = {"__version__": __version__}
    for source in _SOURCES:
        module = importlib.import_module(f"tabtrain.{source}")
        public |= {each: getattr(module, each) for each in module.__all__}
    globals().update(public, __all__=["objectives", "optimizers", *public])
    if name not in globals():
        raise AttributeError(f"module 'tabtrain' has no attribute {name!r}")
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
