"""Run all benchmarks: ``python -m benchmarks``, or ``python -m benchmarks --quick``.

The last two, time_to_target and metrics_on_new_rows, take over an hour each; run by themselves,
they can be interrupted.
"""

import importlib

from benchmarks import measure

NAMES = (
    "trials",
    "line_search",
    "gradient",
    "sparse",
    "mlp",
    "sgd",
    "stump",
    "rules",
    "portfolio",
    "memory",
    "import_time",
    "function_trials",
    "function_recovery",
    "time_to_target",
    "metrics_on_new_rows",
)


def main(quick=False):
    reached = {}
    for name in NAMES:
        print(f"\n\n=== {name} ===")
        reached[name] = importlib.import_module(f"benchmarks.{name}").main(quick)
    print("\n\n=== targets ===")
    for name, is_reached in reached.items():
        print(f"{name:14s} {'reached' if is_reached else 'NOT REACHED'}")


if __name__ == "__main__":
    measure.run(main, __doc__)
