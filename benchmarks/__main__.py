"""Run all benchmarks: ``python -m benchmarks``, or ``python -m benchmarks --quick``.

The last, time_to_target, takes over an hour; run by itself, it can be interrupted.
"""

import importlib

from benchmarks import measure

NAMES = (
    "trials",
    "line_search",
    "gradient",
    "portfolio",
    "memory",
    "import_time",
    "function_trials",
    "function_recovery",
    "time_to_target",
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
