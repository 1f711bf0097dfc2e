"""Learn from what wins in which directions candidates should differ."""

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain._validation import check_bool, check_number
from tabtrain.optimizers._base import Optimizer
from tabtrain.optimizers.ask_tell import (
    Outside,
    free_params,
    new_seed,
    next_generation,
    one_blas_thread,
)

# From so many parameters on, products of matrices take longer than they save.
SEPARABLE_FROM = 100


@dataclass(kw_only=True)
class _Run(Outside):
    """``run_score`` is the best of the present run, ``n_stalled`` the iterations since then."""

    n_restarts: int = 0
    run_score: float = -np.inf
    n_stalled: int = 0


class CMAES(Optimizer):
    """Covariance matrix adaptation, with restarts; by the library cmaes.

    The candidates of an iteration are normally distributed. Their mean, covariance matrix and
    step size follow those that scored best [1]_. A run that has converged or no longer
    improves is followed by one from a new random point.

    Parameters
    ----------
    population_size : int, optional
        How many candidates an iteration of the first run tries, at least 4;
        ``4 + floor(3 * log(n_params))`` unless given.
    sigma : float, default=0.3
        The standard deviation of the first candidates; 1 is the scale of the starting points.
    separable : bool or "auto", default="auto"
        Whether the covariance matrix is diagonal [3]_, which needs time and memory
        proportional to the number of parameters, not to its square; "auto" is from 100
        parameters on.
    population_growth : float, default=1.0
        By which factor a run's population is larger than that of the run before; 2 suits
        scores with many local maxima [2]_.

    References
    ----------
    .. [1] N. Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772, 2016.
    .. [2] A. Auger, N. Hansen, "A Restart CMA Evolution Strategy With Increasing Population
       Size", IEEE Congress on Evolutionary Computation, 2005.
    .. [3] R. Ros, N. Hansen, "A Simple Modification in CMA-ES Achieving Linear Time and Space
       Complexity", Parallel Problem Solving from Nature X, 2008.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabtrain import CMAES, LinearClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = LinearClassifier(optimizer=CMAES(), random_state=0)
    >>> clf.fit(X, y).best_score_ > 0.95
    True
    """

    def __init__(self, population_size=None, sigma=0.3, separable="auto", population_growth=1.0):
        self.population_size = population_size
        self.sigma = sigma
        self.separable = separable
        self.population_growth = population_growth

    def check(self):
        if self.population_size is not None:
            check_scalar(self.population_size, "population_size", Integral, min_val=4)
        check_number(self.sigma, "sigma", low=0, include_boundaries="neither")
        if self.separable != "auto":
            check_bool(self.separable, "separable")
        check_number(self.population_growth, "population_growth", low=1)

    def start(self, problem, theta, rng):
        free = free_params(problem)
        return _Run(
            theta=theta,
            score=problem.scores(theta[np.newaxis])[0],
            rng=rng,
            converged=len(free) == 0,
            outside=self._strategy(theta[free], rng, 0) if len(free) else None,
        )

    def _strategy(self, mean, rng, n_restarts):
        # Imported here: importing the package must stay cheap.
        from cmaes import CMA, SepCMA

        n = len(mean)
        separable = n >= SEPARABLE_FROM if self.separable == "auto" else self.separable
        size = self.population_size or 4 + int(3 * np.log(n))
        size = int(size * self.population_growth**n_restarts)
        # One variance is a diagonal matrix and a full one; SepCMA refuses it.
        strategy = SepCMA if separable and n > 1 else CMA
        return strategy(mean, self.sigma, population_size=size, seed=new_seed(rng))

    def step(self, problem, state):
        outside, candidates, scores = next_generation(problem, state, None)
        state = replace(state, outside=outside, n_stalled=state.n_stalled + 1)
        if scores.max() > state.run_score:
            state = replace(state, run_score=scores.max(), n_stalled=0)
        # The library ends a run whose scores have all been the same for so long. Among counts,
        # some candidates differ to the last: here it is the best score that must not change.
        patience = 10 + 30 * outside.dim / outside.population_size
        with one_blas_thread():
            has_converged = outside.should_stop()
        if has_converged or state.n_stalled > patience:
            state = self._restarted(problem, state)
        return state.with_best(candidates, scores)

    def _restarted(self, problem, state):
        n_restarts = state.n_restarts + 1
        mean = problem.initial(state.rng, 1)[0, free_params(problem)]
        return replace(
            state,
            outside=self._strategy(mean, state.rng, n_restarts),
            n_restarts=n_restarts,
            run_score=-np.inf,
            n_stalled=0,
        )
