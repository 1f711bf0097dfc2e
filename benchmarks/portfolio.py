"""How far does each optimizer come in a given time?

Run ``python -m benchmarks.portfolio`` from the root of the repository; ``--quick`` takes seconds.

Training accuracy of a linear function after 0.3 and 3 seconds of `fit`, one thread, from random
starts; medians over the seeds, the optimizers in turn. The best of a column is marked, and all that
come within a row of it. These are the optimizers of tabtrain alone, see time_to_target for peers.
"""

import time

import numpy as np

from benchmarks import measure, tables
from tabtrain import (
    CMAES,
    DifferentialEvolution,
    ExactLineSearch,
    GeneticAlgorithm,
    HillClimb,
    LinearClassifier,
    RandomSearch,
    SimulatedAnnealing,
    SoftAscent,
)

OPTIMIZERS = (
    ExactLineSearch(),
    SoftAscent(),
    CMAES(),
    DifferentialEvolution(),
    SimulatedAnnealing(),
    HillClimb(),
    GeneticAlgorithm(),
    RandomSearch(),
)
TABLES = ("breast_cancer", "german", "phoneme", "spambase", "magic", "adult")


def scores_at(optimizer, X, y, seconds, seed):
    """The training scores after so many seconds."""
    clf = LinearClassifier(
        "accuracy",
        optimizer=optimizer,
        init="random",
        max_time=max(seconds),
        max_iter=None,
        n_iter_no_change=None,
        tol=0.0,
        random_state=seed,
    )
    begun = time.perf_counter()
    clf.fit(X, y)
    # What came before the search, which is not in the seconds of its history.
    prepared = max(time.perf_counter() - begun - max(seconds), 0.0)
    return [
        max((each.score for each in clf.history_ if each.time <= limit - prepared), default=np.nan)
        for limit in seconds
    ]


def main(quick=False):
    seconds, n_seeds = ((0.05, 0.2), 1) if quick else ((0.3, 3.0), 3)
    rows = [[type(optimizer).__name__] for optimizer in OPTIMIZERS]
    header = [""]
    for name in TABLES[:2] if quick else TABLES:
        X, y = getattr(tables, name)()
        found = np.median(
            [
                [scores_at(optimizer, X, y, seconds, seed) for optimizer in OPTIMIZERS]
                for seed in range(n_seeds)
            ],
            axis=0,
        )
        for i, limit in enumerate(seconds):
            header.append(f"{name}, {limit:g} s")
            for row, score in zip(rows, found[:, i], strict=True):
                best = score >= np.nanmax(found[:, i]) - 1 / len(y)
                row.append(f"{score:.4f}{'*' if best else ' '}")
    measure.print_table("Training accuracy", header, rows)
    own = np.array([float(cell.rstrip("* ")) for cell in rows[0][1:]])
    others = np.array([[float(cell.rstrip("* ")) for cell in row[1:]] for row in rows[1:]])
    n_best = int(np.sum(own >= np.nanmax(others, axis=0)))
    return measure.verdict(
        f"{rows[0][0]} is the best in every column",
        n_best == len(own),
        f"the best in {n_best} of {len(own)}",
    )


if __name__ == "__main__":
    measure.run(main, __doc__)
