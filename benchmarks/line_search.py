"""What does an exact line search cost: the best of all steps on a line, for a metric of counts?

Run ``python -m benchmarks.line_search`` from the root of the repository; ``--quick`` takes seconds.

The first table is the search on a line where the raw predictions ``s`` and their slopes ``z`` along
the line are known: row i is predicted positive where ``s[i] + t * z[i] > 0``, and t is sought. The
columns are nanoseconds a row (the median of the rounds) of

- tabtrain, with one thread and with two,
- "sort": NumPy, which sorts the breakpoints and takes cumulative sums of the weights that flip, and
  so has the counts at every step,
- "one pass": NumPy, which counts the right answers at one step,

and how many times faster than "sort" and slower than "one pass" tabtrain is with one thread, and
how many times faster with two threads. All that find the best step find the same score, which is
checked. The second table is the same with a table of 10 features, two linear functions of which
have to be computed first. Metrics are accuracy and F1; rows have weights, which are all 1.
"""

import functools

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import measure
from tabtrain import F1, Accuracy
from tabtrain._kernels import sweep
from tabtrain._line_search import best_steps
from tabtrain.models import LinearModel
from tabtrain.problem import Problem
from tabtrain.table import Table

FASTER_THAN_SORT, SLOWER_THAN_PASS, TWO_THREADS = 6.0, 5.0, 1.7
LARGE = 10**6
N_FEATURES = 10
# Threads share out larger lines in so many parts.
N_PARTS, LARGEST_WHOLE = 8, 2**16


def accuracy(tp, fp, n_positive, n):
    return (tp + (n - n_positive) - fp) / n


def f1(tp, fp, n_positive, n):
    return 2 * tp / (tp + fp + n_positive)


METRICS = {"accuracy": (Accuracy(), accuracy), "F1": (F1(), f1)}


def line(n):
    """Raw predictions, slopes and labels that agree with them at some step, with noise."""
    rng = np.random.default_rng(0)
    s, z = rng.standard_normal((2, n))
    y = (s + 0.3 + 0.5 * z + rng.standard_normal(n) > 0).astype(float)
    return s, z, y


def by_sorting(s, z, y, weight, metric):
    """The best score, and a step that has it."""
    t = -s / z
    order = np.argsort(t)
    change = (np.where(z > 0, 1.0, -1.0) * weight)[order]
    positive = y[order]
    at_first = z < 0  # which are positive before all breakpoints
    tp = weight @ (at_first * y) + np.cumsum(change * positive)
    fp = weight @ (at_first * (1 - y)) + np.cumsum(change * (1 - positive))
    scores = metric(tp, fp, weight @ y, weight.sum())
    best = np.argmax(scores)
    following = min(best + 1, len(order) - 1)
    return scores[best], (t[order[best]] + t[order[following]]) / 2


def one_pass(s, z, right):
    return np.count_nonzero((s + 0.3 * z > 0) == right)


def given_predictions(s, z, y, weight, objective, n_jobs):
    """A function that searches the line with tabtrain."""
    n = len(s)
    table = Table(np.empty((n, 1)), n_jobs=n_jobs)
    size = n // N_PARTS if n > LARGEST_WHOLE else n
    parts = [slice(i, i + size) for i in range(0, n, size)]
    t, kinds = np.empty((1, n)), np.empty((2, 1, n), dtype=np.uint16)
    limits = np.array([[-np.inf, np.inf]])
    moved = np.zeros(1, dtype=np.intp)
    moves = sweep.moves_of_flips(1, moved)
    raws = [s[np.newaxis, np.newaxis, rows].copy() for rows in parts]
    slopes = [z[np.newaxis, rows].copy() for rows in parts]

    def flips(i):
        start, rows = np.zeros((1, 4)), parts[i]
        sweep.flips(
            raws[i],
            slopes[i],
            moved,
            y[rows],
            weight[rows],
            limits,
            t[:, rows],
            kinds[0][:, rows],
            start,
        )
        return start

    def search():
        start = np.add.reduce(table.map(flips, range(len(parts))))
        return best_steps(
            t,
            *kinds,
            weight,
            start,
            moves,
            limits,
            objective.score,
            has_bounds=True,
            rounding=lambda score: 1e-9 * (1 + abs(score)),
            map_parts=table.map,
        )

    return search


def ns_a_row(n, function):
    return measure.seconds(function) / n * 1e9


def report(name, results, n):
    """One row, and the ratios that are judged."""
    one, two, sort, single = (
        results[case] for case in ("tabtrain", "2 threads", "sort", "one pass")
    )
    ratios = measure.ratio(sort, one), measure.ratio(one, single), measure.ratio(one, two)
    return ratios, [
        f"{name}, {n:,} rows",
        *(f"{np.median(times):.2f}" for times in (one, two, sort, single)),
        *(f"{ratio:.2f}" for ratio in ratios),
    ]


