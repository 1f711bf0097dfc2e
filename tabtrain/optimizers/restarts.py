"""Run an optimizer again and again, each time from another random point."""

from dataclasses import dataclass, replace
from numbers import Integral

from sklearn.utils.validation import check_scalar

from tabtrain.optimizers._base import Optimizer
from tabtrain.optimizers._nested import Nested, check_nested


@dataclass(kw_only=True)
class _Runs(Nested):
    n_restarts: int = 0


class Restarts(Optimizer):
    """An optimizer that starts anew where it finds nothing better any more; the best is kept.

    Parameters
    ----------
    optimizer : Optimizer
        It begins at the start, then at random points.
    n : int, default=10
        How many times it starts anew.
    n_iter_no_change : int, default=20
        It does so when it has converged or after so many iterations without a better score.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabtrain import LBFGS, LinearClassifier, Restarts, Soft
    >>> X, y = load_iris(return_X_y=True)
    >>> soft = Soft("balanced_accuracy", tau=0.2)  # which has more than one maximum
    >>> clf = LinearClassifier(soft, optimizer=Restarts(LBFGS(), 3), random_state=0)
    >>> clf.fit(X, y).best_score_ > 0.97
    True
    """

    def __init__(self, optimizer, n=10, n_iter_no_change=20):
        self.optimizer = optimizer
        self.n = n
        self.n_iter_no_change = n_iter_no_change

    @property
    def needs(self):  # type: ignore[override]
        return self.optimizer.needs

    def check(self):
        check_nested(self.optimizer, self.n_iter_no_change)
        check_scalar(self.n, "n", Integral, min_val=0)

    def start(self, problem, theta, rng):
        inner = self.optimizer.start(problem, theta, rng)
        return _Runs(inner.theta, inner.score, rng, inner=inner)

    def step(self, problem, state):
        if not state.has_ended(self.n_iter_no_change):
            return state.stepped(self.optimizer, problem)
        if state.n_restarts == self.n:
            return replace(state, converged=True)
        theta = problem.initial(state.rng, 1)[0]
        inner = self.optimizer.start(problem, theta, state.rng)
        return state.with_inner(inner, n_restarts=state.n_restarts + 1)
