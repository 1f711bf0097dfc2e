"""How long does it take to train a linear function as well as the best peer does in 10 seconds?

Run ``python -m benchmarks.time_to_target --save FILE`` from the root of the repository; all of it
takes an hour and a half. What is saved after each seed is not run again, so that it can be
interrupted, or run in parts with ``--only``. ``--load FILE`` prints the results again, ``--plot
FILE.svg`` draws them, and ``--quick`` takes seconds.

A case is a table and a metric of the training rows. All start from the same random weights of the
standardised features, other ones for each seed, and run in turn in one process. A curve is the best
score so far against the seconds since the start, from which on a peer may score candidates; for
tabtrain it is the call of `fit`, and so preparing the table counts. What peers need prepared is not
timed.

- Peers score candidates with the obvious NumPy functions in double precision: whole populations
  with one matrix product where they have populations, else one candidate. How many at once, and
  whether with one BLAS thread or all, is what is the fastest on the table, measured before; all
  only if they are a quarter faster, as they slow down what peers compute by themselves.
- Peers that have converged start again, from other random weights, until time is up. Of a few
  settings (population, step, bounds) they have the best over the tables. Left out are those that
  did worse than another of the same package: random_hill_climb and genetic_alg of mlrose_ky,
  OnePlusOne of nevergrad, and its NGOpt, which fails on some tables. The population of fcmaes DE
  cannot be given a start and keep its width: it starts anywhere.
- tabtrain has 2 threads and `ExactLineSearch` as it comes, but stops for nothing but time, and
  notes every improvement (``tol=0``).

The target of a case and seed is the best score that any peer reaches in time. The ratio is the
seconds of the first peer that reaches it over those of tabtrain, 0 if tabtrain does not reach it
in time. A case is judged by medians over the seeds: of the ratios, and of how far tabtrain's last
score is above the target, each against the peer that is the best with this seed.
"""

import collections
import contextlib
import functools
import itertools
import json
import time
import warnings
from pathlib import Path

import numpy as np
from numpy.random import PCG64DXSM, Generator
from scipy.optimize import Bounds, differential_evolution
from threadpoolctl import threadpool_limits

from benchmarks import measure, tables
from tabtrain import LinearClassifier

# The first is judged. One that is added, or gets another name, is run beside what is saved.
OPTIMIZERS = {"tabtrain": "exact_line_search"}
TARGET, N_CASES_AT_TARGET = 20, 9
SECONDS, N_SEEDS = 10.0, 5
TABLES = ("breast_cancer", "german", "phoneme", "spambase", "magic", "adult")
LARGEST = 5.0  # The weights of those that need bounds.
NEVER = 10**9
SIZES = (1, 4, 16, 64)
ROUNDING = 1e-12  # Scores that are the same are computed in different ways.


def accuracy(predicted, actual):
    return np.count_nonzero(predicted == actual) / len(actual)


def f1(predicted, actual):
    """2 tp / (2 tp + fn + fp)."""
    right = np.count_nonzero(predicted & actual)
    return 2 * right / (np.count_nonzero(predicted) + np.count_nonzero(actual))


METRICS = {"accuracy": accuracy, "f1": f1}
CASES = [f"{table}-{metric}" for table in TABLES for metric in METRICS]


class Scores:
    """The score of a candidate ``[d]``, or of each of a population ``[P, d]``."""

    def __init__(self, X, y, metric):
        X = np.column_stack([X, np.ones(len(X))])
        self._rows, self._columns = np.ascontiguousarray(X), np.ascontiguousarray(X.T)
        self._actual, self._metric = y == 1, metric
        self.n_params = X.shape[1]

    def one(self, w):
        return self._metric(self._rows @ w > 0, self._actual)

    def many(self, W):
        return [self._metric(predicted, self._actual) for predicted in W @ self._columns > 0]


class Trials:
    """The loss as a peer gets it: keeps the curve, and raises TimeoutError when time is up."""

    def __init__(self, scores, size, seconds):
        self._scores, self._size, self._seconds = scores, size, seconds
        self._begun = time.perf_counter()
        self.curve = []

    def _note(self, score):
        seconds = time.perf_counter() - self._begun
        if seconds > self._seconds:
            raise TimeoutError
        if not self.curve or score > self.curve[-1][1]:
            self.curve.append((seconds, score))

    def one(self, w):
        score = self._scores.one(w)
        self._note(score)
        return -score

    def many(self, W):
        W = np.asarray(W)
        losses = []
        for i in range(0, len(W), self._size):
            scores = self._scores.many(W[i : i + self._size])
            self._note(max(scores))
            losses += [-score for score in scores]
        return np.array(losses)


