"""How long does a network take to learn, beside scikit-learn and beside trial and error?

Run ``python -m benchmarks.mlp`` from the root of the repository; ``--quick`` takes seconds.

`MLPClassifier` of both: the same layers of relu, Adam with the same rate and batches of 200 rows,
from the same random weights, without a penalty, on four fifths of the rows. scikit-learn gets them
standardised; tabtrain gets them as they are, and standardises inside. (Features that are constant
in training are left out: scikit-learn's random weights of these stay, and matter to other rows.)
The batches are drawn by each in its own way, so loss curves can be equal but for chance: each
network is trained from several starts, and the mean losses after each epoch, of the training rows
and of the fifth held out, must differ by less than three standard errors or by less than 2%.

The seconds are those of `fit` for so many epochs, divided by these, preparation included.
scikit-learn runs with all the BLAS threads that it takes by itself, and with one; tabtrain in one
thread, and with ``n_jobs=2``, and scores all training rows after each epoch, which scikit-learn
does not. The best of the one is compared with the best of the other. The
seconds to a loss are those until the held-out loss is at most 2% above the lowest of the epochs
of scikit-learn.

mlrose-ky finds the weights of networks by trial and error, as tabtrain can: hill climbing and a
genetic algorithm, of 16 hidden units. It is given so many iterations as take some seconds, at its
best learning rate of three; tabtrain gets the seconds that it took.
"""

import functools
import warnings

import numpy as np
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from threadpoolctl import threadpool_limits

from benchmarks import measure, tables
from tabtrain import Adam, MLPClassifier

# A table, the hidden layers, the epochs, and how many times faster is wanted.
CASES = (
    (tables.mnist5k, (100,), 20, 2),
    (tables.adult, (64, 64), 10, 2),
    (tables.synthetic, (16,), 4, 4),
)
N_STARTS = 3
CLOSE, CLOSE_ERRORS = 0.02, 3
SEARCHES = {
    # The algorithms of mlrose-ky, their iterations, and the optimizers of tabtrain.
    "random_hill_climb": (600, "hill_climb"),
    "genetic_alg": (5, "genetic_algorithm"),
}
LEARNING_RATES = (0.05, 0.3, 1.0)


def loss(raw, y):
    """The mean log-loss of raw predictions, of both alike."""
    raw = raw if raw.ndim > 1 else np.column_stack([np.zeros_like(raw), raw])
    return -np.mean(log_softmax(raw, axis=1)[np.arange(len(y)), y])


def sklearn_loss(clf, X, y):
    return -np.mean(np.log(np.maximum(clf.predict_proba(X), 1e-300))[np.arange(len(y)), y])


class EachEpoch:
    """A callback that looks at the network after each epoch."""

    def __init__(self, look):
        self.look = look
        self.seen = []

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "iteration":
            self.seen.append(self.look(fitted_estimator))

    def teardown(self, estimator, context):
        pass


