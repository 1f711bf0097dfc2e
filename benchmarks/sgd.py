"""How long does it take to bring the log-loss of a linear function down, a few rows at a time?

Run ``python -m benchmarks.sgd`` from the root of the repository; ``--quick`` takes seconds.

All get the same table, one-hot columns as they are and numbers standardised, and minimise the mean
log-loss of its rows, without a penalty, which they would measure on different scales. The lowest
loss is what `LBFGS` finds in 100 iterations. Each solver gets the number of iterations, of those
in ``ITERATIONS``, and the learning rate, of those in ``RATES``, with which it comes within 1e-3 of
that soonest; a fit with these is timed. Losses are computed by NumPy, for all alike.

`SGDClassifier` averages, too: without that it does not come so close with any of these. Nor is
"optimal", its own choice of rates, any use without a penalty.

A row is the rate, the iterations, how far above the lowest loss it ends, the seconds of `fit` (the
median of the rounds and their range) and how many times as long as `SGD` with 2 threads that is.
"""

import bisect
import functools
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression, SGDClassifier

from benchmarks import measure, tables
from tabtrain import LBFGS, SGD, LinearClassifier

CLOSE = 1e-3
RATES = (0.01, 0.003, 0.03)
ITERATIONS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40)


def tabtrain_classifier(make, rate, max_iter, n_jobs):
    return LinearClassifier(
        "neg_log_loss",
        optimizer=make(rate),
        max_iter=max_iter,
        n_iter_no_change=None,
        n_jobs=n_jobs,
        random_state=0,
    )


def averaging(rate):
    return SGD(rate, average=True)


def lbfgs(rate):
    return LBFGS()


def sgd_classifier(rate, max_iter):
    return SGDClassifier(
        loss="log_loss",
        penalty=None,
        learning_rate="constant",
        eta0=rate,
        average=True,
        max_iter=max_iter,
        tol=None,
        random_state=0,
    )


def saga(rate, max_iter):
    return LogisticRegression(C=np.inf, solver="saga", tol=0, max_iter=max_iter, random_state=0)


ONE, TWO = {"n_jobs": 1}, {"n_jobs": 2}
# What makes each solver of a rate and a number of iterations, and the rates that it has.
SOLVERS = {
    "SGD(average=True), 2 threads": (
        functools.partial(tabtrain_classifier, averaging, **TWO),
        RATES,
    ),
    "SGD(average=True), 1 thread": (
        functools.partial(tabtrain_classifier, averaging, **ONE),
        RATES,
    ),
    "SGD(), 2 threads": (functools.partial(tabtrain_classifier, SGD, **TWO), RATES[:1]),
    "'auto' (LBFGS), 2 threads": (functools.partial(tabtrain_classifier, lbfgs, **TWO), (None,)),
    "SGDClassifier(average=True)": (sgd_classifier, RATES),
    "LogisticRegression(solver='saga')": (saga, (None,)),
}
OURS, OURS_ALONE, *_ = SOLVERS
THEIRS = list(SOLVERS)[-2:]


def census_income_kdd():
    """One-hot columns as they are, others with mean 0 and deviation 1."""
    X, y = tables.census_income_kdd()
    numbers = [j for j in range(X.shape[1]) if not np.isin(X[:, j], (0, 1)).all()]
    X[:, numbers] = tables.standardised(X[:, numbers])
    return X, y


TABLES = {"census_income_kdd": census_income_kdd}


def fit(clf, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That it has not converged is what was asked for.
        return clf.fit(X, y)


def loss(clf, X, y):
    raw = X @ clf.coef_[0] + clf.intercept_[0]
    return np.mean(np.logaddexp(0, np.where(y == 1, -raw, raw)))


def soonest(make, rates, X, y, lowest):
    """The rate and number of iterations that come close enough soonest, and how close."""

    def gap(n):
        return loss(fit(make(rate, n), X, y), X, y) - lowest

    found = rates[0], ITERATIONS[-1]
    for rate in rates:
        fewer = [n for n in ITERATIONS if n < found[1]]
        place = bisect.bisect_left(fewer, True, key=lambda n: gap(n) <= CLOSE)
        if place < len(fewer):
            found = rate, fewer[place]
    rate, n = found
    return rate, n, gap(n)


def compare(name, X, y, n_rounds):
    """Measure and print one table.

    Returns
    -------
    ratios : list of float
        How many times as long as ours theirs take.
    """
    lowest = loss(fit(tabtrain_classifier(lbfgs, None, 100, 2), X, y), X, y)
    chosen = {
        solver: soonest(make, rates, X, y, lowest)
        for solver, (make, rates) in SOLVERS.items()
        if solver != OURS_ALONE
    }
    chosen[OURS_ALONE] = chosen[OURS]  # Threads change nothing but the time.

    def timed(solver):
        rate, n, _ = chosen[solver]
        return measure.seconds(lambda: fit(SOLVERS[solver][0](rate, n), X, y))

    times = measure.rounds(
        {solver: functools.partial(timed, solver) for solver in SOLVERS}, n_rounds
    )
    ratios = {solver: measure.ratio(times[solver], times[OURS]) for solver in SOLVERS}
    measure.print_table(
        f"{name}: {X.shape[0]:,} x {X.shape[1]}, lowest loss {lowest:.5f}, {n_rounds} rounds",
        ["", "rate", "iterations", "loss gap", "seconds", f"x times {OURS}"],
        [
            [
                solver,
                "" if rate is None else f"{rate:g}",
                f"{n}",
                f"{gap:.1e}{' TOO FAR' if gap > CLOSE else ''}",
                measure.spread(times[solver], ".2f"),
                f"{ratios[solver]:.2f}",
            ]
            for solver, (rate, n, gap) in ((solver, chosen[solver]) for solver in SOLVERS)
        ],
    )
    return [ratios[solver] for solver in THEIRS]


def main(quick=False):
    n_rounds = 1 if quick else 3
    found = {}
    for name, load in TABLES.items():
        X, y = load()
        if quick:
            X, y = np.ascontiguousarray(X[::20]), y[::20]
        found[name] = compare(name, X, y, n_rounds)
    return measure.verdict(
        "SGD is not slower than the faster of SGDClassifier and saga on any table (2 threads)",
        all(min(ratios) >= 1 for ratios in found.values()),
        "; ".join(
            f"{name}: SGDClassifier takes {sgd:.2f} times as long, saga {of_saga:.2f}"
            for name, (sgd, of_saga) in found.items()
        ),
    )


if __name__ == "__main__":
    measure.run(main, __doc__)