# Each peer searches once from a start, the n-th of a run, and returns if it converges.


def cma_popsize(start, n):
    """The usual one, doubled at each restart (IPOP); the fifth restart has the usual one again."""
    return int(4 + 3 * np.log(len(start))) * 2 ** (n % 5)


def cma_es(trials, start, seed, n):
    import cma

    options = {"verbose": -9, "popsize": cma_popsize(start, n), "seed": seed}
    strategy = cma.CMAEvolutionStrategy(start, 0.5, options)
    while not strategy.stop():
        candidates = strategy.ask()
        strategy.tell(candidates, trials.many(candidates))


def fcmaes_cma(trials, start, seed, n):
    from fcmaes.cmaescpp import ACMA_C

    strategy = ACMA_C(
        len(start),
        x0=start,
        input_sigma=0.5,
        popsize=cma_popsize(start, n),
        stop_hist=0.0,  # Counts stand still for long, which is no reason to stop.
        max_evaluations=NEVER,
        rg=Generator(PCG64DXSM(seed)),
    )
    while strategy.tell(trials.many(strategy.ask())) == 0:
        pass


def fcmaes_de(trials, start, seed, n):
    from fcmaes.decpp import DE_C

    # No start: it would narrow down the whole population, which does far worse.
    bounds = Bounds([-LARGEST] * len(start), [LARGEST] * len(start))
    strategy = DE_C(len(start), bounds, popsize=16, rg=Generator(PCG64DXSM(seed)))
    while strategy.tell(trials.many(strategy.ask())) == 0:
        pass


def nevergrad_cma(trials, start, seed, n):
    import nevergrad

    parametrization = nevergrad.p.Array(init=start).set_mutation(sigma=1.0)
    parametrization.random_state.seed(seed)
    nevergrad.optimizers.DiagonalCMA(parametrization, budget=NEVER).minimize(trials.one)


