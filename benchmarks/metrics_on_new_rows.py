"""Is what is trained for a metric better by it on new rows, and how long does training take?

Run ``python -m benchmarks.metrics_on_new_rows --save FILE`` from the root of the repository; all of
it takes hours. Each fit is a line of the file when it is done, and is not made again, so that the
run can be interrupted, or made in parts: ``... --save FILE german noise``. Take the lines of
"tabtrain" out of the file when the library has changed. ``--quick`` takes a minute.

Each table is cut in halves five times; each half is trained on once and scored once, the same for
all. Of two classes the rarer is the positive one, labelled 1. Features are standardised by the
training rows, which are shuffled, as the folds of scikit-learn are not; categories are one-hot
already. All have one thread.

- **tabtrain** is `LinearClassifier` as it comes.
- **threshold** is logistic regression as it comes, and the best threshold for the metric on five
  folds. It is what one writes in a line, so our seconds are compared with its: both make each fit
  one after the other, now one first, now the other.
- **C, threshold**: in each of these folds, C is chosen for the log-loss on five folds of its own.
- **C** is for several classes, which have no threshold: C is chosen for the metric on five folds.
- **C, balanced**: likewise, and all classes weigh alike.
- **hinge**: trained by stochastic gradients; alpha, and whether classes weigh alike, are chosen
  for the metric on five folds.

Standard errors over the fits are in brackets. As halves overlap, they are those of Nadeau and
Bengio (Inference for the generalization error, Machine Learning 52, 2003): the variance times
``1 / n_fits + n_test / n_train``. A table is a tie if the difference is not above its standard
error. The strongest peer for a metric has the highest mean over the tables.

In place of a table "noise" is labels that have nothing to do with the features: there `oof_score_`,
which training reports of rows that it has not seen, must not be above what new rows give.
"""

import argparse
import json
import os
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, SGDClassifier
from sklearn.metrics import confusion_matrix, get_scorer, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    RepeatedStratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks import measure, tables
from tabtrain import LinearClassifier
from tabtrain.objectives import Cost

N_FOLDS, N_REPEATS = 2, 5
TWO_CLASSES = (
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
    "credit_default",
    "adult",
    "shuttle_anomaly",
)
SEVERAL_CLASSES = (
    "vehicle",
    "contraceptive",
    "segment",
    "hpc_jobs",
    "page_blocks",
    "satimage",
    "mnist5k",
    "letter",
)
NOISE = "noise"
QUICK = ("german", "yeast4", "vehicle", NOISE)
NOISE_SEEDS, NOISE_SHAPE, NEW_NOISE, NOISE_POSITIVE = 20, (500, 10), 20_000, 0.3

# Of German, by its authors: a bad risk (1) taken for good costs 5, a good one for bad 1.
COST = np.array([[0, 1], [5, 0]])
MOST_WORSE = 0.01
FIT_RATIO, WORST_FIT_RATIO = 1, 3


class Question(NamedTuple):
    """A metric on tables; what is `wanted` is "better", "no worse" or nothing."""

    metric: str
    tables: tuple
    wanted: str | None


QUESTIONS = {
    "accuracy": Question("accuracy", TWO_CLASSES, "no worse"),
    "F1": Question("f1", TWO_CLASSES, "better"),
    "balanced accuracy": Question("balanced_accuracy", TWO_CLASSES, "better"),
    "MCC": Question("matthews_corrcoef", TWO_CLASSES, "better"),
    "minus the mean cost": Question("cost", ("german",), None),
    "macro F1, several classes": Question("f1_macro", SEVERAL_CLASSES, "better"),
    "balanced accuracy, several classes": Question("balanced_accuracy", SEVERAL_CLASSES, "better"),
}
METRICS = tuple(dict.fromkeys(question.metric for question in QUESTIONS.values()))


def minus_mean_cost(actual, predicted):
    # As in scikit-learn's example of tuning a threshold for the cost, on this very table.
    return -(confusion_matrix(actual, predicted) * COST).sum() / len(actual)


def scorer_of(metric):
    return make_scorer(minus_mean_cost) if metric == "cost" else get_scorer(metric)


# Each method makes an estimator for a metric.


def tabtrain(metric):
    return LinearClassifier(Cost(COST) if metric == "cost" else metric, n_jobs=1, random_state=0)


def threshold(metric):
    return TunedThresholdClassifierCV(LogisticRegression(), scoring=scorer_of(metric), cv=5)


