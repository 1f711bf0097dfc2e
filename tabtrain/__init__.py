"""Train functions on tables of examples, for the metric they are judged by."""

from typing import TYPE_CHECKING, Any

from tabtrain import objectives, optimizers
from tabtrain._linear import LinearClassifier, LinearRegressor
from tabtrain.objectives import *  # noqa: F403
from tabtrain.optimizers import *  # noqa: F403

if TYPE_CHECKING:  # objectives and optimizers are found when the package is imported

    def __getattr__(name: str) -> Any: ...


__version__ = "0.1.0"

__all__ = [
    "LinearClassifier",
    "LinearRegressor",
    "objectives",
    "optimizers",
    *objectives.__all__,
    *optimizers.__all__,
]