def scipy_de(trials, start, seed, n):
    differential_evolution(
        lambda columns: trials.many(columns.T),
        [(-LARGEST, LARGEST)] * len(start),
        x0=start,
        popsize=-(-64 // len(start)),  # times the parameters
        recombination=0.9,
        tol=0.0,
        rng=seed,
        maxiter=NEVER,
        polish=False,
        vectorized=True,
        updating="deferred",
    )


def mlrose_annealing(trials, start, seed, n):
    import mlrose_ky

    fitness = mlrose_ky.CustomFitness(lambda w: -trials.one(w), problem_type="continuous")
    problem = mlrose_ky.ContinuousOpt(
        len(start), fitness, min_val=-LARGEST, max_val=LARGEST, step=0.5
    )
    schedule = mlrose_ky.GeomDecay(init_temp=0.01, decay=0.999, min_temp=1e-6)
    mlrose_ky.simulated_annealing(
        problem,
        schedule,
        max_attempts=1000,
        max_iters=NEVER,
        init_state=start,
        random_state=seed,
    )


# Each peer, and whether it has populations.
PEERS = {
    "cma CMA-ES": (cma_es, True),
    "fcmaes CMA-ES (C++)": (fcmaes_cma, True),
    "fcmaes DE (C++)": (fcmaes_de, True),
    "scipy DE": (scipy_de, True),
    "nevergrad CMA-ES": (nevergrad_cma, False),
    "mlrose_ky annealing": (mlrose_annealing, False),
}


def random_start(rng, n_params):
    return np.clip(rng.standard_normal(n_params), -LARGEST, LARGEST)


def peer_curve(solve, scores, way, seconds, seed):
    """The curve of a peer that starts again until time is up."""
    size, n_threads = way
    rng = np.random.default_rng(seed)
    with (
        threadpool_limits(n_threads, "blas"),
        warnings.catch_warnings(),
        contextlib.suppress(TimeoutError),
    ):
        warnings.simplefilter("ignore")
        trials = Trials(scores, size, seconds)
        for n in itertools.count():
            start = random_start(rng, scores.n_params)
            solve(trials, start, 1 + seed + 1000 * n, n)
    return trials.curve


class Timed(LinearClassifier):
    """Notes when the search begins: the seconds of `history_` count from there."""

    def _run(self, *args):
        self.search_began_ = time.perf_counter()
        super()._run(*args)


def tabtrain_curve(optimizer, X, y, metric, seconds, seed):
    start = random_start(np.random.default_rng(seed), X.shape[1] + 1)
    clf = Timed(
        metric,
        optimizer=optimizer,
        init=(start[:-1], start[-1]),
        max_time=seconds,
        max_iter=None,
        n_iter_no_change=None,
        tol=0.0,
        n_jobs=2,
        random_state=seed,
    )
    begun = time.perf_counter()
    clf.fit(X, y)
    prepared = clf.search_began_ - begun
    curve = [(prepared + each.time, each.score) for each in clf.history_]
    return [point for point in curve if point[0] <= seconds]


def fastest_ways(scores):
    """For one candidate and for populations, how many at once and with how many BLAS threads."""
    candidates = np.random.default_rng(0).standard_normal((max(SIZES), scores.n_params))

    def rate(size, n_threads):
        evaluate = scores.one if size == 1 else scores.many
        with threadpool_limits(n_threads, "blas"):
            n, begun = 0, time.perf_counter()
            while (taken := time.perf_counter() - begun) < 0.05:
                evaluate(candidates[0] if size == 1 else candidates[:size])
                n += size
        return n / taken

    ways = list(itertools.product(SIZES, (1, None)))
    rates = measure.rounds({way: functools.partial(rate, *way) for way in ways}, 3)

    def worth(way):
        # Threads slow down what the peers compute by themselves: they must be worth it.
        return max(rates[way]) * (1.0 if way[1] == 1 else 0.8)

    return [
        max((way for way in ways if (way[0] == 1) == is_one), key=worth) for is_one in (True, False)
    ]


def run_case(case, runs, seconds, n_seeds, save):
    """Run what of a case is not in its runs: curves by seed, by competitor."""
    table, metric = case.rsplit("-", 1)
    names = [*PEERS, *OPTIMIZERS]
    missing = [
        (str(seed), name)
        for seed in range(n_seeds)
        for name in names
        if str(seed) not in runs.setdefault(name, {})
    ]
    if not missing:
        return
    X, y = getattr(tables, table)()
    X = tables.standardised(X)
    scores = Scores(X, y, METRICS[metric])
    one, many = fastest_ways(scores)
    print(
        f"{case}: {X.shape[0]:,} x {X.shape[1]}; peers score {many[0]} candidates at once with "
        f"{many[1] or 'all'} BLAS threads, one with {one[1] or 'all'}",
        flush=True,
    )
    competitors = {
        name: functools.partial(peer_curve, solve, scores, many if has_populations else one)
        for name, (solve, has_populations) in PEERS.items()
    } | {
        name: functools.partial(tabtrain_curve, optimizer, X, y, metric)
        for name, optimizer in OPTIMIZERS.items()
    }
    for name in names:
        competitors[name](0.3, n_seeds)  # What is imported late, or else slow at first.
    for seed, group in itertools.groupby(missing, key=lambda each: each[0]):
        for _, name in group:
            runs[name][seed] = competitors[name](seconds, int(seed))
        save()


def last_score(curve):
    return curve[-1][1] if curve else -np.inf


def first_time(curve, score):
    """When a curve reaches a score; infinity if it does not."""
    return next((at for at, reached in curve if reached >= score - ROUNDING), np.inf)


class Outcome:
    """One case: tabtrain with an optimizer against the best peer, each an array over the seeds."""

    def __init__(self, runs, optimizer):
        self.seeds = sorted(runs[optimizer], key=int)
        peers = [
            {name: runs[name][seed] for name in PEERS if seed in runs.get(name, {})}
            for seed in self.seeds
        ]
        ours = [runs[optimizer][seed] for seed in self.seeds]
        self.targets = np.array([max(map(last_score, of_seed.values())) for of_seed in peers])
        times = [
            {name: first_time(curve, target) for name, curve in of_seed.items()}
            for of_seed, target in zip(peers, self.targets, strict=True)
        ]
        self.best_peers = collections.Counter(min(each, key=each.get) for each in times)
        self.peer_times = np.array([min(each.values()) for each in times])
        self.our_times = np.array(
            [first_time(*each) for each in zip(ours, self.targets, strict=True)]
        )
        self.ratios = self.peer_times / self.our_times
        self.ahead = np.array(list(map(last_score, ours))) - self.targets
        self.ahead[np.abs(self.ahead) <= ROUNDING] = 0.0
        self.ratio, self.median_ahead = np.median(self.ratios), np.median(self.ahead)


def shown_seconds(seconds):
    return f"{seconds:.3f}" if np.isfinite(seconds) else "not reached"


def report(cases, seconds):
    """Print all results, and the verdict on the first optimizer; returns the latter."""
    optimizers = list(OPTIMIZERS)
    complete = {
        case: runs
        for case, runs in cases.items()
        if all(runs.get(name) for name in [*PEERS, *OPTIMIZERS])
    }
    if len(complete) < len(cases):
        print(f"\nNot shown, as not all have run: {', '.join(set(cases) - set(complete))}")
    measure.print_table(
        f"Scores after {seconds:g} s, medians over the seeds",
        ["", *optimizers, *PEERS],
        [
            [case]
            + [
                f"{np.median([last_score(curve) for curve in runs[name].values()]):.4f}"
                for name in [*optimizers, *PEERS]
            ]
            for case, runs in complete.items()
        ],
    )
    for optimizer in reversed(optimizers):
        outcomes = {case: Outcome(runs, optimizer) for case, runs in complete.items()}
        measure.print_table(
            f"{optimizer}: seconds to the best score that any peer reaches in {seconds:g} s, "
            "medians over the seeds",
            [
                "",
                "seeds",
                "first peer",
                "its score",
                "its seconds",
                "our seconds",
                "times sooner (range)",
                f"our score after {seconds:g} s",
                "above the peer's",
                "at worst",
            ],
            [
                [
                    case,
                    f"{len(each.seeds)}",
                    ", ".join(f"{name} ({n})" for name, n in each.best_peers.most_common(2)),
                    f"{np.median(each.targets):.4f}",
                    shown_seconds(np.median(each.peer_times)),
                    shown_seconds(np.median(each.our_times)),
                    measure.spread(each.ratios, ".1f") if each.ratio else "not reached",
                    f"{np.median(each.targets + each.ahead):.4f}",
                    f"{each.median_ahead:+.4f}",
                    f"{each.ahead.min():+.4f}",
                ]
                for case, each in outcomes.items()
            ],
        )
    n_at_target = sum(each.ratio >= TARGET for each in outcomes.values())
    n_sooner = sum(each.ratio > 1 for each in outcomes.values())
    n_as_good = sum(each.median_ahead >= 0 for each in outcomes.values())
    return measure.verdict(
        f"the best score that any peer reaches in {seconds:g} s is reached at least {TARGET} "
        f"times sooner on at least {N_CASES_AT_TARGET} of the {len(CASES)} cases and sooner on "
        f"all, and the score after {seconds:g} s is at least the best peer's on all (medians over "
        "the seeds)",
        n_at_target >= N_CASES_AT_TARGET and n_sooner == n_as_good == len(CASES),
        f"of {len(outcomes)} cases that were run, {n_at_target} at least {TARGET} times sooner, "
        f"{n_sooner} sooner, {n_as_good} with at least the score",
    )


def median_curve(curves, times):
    """The median of the best scores so far; NaN before half of the curves have begun."""
    so_far = np.full((len(curves), len(times)), -np.inf)
    for row, curve in zip(so_far, curves, strict=True):
        at, scores = np.array(curve).T
        n_before = np.searchsorted(at, times, side="right")
        row[n_before > 0] = scores[n_before[n_before > 0] - 1]
    middle = np.sort(so_far, axis=0)[(len(curves) - 1) // 2]
    return np.where(np.isfinite(middle), middle, np.nan)


def draw(cases, seconds, path):
    """A panel for each case, in greys and mid tones that can be read on white and on black."""
    measure.require(matplotlib="matplotlib")
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    grey = "#808080"
    styles = {"svg.hashsalt": "tabtrain", "svg.fonttype": "none", "font.size": 8}
    styles |= {"axes.spines.top": False, "axes.edgecolor": grey, "legend.labelcolor": grey}
    styles |= {"axes.spines.right": False}
    styles |= dict.fromkeys(
        ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color"), grey
    )
    names = [*OPTIMIZERS, *PEERS]
    colors = dict(zip(names, plt.colormaps["tab10"].colors, strict=False))
    times = np.geomspace(1e-3, seconds, 120)
    n_columns = min(len(cases), 3)
    n_rows = -(-len(cases) // n_columns)
    with plt.rc_context(styles):
        figure, axes = plt.subplots(
            n_rows,
            n_columns,
            figsize=(3.2 * n_columns, 2.2 * n_rows + 0.6),
            squeeze=False,
            layout="constrained",
        )
        for panel in axes.flat[len(cases) :]:
            panel.remove()
        lines = {}
        for panel, (case, runs) in zip(axes.flat, cases.items(), strict=False):
            curves = {
                name: median_curve([curve for curve in runs[name].values() if curve], times)
                for name in names
                if any(runs.get(name, {}).values())
            }
            for name, curve in curves.items():
                ours = name in OPTIMIZERS
                # Where it rises, and the end.
                shown = np.append(np.diff(curve, prepend=np.nan)[:-1] != 0, True)
                (lines[name],) = panel.step(
                    times[shown],
                    curve[shown],
                    where="post",
                    color=colors[name],
                    linewidth=2 if ours else 1.2,
                    zorder=3 - list(OPTIMIZERS).index(name) / 10 if ours else 2,
                )
            ends = [curve[-1] for curve in curves.values()]
            best = max(ends)
            # The starts are far below: what tells the curves apart is near the best.
            panel.set_ylim(best - max(2 * (best - np.median(ends)), 0.04), best + 0.003)
            panel.set_xscale("log")
            panel.set_xlim(times[0], seconds)
            panel.set_title(case.replace("-", ", "))
            panel.grid(alpha=0.3)
        figure.supxlabel("seconds", color=grey)
        figure.supylabel("best training score so far, median over the seeds", color=grey)
        figure.legend(lines.values(), lines, loc="outside upper center", ncols=4, frameon=False)
        figure.savefig(path, transparent=True, metadata={"Date": None})
        plt.close(figure)
    print(f"\n{path}: drawn")


def read(path, seconds):
    """What was saved; nothing if there is no such file."""
    if path is None or not Path(path).exists():
        return {}
    saved = json.loads(Path(path).read_text())
    if saved["seconds"] != seconds:
        raise ValueError(f"{path} has runs of {saved['seconds']:g} s, these take {seconds:g} s")
    return saved["cases"]


def main(quick=False, *, only=None, save=None, load=None, plot=None):
    seconds, n_seeds = (0.5, 1) if quick else (SECONDS, N_SEEDS)
    chosen = (
        only.split(",") if only else ["breast_cancer-accuracy", "german-f1"] if quick else CASES
    )
    unknown = set(chosen) - set(CASES)
    if unknown:
        raise ValueError(f"no such cases: {', '.join(unknown)}; there are {', '.join(CASES)}")
    if load is not None:
        saved = json.loads(Path(load).read_text())
        seconds, cases = saved["seconds"], saved["cases"]
    else:
        measure.require(cma="cma", fcmaes="fcmaes", nevergrad="nevergrad", mlrose_ky="mlrose-ky")
        cases = read(save, seconds)

        def save_all():
            if save is not None:
                part = Path(f"{save}.part")
                part.write_text(json.dumps({"seconds": seconds, "cases": cases}))
                part.replace(save)  # All or nothing, if it is interrupted.

        for case in chosen:
            run_case(case, cases.setdefault(case, {}), seconds, n_seeds, save_all)
    cases = {case: cases[case] for case in CASES if cases.get(case)}
    if plot is not None:
        draw(cases, seconds, plot)
    return report(cases, seconds)


if __name__ == "__main__":
    measure.run(
        main,
        __doc__,
        only="run only these cases, as in magic-f1,adult-accuracy",
        save="go on with the results in this file, and save them there",
        load="run nothing, show the results in this file",
        plot="draw the curves to this file",
    )
