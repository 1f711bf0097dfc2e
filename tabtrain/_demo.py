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
    """The table, its features standardised by the training rows only where we look at them."""

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
    print("tabtrain: training is table testing")
    print("===================================")
    print(f"""
The table      breast_cancer, which comes with scikit-learn: {len(table.y)} tumours,
               {len(table.names)} measurements of each
The question   is a tumour malignant ({np.sum(table.y == 0)} rows) or benign ({np.sum(table.y)} rows)?
The function   a weight for each measurement, and a constant; where the weighted sum
               is above 0 the answer is "benign"
The start      random weights
Put aside      {table.n_unseen} rows that no training sees; {table.n_seen} are left to train on""")


def by_trial_and_error(table):
    heading("1. Trial and error")
    print("""\
Run the table through the function and count the rows that come out right. Change all
weights a little at random, count again, keep the change unless it is worse. Repeat.

    LinearClassifier("accuracy", optimizer=HillClimb(n_candidates=1), init="random")
""")
    run = train(
        "trial and error",
        LinearClassifier(
            "accuracy",
            optimizer=HillClimb(n_candidates=1),
            init="random",
            n_iter_no_change=1000,
            random_state=0,
        ),
        table,
    )
    print_climb(run, table)
    print("""
Each line is a change that was kept. Most changes make some rows right and others wrong;
the others, which made it worse, are not shown. 100 % is not expected.""")
    return run


def by_gradient(table):
    heading("2. The same by gradient")
    print("""\
A count of right rows says nothing about where to go. The log-loss does: it is smooth,
so its slope tells in which direction to move all weights at once. It starts from the
same random weights. What it raises is the log-loss score, not the share of right rows,
which is shown here; the two mostly rise together.

    LinearClassifier("neg_log_loss", alpha=1 / n_rows, init="random")
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
put right. Any fitted linear model of scikit-learn would do as the start as well.

    LinearClassifier("accuracy", optimizer=HillClimb(step_size=0.1), init=trained)
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
        f"stopped because: {run.estimator.stop_reason_}"
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
    print(f"""
One unseen row is {1 / table.n_unseen:.1%}, so differences of two or three rows are chance. Every way does
better on the rows it was trained on than on those it was not: believe the right column.""")


def standardised(run, table):
    """The function as one of standardised features, scaled so that its value is a distance.

    Returns
    -------
    weights : array of shape (n_features,)
        Of length 1.
    constant : float
    """
    X = table.X[table.seen]
    weights = run.estimator.coef_[0] * X.std(axis=0)
    constant = run.estimator.intercept_[0] + run.estimator.coef_[0] @ X.mean(axis=0)
    length = np.linalg.norm(weights)
    return weights / length, constant / length


def largest_weights(run, table):
    """The features of the largest weights, the largest first."""
    return np.argsort(-np.abs(standardised(run, table)[0]), kind="stable")[:N_WEIGHTS]


def show_functions(table, runs):
    heading("5. The functions that were found")
    print("""\
To compare weights, measure everything in standard deviations from its mean. A weight
above 0 speaks for benign, one below 0 for malignant. The largest weights:
""")
    functions = [standardised(run, table) for run in runs]
    print(" " * 26 + "".join(f"{run.name:>18s}" for run in runs))
    for i in largest_weights(runs[-1], table):
        print(f"{table.names[i]:26s}" + "".join(f"{weights[i]:+18.2f}" for weights, _ in functions))
    n_others = len(table.names) - N_WEIGHTS
    print(f"{f'... {n_others} others':26s}")
    print(f"{'constant':26s}" + "".join(f"{constant:+18.2f}" for _, constant in functions))
    print("""
Quite different weights are right about equally often: many measurements say the same.""")


def show_failures(table, runs):
    run = runs[-1]
    heading(f"6. Which unseen rows fail ({run.name})")
    weights, constant = standardised(run, table)
    mean, deviation = table.X[table.seen].mean(axis=0), table.X[table.seen].std(axis=0)
    rows = wrong_rows(run, table)
    distances = np.abs(((table.X[rows] - mean) / deviation) @ weights + constant)
    shown = largest_weights(run, table)[:3]
    print(
        f"{'row':>5s}  {'expected':10s}{'got':10s}{'distance':>10s}"
        + "".join(f"{table.names[i]:>17s}" for i in shown)
    )
    for j in np.argsort(distances):
        row = rows[j]
        print(
            f"{row:5d}  {table.classes[table.y[row]]:10s}{table.classes[1 - table.y[row]]:10s}"
            f"{distances[j]:10.2f}" + "".join(f"{table.X[row, i]:17.4g}" for i in shown)
        )
    for i, name in enumerate(table.classes):
        of_class = table.X[table.seen][table.y[table.seen] == i]
        print(
            f"{'':7s}{f'mean of {name}':30s}"
            + "".join(f"{of_class[:, j].mean():17.4g}" for j in shown)
        )
    print("""
The distance is how far a row lies on the wrong side of the boundary, in standard
deviations: small ones were nearly right; large ones are rows to look at by eye.""")
    in_all = set(rows).intersection(*(wrong_rows(other, table) for other in runs[:-1]))
    print(f"{len(in_all)} of these {len(rows)} rows fail in all three ways of training.")


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
            label=f"{run.name}: training rows, {run.rights[-1] / table.n_seen:.1%} at the end",
        )
        axes.plot(
            n_trials,
            unseen,
            "o",
            color=colour,
            markerfacecolor="white",
            markersize=8,
            markeredgewidth=2,
            label=f"{run.name}: unseen rows, {unseen:.1%}",
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