def best_logistic(scoring, **options):
    """Logistic regression with the best of ten C; its deprecated options are not to be left out."""
    return LogisticRegressionCV(
        scoring=scoring,
        cv=5,
        max_iter=1000,
        l1_ratios=(0.0,),
        use_legacy_attributes=False,
        **options,
    )


def c_threshold(metric):
    inner = best_logistic("neg_log_loss")
    return TunedThresholdClassifierCV(inner, scoring=scorer_of(metric), cv=5)


def c_alone(metric):
    return best_logistic(scorer_of(metric))


def c_balanced(metric):
    return best_logistic(scorer_of(metric), class_weight="balanced")


def hinge(metric):
    grid = {"alpha": np.logspace(-6, -1, 6), "class_weight": [None, "balanced"]}
    machine = SGDClassifier(loss="hinge", random_state=0)
    return GridSearchCV(machine, grid, scoring=scorer_of(metric), cv=5)


OURS, QUICKEST = "tabtrain", "threshold"
METHODS = {
    OURS: tabtrain,
    QUICKEST: threshold,
    "C, threshold": c_threshold,
    "C": c_alone,
    "C, balanced": c_balanced,
    "hinge": hinge,
}


def methods_of(table):
    left_out = (QUICKEST, "C, threshold") if table in SEVERAL_CLASSES else ("C",)
    return [name for name in METHODS if name not in left_out]


class Results:
    """The score and the seconds of each fit; kept in a file, if there is a path."""

    KEY = ("table", "metric", "method", "split")

    def __init__(self, path):
        self._path = path
        self._fits = {}
        if path is not None and Path(path).exists():
            for line in Path(path).read_text().splitlines():
                fit = json.loads(line)
                # What was made again later counts.
                self._fits[tuple(fit[name] for name in self.KEY)] = fit["score"], fit["seconds"]

    def __contains__(self, key):
        return key in self._fits

    def add(self, key, score, seconds):
        self._fits[key] = score, seconds
        if self._path is not None:
            line = dict(zip(self.KEY, key, strict=True)) | {"score": score, "seconds": seconds}
            with open(self._path, "a") as file:
                file.write(json.dumps(line) + "\n")

    def of(self, table, metric, method, n_splits):
        """Two arrays ``[n_splits]``: scores, and seconds."""
        return np.array([self._fits[table, metric, method, i] for i in range(n_splits)]).T


class Facts(NamedTuple):
    n_rows: int
    n_features: int
    rarest: float


def load(name):
    """A table, the rarer of two classes labelled 1, and the facts on it."""
    X, y = getattr(tables, name)()
    counts = np.bincount(y)
    if len(counts) == 2:
        y = (y == counts.argmin()).astype(int)
    return X, y, Facts(*X.shape, counts.min() / len(y))


def fit(method, metric, X, y):
    """What a method makes of the rows, and its seconds."""
    estimator = METHODS[method](metric)
    with warnings.catch_warnings():
        if method != OURS:
            # Of the many C and alpha some do not converge; they are rarely the best.
            warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator, measure.seconds(lambda: estimator.fit(X, y))


def run_table(table, n_repeats, results):
    """Make the fits of a table that are missing; returns the facts on it."""
    X, y, facts = load(table)
    methods = methods_of(table)
    metrics = [each.metric for each in QUESTIONS.values() if table in each.tables]
    timed = [method for method in methods if method in (OURS, QUICKEST)]
    n_fits, begun = 0, time.perf_counter()
    folds = RepeatedStratifiedKFold(n_splits=N_FOLDS, n_repeats=n_repeats, random_state=0)
    for split, (train, test) in enumerate(folds.split(X, y)):
        train = np.random.default_rng(split).permutation(train)
        scaler = StandardScaler().fit(X[train])
        X_train, X_test = scaler.transform(X[train]), scaler.transform(X[test])
        for metric in metrics:
            missing = [each for each in methods if (table, metric, each, split) not in results]
            if not set(missing).isdisjoint(timed):
                # Both, as the seconds of another day cannot be compared.
                turns = timed if split % 2 == 0 else timed[::-1]
                missing = turns + [each for each in missing if each not in timed]
            for method in missing:
                estimator, seconds = fit(method, metric, X_train, y[train])
                score = scorer_of(metric)(estimator, X_test, y[test])
                results.add((table, metric, method, split), float(score), seconds)
            n_fits += len(missing)
    if n_fits:
        print(f"{table}: {n_fits} fits in {time.perf_counter() - begun:,.0f} s", flush=True)
    return facts