HEADER = [
    "",
    "tabtrain",
    "2 threads",
    "sort",
    "one pass",
    "x faster than sort",
    "x cost of a pass",
    "x with 2 threads",
]


def times(cases, n, n_rounds):
    for case in cases.values():
        case()
    return measure.rounds(
        {name: functools.partial(ns_a_row, n, case) for name, case in cases.items()}, n_rounds
    )


def of_line(n, name, n_rounds):
    """The row of the first table."""
    objective, metric = METRICS[name]
    n += -n % (16 * N_PARTS if n > LARGEST_WHOLE else 16)  # whole tiles
    s, z, y = line(n)
    weight, right = np.ones(n), y == 1
    cases = {
        "tabtrain": given_predictions(s, z, y, weight, objective, 1),
        "2 threads": given_predictions(s, z, y, weight, objective, 2),
        "sort": functools.partial(by_sorting, s, z, y, weight, metric),
        "one pass": functools.partial(one_pass, s, z, right),
    }
    found = [cases["tabtrain"]()[1][0], cases["2 threads"]()[1][0], cases["sort"]()[0]]
    np.testing.assert_allclose(found, found[0], rtol=1e-12)
    return report(name, times(cases, n, n_rounds), n)


def of_table(n, name, n_rounds):
    """The row of the second table."""
    objective, metric = METRICS[name]
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, N_FEATURES))
    theta, direction = rng.standard_normal((2, N_FEATURES + 1))
    truth = theta[:-1] + 0.5 * direction[:-1]
    y = (X @ truth + 2 * rng.standard_normal(n) > 0).astype(float)
    weight, right = np.ones(n), y == 1
    problems = [
        Problem(
            LinearModel(1, np.zeros(N_FEATURES), np.ones(N_FEATURES)),
            objective,
            Table(X, y, n_jobs=n_jobs),
        )
        for n_jobs in (1, 2)
    ]

    def predictions():
        return X @ theta[:-1] + theta[-1], X @ direction[:-1] + direction[-1]

    cases = {
        "tabtrain": lambda: problems[0].line_search(theta[np.newaxis], direction[np.newaxis]),
        "2 threads": lambda: problems[1].line_search(theta[np.newaxis], direction[np.newaxis]),
        "sort": lambda: by_sorting(*predictions(), y, weight, metric),
        "one pass": lambda: np.count_nonzero((X @ theta[:-1] + theta[-1] > 0) == right),
    }
    found = [cases["tabtrain"]()[1][0], cases["2 threads"]()[1][0], cases["sort"]()[0]]
    np.testing.assert_allclose(found, found[0], rtol=1e-12)
    return report(name, times(cases, n, n_rounds), n)


def main(quick=False):
    sizes = (10**3, 10**5) if quick else (10**3, 10**4, 10**5, 10**6, 10**7)
    found = {}
    for title, row, largest in (
        ("Predictions and slopes known; ns a row", of_line, max(sizes)),
        (f"A table of {N_FEATURES} features; ns a row", of_table, 10**6),
    ):
        rows = []
        for n in (n for n in sizes if n <= largest):
            for name in METRICS:
                n_rounds = 3 if quick else int(np.clip(10**8 // n, 7, 1001))
                # One thread, for NumPy's products of matrices too.
                with threadpool_limits(1, "blas"):
                    ratios, cells = row(n, name, n_rounds)
                found[title, n, name] = ratios
                rows.append(cells)
        measure.print_table(title, HEADER, rows)
    known = {key[1:]: ratios for key, ratios in found.items() if "known" in key[0]}
    large = [ratios for (n, _), ratios in known.items() if n >= LARGE]
    small = [ratios for (n, _), ratios in known.items() if n == 10**3]
    reached = large and (
        min(faster for faster, _, _ in large) >= FASTER_THAN_SORT
        and max(slower for _, slower, _ in large) <= SLOWER_THAN_PASS
        and min(gain for _, _, gain in large) >= TWO_THREADS
        and min(faster for faster, _, _ in small) > 1
    )
    measured = (
        f"from 1e6 rows on {min(faster for faster, _, _ in large):.1f} times faster than sorting, "
        f"{max(slower for _, slower, _ in large):.1f} times a pass, "
        f"{min(gain for _, _, gain in large):.2f} times faster with two threads; "
        if large
        else "no large table; "
    )
    return measure.verdict(
        "with predictions and slopes known, from 1e6 rows on at least 6 times faster than sorting, "
        "at most 5 times the cost of one pass and 1.7 times faster with two threads; at 1e3 rows "
        "faster than sorting",
        bool(reached),
        f"{measured}at 1e3 rows {min(faster for faster, _, _ in small):.2f} times faster",
    )


if __name__ == "__main__":
    measure.run(main, __doc__)
