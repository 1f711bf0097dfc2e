"""The tables of parts: a new objective, optimizer or model is tested by adding a row here."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn import metrics

from tabtrain import objectives
from tabtrain._columns import Columns
from tabtrain.functions.program import make_program
from tabtrain.functions.signature import parameters_of
from tabtrain.models import FunctionModel, LinearModel, MLPModel, RulesModel
from tabtrain.optimizers import (
    CMAES,
    LBFGS,
    SGD,
    Adam,
    AdamW,
    AskTell,
    Chain,
    CrossFit,
    DifferentialEvolution,
    ExactLineSearch,
    GeneticAlgorithm,
    HillClimb,
    RandomSearch,
    Restarts,
    RuleSearch,
    SimulatedAnnealing,
    SoftAscent,
    TwoStage,
)
from tests import reference

# Objectives


class ObjectiveRow(NamedTuple):
    """An objective and what must hold for it.

    Attributes
    ----------
    make : callable
        Makes it, for so many classes (1 for numbers).
    metric : callable
        ``metric(y, prediction, weight)`` is the score; the prediction is labels ``[n]``,
        probabilities ``[n, class]``, numbers ``[n]`` or, if soft, raw predictions ``[C, n]``.
    n_classes : tuple
        The numbers of classes it is tested for; (1,) for numbers.
    has_gradient : bool
    bounded_for : tuple
        Of `n_classes`, those for which `perfect` gives a bound.
    """

    make: Callable
    metric: Callable
    n_classes: tuple = (2, 3, 5)
    has_gradient: bool = False
    bounded_for: tuple = (1, 2, 3, 5)


def metric(function, *, sign=1, **arguments):
    return lambda y, prediction, weight: (
        sign * function(y, prediction, sample_weight=weight, **arguments)
    )


def log_loss(y, proba, sample_weight):
    classes = np.arange(proba.shape[1])
    return metrics.log_loss(y, proba, sample_weight=sample_weight, labels=classes)


def brier(y, proba, sample_weight):
    if proba.shape[1] == 2:
        return metrics.brier_score_loss(
            y, proba[:, 1], sample_weight=sample_weight, labels=[0, 1], pos_label=1
        )
    classes = np.arange(proba.shape[1])
    return metrics.brier_score_loss(y, proba, sample_weight=sample_weight, labels=classes)


def dear(n):
    """Costs of mistakes, each another."""
    return (1.0 + np.arange(n * n).reshape(n, n) ** 2 % 11) * ~np.eye(n, dtype=bool)


def perverse(n):
    """Gains and losses, of which the best of a class may be a mistake."""
    return np.round(3 * np.cos(np.arange(n * n).reshape(n, n)), 1)


def cost(matrix):
    """scikit-learn has no metric of costs: the mean over the rows, said directly."""

    def score(y, labels, weight, n_classes):
        return -np.average(matrix(n_classes)[y, labels], weights=weight)

    return ObjectiveRow(lambda n: objectives.Cost(matrix(n)), score)


def pass_rate(limit, **arguments):
    def score(y, numbers, weight):
        return np.average(np.abs(numbers - y) <= limit(y), weights=weight)

    return ObjectiveRow(lambda n: objectives.PassRate(**arguments), score, (1,))


def share_right(counts):
    return np.trace(counts) / counts.sum()


def soft(objective, of_counts, tau, n_classes, **more):
    """The metric of shared-out counts, which is no metric of predictions: it is given raw ones."""

    def score(y, raw, weight):
        return of_counts(reference.soft_confusion(raw, y, weight, tau).astype(float))

    def make(n):
        with_n = objective(n) if objective is dear_cost else objective
        return objectives.Soft(with_n, tau)

    return ObjectiveRow(make, score, n_classes, has_gradient=True, **more)


def dear_cost(n):
    return objectives.Cost(dear(n))


def mean_cost(counts):
    return -(counts * dear(len(counts))).sum() / counts.sum()


def f1_of_counts(counts):
    return 2 * counts[1, 1] / (2 * counts[1, 1] + counts[0, 1] + counts[1, 0])


BINARY = (2,)
NUMBER = (1,)

OBJECTIVES = {
    "Accuracy": ObjectiveRow(lambda n: objectives.Accuracy(), metric(metrics.accuracy_score)),
    "BalancedAccuracy": ObjectiveRow(
        lambda n: objectives.BalancedAccuracy(), metric(metrics.balanced_accuracy_score)
    ),
    "Cost": cost(dear),
    "Cost: gains": cost(perverse),
    "CountScore": ObjectiveRow(
        lambda n: objectives.CountScore(share_right),
        metric(metrics.accuracy_score),
        bounded_for=(),
    ),
    "F1": ObjectiveRow(
        lambda n: objectives.F1(), metric(metrics.f1_score, zero_division=0.0), BINARY
    ),
    "F1Macro": ObjectiveRow(
        lambda n: objectives.F1Macro(),
        metric(metrics.f1_score, average="macro", zero_division=0.0),
    ),
    "F1Micro": ObjectiveRow(
        lambda n: objectives.F1Micro(),
        metric(metrics.f1_score, average="micro", zero_division=0.0),
    ),
    "F1Weighted": ObjectiveRow(
        lambda n: objectives.F1Weighted(),
        metric(metrics.f1_score, average="weighted", zero_division=0.0),
    ),
    "FBeta: 2": ObjectiveRow(
        lambda n: objectives.FBeta(beta=2),
        metric(metrics.fbeta_score, beta=2, zero_division=0.0),
        BINARY,
    ),
    "FBeta: 0.3": ObjectiveRow(
        lambda n: objectives.FBeta(beta=0.3),
        metric(metrics.fbeta_score, beta=0.3, zero_division=0.0),
        BINARY,
    ),
    "Jaccard": ObjectiveRow(
        lambda n: objectives.Jaccard(), metric(metrics.jaccard_score, zero_division=0.0), BINARY
    ),
    "MatthewsCorrcoef": ObjectiveRow(
        lambda n: objectives.MatthewsCorrcoef(),
        metric(metrics.matthews_corrcoef),
        bounded_for=BINARY,
    ),
    "NegBrierScore": ObjectiveRow(
        lambda n: objectives.NegBrierScore(), metric(brier, sign=-1), has_gradient=True
    ),
    "NegLogLoss": ObjectiveRow(
        lambda n: objectives.NegLogLoss(), metric(log_loss, sign=-1), has_gradient=True
    ),
    "NegMeanAbsoluteError": ObjectiveRow(
        lambda n: objectives.NegMeanAbsoluteError(),
        metric(metrics.mean_absolute_error, sign=-1),
        NUMBER,
    ),
    "NegMeanSquaredError": ObjectiveRow(
        lambda n: objectives.NegMeanSquaredError(),
        metric(metrics.mean_squared_error, sign=-1),
        NUMBER,
        has_gradient=True,
    ),
    "PassRate": pass_rate(lambda y: 0.5, tolerance=0.5),
    "PassRate: relative": pass_rate(lambda y: 0.25 * np.abs(y), tolerance=0.25, relative=True),
    "Precision": ObjectiveRow(
        lambda n: objectives.Precision(),
        metric(metrics.precision_score, zero_division=0.0),
        BINARY,
    ),
    "R2": ObjectiveRow(
        lambda n: objectives.R2(), metric(metrics.r2_score), NUMBER, has_gradient=True
    ),
    "Recall": ObjectiveRow(
        lambda n: objectives.Recall(), metric(metrics.recall_score, zero_division=0.0), BINARY
    ),
    "Soft: f1": soft("f1", f1_of_counts, 0.5, BINARY),
    "Soft: cost": soft(dear_cost, mean_cost, 2.0, (2, 3, 5)),
    "Soft: function": soft(share_right, share_right, 0.7, (3,), bounded_for=()),
}

# Every objective with every number of classes it is for.
OBJECTIVE_CASES = [(name, n) for name, row in OBJECTIVES.items() for n in row.n_classes]


def expected_score(name, raw, y, weight):
    """What the metric says of ``raw[C, n]``.

    Of the rows that have a weight: a row of weight 0 is no row, while for scikit-learn its
    class still takes part in a mean over classes.
    """
    row, n_classes = OBJECTIVES[name], max(len(raw), 2)
    objective = row.make(n_classes)
    raw, y, weight = raw[:, weight > 0], y[weight > 0], weight[weight > 0]
    if objective.target == "number":
        prediction = raw[0]
    else:
        y = y.astype(int)
        if name.startswith("Soft"):
            prediction = raw
        elif objective.probabilistic:
            prediction = reference.probabilities(raw).astype(float).T
        else:
            prediction = reference.predict(raw[np.newaxis])[0]
    more = {"n_classes": n_classes} if name.startswith("Cost") else {}
    with warnings.catch_warnings():
        # That a class is not predicted, or does not occur, is what is tested.
        warnings.simplefilter("ignore")
        return row.metric(y, prediction, weight, **more)


# Optimizers and models


class Outside:
    """Stands in for an optimizer of another library: draws around the best that it was told.

    Attributes
    ----------
    told : list of tuple
        The vectors and losses that it was told.
    """

    def __init__(self, theta, bounds, seed):
        self.start, self.bounds = theta, bounds
        self.told = []
        self._rng = np.random.RandomState(seed)

    def ask(self):
        best = min(self.told, key=lambda each: each[1])[0] if self.told else self.start
        return best + self._rng.standard_normal(len(self.start))

    def tell(self, vector, loss):
        self.told.append((vector, loss))


OPTIMIZERS = [
    Adam(0.05, 50),
    Adam(0.1, 32, schedule="constant", max_norm=1.0),
    AdamW(0.02, 64, weight_decay=0.1),
    AskTell(Outside),
    CMAES(),
    CMAES(8, separable=True, population_growth=2.0),
    Chain(RandomSearch(8), LBFGS(), n_iter_no_change=2),
    Chain(SoftAscent(n_steps=2), ExactLineSearch(4), n_iter_no_change=3),
    CrossFit(),
    DifferentialEvolution(16),
    ExactLineSearch(8, patience=2),
    GeneticAlgorithm(16, n_elite=2),
    HillClimb(16),
    HillClimb(7, step_size=0.5),
    LBFGS(),
    RandomSearch(16),
    Restarts(HillClimb(8), 2, n_iter_no_change=3),
    RuleSearch(),
    RuleSearch(max_size=3, beam_width=1, n_kicks=2, guard=False),
    SGD(),
    SGD(0.1, 32, average=True),
    SGD(0.3, 16, momentum=0.5, nesterov=False, schedule="invscaling"),
    SimulatedAnnealing(16),
    SoftAscent(n_steps=3),
    TwoStage(Adam(0.05, 50), n_steps=3),
]


class ModelRow(NamedTuple):
    """A model and its twin.

    Attributes
    ----------
    make : callable
        ``make(X, n_outputs)`` is the model at the scale of a table.
    forward : callable
        ``forward(model, theta, X)`` is what its raw predictions ``[C, n]`` should be.
    has_gradient : bool
    searches_lines : callable
        Whether labels are steps along lines, for so many outputs.
    scale_free : bool
        Whether theta times a positive number predicts the same classes.
    has_rules : bool
    """

    make: Callable
    forward: Callable
    has_gradient: bool
    searches_lines: Callable = lambda n_outputs: True
    scale_free: bool = True
    has_rules: bool = False


def mean(X):
    return X.mean(axis=0)


def deviation(X):
    return X.std(axis=0)


def zero(X):
    return np.zeros(X.shape[1])


def root_mean_square(X):
    return np.sqrt((X**2).mean(axis=0))


def make_linear(X, n_outputs, **arguments):
    return LinearModel(n_outputs, mean(X), deviation(X), **arguments)


def make_linear_through_zero(X, n_outputs):
    return LinearModel(n_outputs, zero(X), root_mean_square(X), fit_intercept=False)


def linear_forward(center, scale, output_center=0.0, output_scale=1.0):
    """As the docstring of LinearModel says it; ``center`` and ``scale`` are of a table."""

    def forward(model, theta, X):
        n_weights = model.n_outputs * X.shape[1]
        weights = theta[:n_weights].reshape(model.n_outputs, X.shape[1])
        constants = theta[n_weights:] if len(theta) > n_weights else np.zeros(model.n_outputs)
        standardised = (X - center(X)) / scale(X)
        raw = weights @ standardised.T + constants[:, np.newaxis]
        return output_center + output_scale * raw

    return forward


def number(row, *, weight=1.0, limit=4.0, many=2):
    return row[0] * weight / 32 - limit / 8 if row[1] > 0 else row[2] * many / 32


def place(row, *, weight=1.0, low=0.5, high=8):
    shifted = row[0] * weight + row[1]
    if shifted > high:
        return 2
    return 1 if low < row[2] else 0


def make_function(X, n_outputs):
    """A number, or a label of those that there are."""
    function = number if n_outputs == 1 else place
    parameters = parameters_of(function)
    program = make_program(function, parameters, [], X, vectorized=False)
    labels = None if n_outputs == 1 else np.arange(n_outputs, dtype=float)
    return FunctionModel(program, parameters, labels)


def function_forward(model, theta, X):
    """All defaults are powers of two, and so scales."""
    defaults = np.array([1.0, 4.0, 2.0] if model.n_outputs == 1 else [1.0, 0.5, 8.0])
    weight, first, second = defaults * theta
    second = np.round(second)
    if model.n_outputs == 1:
        return np.where(X[:, 1] > 0, weight * X[:, 0] / 32 - first / 8, X[:, 2] * second / 32)[None]
    labels = np.where(X[:, 0] * weight + X[:, 1] > second, 2, first < X[:, 2])
    return (labels == np.arange(model.n_outputs)[:, np.newaxis]).astype(float)


def make_network(hidden_layer_sizes, activation, **arguments):
    """Smooth functions: at the kinks of relu gradients are not what differences are."""

    def make(X, n_outputs):
        return MLPModel(
            n_outputs,
            mean(X),
            deviation(X),
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            **arguments,
        )

    return make


def network_forward(activation, output_center=0.0, output_scale=1.0):
    """As the docstring of MLPModel says it."""

    def forward(model, theta, X):
        parts = model.parts(theta)
        layers = [(parts[f"coefs_{i}"], parts[f"intercepts_{i}"]) for i in range(len(parts) // 2)]
        standardised = (X - mean(X)) / deviation(X)
        raw = reference.network(standardised, layers, activation)[-1].T.astype(float)
        return output_center + output_scale * raw

    return forward


def make_rules(X, n_outputs):
    """Two rules of two conditions; the last feature is of categories, in a way."""
    categories = (*[None] * (X.shape[1] - 1), ("low", "high"))
    return RulesModel(n_outputs, 2, 2, Columns(tuple(range(X.shape[1])), categories))


def rules_forward(model, theta, X):
    """By the twin of the kernel; the model's scales are 1."""
    entries = np.array([4, X.shape[1] - 1, np.inf, 1, 1])
    lowest = np.array([0, 0, -np.inf, 0, 0])
    conditions = theta[:20].reshape(1, 2, 2, 5)
    conditions = np.where(np.isinf(entries), conditions, np.round(conditions))
    conditions = np.clip(conditions, lowest, entries)
    conditions[conditions[..., 1] == X.shape[1] - 1, 2] = np.nan
    answers = theta[20:]
    if model.n_outputs > 1:
        codes = np.clip(np.round(answers), 0, model.n_outputs - 1)
        answers = codes[:, np.newaxis] == np.arange(model.n_outputs)
    return reference.rules_forward(conditions, answers.reshape(1, 3, -1).astype(float), X)[0]


