"""Drive an optimizer of another library, which is asked for candidates and told their losses.

Three conventions are told apart by what ``ask()`` returns and by who has a population:

- a list of vectors, which is told back whole, with a list of losses (cma);
- a vector, of an object with a ``population_size``: so many are asked for, and told back as a
  list of pairs of a vector and a loss (cmaes);
- one candidate, told back alone with its loss: a vector, an object whose ``value`` is one
  (nevergrad) or a trial that suggests numbers (optuna).
"""

import copy
from dataclasses import dataclass, replace
from functools import cache
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain.optimizers._base import Optimizer, State

# Instead of infinity, which some objects refuse and others compute with.
WORST_LOSS = 1e20
# What is suggested from where there are no bounds; about 1 is large.
RANGE = 5.0


@dataclass(kw_only=True)
class Outside(State):
    """``outside`` is the object that is asked and told."""

    outside: Any


class AskTell(Optimizer):
    """An optimizer of another library: it is asked for candidates and told their losses.

    The candidates are scored here, many at once. The libraries cma, cmaes, nevergrad and
    optuna are known, and all others whose objects do as theirs:

    =========  ===========================  ==================================
    as         ``ask()``                    ``tell``
    =========  ===========================  ==================================
    cma        a list of vectors            ``tell(vectors, losses)``
    cmaes      a vector                     ``tell([(vector, loss), ...])``
    nevergrad  a candidate with ``value``   ``tell(candidate, loss)``
    optuna     a trial, ``suggest_float``   ``tell(trial, loss)``
    others     a vector                     ``tell(vector, loss)``
    =========  ===========================  ==================================

    An object is as that of cmaes if it has a ``population_size``. A loss is the negative score:
    lower is better.

    Parameters
    ----------
    make : callable
        ``make(theta, bounds, seed)`` makes the object: ``theta`` is the start, of shape (n,),
        ``bounds`` the lowest and highest values, of shape (2, n), infinite where there are
        none, and ``seed`` a whole number below 2**32. Parameters that are fixed are left out.
        About 1 is a large value for a parameter.
    n_candidates : int, default=16
        How many candidates an object is asked for before it is told of them, if it hands
        them out one by one.

    Notes
    -----
    A search can be repeated and taken up again to the bit if all the chance of the object comes
    from ``seed`` and is copied with it, as below.

    The object is copied in every iteration, so that one that is interrupted leaves nothing half
    done. Where an object keeps all that it was told, as those of nevergrad and optuna do, this
    takes the longer the more it was told: have it asked for more candidates at once.

    Candidates beyond bounds, or not whole where they must be, are moved to the nearest allowed
    one when they are scored; the object is told of what it asked for. Where optuna has to
    suggest from a range, and there are no bounds, it is from -5 to 5.

    Examples
    --------
    >>> from cmaes import SepCMA
    >>> from sklearn.datasets import load_iris
    >>> from tabtrain import AskTell, LinearClassifier
    >>> def separable(theta, bounds, seed):
    ...     return SepCMA(theta, 1.0, seed=seed)
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = LinearClassifier(optimizer=AskTell(separable), random_state=0)
    >>> clf.fit(X, y).best_score_ > 0.95
    True

    The same for others:

    >>> import numpy as np
    >>> def pycma(theta, bounds, seed):
    ...     import cma
    ...     # cma's own generator is numpy's global one.
    ...     randn = np.random.RandomState(seed).randn
    ...     return cma.CMAEvolutionStrategy(theta, 1.0, {"randn": randn, "verbose": -9})
    >>> def two_points(theta, bounds, seed):
    ...     import nevergrad
    ...     vector = nevergrad.p.Array(init=theta)
    ...     vector.random_state.seed(seed)
    ...     return nevergrad.optimizers.TwoPointsDE(vector, num_workers=16)
    >>> def parzen(theta, bounds, seed):
    ...     import optuna
    ...     return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    """

    def __init__(self, make, n_candidates=16):
        self.make = make
        self.n_candidates = n_candidates

    def check(self):
        if not callable(self.make):
            raise TypeError(f"make must be a function of theta, bounds and seed, got {self.make!r}")
        check_scalar(self.n_candidates, "n_candidates", Integral, min_val=1)

    def start(self, problem, theta, rng):
        free = free_params(problem)
        outside = None
        if len(free):
            outside = self.make(theta[free], problem.bounds[:, free], new_seed(rng))
        return Outside(
            theta=theta,
            score=problem.scores(theta[np.newaxis])[0],
            rng=rng,
            converged=outside is None,
            outside=outside,
        )

    def step(self, problem, state):
        outside, candidates, scores = next_generation(problem, state, self.n_candidates)
        return replace(state, outside=outside).with_best(candidates, scores)


def free_params(problem):
    """The places of the parameters that are not fixed."""
    low, high = problem.bounds
    return np.flatnonzero(low < high)


def new_seed(rng):
    return int(rng.integers(2**32))


def next_generation(problem, state, n_candidates):
    """Ask, score and tell.

    Returns
    -------
    outside : object
        A copy of the state's, which has been told.
    candidates : array of shape (n, n_params)
    scores : array of shape (n,)
    """
    outside = copy.deepcopy(state.outside)
    if hasattr(outside, "reseed_rng"):  # cmaes: a copy is without its generator
        outside.reseed_rng(new_seed(state.rng))
    free = free_params(problem)
    bounds = problem.bounds[:, free]
    with one_blas_thread():
        asked = outside.ask()
        is_batch = isinstance(asked, list) and np.ndim(asked) == 2
        if not is_batch:
            n = getattr(outside, "population_size", n_candidates)
            asked = [asked, *(outside.ask() for _ in range(n - 1))]
        vectors = [_vector(each, bounds) for each in asked]
    candidates = np.tile(state.theta, (len(asked), 1))
    candidates[:, free] = vectors
    candidates = problem.project(candidates)
    scores = problem.scores(candidates)
    losses = np.minimum(-scores, WORST_LOSS).tolist()
    with one_blas_thread():
        if is_batch:
            outside.tell(asked, losses)
        elif hasattr(outside, "population_size"):
            outside.tell(list(zip(asked, losses, strict=True)))
        else:
            for each, loss in zip(asked, losses, strict=True):
                outside.tell(each, loss)
    return outside, candidates, scores


def _vector(asked, bounds):
    """The numbers of what an object returned when it was asked."""
    n = bounds.shape[1]
    if hasattr(asked, "suggest_float"):
        low, high = bounds
        low, high = (
            np.where(np.isinf(low), np.minimum(-RANGE, high - 2 * RANGE), low),
            np.where(np.isinf(high), np.maximum(RANGE, low + 2 * RANGE), high),
        )
        return [asked.suggest_float(f"theta_{j}", low[j], high[j]) for j in range(n)]
    vector = getattr(asked, "value", asked)
    if np.shape(vector) != (n,):
        raise TypeError(
            f"ask() must return a vector of {n} numbers, a list of such vectors, an object whose "
            f"value is one or a trial that can suggest_float, got {asked!r}"
        )
    return vector


def one_blas_thread():
    # The matrices are small: to wake threads takes longer than to multiply. And as many threads
    # as the machine has would make results depend on it.
    return _blas().limit(limits=1, user_api="blas")


@cache
def _blas():
    # Imported here: importing the package must stay cheap.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
