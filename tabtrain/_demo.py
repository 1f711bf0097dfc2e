"""The story that ``python -m tabtrain`` tells: one table, three ways to train one function."""

import csv
import time
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from tabtrain import HillClimb, LinearClassifier

BAR_WIDTH = 30
# How many improvements of a climb are printed: the first ones and the last ones.
N_FIRST, N_LAST = 10, 3
N_WEIGHTS = 8
N_SHOWN = 3


@dataclass
class Run:
    """One way of training, and what came of it."""

    name: str
    estimator: LinearClassifier
    # How many training rows were right after each improvement.
    rights: np.ndarray
    seconds: float
    # The predicted classes of the unseen rows.
    predicted: np.ndarray


@dataclass
class Split:
    """A table and which of its rows are trained on."""

    names: np.ndarray
    classes: np.ndarray
    X: np.ndarray
    y: np.ndarray
    seen: np.ndarray
    unseen: np.ndarray

    @property
    def n_seen(self):
        return len(self.seen)

    @property
    def n_unseen(self):
        return len(self.unseen)

    def mean_and_deviation(self):
        """Of each feature, over the training rows: what a model may know."""
        X = self.X[self.seen]
        return X.mean(axis=0), X.std(axis=0)


def demo(folder):
    """Tell the story; write ``history.csv`` and, with matplotlib, ``climb.png`` to a folder."""
    data = load_breast_cancer()
    seen, unseen = train_test_split(
        np.arange(len(data.target)), test_size=0.3, stratify=data.target, random_state=0
    )
    table = Split(data.feature_names, data.target_names, data.data, data.target, seen, unseen)

    tell_the_task(table)
    trials = by_trial_and_error(table)
    gradient = by_gradient(table)
    tuned = by_fine_tuning(table, gradient)
    runs = [trials, gradient, tuned]
    compare_on_unseen_rows(table, runs)
    show_functions(table, runs)
    show_failures(table, runs)
    write_files(folder, table, runs)


def heading(text):
    print(f"\n{text}\n{'-' * len(text)}\n")


def tell_the_task(table):
    malignant, benign = np.bincount(table.y)
    print("tabtrain: training is table testing")
    print("===================================")
    print(f"""
The table      breast_cancer, which comes with scikit-learn: {len(table.y)} tumours,
               {len(table.names)} measurements of each
The question   is a tumour malignant ({malignant} rows) or benign ({benign} rows)?
The function   a weight for each measurement, and a constant; where the weighted sum
               is above 0 the answer is "benign"
The start      random weights
Put aside      {table.n_unseen} rows that no training sees; {table.n_seen} are left to train on""")


def by_trial_and_error(table):
    heading("1. Trial and error")
    print("""\
Run the table through the function and count the rows that come out right. Change all
weights at random, count again, keep the change unless it is worse. Repeat.

    LinearClassifier("accuracy", optimizer=HillClimb(n_candidates=1), init="random",
                     random_state=0)
""")
    run = train(
        "trial and error",
        LinearClassifier(
            "accuracy",
            optimizer=HillClimb(n_candidates=1),
            init="random",
            random_state=0,
        ),
        table,
    )
    print_climb(run, table)
    print("""
Each line is a change that raised the count; most of them put some rows right and others
wrong. The changes that did not help are not shown. 100% is not to be expected.""")
    return run


def by_gradient(table):
    heading("2. The same by gradient")
    print("""\
A count of right rows says nothing about where to go. The log-loss does: it is smooth,
so its slope tells in which direction to move all weights at once. It starts from the
same random weights. What it raises is the log-loss score, not the share of right rows,
which is shown here; the two mostly rise together.

    LinearClassifier("neg_log_loss", alpha=1 / n_rows, init="random", random_state=0)
""")
    run = train(
        "gradient",
        LinearClassifier("neg_log_loss", alpha=1 / table.n_seen, init="random", random_state=0),
        table,
    )
    print_climb(run, table)
    print("""
alpha is a penalty on large weights. Without it this table is learned by heart, and the
weights grow without end.""")
    return run