MODELS = {
    "LinearModel": ModelRow(make_linear, linear_forward(mean, deviation), has_gradient=True),
    "LinearModel: through zero": ModelRow(
        make_linear_through_zero,
        linear_forward(zero, root_mean_square),
        has_gradient=True,
    ),
    "LinearModel: scaled output": ModelRow(
        lambda X, n_outputs: make_linear(X, n_outputs, output_center=2.0, output_scale=0.5),
        linear_forward(mean, deviation, 2.0, 0.5),
        has_gradient=True,
        scale_free=False,
    ),
    "FunctionModel": ModelRow(
        make_function,
        function_forward,
        has_gradient=False,
        searches_lines=lambda n_outputs: n_outputs > 1,
        scale_free=False,
    ),
    "MLPModel": ModelRow(
        make_network((6,), "tanh"),
        network_forward("tanh"),
        has_gradient=True,
        scale_free=False,
    ),
    "MLPModel: two layers, scaled output": ModelRow(
        make_network((3, 9), "logistic", output_center=2.0, output_scale=0.5),
        network_forward("logistic", 2.0, 0.5),
        has_gradient=True,
        scale_free=False,
    ),
    "RulesModel": ModelRow(
        make_rules,
        rules_forward,
        has_gradient=False,
        searches_lines=lambda n_outputs: False,
        scale_free=False,
        has_rules=True,
    ),
}
LINEAR = [name for name in MODELS if name.startswith("LinearModel")]


