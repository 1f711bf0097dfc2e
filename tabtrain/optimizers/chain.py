"""Run optimizers one after the other, each from where the one before it ended."""

from dataclasses import dataclass

from sklearn.base import clone

from tabtrain.optimizers._base import Optimizer
from tabtrain.optimizers._nested import Nested, check_nested


@dataclass(kw_only=True)
class _Link(Nested):
    place: int = 0


class Chain(Optimizer):
    """Optimizers that run one after the other, each from the best that those before it found.

    Parameters
    ----------
    *optimizers : Optimizer
        Two or more. In `get_params` they are ``optimizer_0``, ``optimizer_1`` and so on.
    n_iter_no_change : int, default=20
        The next one starts when one has converged or after so many of its iterations without a
        better score. The last one goes on.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabtrain import Chain, HillClimb, LinearClassifier, RandomSearch
    >>> X, y = load_iris(return_X_y=True)
    >>> chain = Chain(RandomSearch(), HillClimb(step_size=0.1), n_iter_no_change=5)
    >>> clf = LinearClassifier(optimizer=chain, random_state=0)
    >>> clf.fit(X, y).best_score_ > 0.95
    True
    """

    def __init__(self, *optimizers, n_iter_no_change=20):
        self.optimizers = optimizers
        self.n_iter_no_change = n_iter_no_change

    # scikit-learn's own methods know no parameters without a name.

    def get_params(self, deep=True):
        """The parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Whether those of the optimizers are among them, as ``optimizer_0__n_candidates``.

        Returns
        -------
        dict
        """
        params = {f"optimizer_{i}": each for i, each in enumerate(self.optimizers)}
        if deep:
            for name, each in list(params.items()):
                # What is no optimizer is refused by `check`, which has more to say about it.
                if isinstance(each, Optimizer):
                    params |= {f"{name}__{key}": value for key, value in each.get_params().items()}
        return params | {"n_iter_no_change": self.n_iter_no_change}

    def set_params(self, **params):
        """Set parameters by the names of `get_params`.

        Returns
        -------
        self : Chain
        """
        unknown = params.keys() - self.get_params().keys()
        if unknown:
            raise ValueError(
                f"Chain has no parameters {sorted(unknown)}: it has {list(self.get_params())}"
            )
        self.n_iter_no_change = params.pop("n_iter_no_change", self.n_iter_no_change)
        self.optimizers = tuple(
            params.pop(f"optimizer_{i}", each) for i, each in enumerate(self.optimizers)
        )
        for name, value in params.items():
            place, _, key = name.removeprefix("optimizer_").partition("__")
            self.optimizers[int(place)].set_params(**{key: value})
        return self

    def __sklearn_clone__(self):
        return Chain(*map(clone, self.optimizers), n_iter_no_change=self.n_iter_no_change)

    def __repr__(self):
        inside = ", ".join(map(repr, self.optimizers))
        return f"Chain({inside}, n_iter_no_change={self.n_iter_no_change})"

    @property
    def needs(self):  # type: ignore[override]
        return frozenset().union(*(each.needs for each in self.optimizers))

    def check(self):
        if len(self.optimizers) < 2:
            raise ValueError(f"Chain needs two or more optimizers, got {len(self.optimizers)}")
        for i, each in enumerate(self.optimizers):
            check_nested(each, self.n_iter_no_change, f"optimizer_{i}")

    def start(self, problem, theta, rng):
        inner = self.optimizers[0].start(problem, theta, rng)
        return _Link(inner.theta, inner.score, rng, inner=inner)

    def step(self, problem, state):
        is_last = state.place == len(self.optimizers) - 1
        if not is_last and state.has_ended(self.n_iter_no_change):
            following = self.optimizers[state.place + 1]
            inner = following.start(problem, state.theta, state.rng)
            return state.with_inner(inner, place=state.place + 1)
        state = state.stepped(self.optimizers[state.place], problem)
        state.converged = is_last and state.inner.converged
        return state
