"""How long does it take to bring the log-loss of a linear function down, a few rows at a time?

Run ``python -m benchmarks.sgd`` from the root of the repository; ``--quick`` takes seconds.

All get the same table and minimise the mean log-loss of its rows, without a penalty, which they
would measure on different scales. Of census_income_kdd one-hot columns are as they are and numbers
standardised; docstrings is a sparse table of words, is it one of scikit-learn's or not. The lowest
loss is what `LBFGS` finds in 100 iterations. Each solver gets the number of iterations, of those
in ``ITERATIONS``, and the learning rate, of those of the table, with which it comes within 1e-3 of
that soonest; a fit with these is timed. Losses are computed by NumPy, for all alike.

`SGDClassifier` averages, too: without that it does not come so close with any of these. Nor is
"optimal", its own choice of rates, any use without a penalty.

A row is the rate, the iterations, how far above the lowest loss it ends, the seconds of `fit` (the
median of the rounds and their range) and how many times as long as the fastest of `SGD` and `Adam`
that is. tabtrain runs in 2 threads.
"""

import bisect
import functools
import warnings
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression, SGDClassifier

from benchmarks import measure, tables
from tabtrain import LBFGS, SGD, Adam, LinearClassifier

CLOSE = 1e-3
ITERATIONS = (
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    10,
    12,
    14,
    16,
    20,
    24,
    28,
    32,
    40,
    56,
    80,
    112,
    160,
    224,
    320,
)


def tabtrain_classifier(make, rate, max_iter, n_jobs):
    return LinearClassifier(
        "neg_log_loss",
        optimizer=make(rate),
        max_iter=max_iter,
        n_iter_no_change=None,
        n_jobs=n_jobs,
        random_state=0,
    )


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


class Rates(NamedTuple):
    """The learning rates to choose from, and the batches of tabtrain."""

    sgd: tuple
    sgd_batch: int
    adam: tuple
    adam_batch: int
    sgd_classifier: tuple


def solvers(rates):
    """What makes each solver of a rate and a number of iterations, and its rates."""

    def of_tabtrain(make, n_jobs=2):
        return functools.partial(tabtrain_classifier, make, n_jobs=n_jobs)

    def averaging(rate):
        return SGD(rate, rates.sgd_batch, average=True)

    return {
        AVERAGING: (of_tabtrain(averaging), rates.sgd),
        AVERAGING_ALONE: (of_tabtrain(averaging, n_jobs=1), rates.sgd),
        "SGD()": (of_tabtrain(lambda rate: SGD(rate, rates.sgd_batch)), rates.sgd),
        "Adam()": (of_tabtrain(lambda rate: Adam(rate, rates.adam_batch)), rates.adam),
        LOWEST: (of_tabtrain(lambda rate: LBFGS()), (None,)),
        "SGDClassifier(average=True)": (sgd_classifier, rates.sgd_classifier),
        "LogisticRegression(solver='saga')": (saga, (None,)),
    }


AVERAGING, AVERAGING_ALONE = "SGD(average=True)", "SGD(average=True), 1 thread"
LOWEST = "'auto' (LBFGS)"
OURS = AVERAGING, "SGD()", "Adam()"
THEIRS = "SGDClassifier(average=True)", "LogisticRegression(solver='saga')"


def census_income_kdd():
    """One-hot columns as they are, others with mean 0 and deviation 1."""
    X, y = tables.census_income_kdd()
    numbers = [j for j in range(X.shape[1]) if not np.isin(X[:, j], (0, 1)).all()]
    X[:, numbers] = tables.standardised(X[:, numbers])
    return X, y


def docstrings():
    X, y = tables.docstrings()
    return X, (y == tables.DOCUMENTED.index("sklearn")).astype(int)


TABLES = {
    census_income_kdd: Rates(
        (0.01, 0.003, 0.03), 32, (0.003, 0.001, 0.01), 200, (0.01, 0.003, 0.03)
    ),
    docstrings: Rates((3.0, 1.0, 6.0), 1000, (0.01, 0.003, 0.03), 1000, (3.0, 1.0, 10.0)),
}


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


def compare(name, X, y, of_all, n_rounds):
    """Measure and print one table.

    Returns
    -------
    ours, theirs : str
        The fastest of those that come close enough.
    ratio : float
        How many times as long theirs takes.
    """
    lowest = loss(fit(of_all[LOWEST][0](None, 100), X, y), X, y)
    chosen = {
        solver: soonest(make, rates, X, y, lowest)
        for solver, (make, rates) in of_all.items()
        if solver != AVERAGING_ALONE
    }
    chosen[AVERAGING_ALONE] = chosen[AVERAGING]  # Threads change nothing but the time.

    def timed(solver):
        rate, n, _ = chosen[solver]
        return measure.seconds(lambda: fit(of_all[solver][0](rate, n), X, y))

    times = measure.rounds(
        {solver: functools.partial(timed, solver) for solver in of_all}, n_rounds
    )
    is_close = {solver: gap <= CLOSE for solver, (_, _, gap) in chosen.items()}
    ours, theirs = (
        min((each for each in some if is_close[each]), key=lambda each: np.median(times[each]))
        for some in (OURS, THEIRS)
    )
    measure.print_table(
        f"{name}: {X.shape[0]:,} x {X.shape[1]:,}, lowest loss {lowest:.5f}, {n_rounds} rounds",
        ["", "rate", "iterations", "loss gap", "seconds", f"x times {ours}"],
        [
            [
                solver,
                "" if rate is None else f"{rate:g}",
                f"{n}",
                f"{gap:.1e}{'' if is_close[solver] else ' TOO FAR'}",
                measure.spread(times[solver], ".2f"),
                f"{measure.ratio(times[solver], times[ours]):.2f}",
            ]
            for solver, (rate, n, gap) in ((solver, chosen[solver]) for solver in of_all)
        ],
    )
    return ours, theirs, measure.ratio(times[theirs], times[ours])


def main(quick=False):
    n_rounds = 1 if quick else 3
    found = {}
    for load, rates in TABLES.items():
        X, y = load()
        if quick:
            X, y = X[::20].copy(), y[::20]
        found[load.__name__] = compare(load.__name__, X, y, solvers(rates), n_rounds)
    return measure.verdict(
        "the fastest of SGD and Adam is not slower than the faster of SGDClassifier and saga, to "
        "the same loss, on any table",
        all(ratio >= 1 for *_, ratio in found.values()),
        "; ".join(
            f"{name}: {theirs} takes {ratio:.2f} times as long as {ours}"
            for name, (ours, theirs, ratio) in found.items()
        ),
    )


if __name__ == "__main__":
    measure.run(main, __doc__)
