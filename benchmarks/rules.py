"""How good are lists of rules beside greedy and optimal ones of the same size?

Run ``python -m benchmarks.rules`` from the root of the repository; ``--quick`` takes seconds,
``--table`` is one table alone. With ``--save FILE`` the run can be interrupted, or made table by
table: what has been measured is kept there, shown with the rest, and not measured again.

All have six conditions at most: `RuleClassifier` in up to six rules of up to three conditions,
`DecisionTreeClassifier` with seven leaves, the greedy rule list of imodels of depth six, its
SLIPPER with six rules where that takes seconds and not minutes, and the optimal trees of pystreed
of six splits and a depth of three, for features cut at five quantiles, its default, and at twenty.
Everybody is trained for accuracy and for F1, if that can be said, on each half of a table of which
the other is unseen, five times over. Scores are in percent; seconds are those of `fit`, the median.

The last column is `RuleClassifier` at its quickest, ``RuleSearch(beam_width=1, n_kicks=0,
guard=False)``: what it reaches on training rows beside the optimal trees of twenty cuts, and in
what time, on the first two halves.
"""

import json
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from benchmarks import measure, tables
from tabtrain import RuleClassifier, RuleSearch

TABLES = (
    "breast_cancer",
    "australian",
    "pima",
    "german",
    "yeast4",
    "hypothyroid",
    "abalone19",
    "spambase",
    "phoneme",
    "caravan",
    "telco_churn",
    "magic",
)
N_CONDITIONS = 6
METRICS = {
    "accuracy": accuracy_score,
    "f1": lambda y, predicted: f1_score(y, predicted, zero_division=0),
}
# Greedy peers, and what is compared with in training.
GREEDY, OPTIMAL = ("tree", "greedy list", "SLIPPER"), "optimal, 20"
N_REPEATS = 5
# The optimal trees get so many seconds, and those of many cuts are made for so many halves.
TIME_LIMIT, N_HALVES = 20, 2
# SLIPPER is left out where it takes longer.
PATIENCE = 5.0


def candidates(metric):
    """What is compared, by name."""
    import imodels
    import pystreed

    def ours(**options):
        return RuleClassifier(
            N_CONDITIONS,
            3,
            metric,
            optimizer=RuleSearch(max_size=N_CONDITIONS, **options),
            random_state=0,
        )

    def optimal(n_cuts):
        return pystreed.STreeDClassifier(
            {"f1": "f1-score"}.get(metric, metric),
            max_depth=3,
            max_num_nodes=N_CONDITIONS,
            time_limit=TIME_LIMIT,
            n_thresholds=n_cuts,
        )

    return {
        "rules": ours(),
        "tree": DecisionTreeClassifier(max_leaf_nodes=N_CONDITIONS + 1, random_state=0),
        "greedy list": imodels.GreedyRuleListClassifier(max_depth=N_CONDITIONS),
        "SLIPPER": imodels.SlipperClassifier(n_estimators=N_CONDITIONS, random_state=0),
        "optimal, 5": optimal(5),
        OPTIMAL: optimal(20),
        "quick": ours(guard=False, beam_width=1, n_kicks=0),
    }


def measured(name, metric, n_repeats):
    """Training score, test score and seconds ``[split, 3]`` of each candidate that can."""
    X, y = getattr(tables, name)()
    score = METRICS[metric]
    splits = RepeatedStratifiedKFold(n_splits=2, n_repeats=n_repeats, random_state=0)
    found, left = {}, list(candidates(metric))
    for i, (train, test) in enumerate(splits.split(X, y)):
        for each, model in candidates(metric).items():
            if each not in left or (each == OPTIMAL and i >= N_HALVES):
                continue
            begun = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    model.fit(X[train], y[train])
                except ValueError as error:
                    # SLIPPER gives up where its first rule is no better than chance.
                    print(f"{name}: {each} fails: {error}")
                    left.remove(each)
                    continue
                took = time.perf_counter() - begun
                predicted = [np.asarray(model.predict(X[rows])) for rows in (train, test)]
            scores = [score(y[rows], p) for rows, p in zip((train, test), predicted, strict=True)]
            found.setdefault(each, []).append([*scores, took])
            if each == "SLIPPER" and took > PATIENCE:
                left.remove(each)
    return {each: found[each] for each in left}


def main(quick=False, table=None, save=None):
    measure.require(imodels="imodels six", pystreed="pystreed")
    names = (table,) if table else TABLES[:1] if quick else TABLES
    n_repeats = 1 if quick else N_REPEATS
    known: dict = {}
    if save is not None and Path(save).exists():
        known = json.loads(Path(save).read_text())
    for name in names:
        if name not in known:
            known[name] = {metric: measured(name, metric, n_repeats) for metric in METRICS}
            if save is not None:
                Path(save).write_text(json.dumps(known))
    results = {
        metric: {
            name: {each: np.array(values) for each, values in known[name][metric].items()}
            for name in TABLES
            if name in known
        }
        for metric in METRICS
    }
    reached = True
    measured_texts = []
    for metric, of_tables in results.items():
        everybody = list(candidates(metric))
        for title, column, form in (
            (f"{metric} on unseen rows", 1, "{:.2f}"),
            (f"{metric} on training rows", 0, "{:.2f}"),
            (f"seconds of fit, {metric}", 2, "{:.3f}"),
        ):
            rows = []
            for name, found in of_tables.items():
                values = {
                    each: np.median(found[each][:, 2])
                    if column == 2
                    else 100 * found[each][:, column].mean()
                    for each in found
                }
                rows.append(
                    [name, *(form.format(values[e]) if e in values else "-" for e in everybody)]
                )
            measure.print_table(title, ["", *everybody], rows)
        for peer in GREEDY:
            both = [found for found in of_tables.values() if peer in found]
            if both:
                ours, theirs = (
                    100 * np.mean([found[each][:, 1].mean() for found in both])
                    for each in ("rules", peer)
                )
                reached &= bool(ours > theirs)
                measured_texts.append(
                    f"{metric} of {len(both)} tables {ours:.2f} against {theirs:.2f} ({peer})"
                )
        theirs = [found[OPTIMAL][:N_HALVES] for found in of_tables.values()]
        ours = [found["quick"][:N_HALVES] for found in of_tables.values()]
        behind = 100 * np.mean(np.subtract(theirs, ours)[..., 0])
        share = np.median(np.divide(np.median(ours, axis=1), np.median(theirs, axis=1))[:, 2])
        reached &= bool(behind <= 0.5 and share <= 0.1)
        measured_texts.append(
            f"{metric} on training rows {behind:.2f} points behind {OPTIMAL} in {share:.2f} of its "
            "time"
        )
    return measure.verdict(
        "better mean scores on unseen rows than every greedy peer, and on training rows within 0.5 "
        "points of optimal trees in a tenth of their time",
        reached,
        "; ".join(measured_texts),
    )


if __name__ == "__main__":
    measure.run(
        main,
        __doc__,
        table="one table alone",
        save="go on with the results in this file, and save them there",
    )
