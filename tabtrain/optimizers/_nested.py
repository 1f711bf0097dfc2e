"""What optimizers that run others have in common."""

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain.optimizers._base import Optimizer, State


@dataclass(kw_only=True)
class Nested(State):
    """``inner`` is the state of the optimizer that runs, ``n_stale`` its iterations since it last
    found a better score."""

    inner: Any
    n_stale: int = 0

    def with_inner(self, inner, n_stale=0, **changes):
        """The next state, of which what was best stays."""
        state = replace(self, inner=inner, n_stale=n_stale, **changes)
        return state.with_best(inner.theta[np.newaxis], np.array([inner.score]))

    def stepped(self, optimizer, problem):
        """The state after a step of the optimizer that runs."""
        inner = optimizer.step(problem, self.inner)
        return self.with_inner(inner, 0 if inner.score > self.inner.score else self.n_stale + 1)

    def has_ended(self, patience):
        """Whether the optimizer that runs has converged or finds nothing better any more."""
        return self.inner.converged or self.n_stale >= patience


def check_nested(optimizer, n_iter_no_change, name="optimizer"):
    """Raise a TypeError or ValueError if an optimizer that is to be run, or how long, is wrong."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name} must be an instance from tabtrain.optimizers, got {optimizer!r}")
    optimizer.check()
    check_scalar(n_iter_no_change, "n_iter_no_change", Integral, min_val=1)