class Race:
    """One table and one network, to be trained by both."""

    def __init__(self, X, y, sizes, n_epochs):
        self.sizes, self.n_epochs = sizes, n_epochs
        self.X, self.X_val, self.y, self.y_val = train_test_split(
            X, y, test_size=0.2, stratify=y, random_state=0
        )
        varies = self.X.std(axis=0) > 0
        self.X, self.X_val = self.X[:, varies], self.X_val[:, varies]
        self.mean, self.deviation = self.X.mean(axis=0), self.X.std(axis=0)
        self.Z, self.Z_val = (
            np.ascontiguousarray((each - self.mean) / self.deviation)
            for each in (self.X, self.X_val)
        )

    def theirs(self, seed, **options):
        return SklearnClassifier(
            self.sizes, alpha=0.0, tol=0.0, n_iter_no_change=10**6, random_state=seed, **options
        )

    def ours(self, start, seed, n_jobs=1):
        return MLPClassifier(
            self.sizes,
            optimizer=Adam(schedule="constant"),
            init=start,
            max_iter=self.n_epochs,
            tol=0.0,
            n_iter_no_change=None,
            random_state=seed,
            n_jobs=n_jobs,
        )

    def start(self, seed):
        """The random weights of scikit-learn, for rows as they are."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            # All classes, but few rows: a step of next to nothing is taken.
            begun = self.theirs(seed, learning_rate_init=1e-300)
            begun.partial_fit(self.Z[:200], self.y[:200], classes=np.unique(self.y))
        coefs = [begun.coefs_[0] / self.deviation[:, np.newaxis], *begun.coefs_[1:]]
        shift = self.mean @ coefs[0]
        return coefs, [begun.intercepts_[0] - shift, *begun.intercepts_[1:]]

    def curves(self, seed):
        """The losses of both ``[training or held out, epoch]``."""
        clf, theirs = self.theirs(seed), []
        with threadpool_limits(1, "blas"):
            for _ in range(self.n_epochs):
                clf.partial_fit(self.Z, self.y, classes=np.unique(self.y))
                theirs.append(
                    [
                        sklearn_loss(clf, *rows)
                        for rows in ((self.Z, self.y), (self.Z_val, self.y_val))
                    ]
                )

        def look(clf):
            rows = ((self.X, self.y), (self.X_val, self.y_val))
            return [loss(clf.decision_function(X), y) for X, y in rows]

        each_epoch = EachEpoch(look)
        self.train(self.ours(self.start(seed), seed).set_callbacks(each_epoch), self.X)
        return np.array(each_epoch.seen).T, np.array(theirs).T

    def train(self, clf, X):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return clf.fit(X, self.y)

    def seconds(self, n_rounds):
        """Of an epoch: tabtrain in one thread and two, scikit-learn in all of BLAS and one."""

        def timed(make, X, n_threads):
            with threadpool_limits(n_threads, "blas"):
                return measure.seconds(lambda: self.train(make(), X)) / self.n_epochs

        theirs = functools.partial(self.theirs, 0, max_iter=self.n_epochs)
        start = self.start(0)
        return measure.rounds(
            {
                "tabtrain": functools.partial(timed, lambda: self.ours(start, 0), self.X, 1),
                "tabtrain, n_jobs=2": functools.partial(
                    timed, lambda: self.ours(start, 0, n_jobs=2), self.X, 1
                ),
                "scikit-learn": functools.partial(timed, theirs, self.Z, None),
                "scikit-learn, 1 BLAS thread": functools.partial(timed, theirs, self.Z, 1),
            },
            n_rounds,
        )


def compare(name, X, y, sizes, n_epochs, n_starts):
    """Measure and print one table.

    Returns
    -------
    ratio : float
        How many times as long as the faster of tabtrain's the faster of scikit-learn's takes.
    are_equal : bool
        Whether the loss curves are.
    """
    race = Race(X, y, sizes, n_epochs)
    curves = np.array([race.curves(seed) for seed in range(n_starts)])
    ours, theirs = curves.mean(axis=0)
    apart = np.abs(ours - theirs)
    errors = np.sqrt(curves.var(axis=0, ddof=min(n_starts - 1, 1)).sum(axis=0) / n_starts)
    are_equal = bool(((apart <= CLOSE * theirs) | (apart <= CLOSE_ERRORS * errors)).all())
    times = race.seconds(n_starts)
    goal = theirs[1].min() * (1 + CLOSE)
    mine = next(iter(times))
    rows = []
    for solver, seconds in times.items():
        reached = (ours if solver.startswith(mine) else theirs)[1] <= goal
        n_needed = int(np.argmax(reached)) + 1 if reached.any() else np.inf
        rows.append(
            [
                solver,
                measure.spread(seconds, ".3f"),
                f"{n_needed}",
                f"{np.median(seconds) * n_needed:.2f}",
                f"{measure.ratio(seconds, times[mine]):.2f}",
            ]
        )
    fastest = {
        is_ours: np.min([times[each] for each in times if each.startswith(mine) == is_ours], axis=0)
        for is_ours in (True, False)
    }
    measure.print_table(
        f"{name}: {X.shape[0]:,} x {X.shape[1]}, hidden layers {sizes}, {n_starts} starts",
        ["", "seconds an epoch", f"epochs to {goal:.4f}", "seconds to it", f"x times {mine}"],
        rows,
    )
    epochs = sorted({0, n_epochs // 4, n_epochs // 2, n_epochs - 1})
    measure.print_table(
        f"{name}: mean losses after some epochs; the curves {'are' if are_equal else 'ARE NOT'} "
        "equal",
        ["", *(f"{epoch + 1}" for epoch in epochs)],
        [
            [f"{solver}, {rows}", *(f"{values[i, epoch]:.4f}" for epoch in epochs)]
            for i, rows in enumerate(("training rows", "rows held out"))
            for solver, values in (("tabtrain", ours), ("scikit-learn", theirs))
        ],
    )
    return measure.ratio(fastest[False], fastest[True]), are_equal


def by_trial_and_error(name, X, y, scale):
    """The lowest training loss that mlrose-ky finds and that of tabtrain, for each algorithm."""
    import mlrose_ky

    Z = tables.standardised(X)
    won, rows = [], []
    for algorithm, (n_iter, optimizer) in SEARCHES.items():
        best = None
        for learning_rate in LEARNING_RATES:
            network = mlrose_ky.NeuralNetwork(
                [16],
                algorithm=algorithm,
                learning_rate=learning_rate,
                max_iters=max(int(n_iter * scale), 2),
                max_attempts=10**9,
                random_state=0,
            )
            seconds = measure.seconds(functools.partial(network.fit, Z, y))
            if best is None or network.loss < best[0]:
                accuracy = np.mean(network.predict(Z).ravel() == y)
                best = network.loss, accuracy, seconds, learning_rate
        theirs, accuracy, seconds, learning_rate = best
        ours = MLPClassifier(
            (16,),
            optimizer=optimizer,
            max_iter=None,
            n_iter_no_change=None,
            max_time=seconds,
            random_state=0,
        ).fit(X, y)
        won.append(-ours.best_score_ < theirs)
        rows += [
            [
                f"mlrose-ky, {algorithm}, rate {learning_rate:g}",
                f"{seconds:.1f}",
                f"{theirs:.4f}",
                f"{accuracy:.4f}",
            ],
            [
                f"tabtrain, {optimizer}",
                f"{seconds:.1f}",
                f"{-ours.best_score_:.4f}",
                f"{np.mean(ours.predict(X) == y):.4f}",
            ],
        ]
    measure.print_table(
        f"{name}: trial and error, {X.shape[0]:,} x {X.shape[1]}, 16 hidden units",
        ["", "seconds", "log-loss", "accuracy"],
        rows,
    )
    return won


def main(quick=False):
    measure.require(mlrose_ky="mlrose-ky", mlxtend="mlxtend")
    found = {}
    for load, sizes, n_epochs, wanted in CASES:
        X, y = load()
        if quick:
            X, y, n_epochs = X[::10], y[::10], 3
        ratio, are_equal = compare(load.__name__, X, y, sizes, n_epochs, 1 if quick else N_STARTS)
        found[load.__name__] = ratio, wanted, are_equal
    won = []
    for load in (tables.breast_cancer, tables.pima, tables.phoneme):
        won += by_trial_and_error(load.__name__, *load(), 0.1 if quick else 1)
    return measure.verdict(
        "2 times faster than scikit-learn on each table, 4 on the smallest network, with equal "
        "loss curves; a lower loss than mlrose-ky at equal seconds on all tables, by both "
        "algorithms",
        all(ratio >= wanted and are_equal for ratio, wanted, are_equal in found.values())
        and all(won),
        "; ".join(
            f"{name} {ratio:.1f} times (wanted {wanted}), curves {'equal' if equal else 'DIFFER'}"
            for name, (ratio, wanted, equal) in found.items()
        )
        + f"; mlrose-ky: {sum(won)} of {len(won)} won",
    )


if __name__ == "__main__":
    measure.run(main, __doc__)
