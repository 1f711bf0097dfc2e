"""How many candidate functions a second can be tried on a table, counting right answers?

Run ``python -m benchmarks.trials`` from the root of the repository; ``--quick`` takes seconds.

All search for the linear function with the most right answers on a standardised table, in turn,
for the same time. A row is the candidates tried per second (the median of the rounds and their
range), how many times that the headline, ``HillClimb(n_candidates=1024)``, tries, and the best
accuracy found. The rows of a table are

- tabtrain: whole fits, 2 threads. A search gives up candidates that cannot win any more, and they
  count as tried; ``Problem.scores`` gives
  up none.
- one at a time: the peers with the obvious NumPy function of one candidate. The target is about
  the best of them.
- many at once: the most that NumPy can do with whole populations, and the peers that can use it.
  "tuned" is single precision on rows whose sign says what is right.

NumPy and the peers run twice a round, with one BLAS thread and with all, and the faster counts;
NumPy takes so many candidates at once as is fastest on the table.
"""

import contextlib
import functools
import time
import warnings

import numpy as np
from scipy.optimize import Bounds, differential_evolution
from threadpoolctl import threadpool_limits

from benchmarks import measure, tables
from tabtrain import Accuracy, HillClimb, LinearClassifier, RandomSearch
from tabtrain.models import LinearModel
from tabtrain.problem import Problem
from tabtrain.table import Table

TARGET = 20
N_CANDIDATES = 1024
HEADLINE = "tabtrain HillClimb(n_candidates=1024)"
OPTIMIZERS = {
    HEADLINE: HillClimb(n_candidates=N_CANDIDATES),
    "tabtrain HillClimb()": HillClimb(),
    "tabtrain RandomSearch(n_candidates=1024)": RandomSearch(n_candidates=N_CANDIDATES),
}
LARGEST = 3.0  # The weights of those that need bounds.
NEVER = 10**9
SIZES = (4, 16, 64, 256, 1024)


class Trials:
    """The objective, which counts what is tried, keeps the best, and ends when time is up.

    Parameters
    ----------
    score : callable
        Of one candidate ``[d]`` or a population ``[P, d]``: accuracy, ``[P]`` of a population.
    seconds : float
    """

    def __init__(self, score, seconds):
        self._score = score
        self._deadline = time.perf_counter() + seconds
        self.n = 0
        self.best = 0.0

    def time_is_up(self, *_):
        return time.perf_counter() > self._deadline

    def one(self, w):
        """The loss of a candidate, without raising: for peers written in C++."""
        value = float(self._score(w))
        self.n += 1
        if value > self.best:
            self.best = value
        return -value

    def __call__(self, w):
        if self.time_is_up():
            raise TimeoutError
        return self.one(w)

    def many(self, W):
        if self.time_is_up():
            raise TimeoutError
        values = self._score(W)
        self.n += len(W)
        self.best = max(self.best, float(values.max()))
        return -values


def cma_fmin(trials, d):
    import cma

    cma.fmin2(trials, np.zeros(d), 1.0, {"verbose": -9})


def fcmaes_cma(trials, d):
    from fcmaes import cmaescpp

    bounds = Bounds([-LARGEST] * d, [LARGEST] * d)
    cmaescpp.minimize(trials.one, bounds, np.zeros(d), input_sigma=0.5, max_evaluations=5000)


def fcmaes_de(trials, d):
    from fcmaes import decpp

    bounds = Bounds([-LARGEST] * d, [LARGEST] * d)
    decpp.minimize(trials.one, d, bounds, max_evaluations=NEVER, is_terminate=trials.time_is_up)


def nevergrad_one_plus_one(trials, d):
    import nevergrad

    nevergrad.optimizers.OnePlusOne(parametrization=d, budget=NEVER).minimize(trials)


def scipy_de(trials, d):
    differential_evolution(trials, [(-LARGEST, LARGEST)] * d, maxiter=NEVER, polish=False)


def mlrose_hill_climb(trials, d):
    import mlrose_ky

    fitness = mlrose_ky.CustomFitness(lambda w: -trials(w), problem_type="continuous")
    problem = mlrose_ky.ContinuousOpt(d, fitness, min_val=-LARGEST, max_val=LARGEST, step=0.1)
    mlrose_ky.random_hill_climb(problem, max_attempts=NEVER, max_iters=NEVER)


