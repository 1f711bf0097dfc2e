"""How long does it take to train a linear function of words?

Run ``python -m benchmarks.sparse`` from the root of the repository; ``--quick`` takes seconds.

The table is the tf-idf of docstrings (`tables.docstrings`), and the question which of them are
scikit-learn's. Everybody minimises the same function of it:

- *scaled*: the mean log-loss plus an L2 penalty, of the columns brought to unit deviation, as
  then the penalty of tabtrain, which is on the weights of standardised features, is that of
  scikit-learn;
- *plain*: the mean log-loss of the table as it is, without a penalty; it can be brought as close to
  0 as one likes, so that the goals are losses that are low enough.

Each solver gets the fewest iterations, of a list, with which it comes to the goal, and is timed
with these, all of them in turn; a fit may take `MOST_SECONDS`. Losses are computed by NumPy in
double precision, for all alike. All have one BLAS thread, with which scikit-learn is faster on such
vectors. A row is the iterations, the loss it ended with, the seconds of `fit` (the median of the
rounds and their range), how many times as long as tabtrain with 2 threads that is, and the most
memory that the fit took, as `tracemalloc` sees it.
"""

import functools
import tracemalloc
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks import measure, tables
from tabtrain import LBFGS, LinearClassifier

SCIKIT_LEARN = tables.DOCUMENTED.index("sklearn")
# How far from the lowest loss, and which loss, is close enough.
GAPS = (1e-2, 1e-3, 1e-5)
LOSSES = (0.1, 0.05)
ALPHA = 1e-2
ITERATIONS = (1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500, 800, 1200)
MOST_SECONDS = 10


def tabtrain(alpha, n_rows, n_iter, n_jobs):
    return LinearClassifier(
        "neg_log_loss",
        alpha=alpha,
        optimizer=LBFGS(gtol=1e-9, ftol=0),
        max_iter=n_iter,
        n_iter_no_change=None,
        n_jobs=n_jobs,
    )


def logistic_regression(alpha, n_rows, n_iter, solver):
    C = np.inf if alpha == 0 else 1 / (alpha * n_rows)
    return LogisticRegression(C=C, solver=solver, tol=1e-12, max_iter=n_iter, random_state=0)


def sgd(alpha, n_rows, n_iter):
    # Its learning rate comes from the penalty: without one, from the least that is usual.
    return SGDClassifier("log_loss", alpha=alpha or 1e-7, tol=None, max_iter=n_iter, random_state=0)


SOLVERS = {
    "tabtrain, 2 threads": functools.partial(tabtrain, n_jobs=2),
    "tabtrain, 1 thread": functools.partial(tabtrain, n_jobs=1),
    "LogisticRegression, lbfgs": functools.partial(logistic_regression, solver="lbfgs"),
    "LogisticRegression, saga": functools.partial(logistic_regression, solver="saga"),
    "SGDClassifier": sgd,
}
OURS, _, *THEIRS = SOLVERS


def fit(solver, alpha, X, y, n_iter):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That so few iterations are not enough is the point.
        return SOLVERS[solver](alpha, len(y), n_iter).fit(X, y)


def loss(clf, alpha, X, y):
    """The mean log-loss plus the penalty."""
    raw = X @ clf.coef_[0] + clf.intercept_[0]
    log_loss = np.logaddexp(0, np.where(y == 1, -raw, raw)).mean()
    return log_loss + alpha / 2 * np.sum(clf.coef_**2)


def fewest(solver, alpha, X, y, goals, most_seconds):
    """For each goal the fewest iterations that reach it and the loss then, or None."""
    found = []
    numbers = iter(ITERATIONS)
    reached, seconds = np.inf, 0.0
    n_iter = None
    for goal in sorted(goals, reverse=True):
        while reached > goal and seconds < most_seconds:
            n_iter = next(numbers, None)
            if n_iter is None:
                break
            clf = None

            def once(n_iter=n_iter):
                nonlocal clf
                clf = fit(solver, alpha, X, y, n_iter)

            seconds = measure.seconds(once)
            reached = loss(clf, alpha, X, y)
        found.append((n_iter, reached) if reached <= goal else None)
    return found


def peak_megabytes(solver, alpha, X, y, n_iter):
    tracemalloc.start()
    try:
        fit(solver, alpha, X, y, n_iter)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def compare(name, X, y, alpha, goals, n_rounds, most_seconds):
    """Measure and print one table for each goal.

    Returns
    -------
    list of float
        For each goal how many times as long as tabtrain the fastest of the others takes.
    """
    reached = {solver: fewest(solver, alpha, X, y, goals, most_seconds) for solver in SOLVERS}
    of_goals = []
    for i, goal in enumerate(sorted(goals, reverse=True)):
        able = {solver: found[i] for solver, found in reached.items() if found[i] is not None}

        def timed(solver, able=able):
            return measure.seconds(lambda: fit(solver, alpha, X, y, able[solver][0]))

        times = measure.rounds(
            {solver: functools.partial(timed, solver) for solver in able}, n_rounds
        )
        rows = []
        for solver in SOLVERS:
            if solver not in able:
                rows.append([solver, "", f"not in {most_seconds} s", "", "", ""])
                continue
            n_iter, found_loss = able[solver]
            rows.append(
                [
                    solver,
                    f"{n_iter}",
                    f"{found_loss:.6f}",
                    measure.spread(times[solver], ".3f"),
                    f"{measure.ratio(times[solver], times[OURS]):.2f}" if OURS in able else "",
                    f"{peak_megabytes(solver, alpha, X, y, n_iter):.0f}",
                ]
            )
        measure.print_table(
            f"{name}, {X.shape[0]:,} x {X.shape[1]:,}, {X.nnz / X.shape[0]:.0f} words a row, down "
            f"to {goal:.6f}, {n_rounds} rounds",
            ["", "iterations", "loss", "seconds", f"x times {OURS}", "peak MB"],
            rows,
        )
        ratios = [measure.ratio(times[each], times[OURS]) for each in THEIRS if each in able]
        of_goals.append(min(ratios, default=np.inf) if OURS in able else 0.0)
    return of_goals


def main(quick=False):
    n_rounds, most_seconds = (1, 1) if quick else (3, MOST_SECONDS)
    X, y = tables.docstrings()
    y = (y == SCIKIT_LEARN).astype(int)
    if quick:
        X, y = X[::10], y[::10]
    scaled = StandardScaler(with_mean=False).fit_transform(X)
    print(f"X has {X.data.nbytes + X.indices.nbytes + X.indptr.nbytes:,} bytes", flush=True)
    with threadpool_limits(1, "blas"):
        lowest = loss(fit(OURS, ALPHA, scaled, y, max(ITERATIONS)), ALPHA, scaled, y)
        goals = [lowest + gap for gap in GAPS]
        found = {
            "scaled": compare("scaled", scaled, y, ALPHA, goals, n_rounds, most_seconds),
            "plain": compare("plain", X, y, 0.0, LOSSES, n_rounds, most_seconds),
        }
    return measure.verdict(
        "not slower than the fastest of scikit-learn's, on either table and down to any loss",
        all(min(ratios) >= 1 for ratios in found.values()),
        "the fastest of the others takes "
        + "; ".join(
            f"{name} {', '.join(f'{ratio:.2f}' for ratio in ratios)}"
            for name, ratios in found.items()
        )
        + " times as long",
    )


if __name__ == "__main__":
    measure.run(main, __doc__)
