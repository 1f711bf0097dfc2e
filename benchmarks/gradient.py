"""How long does it take to minimise the log-loss as far as scikit-learn does?

Run ``python -m benchmarks.gradient`` from the root of the repository; ``--quick`` takes seconds.

`LinearClassifier` with `LBFGS` and `LogisticRegression` (lbfgs) minimise the same function, the
mean log-loss plus an L2 penalty, on standardised tables. Each gets the loosest tolerance with
which it comes within 1e-6 of the lowest loss that either finds with a very tight one, so that both
are timed for the same result. The losses are computed by NumPy in double precision, for both
alike. scikit-learn runs with all the threads that it takes by itself, and with one BLAS thread,
which is faster where the processors are busy.

A row is the tolerance, the iterations, how far from the lowest loss it ended, the seconds of
`fit` (the median of the rounds and their range) and how many times as long as tabtrain with 2
threads that is. Below each table is how far apart the coefficients of the two are with a very
tight tolerance.
"""

import functools
import warnings

import numpy as np
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from benchmarks import measure, tables
from tabtrain import LBFGS, LinearClassifier

ALPHA = 1e-4
CLOSE = 1e-6
TIGHT = 1e-10  # Flat directions need it: coefficients move long after the loss stands still.
TOLERANCES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 1e-7)
# How far apart they may be, as a share of the largest; single precision tells less apart.
SAME_COEFFICIENTS = {"float64": 1e-4, "float32": 1e-2}


def sklearn_classifier(n_rows, tol):
    return LogisticRegression(C=1 / (ALPHA * n_rows), tol=tol, max_iter=10_000)


def tabtrain_classifier(n_rows, tol, n_jobs):
    return LinearClassifier(
        "neg_log_loss",
        alpha=ALPHA,
        optimizer=LBFGS(gtol=tol),
        max_iter=10_000,
        n_iter_no_change=None,
        n_jobs=n_jobs,
    )


def fit(make, X, y, tol):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A tolerance may be tighter than rounding allows.
        return make(len(X), tol).fit(X, y)


def loss(clf, X, y):
    """The mean log-loss plus the penalty."""
    raw = X @ clf.coef_.T.astype(float) + clf.intercept_
    if raw.shape[1] == 1:
        raw = np.hstack([np.zeros_like(raw), raw])
    right = raw[np.arange(len(y)), y]
    return np.mean(logsumexp(raw, axis=1) - right) + ALPHA / 2 * np.sum(clf.coef_**2.0)


def coefficients(clf):
    """Weights and constants; of several classes, only differences of the constants matter."""
    intercept = clf.intercept_
    return np.column_stack([clf.coef_, intercept - intercept.mean() * (len(intercept) > 1)])


# A classifier, and how many BLAS threads it gets, None for all.
SOLVERS = {
    "tabtrain, 2 threads": (functools.partial(tabtrain_classifier, n_jobs=2), None),
    "tabtrain, 1 thread": (functools.partial(tabtrain_classifier, n_jobs=1), None),
    "scikit-learn": (sklearn_classifier, None),
    "scikit-learn, 1 BLAS thread": (sklearn_classifier, 1),
}
OURS, _, *THEIRS = SOLVERS


def loosest(make, X, y, lowest):
    """The loosest tolerance that comes close enough, what that finds, and how close."""
    for tol in TOLERANCES:
        clf = fit(make, X, y, tol)
        gap = loss(clf, X, y) - lowest
        if gap <= CLOSE:
            break
    return tol, clf, gap


def compare(name, X, y, n_rounds):
    """Measure and print one table.

    Returns
    -------
    ratios : list of float
        How many times as long as tabtrain with 2 threads scikit-learn takes, with all BLAS
        threads and with one.
    agree : bool
        Whether their coefficients do.
    """
    both = (SOLVERS[OURS][0], SOLVERS[THEIRS[0]][0])
    with threadpool_limits(1, "blas"):  # Nothing is timed here, and this is never the slow way.
        tight = [fit(make, X, y, TIGHT) for make in both]
        lowest = min(loss(clf, X, y) for clf in tight)
        ours, theirs = (loosest(make, X, y, lowest) for make in both)
    chosen = {solver: theirs if solver in THEIRS else ours for solver in SOLVERS}

    def timed(solver):
        make, n_threads = SOLVERS[solver]
        with threadpool_limits(n_threads, "blas"):
            return measure.seconds(lambda: fit(make, X, y, chosen[solver][0]))

    times = measure.rounds(
        {solver: functools.partial(timed, solver) for solver in SOLVERS}, n_rounds
    )
    ratios = {solver: measure.ratio(times[solver], times[OURS]) for solver in SOLVERS}
    measure.print_table(
        f"{name}: {X.shape[0]:,} x {X.shape[1]} {X.dtype}, {len(np.unique(y))} classes, "
        f"{n_rounds} rounds",
        ["", "tolerance", "iterations", "loss gap", "seconds", f"x times {OURS}"],
        [
            [
                solver,
                f"{tol:g}",
                f"{np.max(clf.n_iter_)}",
                f"{gap:.1e}{' TOO FAR' if gap > CLOSE else ''}",
                measure.spread(times[solver], ".3f"),
                f"{ratios[solver]:.2f}",
            ]
            for solver, (tol, clf, gap) in chosen.items()
        ],
    )
    apart = np.abs(np.subtract(*map(coefficients, tight))).max()
    largest = np.abs(coefficients(tight[0])).max()
    print(f"coefficients with tolerance {TIGHT:g}: {apart:.1e} apart, the largest {largest:.2f}")
    agree = apart <= SAME_COEFFICIENTS[X.dtype.name] * largest
    return [ratios[solver] for solver in THEIRS], agree


def main(quick=False):
    n_rounds = 1 if quick else 3
    found = {}
    for load in (tables.adult, tables.mnist5k, tables.synthetic):
        X, y = load()
        if quick:
            X, y = X[::10], y[::10]
        X = tables.standardised(X)
        found[load.__name__] = compare(load.__name__, X, y, n_rounds)
    found["synthetic float32"] = compare("synthetic", X.astype(np.float32), y, n_rounds)
    return measure.verdict(
        "not slower than scikit-learn on any table (2 threads), and the same coefficients",
        all(min(ratios) >= 1 and agree for ratios, agree in found.values()),
        "scikit-learn takes, with all BLAS threads and with one, "
        + "; ".join(
            f"{name} {' and '.join(f'{ratio:.2f}' for ratio in ratios)} times as long, "
            f"coefficients {'agree' if agree else 'DIFFER'}"
            for name, (ratios, agree) in found.items()
        ),
    )


if __name__ == "__main__":
    measure.run(main, __doc__)
