"""How long does the best of all stumps take, beside scikit-learn's?

Run ``python -m benchmarks.stump`` from the root of the repository; ``--quick`` takes seconds.

A stump is one condition: `RuleClassifier()` finds the one with the best accuracy or F1, of all
features, thresholds and directions, `DecisionTreeClassifier(max_depth=1)` the one with the best
gini impurity. Seconds of `fit` on the same float64 array of 20 features, one thread, in turn; the
ratio is the median of those in the same round.
"""

from functools import partial

import numpy as np
from sklearn.metrics import get_scorer
from sklearn.tree import DecisionTreeClassifier

from benchmarks import measure, tables
from tabtrain import RuleClassifier

OBJECTIVES = ("accuracy", "f1")


def main(quick=False):
    sizes, n_rounds = ((10_000, 30_000), 1) if quick else ((10_000, 100_000, 1_000_000), 3)
    rows, ratios = [], []
    for n_rows in sizes:
        X, y = tables.synthetic(n_rows)
        stumps = {name: RuleClassifier(objective=name) for name in OBJECTIVES}
        stumps["tree"] = DecisionTreeClassifier(max_depth=1)
        cases = {
            name: partial(measure.seconds, partial(each.fit, X, y)) for name, each in stumps.items()
        }
        took = measure.rounds(cases, n_rounds)
        ratios = [measure.ratio(took["tree"], took[name]) for name in OBJECTIVES]
        for name, times_faster in zip(OBJECTIVES, ratios, strict=True):
            ours = stumps[name].score(X, y)
            theirs = get_scorer(name)(stumps["tree"], X, y)
            rows.append(
                [
                    f"{n_rows:,} x 20, {name}",
                    measure.spread(took[name], ".3f"),
                    measure.spread(took["tree"], ".3f"),
                    f"{times_faster:.1f}",
                    f"{1e9 * np.median(took[name]) / X.size:.1f}",
                    f"{ours:.4f}",
                    f"{theirs:.4f}",
                ]
            )
    header = ["", "s", "tree, s", "times faster", "ns a value", "score", "tree's"]
    measure.print_table("The best of all stumps", header, rows)
    return measure.verdict(
        f"5 times faster at {sizes[-1]:,} rows", min(ratios) >= 5, f"{min(ratios):.1f} times"
    )


if __name__ == "__main__":
    measure.run(main, __doc__)