def by_fine_tuning(table, trained):
    heading("3. Fine-tuning what is trained already")
    print("""\
Start where the gradient ended, and look by trial and error for rows that can still be
put right. Any fitted linear classifier of scikit-learn can be such a start, too.

    LinearClassifier("accuracy", optimizer=HillClimb(step_size=0.1), init=trained,
                     random_state=0)
""")
    run = train(
        "fine-tuning",
        LinearClassifier(
            "accuracy",
            optimizer=HillClimb(step_size=0.1),
            init=trained.estimator,
            random_state=0,
        ),
        table,
    )
    print_climb(run, table)
    return run


def train(name, estimator, table):
    begun = time.perf_counter()
    estimator.fit(table.X[table.seen], table.y[table.seen])
    seconds = time.perf_counter() - begun
    # The first improvement is the start: all of its right rows are newly right.
    rights = np.cumsum([each.newly_right - each.newly_wrong for each in estimator.history_])
    return Run(name, estimator, rights, seconds, estimator.predict(table.X[table.unseen]))


def print_climb(run, table):
    print("    trial      rows right   newly right   newly wrong")
    history = run.estimator.history_
    for i, (improvement, right) in enumerate(zip(history, run.rights, strict=True)):
        n_hidden = len(history) - N_FIRST - N_LAST
        if n_hidden > 1 and N_FIRST <= i < N_FIRST + n_hidden:
            if i == N_FIRST:
                print(f"      ...  {n_hidden} more")
            continue
        share = right / table.n_seen
        news = ("", "")
        if i > 0:
            news = (f"+{improvement.newly_right}", f"-{improvement.newly_wrong}")
        bar = "#" * round(BAR_WIDTH * share)
        print(
            f"{improvement.trial:9d}  {right:4d}  {share:6.1%}  {news[0]:>11s}   {news[1]:>11s}"
            f"   {bar}".rstrip()
        )
    print(
        f"\n{run.estimator.n_trials_} trials in {run.seconds:.2f} s; "
        f'why it stopped: "{run.estimator.stop_reason_}"'
    )


def wrong_rows(run, table):
    """The numbers of the unseen rows that fail."""
    return table.unseen[run.predicted != table.y[table.unseen]]


def compare_on_unseen_rows(table, runs):
    heading(f"4. What counts: the {table.n_unseen} rows that no training saw")
    print(f"{'':18s}{'trials':>8s}{'seconds':>10s}{'training rows':>16s}{'unseen rows':>14s}")
    for run in runs:
        unseen = 1 - len(wrong_rows(run, table)) / table.n_unseen
        print(
            f"{run.name:18s}{run.estimator.n_trials_:8d}{run.seconds:10.2f}"
            f"{run.rights[-1] / table.n_seen:16.1%}{unseen:14.1%}"
        )
    gradient, tuned = runs[1:]
    more_seen = tuned.rights[-1] - gradient.rights[-1]
    more_unseen = len(wrong_rows(gradient, table)) - len(wrong_rows(tuned, table))
    print(f"""
Believe the last column: rows that were trained on come out right more often than others.
One unseen row is {1 / table.n_unseen:.1%}, so differences of two or three rows may be chance.
Fine-tuning changed the rows right by {more_seen:+d} in training and {more_unseen:+d} unseen.""")


def standardised(run, table):
    """The function as one of standardised features, scaled so that its value is a distance.

    Returns
    -------
    weights : array of shape (n_features,)
        Of length 1.
    constant : float
    """
    mean, deviation = table.mean_and_deviation()
    coef, intercept = run.estimator.coef_[0], run.estimator.intercept_[0]
    length = np.linalg.norm(coef * deviation)
    return coef * deviation / length, (intercept + coef @ mean) / length


def largest_weights(run, table):
    """The features of the largest weights, the largest first."""
    return np.argsort(-np.abs(standardised(run, table)[0]), kind="stable")[:N_WEIGHTS]


def show_functions(table, runs):
    heading("5. The functions that were found")
    print("""\
To compare weights, measure everything in standard deviations from its mean. Where the
weight is below 0, a large value speaks for malignant. The largest weights:
""")
    functions = [standardised(run, table) for run in runs]
    print(" " * 26 + "".join(f"{run.name:>18s}" for run in runs))
    for i in largest_weights(runs[-1], table):
        print(f"{table.names[i]:26s}" + "".join(f"{weights[i]:+18.2f}" for weights, _ in functions))
    n_others = len(table.names) - N_WEIGHTS
    print(f"... {n_others} others")
    print(f"{'constant':26s}" + "".join(f"{constant:+18.2f}" for _, constant in functions))
    print("""
Quite different weights are right about equally often, as many of the measurements say
nearly the same. In the units of the table they are in estimator.coef_.""")