def scipy_de_vectorized(trials, d):
    differential_evolution(
        lambda columns: trials.many(columns.T),
        [(-LARGEST, LARGEST)] * d,
        popsize=-(-N_CANDIDATES // d),
        maxiter=NEVER,
        polish=False,
        vectorized=True,
        updating="deferred",
    )


def cma_ask_tell(trials, d):
    import cma

    strategy = cma.CMAEvolutionStrategy(np.zeros(d), 1.0, {"verbose": -9, "popsize": N_CANDIDATES})
    while not strategy.stop():
        candidates = strategy.ask()
        strategy.tell(candidates, trials.many(np.asarray(candidates)))


PEERS = {
    "cma fmin2": cma_fmin,
    "fcmaes CMA-ES (C++)": fcmaes_cma,
    "fcmaes DE (C++)": fcmaes_de,
    "nevergrad OnePlusOne": nevergrad_one_plus_one,
    "scipy differential_evolution": scipy_de,
    "mlrose_ky random_hill_climb": mlrose_hill_climb,
}
POPULATION_PEERS = {
    "scipy differential_evolution vectorized": scipy_de_vectorized,
    "cma ask and tell": cma_ask_tell,
}


def run_peer(solve, score, n_params, seconds):
    """Trials per second and the best accuracy."""
    trials = Trials(score, seconds)
    begun = time.perf_counter()
    with contextlib.suppress(TimeoutError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while not trials.time_is_up():  # Those that have converged start again.
            solve(trials, n_params)
    return trials.n / (time.perf_counter() - begun), trials.best


def repeat(function, candidates, seconds):
    """Candidates per second, and no best."""
    begun = time.perf_counter()
    n = 0
    while time.perf_counter() - begun < seconds:
        function(candidates)
        n += len(candidates)
    return n / (time.perf_counter() - begun), None


def run_tabtrain(optimizer, X, y, seconds):
    clf = LinearClassifier(
        "accuracy",
        optimizer=optimizer,
        n_jobs=2,
        max_time=seconds,
        max_iter=None,
        n_iter_no_change=None,
    )
    taken = measure.seconds(lambda: clf.fit(X, y))
    return clf.n_trials_ / taken, clf.best_score_


def one_score(X, right):
    return lambda w: np.mean((X @ w[:-1] + w[-1] > 0) == right)


def population_score(X, right):
    X = np.ascontiguousarray(X.T)
    return lambda W: ((W[:, :-1] @ X + W[:, -1:] > 0) == right).mean(axis=1)


def tuned_population_score(X, right):
    """Counting is fastest along a row of bytes, and rows that must be negative change sign."""
    signed = np.column_stack([X, np.ones(len(X))]) * np.where(right, 1, -1)[:, np.newaxis]
    signed = np.ascontiguousarray(signed.T, dtype=np.float32)

    def score(W):
        is_right = W.astype(np.float32) @ signed > 0
        return np.array([np.count_nonzero(row) for row in is_right]) / signed.shape[1]

    return score


def one_by_one(score):
    return lambda W: np.array([score(w) for w in W])


def in_parts(score, size):
    """The same score, of so many candidates at once."""
    return lambda W: np.concatenate([score(W[i : i + size]) for i in range(0, len(W), size)])


def at_its_fastest(case):
    """The same case with one BLAS thread or with all, whichever tries more."""

    def both(seconds):
        results = []
        for n_threads in (1, None):
            with threadpool_limits(n_threads, "blas"):
                results.append(case(seconds))
        return max(results, key=lambda result: result[0])

    return both


def best_size(score, candidates):
    """How many candidates at once are the fastest."""
    with threadpool_limits(1, "blas"):
        rates = {size: repeat(in_parts(score, size), candidates, 0.1)[0] for size in SIZES}
    return max(rates, key=rates.get)


def compare(name, X, y, seconds, n_rounds):
    """Measure and print one table; returns the ratio to the best peer, and that peer."""
    X = tables.standardised(X)
    right = y == 1
    n_params = X.shape[1] + 1
    candidates = np.random.default_rng(0).standard_normal((N_CANDIDATES, n_params))
    # Each is called with the seconds it has, and returns candidates per second and best accuracy.
    cases = {}

    for label, optimizer in OPTIMIZERS.items():
        cases[label] = functools.partial(run_tabtrain, optimizer, X, y)
    for n_jobs in (1, 2):
        table = Table(X, y, n_jobs=n_jobs)
        problem = Problem(LinearModel(1, *table.mean_and_deviation()), Accuracy(), table)
        label = f"tabtrain Problem.scores, {n_jobs} thread{'s' * (n_jobs > 1)}"
        cases[label] = functools.partial(repeat, problem.scores, candidates)

    score = one_score(X, right)
    for peer, solve in PEERS.items():
        cases[peer] = at_its_fastest(functools.partial(run_peer, solve, score, n_params))
    cases["NumPy, one at a time"] = at_its_fastest(
        functools.partial(repeat, one_by_one(score), candidates[:64])
    )
    for label, make in (("", population_score), (" tuned", tuned_population_score)):
        score = make(X, right)
        size = best_size(score, candidates)
        score = in_parts(score, size)
        cases[f"NumPy{label}, {size} at once"] = at_its_fastest(
            functools.partial(repeat, score, candidates)
        )
        for peer, solve in POPULATION_PEERS.items():
            cases[peer + label] = at_its_fastest(
                functools.partial(run_peer, solve, score, n_params)
            )

    for case in cases.values():
        case(0.05)  # What is imported late, or else slow at first.
    results = measure.rounds(
        {label: functools.partial(case, seconds) for label, case in cases.items()}, n_rounds
    )
    rates = {label: [rate for rate, _ in results[label]] for label in cases}
    ratios = {label: measure.ratio(rates[HEADLINE], rates[label]) for label in cases}

    def row(label):
        found = [best for _, best in results[label] if best is not None]
        return [
            label,
            measure.spread(rates[label]),
            f"{ratios[label]:.1f}",
            f"{np.median(found):.4f}" if found else "-",
        ]

    measure.print_table(
        f"{name}: {X.shape[0]:,} x {X.shape[1]}, {n_rounds} rounds of {seconds:g} s",
        ["", "candidates / s", "headline is x times", "best accuracy"],
        [row(label) for label in cases],
    )
    best_peer = min(PEERS, key=ratios.get)
    return ratios[best_peer], best_peer


def main(quick=False):
    measure.require(cma="cma", fcmaes="fcmaes", nevergrad="nevergrad", mlrose_ky="mlrose-ky")
    seconds, n_rounds = (0.2, 1) if quick else (1.0, 5)
    found = {
        load.__name__: compare(load.__name__, *load(), seconds, n_rounds)
        for load in (tables.breast_cancer, tables.magic)
    }
    return measure.verdict(
        f"{TARGET} times the candidates per second of the best one-at-a-time peer, on both tables",
        all(ratio >= TARGET for ratio, _ in found.values()),
        "; ".join(f"{name} {ratio:.1f} times {peer}" for name, (ratio, peer) in found.items()),
    )


if __name__ == "__main__":
    measure.run(main, __doc__)
