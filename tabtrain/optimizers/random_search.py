"""Try random candidates, keep the best."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain.optimizers._base import Optimizer, State


class RandomSearch(Optimizer):
    """Candidates drawn anew from the whole range of starting points, the best kept.

    Parameters
    ----------
    n_candidates : int, default=64
        How many candidates an iteration tries.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabtrain import LinearClassifier, RandomSearch
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = LinearClassifier(optimizer=RandomSearch(), max_iter=200, random_state=0)
    >>> clf.fit(X, y).best_score_ > 0.9
    True
    """

    def __init__(self, n_candidates=64):
        self.n_candidates = n_candidates

    def check(self):
        check_scalar(self.n_candidates, "n_candidates", Integral, min_val=1)

    def start(self, problem, theta, rng):
        return State(theta, problem.scores(theta[np.newaxis])[0], rng)

    def step(self, problem, state):
        candidates = problem.initial(state.rng, self.n_candidates)
        scores = problem.scores(candidates, at_least=state.score)
        return state.with_best(candidates, scores)
