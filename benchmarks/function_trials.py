"""How many candidates a second are tried of a function that a user wrote?

Run ``python -m benchmarks.function_trials`` from the root of the repository. The function has 5
parameters, 3 comparisons and a product; the table has 100,000 rows; each candidate is scored on all
rows (none is given up early) for accuracy. As in a search, candidates come some at a time, one such
generation after the other. Peers are

- Python: the function called row by row, the rows being tuples already;
- NumPy: the same written for whole columns, by hand.

It also times the first `fit` of a fresh process, compilation included.
"""

import time

import numpy as np

from benchmarks import measure

N_ROWS, N_GENERATIONS, N_CANDIDATES = 100_000, 8, 64
PYTHON_TARGET, NUMPY_TARGET, SECONDS_TARGET = 300, 5, 3.0


def rule(row, *, high=0.5, low=-0.5, weight=0.5, least=0.25, other=0.0):
    if row[0] > high:
        return True
    if row[1] * weight + row[2] < low + least:
        return False
    return row[2] > other


def by_hand(X, high, low, weight, least, other):
    a, b, c = X
    return (a > high) | (~(b * weight + c < low + least) & (c > other))


def examples(n_rows=N_ROWS):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, 3))
    y = by_hand(X.T, 0.8, -0.3, 1.5, 0.2, 0.4) ^ (rng.random(n_rows) < 0.05)
    return X, y


def first_fit(n_rows):
    """Seconds of the first fit, and of the second; once the estimator is imported."""
    from tabtrain import FunctionClassifier

    X, y = examples(n_rows)
    clf = FunctionClassifier(rule, max_iter=10, random_state=0)
    return [measure.seconds(lambda: clf.fit(X, y)) for _ in range(2)]


def problem(X, y, n_jobs):
    from tabtrain import Accuracy
    from tabtrain.functions.program import make_program
    from tabtrain.functions.signature import parameters_of
    from tabtrain.models import FunctionModel
    from tabtrain.problem import Problem
    from tabtrain.table import Table

    parameters = parameters_of(rule)
    program = make_program(rule, parameters, [], X, vectorized=False)
    table = Table(program.rows(X), y.astype(float), n_jobs=n_jobs)
    return Problem(FunctionModel(program, parameters, np.array([0.0, 1.0])), Accuracy(), table)


def main(quick=False):
    n_rows = N_ROWS // 10 if quick else N_ROWS
    X, y = examples(n_rows)
    columns, rows = np.ascontiguousarray(X.T), [tuple(row) for row in X.tolist()]
    labels = y.tolist()
    candidates = np.random.default_rng(1).standard_normal((N_GENERATIONS, N_CANDIDATES, 5))
    names = ("high", "low", "weight", "least", "other")
    problems = {n: problem(X, y, n) for n in (1, 2)}
    n_candidates = N_GENERATIONS * N_CANDIDATES
    found = {}

    def tabtrain(n_jobs):
        thetas = problems[n_jobs].model.theta(candidates)
        begun = time.perf_counter()
        found["tabtrain"] = [problems[n_jobs].scores(generation) for generation in thetas]
        return (time.perf_counter() - begun) / n_candidates

    def numpy():
        begun = time.perf_counter()
        found["numpy"] = [
            [np.count_nonzero(by_hand(columns, *c) == y) / n_rows for c in generation]
            for generation in candidates
        ]
        return (time.perf_counter() - begun) / n_candidates

    def python():
        arguments = dict(zip(names, candidates[0, 0].tolist(), strict=True))
        begun = time.perf_counter()
        n_right = sum(
            rule(row, **arguments) == label for row, label in zip(rows, labels, strict=True)
        )
        seconds = time.perf_counter() - begun
        found["python"] = n_right / n_rows
        return seconds

    cases = {
        "tabtrain, 2 threads": lambda: tabtrain(2),
        "tabtrain, 1 thread": lambda: tabtrain(1),
        "NumPy": numpy,
        "Python": python,
    }
    taken = measure.rounds(cases, 2 if quick else 9)
    assert np.allclose(found["tabtrain"], found["numpy"])
    assert np.isclose(found["tabtrain"][0][0], found["python"])
    ours = taken["tabtrain, 2 threads"]
    measure.print_table(
        f"Candidates a second, {n_rows:,} rows each",
        ["", "candidates a second", "ns a row", "x slower"],
        [
            [
                name,
                measure.spread(1 / np.array(values)),
                f"{1e9 * np.median(values) / n_rows:.2f}",
                f"{measure.ratio(values, ours):.1f}",
            ]
            for name, values in taken.items()
        ],
    )
    first, second = np.median(
        [measure.fresh_process(first_fit, n_rows) for _ in range(1 if quick else 3)], axis=0
    )
    print(f"\nFirst fit of a fresh process: {first:.2f} s, the second {second:.3f} s")
    over_python = measure.ratio(taken["Python"], ours)
    over_numpy = measure.ratio(taken["NumPy"], ours)
    return measure.verdict(
        f"with 2 threads {PYTHON_TARGET} times Python and {NUMPY_TARGET} times NumPy; the first "
        f"fit in less than {SECONDS_TARGET:g} s",
        over_python >= PYTHON_TARGET and over_numpy >= NUMPY_TARGET and first < SECONDS_TARGET,
        f"{over_python:.0f} times Python, {over_numpy:.1f} times NumPy, {first:.2f} s",
    )


if __name__ == "__main__":
    measure.run(main, __doc__)