def show_failures(table, runs):
    run = runs[-1]
    heading(f"6. Which unseen rows fail ({run.name})")
    rows = wrong_rows(run, table)
    distances = wrong_by(rows, run, table)
    shown = largest_weights(run, table)[:N_SHOWN]
    # The names in two lines: "mean" above "concave points".
    above, below = zip(*(table.names[i].split(" ", 1) for i in shown), strict=True)
    print(" " * 38 + "".join(f"{word:>17s}" for word in above))
    print(
        f"{'row':>5s}  {'expected':11s}{'got':11s}{'wrong by':>9s}"
        + "".join(f"{word:>17s}" for word in below)
    )
    for j in np.argsort(distances, kind="stable"):
        row = rows[j]
        expected, got = table.classes[table.y[row]], table.classes[1 - table.y[row]]
        print(
            f"{row:5d}  {expected:11s}{got:11s}{distances[j]:9.2f}"
            + "".join(f"{table.X[row, i]:17.4g}" for i in shown)
        )
    for code, name in enumerate(table.classes):
        of_class = table.seen[table.y[table.seen] == code]
        print(
            f"{'':7s}{f'mean of {name} training rows':31s}"
            + "".join(f"{value:17.4g}" for value in table.X[of_class][:, shown].mean(axis=0))
        )
    in_all = set(rows).intersection(*(wrong_rows(other, table) for other in runs[:-1]))
    print(f"""
"wrong by" is how far a row lies on the wrong side of the boundary, in standard
deviations. The first rows were nearly right; the last ones deserve a look: is the label
wrong, or is a measurement missing that would tell?
Of these {len(rows)} rows, {len(in_all)} fail in all three trainings.""")


def wrong_by(rows, run, table):
    """How far some rows that fail are from where they would be right."""
    weights, constant = standardised(run, table)
    mean, deviation = table.mean_and_deviation()
    return np.abs((table.X[rows] - mean) / deviation @ weights + constant)


def write_files(folder, table, runs):
    heading("7. Files")
    with open(folder / "history.csv", "w", newline="", encoding="ascii") as file:
        writer = csv.writer(file)
        names = runs[0].estimator.history_[0]._fields
        writer.writerow(["training", *names, "share_right"])
        for run in runs:
            for improvement, right in zip(run.estimator.history_, run.rights, strict=True):
                writer.writerow([run.name, *improvement, right / table.n_seen])
    print(f"{folder / 'history.csv'}  every improvement")
    try:
        picture = draw(table, runs)
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        print("no picture: matplotlib is missing, pip install 'tabtrain[plot]' brings it")
        return
    picture.savefig(folder / "climb.png", dpi=150)
    print(f"{folder / 'climb.png'}    the climb")


def draw(table, runs):
    """The share of rows right against trials; a matplotlib figure that no screen shows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter, StrMethodFormatter

    figure = Figure(figsize=(8, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for run, colour in zip(runs[:2], ("#0072b2", "#d55e00"), strict=True):
        trials = [each.trial for each in run.estimator.history_]
        n_trials = run.estimator.n_trials_
        unseen = 1 - len(wrong_rows(run, table)) / table.n_unseen
        axes.step(
            [*trials, n_trials],
            [*run.rights / table.n_seen, run.rights[-1] / table.n_seen],
            where="post",
            color=colour,
            linewidth=2,
            label=f"{run.name}, training rows: {run.rights[-1] / table.n_seen:.1%} at the end",
        )
        axes.plot(
            n_trials,
            unseen,
            "o",
            color=colour,
            markerfacecolor="white",
            markersize=8,
            markeredgewidth=2,
            label=f"{run.name}, unseen rows: {unseen:.1%}",
        )
    axes.set_xscale("log")
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel("trials (log scale)")
    axes.set_ylabel("share of rows right")
    axes.set_title("breast_cancer: from random weights, by trial and by gradient")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False)
    return figure
