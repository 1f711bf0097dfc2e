"""What does ``import tabtrain`` cost beyond ``import sklearn``?

Run ``python -m benchmarks.import_time`` from the root of the repository; ``--quick`` takes seconds.

A row is a fresh interpreter that imports one thing, after another: how many milliseconds the
latter takes, then how many more the former adds (medians of the rounds and their ranges). What
tabtrain imports of scikit-learn and SciPy counts as tabtrain's, although many programs import it
anyway: the rows of `sklearn.callback` and `sklearn.linear_model` show how much of it that is.
``import tabtrain`` loads nothing until a name is asked for; the row of ``tabtrain._linear`` is
what the first use of an estimator then costs.
"""

import json
import subprocess
import sys

import numpy as np

from benchmarks import measure

TARGET_MS = 50
OURS = ("tabtrain", "sklearn")
CASES = [
    OURS,
    ("tabtrain._linear", "sklearn"),
    ("tabtrain._linear", "sklearn.linear_model"),
    ("sklearn.callback", "sklearn"),
    ("sklearn.linear_model", "sklearn"),
]
FORBIDDEN = ("numba", "matplotlib")


def import_milliseconds(module, first):
    """The milliseconds of ``first``, those that ``module`` adds, and all that was imported."""
    code = (
        "import time; begun = time.perf_counter(); "
        f"import {first}; between = time.perf_counter(); "
        f"import {module}; done = time.perf_counter(); import json, sys; "
        "print(json.dumps([1e3 * (between - begun), 1e3 * (done - between), list(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main(quick=False):
    n_rounds = 3 if quick else 7
    cases = {case: lambda case=case: import_milliseconds(*case) for case in CASES}
    if not quick:
        measure.rounds(cases, 1)  # Files come from the disk only once.
    results = measure.rounds(cases, n_rounds)
    rows = []
    for module, first in CASES:
        before, added, _ = zip(*results[module, first], strict=True)
        rows.append(
            [f"{module} after {first}", measure.spread(before), measure.spread(added, ".1f")]
        )
    measure.print_table(
        f"Fresh interpreters, {n_rounds} rounds", ["", "ms before", "ms added"], rows
    )
    added = np.median([added for _, added, _ in results[OURS]])
    modules = set(results["tabtrain._linear", "sklearn"][0][2])
    imported = [name for name in FORBIDDEN if name in modules]
    return measure.verdict(
        f"tabtrain adds less than {TARGET_MS} ms, and imports neither {' nor '.join(FORBIDDEN)}",
        added < TARGET_MS and not imported,
        f"{added:.1f} ms; imports {' and '.join(imported) or 'neither'}",
    )


if __name__ == "__main__":
    measure.run(main, __doc__)