def part_of(name):
    """The class that a row is of: what stands before the colon."""
    return name.split(":")[0]


# Tables

LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "every second row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "every third column": lambda X: np.repeat(X, 3, axis=1)[:, ::3],
    "part of a wider table": lambda X: np.column_stack([X, X + 1])[:, : X.shape[1]],
    "rows backwards": lambda X: X[::-1].copy()[::-1],
    "features backwards": lambda X: X[:, ::-1].copy(order="F")[:, ::-1],
}


def n_outputs_of(n_classes):
    return n_classes if n_classes > 2 else 1


def random_table(rng, n_rows, n_features, n_classes, *, weights="ones"):
    """``X``, ``y`` and ``weight``; 1 class is numbers."""
    X = rng.standard_normal((n_rows, n_features)) * rng.uniform(0.5, 20, n_features)
    X += rng.uniform(-5, 5, n_features)
    y = rng.normal(1, 2, n_rows) if n_classes == 1 else rng.integers(n_classes, size=n_rows)
    weight = {
        "ones": lambda: np.ones(n_rows),
        "whole": lambda: rng.integers(4, size=n_rows).astype(float),
        "fractions": lambda: rng.choice([0.0, 0.1, 0.3, 0.7, 1.0, 3.3], n_rows),
    }[weights]()
    return X, y.astype(float), weight
