"""How much memory does scoring 1,000 candidates on a large table take, beyond the table?

Run ``python -m benchmarks.memory`` from the root of the repository (Linux with glibc only);
``--quick`` takes a table of a tenth of the rows, and no fits.

Every row is a process of its own. It makes a table of 1,000,000 x 20 numbers, the labels and the
candidates, and then measures the highest amount of memory that it has resident (VmHWM, reset
before) beyond what it has then. What a `Table` keeps, the labels and the weights of the rows as
double-precision numbers (16 MB), counts as added. The rows "fit" are whole fits of
`LinearClassifier`, scikit-learn's checks and label encoding included; the target is about the
others. For comparison, the float64 table itself takes 160 MB and NumPy's ``X @ candidates.T``
8,000 MB.
"""

import ctypes
import itertools
import warnings

import numpy as np

from benchmarks import measure, tables
from tabtrain import LinearClassifier, RandomSearch
from tabtrain.models import LinearModel
from tabtrain.objectives import get_objective
from tabtrain.problem import Problem
from tabtrain.table import Table

TARGET_MB = 64
N_CANDIDATES = 1000
LAYOUTS = {"float64, C order": ("f8", "C"), "float64, F order": ("f8", "F"), "float32": ("f4", "C")}


def _status(field):
    with open("/proc/self/status") as file:
        kilobytes = next(line.split()[1] for line in file if line.startswith(field))
    return int(kilobytes) * 1024 / 1e6


def score_candidates(X, y, objective, n_jobs):
    with Table(X, y, n_jobs=n_jobs) as table:
        model = LinearModel(1, *table.mean_and_deviation())
        problem = Problem(model, get_objective(objective, "class"), table)
        thetas = np.random.default_rng(0).standard_normal((N_CANDIDATES, model.n_params))
        problem.scores(thetas)


def fit(X, y, objective, n_jobs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        LinearClassifier(
            objective, optimizer=RandomSearch(N_CANDIDATES), max_iter=1, n_jobs=n_jobs
        ).fit(X, y)


TASKS = {"scores": score_candidates, "fit": fit}


def added_megabytes(n_rows, task, layout, objective, n_jobs):
    """The megabytes that a task takes beyond the table, in this process."""
    X, y = tables.synthetic(n_rows)
    dtype, order = LAYOUTS[layout]
    X = np.asarray(X, dtype=dtype, order=order)
    ctypes.CDLL(None).malloc_trim(0)  # Else what was freed is taken again, and not seen.
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # The highest so far becomes what is resident now.
    before = _status("VmRSS")
    TASKS[task](X, y, objective, n_jobs)
    return _status("VmHWM") - before


def main(quick=False):
    n_rows = 100_000 if quick else 1_000_000
    rows, most = [], 0.0
    for task, layout in itertools.product(["scores"] if quick else TASKS, LAYOUTS):
        added = [
            measure.fresh_process(added_megabytes, n_rows, task, layout, objective, n_jobs)
            for objective, n_jobs in itertools.product(("accuracy", "neg_log_loss"), (1, 2))
        ]
        rows.append([f"{task}, {layout}", *(f"{megabytes:.1f}" for megabytes in added)])
        if task == "scores":
            most = max(most, *added)
    measure.print_table(
        f"MB added: {n_rows:,} x 20, {N_CANDIDATES:,} candidates",
        ["", "accuracy, 1 thread", "2 threads", "neg_log_loss, 1 thread", "2 threads"],
        rows,
    )
    return measure.verdict(
        f"scoring adds less than {TARGET_MB} MB to the table", most < TARGET_MB, f"{most:.1f} MB"
    )


if __name__ == "__main__":
    measure.run(main, __doc__)