def noise(rng, n_rows):
    X = rng.standard_normal((n_rows, NOISE_SHAPE[1]))
    return X, rng.permutation((np.arange(n_rows) < NOISE_POSITIVE * n_rows).astype(int))


def run_noise(n_seeds, results):
    """How far the score that is reported is above that of new rows, in its standard errors."""
    for metric in METRICS:
        for seed in range(n_seeds):
            key = (NOISE, metric, OURS, seed)
            if key in results:
                continue
            rng = np.random.default_rng(seed)
            clf, seconds = fit(OURS, metric, *noise(rng, NOISE_SHAPE[0]))
            above = clf.oof_score_ - scorer_of(metric)(clf, *noise(rng, NEW_NOISE))
            # Where all rows get one class there may be neither a difference nor an error.
            results.add(key, float(above / clf.oof_std_error_ if above else 0.0), seconds)


def mean_and_error(values):
    """Over the fits, whose halves are not independent; see Nadeau and Bengio."""
    test_to_train = 1 / (N_FOLDS - 1)
    variance = np.var(values, ddof=1) * (1 / len(values) + test_to_train)
    return float(np.mean(values)), float(np.sqrt(variance))


def plain_error(values):
    """The standard error of a mean of independent values; of one there is none."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan


def report_scores(title, question, facts, found):
    """A row for each table, and a row for each peer.

    Parameters
    ----------
    title : str
    question : Question
    facts : dict of str to Facts
    found : dict of str to dict of str to array
        By table and method, scores and seconds.

    Returns
    -------
    bool
        Whether what is wanted is reached.
    """
    methods = list(next(iter(found.values())))
    peers = methods[1:]
    means = {name: [mean_and_error(of[name][0])[0] for of in found.values()] for name in methods}
    ahead = {
        name: np.array([mean_and_error(of[OURS][0] - of[name][0]) for of in found.values()])
        for name in peers
    }
    rows = []
    for i, (table, of) in enumerate(found.items()):
        n_rows, n_features, rarest = facts[table]
        row = [table, f"{n_rows:,}", f"{n_features}", f"{rarest:.1%}"]
        row += ["{:.4f} ({:.4f})".format(*mean_and_error(of[name][0])) for name in methods]
        row += ["{:+.4f} ({:.4f})".format(*ahead[name][i]) for name in peers]
        row += [f"{np.median(of[OURS][1]):.3f}"]
        if QUICKEST in of:
            row += [f"{np.median(of[QUICKEST][1]):.3f}", f"{fit_ratio(of):.2f}"]
        rows.append(row)
    header = ["", "rows", "features", "rarest class", *methods]
    header += [f"above {name}" for name in peers] + ["seconds"]
    header += [f"{QUICKEST}'s seconds", "ratio"] if QUICKEST in methods else []
    measure.print_table(f"{title}, on new rows", header, rows)

    strongest = max(peers, key=lambda name: np.mean(means[name]))
    rows = []
    for name in peers:
        mean, error = ahead[name].T
        worst = int(np.argmin(mean))
        rows.append(
            [
                f"{name}{' (the strongest)' * (name == strongest)}",
                f"{np.mean(means[name]):.4f}",
                f"{np.sum(mean > 0)}",
                f"{np.sum(mean > error)}",
                f"{np.sum(mean < -error)}",
                f"{np.sum(np.abs(mean) <= error)}",
                f"{np.mean(mean):+.4f} ({plain_error(mean):.4f})",
                f"{mean[worst]:+.4f} ({error[worst]:.4f}), {list(found)[worst]}",
            ]
        )
    measure.print_table(
        f"{title}: tabtrain, {np.mean(means[OURS]):.4f} in the mean, against each peer, over "
        f"{len(found)} tables",
        [
            "",
            "mean",
            "we are higher",
            "won",
            "lost",
            "ties",
            "difference",
            "worst table",
        ],
        rows,
    )
    return judge(title, question.wanted, strongest, *ahead[strongest].T)


def judge(title, wanted, peer, mean, error):
    """Print the verdict on differences from a peer, and their standard errors, by table."""
    n_higher, n_lower = int(np.sum(mean > 0)), int(np.sum(mean < 0))
    over, over_error = np.mean(mean), plain_error(mean)
    worst = float(np.min(mean + error))
    measured = (
        f"higher on {n_higher} of {len(mean)} tables, lower on {n_lower}; {over:+.4f} "
        f"(standard error {over_error:.4f}) in the mean"
    )
    if wanted == "better":
        return measure.verdict(
            f"{title}: above {peer} on 3/4 of the tables, by two standard errors in the mean, and "
            f"on none below by more than {MOST_WORSE} and its standard error",
            n_higher >= 0.75 * len(mean) and over > 2 * over_error and worst >= -MOST_WORSE,
            f"{measured}; on the worst {worst:+.4f} with its standard error added",
        )
    if wanted == "no worse":
        return measure.verdict(
            f"{title}: in the mean no lower than {peer}, and higher on more tables than lower",
            over >= 0 and n_higher > n_lower,
            measured,
        )
    return True


def fit_ratio(of):
    """Our seconds over those of the quickest peer, the median over the fits of a table."""
    return measure.ratio(of[OURS][1], of[QUICKEST][1])


def judge_seconds(ratios):
    """Print the verdict on the ratios, by question and table."""
    (title, table), worst = max(ratios.items(), key=lambda each: each[1])
    middle = np.median(list(ratios.values()))
    return measure.verdict(
        f"a fit takes no longer than one of {QUICKEST} in the median over metrics and tables, and "
        f"at worst {WORST_FIT_RATIO} times as long",
        middle <= FIT_RATIO and worst <= WORST_FIT_RATIO,
        f"{middle:.2f} times as long, at worst {worst:.2f} ({table}, {title})",
    )


def report_noise(n_seeds, results):
    """Print by metric how far what is reported is from what new noise gives."""
    above = {metric: results.of(NOISE, metric, OURS, n_seeds)[0] for metric in METRICS}
    measure.print_table(
        f"oof_score_ of {n_seeds} tables of noise, less the score of {NEW_NOISE:,} new rows, in "
        "units of oof_std_error_",
        ["", "mean", "its standard error", "above 2 or below -2"],
        [
            [
                metric,
                f"{np.mean(z):+.2f}",
                f"{plain_error(z):.2f}",
                f"{np.mean(np.abs(z) > 2):.0%}",
            ]
            for metric, z in above.items()
        ],
    )
    worst = max((float(np.mean(z)) for z in above.values()), key=abs)
    share = np.mean(np.abs(list(above.values())) > 2)
    return measure.verdict(
        "on noise, oof_score_ is in the mean within two of its standard errors of what new rows "
        "give, for all metrics",
        abs(worst) <= 2,
        f"{worst:+.2f} where it is the furthest; {share:.0%} of all fits are further off than two",
    )


def warm_up():
    """What is imported late, or else slow at first."""
    X, y = noise(np.random.default_rng(0), 200)
    for metric in METRICS:
        for method in (OURS, QUICKEST):
            fit(method, metric, X, y)


def main(quick=False, *, save=None, names=()):
    chosen = tuple(names) or (QUICK if quick else (*TWO_CLASSES, *SEVERAL_CLASSES, NOISE))
    unknown = set(chosen) - {*TWO_CLASSES, *SEVERAL_CLASSES, NOISE}
    if unknown:
        raise ValueError(f"no such tables: {', '.join(unknown)}")
    n_repeats, n_seeds = (1, 3) if quick else (N_REPEATS, NOISE_SEEDS)
    results = Results(save)
    with threadpool_limits(1):
        warm_up()
        facts = {name: run_table(name, n_repeats, results) for name in chosen if name != NOISE}
        if NOISE in chosen:
            run_noise(n_seeds, results)
    reached, ratios = [], {}
    for title, question in QUESTIONS.items():
        found = {
            table: {
                method: results.of(table, question.metric, method, n_repeats * N_FOLDS)
                for method in methods_of(table)
            }
            for table in question.tables
            if table in chosen
        }
        if found:
            reached.append(report_scores(title, question, facts, found))
            if QUICKEST in next(iter(found.values())):
                ratios |= {(title, table): fit_ratio(of) for table, of in found.items()}
    if ratios:
        reached.append(judge_seconds(ratios))
    if NOISE in chosen:
        reached.append(report_noise(n_seeds, results))
    return all(reached)


def run():
    """As `measure.run`, which takes no tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of a minute")
    parser.add_argument("--save", help="go on with the results in this file, and save them there")
    parser.add_argument("names", nargs="*", metavar="TABLE", help="run and show only these tables")
    given = vars(parser.parse_args())
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    quick = ", QUICK: a smoke run" * given["quick"]
    print(f"{os.cpu_count()} processors, load {load}{quick}")
    main(**given)


if __name__ == "__main__":
    run()
