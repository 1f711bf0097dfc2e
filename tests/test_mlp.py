"""Networks: the kernels, the model and the estimators."""

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.neural_network import MLPRegressor as SklearnRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from tabtrain._kernels.mlp import ACTIVATIONS, LOSSES, Batches, Network
from tabtrain._kernels.tiles import pack

from tabtrain import (
    LBFGS,
    Adam,
    ExactLineSearch,
    HillClimb,
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    MLPRegressor,
    PassRate,
    Soft,
    TwoStage,
)
from tabtrain.models import MLPModel
from tabtrain.objectives import Accuracy, Cost, NegBrierScore, NegLogLoss, NegMeanSquaredError
from tabtrain.problem import Problem
from tabtrain.table import Table
from tests import reference
from tests.problems import LAYOUTS, dear, random_table

activations = pytest.mark.parametrize("activation", ACTIVATIONS)
# Of the table, the hidden layers and the raw predictions; from 32 units on, zeros are passed over.
WIDTHS = [(5, 1), (3, 2, 4), (7, 13, 12, 3), (20, 16, 1), (19, 40, 8, 1), (70, 33, 10)]


def layers_of(theta, widths):
    layers, begin = [], 0
    for n_in, n_out in itertools.pairwise(widths):
        middle, end = begin + n_in * n_out, begin + (n_in + 1) * n_out
        layers.append((theta[begin:middle].reshape(n_in, n_out), theta[middle:end]))
        begin = end
    return layers


def filled(network, thetas):
    """As the kernels take them, at the scale of the table."""
    params = np.full((len(thetas), network.n_filled), np.nan)
    n_features = network.__reduce__()[1][0][0]
    network.fold(thetas, np.ones(n_features), np.zeros(n_features), 0.0, 1.0, params)
    return params


def unfilled(network, grad):
    n_features = network.__reduce__()[1][0][0]
    found = np.full(network.n_params, np.nan)
    network.gradient(grad, np.ones(n_features), np.zeros(n_features), 1.0, found)
    return found


def packed(X):
    tiles = np.full((reference.round_up(len(X)) // 16, X.shape[1], 16), np.nan)
    pack(X, tiles)
    return tiles


def patchy(rng, n_rows, n_features):
    """Mostly zeros, whole columns and rows of them, some of them negative zeros."""
    X = rng.standard_normal((n_rows, n_features))
    X[rng.random(X.shape) < 0.7] = 0.0
    X[:, rng.random(n_features) < 0.3] = 0.0
    X[rng.random(n_rows) < 0.3] = -0.0
    return X


# Kernels


@activations
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("n_rows", [1, 16, 23, 530])
@pytest.mark.parametrize("is_patchy", [False, True])
def test_forward_and_backward(widths, n_rows, is_patchy, activation, rng):
    X = rng.standard_normal((n_rows, widths[0]))
    if is_patchy:
        X = patchy(rng, n_rows, widths[0])
    network, tiles = Network(widths, activation), packed(X)
    thetas = rng.standard_normal((2, network.n_params)) / np.sqrt(max(widths))
    params = filled(network, thetas)
    for array in (params, tiles):
        array.flags.writeable = False
    n_padded = 16 * len(tiles)
    raw = np.full((2, widths[-1], n_padded), np.nan)
    kept = np.full((2, network.n_kept, n_padded), np.nan)
    network.forward(params, tiles, raw, kept)
    without = np.full(raw.shape, np.nan)
    network.forward(params, tiles, without)
    assert_array_equal(raw, without)
    raw_grad = rng.standard_normal(raw.shape)
    raw_grad[:, :, n_rows:] = 0.0
    raw_grad[:, :, rng.random(n_padded) < 0.2] = 0.0
    raw_grad.flags.writeable = kept.flags.writeable = False
    grad = np.ones(params.shape)
    network.backward(params, tiles, kept, raw_grad, grad)
    for p, theta in enumerate(thetas):
        layers = layers_of(theta, widths)
        expected = reference.network(X, layers, activation)[-1].T.astype(float)
        assert_allclose(raw[p, :, :n_rows], expected, rtol=1e-12, atol=1e-12)
        slopes = reference.network_gradient(X, layers, activation, raw_grad[p, :, :n_rows])
        slopes = np.concatenate([part.ravel() for layer in slopes for part in layer]).astype(float)
        found = unfilled(network, grad[p]) - 1.0
        assert_allclose(found, slopes, rtol=1e-9, atol=1e-12 * n_rows)


@activations
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_rows_and_candidates_have_the_same_bits_alone_and_among_others(widths, activation, rng):
    X = patchy(rng, 600, widths[0])
    network = Network(widths, activation)
    params = filled(network, rng.standard_normal((3, network.n_params)))
    raw = np.empty((3, widths[-1], 608))
    network.forward(params, packed(X), raw)
    for rows in (slice(0, 1), slice(7, 90), slice(0, 600, 3)):
        tiles = packed(X[rows])
        for p in range(3):
            alone = np.empty((1, widths[-1], 16 * len(tiles)))
            network.forward(params[p : p + 1], tiles, alone)
            expected = raw[p, :, :600][:, rows]
            assert alone[0, :, : expected.shape[1]].tobytes() == expected.tobytes()


@activations
def test_extreme_inputs(activation, rng):
    """Saturated units, at both ends; nothing overflows that need not."""
    X = np.array([[0.0], [1e-300], [1e-20], [-1e-3], [30.0], [-40.0], [1e3], [-1e3], [1e150]])
    network = Network((1, 3, 1), activation)
    theta = np.array([1.0, -2.0, 1e-3, 0.0, 0.5, 0.0, 1.0, 2.0, -1.0, 0.25])
    params, tiles = filled(network, theta[np.newaxis]), packed(X)
    raw, kept = np.empty((1, 1, 16)), np.empty((1, network.n_kept, 16))
    network.forward(params, tiles, raw, kept)
    layers = layers_of(theta, (1, 3, 1))
    with np.errstate(over="ignore"):
        expected = reference.network(X, layers, activation)[-1][:, 0].astype(float)
    assert_allclose(raw[0, 0, : len(X)], expected, rtol=1e-14, atol=1e-300)
    X = X[:-1]
    raw_grad = np.zeros((1, 1, 16))
    raw_grad[0, 0, : len(X)] = 1.0
    grad = np.zeros(params.shape)
    network.backward(params, tiles, kept, raw_grad, grad)
    with np.errstate(over="ignore"):
        slopes = reference.network_gradient(X, layers, activation, raw_grad[0, :, : len(X)])
    slopes = np.concatenate([part.ravel() for layer in slopes for part in layer]).astype(float)
    assert_allclose(unfilled(network, grad[0]), slopes, rtol=1e-11, atol=1e-11)


@activations
def test_rows_of_weight_0_may_be_anything(activation, rng):
    """Their slopes are 0: what units answer for them, infinite or NaN, adds nothing."""
    X = rng.standard_normal((40, 3))
    network = Network((3, 33, 4, 2), activation)
    params = filled(network, rng.standard_normal((1, network.n_params)))
    raw_grad = rng.standard_normal((1, 2, 48))
    raw_grad[:, :, 5::7] = raw_grad[:, :, 40:] = 0.0
    grads = []
    for extreme in (0.0, 1e308):
        X[5::7] = extreme * np.array([1.0, -1.0, 1.0])
        raw, kept = np.empty((1, 2, 48)), np.empty((1, network.n_kept, 48))
        network.forward(params, packed(X), raw, kept)
        grads.append(np.zeros(params.shape))
        network.backward(params, packed(X), kept, raw_grad, grads[-1])
    assert_array_equal(*grads)


LOSSES_OF_BATCHES = {
    "log-loss, 2 classes": (NegLogLoss(), 1),
    "log-loss, 4 classes": (NegLogLoss(), 4),
    "brier, 2 classes": (NegBrierScore(), 1),
    "brier, 4 classes": (NegBrierScore(), 4),
    "squared": (NegMeanSquaredError(), 1),
}


def problem_of_rows(rng, objective, n_outputs, widths, activation="relu", dtype=np.float64):
    """Features of many sizes and places, the last of them constant, and numbers far from 0."""
    n_features = 2 * len(MAGNITUDES) + 1
    X = np.column_stack(
        [
            patchy(rng, 600, len(MAGNITUDES)) * MAGNITUDES,
            (100 + rng.standard_normal((600, len(MAGNITUDES)))) * MAGNITUDES,
            np.full(600, 3.0),
        ]
    ).astype(dtype)
    weight = rng.choice([0.0, 0.5, 3.0], 600)
    scales = {}
    if objective.target == "number":
        y = 1e4 + 1e3 * rng.standard_normal(600)
        scales = {"output_center": 1e4, "output_scale": 1e3}
    else:
        y = rng.integers(max(n_outputs, 2), size=600).astype(float)
    table = Table(X, y, weight)
    model = MLPModel(
        n_outputs,
        *table.mean_and_deviation(),
        hidden_layer_sizes=widths,
        activation=activation,
        **scales,
    )
    assert model.n_features == n_features
    return Problem(model, objective, table), X, y, weight


MAGNITUDES = np.array([1e-12, 1.0, 1e12])


@activations
@pytest.mark.parametrize("loss", LOSSES_OF_BATCHES)
@pytest.mark.parametrize("widths", [(), (5,), (40, 9)], ids=str)
@pytest.mark.parametrize("n_chosen", [1, 8, 13, 300])
def test_batches_are_right_in_single_precision(n_chosen, widths, loss, activation, rng):
    objective, n_outputs = LOSSES_OF_BATCHES[loss]
    for dtype in (np.float32, np.float64):
        problem, X, y, weight = problem_of_rows(
            rng, objective, n_outputs, widths, activation, dtype
        )
        theta = problem.initial(rng, 1)[0]
        rows = rng.choice(problem.rows_that_count, n_chosen, replace=False)
        found, share = problem.batch_gradient(theta, rows)
        assert share == pytest.approx(weight[rows].sum() / weight.sum())
        alone = Problem(problem.model, objective, Table(X[rows], y[rows], weight[rows]))
        _, expected = alone.value_and_gradient(theta)
        # What is added up are slopes of rows, which may cancel.
        size = np.abs(expected).max() + problem.gradient_unit
        assert_allclose(found, expected, rtol=0, atol=3e-6 * size)
        assert found.tobytes() == problem.batch_gradient(theta, rows)[0].tobytes()


def test_batches_with_rows_of_next_to_no_weight_far_away(rng):
    X, y = rng.standard_normal((400, 3)), rng.integers(2, size=400).astype(float)
    weight = np.ones(400)
    X[7], weight[7] = 1e200, 1e-300
    table = Table(X, y, weight)
    model = MLPModel(1, np.zeros(3), np.ones(3), hidden_layer_sizes=(4,))
    problem = Problem(model, NegLogLoss(), table)
    theta = problem.initial(rng, 1)[0]
    found, _ = problem.batch_gradient(theta, np.arange(40))
    expected, _ = problem.batch_gradient(theta, np.delete(np.arange(40), 7))
    assert_allclose(found, expected, atol=1e-6)


def test_batches_that_do_not_fit_are_refused(rng):
    network = Network((3, 4, 1), "relu")
    X, y, weight = rng.standard_normal((20, 3)), np.zeros(20), np.ones(20)
    scales = np.ones(3), np.zeros(3), 0.0, 1.0

    def batches(X=X, y=y, weight=weight, scales=scales):
        return Batches(network, *scales, X, y, weight, LOSSES[NegLogLoss.loss], -0.05, 1.0)

    for options in (
        {"X": X[:, :2]},
        {"X": np.asfortranarray(X)},
        {"y": y[1:]},
        {"weight": weight[1:]},
    ):
        with pytest.raises(ValueError, match="do not fit the network"):
            batches(**options)
    with pytest.raises(ValueError, match="unit or center do not fit"):
        batches(scales=(np.ones(2), np.zeros(3), 0.0, 1.0))
    theta, rows = np.zeros(network.n_params), np.arange(5)
    for sizes in ((1, 0), (0, 1)):
        with pytest.raises(ValueError, match="theta or gradient do not fit"):
            batches().gradient(theta[sizes[0] :], rows, np.empty(network.n_params - sizes[1]))
    for wrong in (-1, 20):
        with pytest.raises(IndexError, match=f"row {wrong} of 20 rows"):
            batches().gradient(theta, np.array([0, wrong]), np.empty_like(theta))


def test_without_rows_or_candidates():
    network = Network((3, 4, 2), "relu")
    for n_candidates, n_tiles in ((0, 2), (2, 0), (0, 0)):
        params = np.ones((n_candidates, network.n_filled))
        tiles = np.ones((n_tiles, 3, 16))
        raw = np.ones((n_candidates, 2, 16 * n_tiles))
        kept = np.ones((n_candidates, network.n_kept, 16 * n_tiles))
        grad = np.ones(params.shape)
        network.forward(params, tiles, raw, kept)
        network.backward(params, tiles, kept, raw, grad)
        assert_array_equal(grad, 1.0)


def test_what_does_not_fit_is_refused():
    network = Network((3, 4, 2), "relu")
    good = {
        "params": np.zeros((2, network.n_filled)),
        "tiles": np.zeros((1, 3, 16)),
        "raw": np.zeros((2, 2, 16)),
        "kept": np.zeros((2, network.n_kept, 16)),
    }
    bad = {
        "params": np.zeros((2, network.n_params)),
        "tiles": np.zeros((1, 4, 16)),
        "raw": np.zeros((2, 3, 16)),
        "kept": np.zeros((1, network.n_kept, 16)),
    }
    for name, array in bad.items():
        given = good | {name: array}
        with pytest.raises(ValueError, match=r"fit|make"):
            network.forward(*given.values())
        params, tiles, raw, kept = given.values()
        with pytest.raises(ValueError, match=r"fit|make"):
            network.backward(params, tiles, kept, raw, np.zeros(params.shape))
    params, tiles, raw, kept = good.values()
    with pytest.raises(ValueError, match="grad"):
        network.backward(params, tiles, kept, raw, np.zeros((1, network.n_filled)))
    thetas = np.zeros((2, network.n_params))
    for unit, center, to in (
        (np.ones(4), np.ones(3), params),
        (np.ones(3), np.ones(2), params),
        (np.ones(3), np.ones(3), params[:1]),
        (np.ones(3), np.ones(3), thetas),
    ):
        with pytest.raises(ValueError, match="fit"):
            network.fold(thetas, unit, center, 0.0, 1.0, to)


def test_networks_can_be_pickled(rng):
    network = Network((3, 4, 2), "tanh")
    again = pickle.loads(pickle.dumps(network))
    params, tiles = filled(network, rng.standard_normal((1, network.n_params))), packed(np.eye(3))
    raws = [np.empty((1, 2, 16)) for _ in range(2)]
    for each, raw in zip((network, again), raws, strict=True):
        each.forward(params, tiles, raw)
    assert_array_equal(*raws)
    assert (again.n_params, again.n_filled, again.n_kept) == (26, 72, 8)


# The model


@pytest.mark.parametrize("sizes", [(), (4,), (9, 3)], ids=str)
def test_coefficients_and_theta_are_inverse(sizes, rng):
    X, _, _ = random_table(rng, 50, 5, 2)
    model = MLPModel(
        3,
        X.mean(axis=0),
        X.std(axis=0),
        hidden_layer_sizes=sizes,
        activation="tanh",
        output_center=2.0,
        output_scale=0.5,
    )
    theta = rng.standard_normal(model.n_params)
    coefs, intercepts = model.coefficients(theta)
    assert_allclose(model.theta(coefs, intercepts), theta, rtol=1e-10, atol=1e-12)
    problem = Problem(model, Accuracy(), Table(X, np.zeros(50)))
    answers = reference.network(X, list(zip(coefs, intercepts, strict=True)), "tanh")
    assert_allclose(problem.raw(theta), answers[-1].T.astype(float), rtol=1e-10, atol=1e-10)


def test_parts_are_views(rng):
    model = MLPModel(2, np.zeros(3), np.ones(3), hidden_layer_sizes=(4, 5))
    theta = np.arange(model.n_params, dtype=float)
    parts = model.parts(theta)
    shapes = {name: part.shape for name, part in parts.items()}
    assert shapes == {
        "coefs_0": (3, 4),
        "intercepts_0": (4,),
        "coefs_1": (4, 5),
        "intercepts_1": (5,),
        "coefs_2": (5, 2),
        "intercepts_2": (2,),
    }
    assert_array_equal(np.concatenate([part.ravel() for part in parts.values()]), theta)
    parts["coefs_1"][:] = -1.0
    assert np.count_nonzero(theta == -1.0) == 20


@pytest.mark.parametrize(("activation", "factor"), [("relu", 6.0), ("logistic", 2.0)])
def test_random_starts_are_as_in_scikit_learn(activation, factor, rng):
    model = MLPModel(1, np.zeros(30), np.ones(30), hidden_layer_sizes=(50,), activation=activation)
    thetas = model.initial(np.random.default_rng(1), 20)
    for i, (n_in, n_out) in enumerate([(30, 50), (50, 1)]):
        bound = np.sqrt(factor / (n_in + n_out))
        for name in (f"coefs_{i}", f"intercepts_{i}"):
            part = np.array([model.parts(theta)[name] for theta in thetas])
            assert np.abs(part).max() <= bound
            assert np.abs(part).max() > 0.8 * bound
    assert_array_equal(thetas, model.initial(np.random.default_rng(1), 20))


def test_constant_features_have_no_weight(rng):
    X, y, _ = random_table(rng, 100, 3, 2)
    X[:, 1] = 7.0
    scale = X.std(axis=0)
    scale[1] = 0.0
    model = MLPModel(1, X.mean(axis=0), scale, hidden_layer_sizes=(4,), activation="tanh")
    problem = Problem(model, Soft("f1"), Table(X, y))
    theta, other = rng.standard_normal((2, model.n_params))
    parts = model.parts(theta), model.parts(other)
    for name in parts[0]:
        parts[1][name][:] = parts[0][name]
    parts[1]["coefs_0"][1] = 5.0
    assert problem.scores(theta[np.newaxis]) == problem.scores(other[np.newaxis])
    assert not model.coefficients(other)[0][0][1].any()
    assert not model.parts(problem.value_and_gradient(theta)[1])["coefs_0"][1].any()


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("objective", ["Accuracy", "Cost"])
def test_lines_of_the_last_layer_are_searched_exactly(objective, n_classes, rng):
    """No step of many is better, and the score of the best is what is said."""
    X, y, weight = random_table(rng, 300, 4, n_classes, weights="whole")
    n_outputs = n_classes if n_classes > 2 else 1
    model = MLPModel(n_outputs, X.mean(axis=0), X.std(axis=0), hidden_layer_sizes=(6,))
    objective = Accuracy() if objective == "Accuracy" else Cost(dear(n_classes))
    problem = Problem(model, objective, Table(X, y, weight))
    n_lines = 12
    thetas = rng.standard_normal((n_lines, model.n_params))
    groups = problem.line_groups
    lines = rng.standard_normal(thetas.shape) * groups[np.arange(n_lines) % len(groups)]
    for starts in (thetas, thetas[:1]):
        steps, scores = problem.line_search(starts, lines)
        found = starts + steps[:, np.newaxis] * lines
        assert_allclose(problem.scores(found), scores, rtol=1e-12)
        for t in np.concatenate([np.linspace(-5, 5, 400), [-1e6, 1e6]]):
            assert (problem.scores(starts + t * lines) <= scores + 1e-12).all()


# Estimators

X_GOOD, Y_GOOD = np.arange(20.0).reshape(10, 2) % 7, np.arange(10) % 2
QUICK = {"max_iter": 15, "random_state": 0}
quick = pytest.mark.filterwarnings("ignore:.* has not converged after")


@parametrize_with_checks(
    [
        MLPClassifier((8,), optimizer=Adam(0.02, 32), max_iter=50),
        MLPClassifier(32, "tanh", objective="accuracy"),
        MLPRegressor((8,), optimizer=Adam(0.02, 32), max_iter=50),
        MLPRegressor((3, 2), "logistic", optimizer=Adam(0.05, 64), max_iter=100),
    ]
)
@quick
def test_sklearn_checks(estimator, check):
    check(estimator)


def start_of(estimator, X, y):
    """Fitted, without a step."""
    return estimator.set_params(optimizer=LBFGS(gtol=1e300)).fit(X, y)


@activations
@pytest.mark.parametrize("sizes", [(), (13,), (13, 7)], ids=str)
def test_init_from_scikit_learn(sizes, activation, cancer, iris, diabetes):
    """The same network: what is predicted before anything is trained is what it predicts."""
    for X, y in (cancer, iris):
        X = np.column_stack([X, np.full(len(X), 3.0)])  # a constant feature, too
        theirs = SklearnClassifier(sizes, activation, max_iter=4, random_state=0)
        with pytest.warns(ConvergenceWarning):
            theirs.fit(X, y)
        ours = MLPClassifier(sizes, activation, init=theirs)
        started = start_of(ours, X, y)
        assert_allclose(started.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-10)
        by_arrays = MLPClassifier(sizes, activation, init=(theirs.coefs_, theirs.intercepts_))
        for one, other in zip(start_of(by_arrays, X, y).coefs_, started.coefs_, strict=True):
            assert_array_equal(one, other)
        frozen = MLPClassifier(sizes, activation, init=FrozenEstimator(started))
        again = start_of(clone(frozen), X, y)
        assert_allclose(again.decision_function(X), started.decision_function(X), atol=1e-10)
    X, y = diabetes
    theirs = SklearnRegressor(
        hidden_layer_sizes=sizes, activation=activation, max_iter=4, random_state=0
    )
    with pytest.warns(ConvergenceWarning):
        theirs.fit(X, y)
    started = start_of(MLPRegressor(sizes, activation, init=theirs), X, y)
    assert_allclose(started.predict(X), theirs.predict(X), rtol=1e-10, atol=1e-10)


def test_learns_what_scikit_learn_learns(cancer):
    """From the same start, with the same batches, step by step."""
    X, y = cancer
    Z = StandardScaler().fit_transform(X)
    options = {
        "batch_size": len(X),
        "learning_rate_init": 0.01,
        "alpha": 0.0,
        "n_iter_no_change": 99,
    }
    sizes = (11, 4)
    losses = []
    for n_epochs in (1, 30):
        theirs = SklearnClassifier(sizes, "tanh", max_iter=n_epochs, random_state=0, **options)
        with pytest.warns(ConvergenceWarning):
            theirs.fit(Z, y)
        losses.append(theirs)
    # One epoch is one step; it is undone by starting from what was before it.
    begin = clone(losses[0]).set_params(learning_rate_init=1e-300)
    with pytest.warns(ConvergenceWarning):
        begin.fit(Z, y)
    ours = MLPClassifier(
        sizes,
        "tanh",
        init=begin,
        optimizer=Adam(0.01, len(X), schedule="constant"),
        max_iter=30,
        n_iter_no_change=None,
    )
    with pytest.warns(ConvergenceWarning):
        ours.fit(Z, y)
    scores = [-improvement.score for improvement in ours.history_]
    # scikit-learn says the loss before each step.
    assert_allclose(scores[:30], losses[1].loss_curve_, rtol=1e-7)
    assert_allclose(ours.predict_proba(Z), losses[1].predict_proba(Z), atol=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs", "sgd", "adamw"])
@quick
def test_gradients_learn(optimizer, cancer, iris, diabetes):
    options = {"optimizer": optimizer, "max_iter": 60, "random_state": 0}
    if optimizer in ("adam", "adamw"):
        options["optimizer"] = Adam(0.01, 50)
    for X, y in (cancer, iris):
        clf = MLPClassifier((8,), **options).fit(X, y)
        assert np.mean(clf.predict(X) == y) > 0.95
        assert clf.score(X, y) == pytest.approx(clf.best_score_, rel=1e-9)
    reg = MLPRegressor((8,), "tanh", **options).fit(*diabetes)
    assert reg.score(*diabetes) > 0.5
    assert reg.score(*diabetes) == pytest.approx(reg.best_score_, rel=1e-9)


@pytest.mark.parametrize(
    "optimizer", ["hill_climb", "genetic_algorithm", "exact_line_search", "soft_ascent"]
)
def test_trial_and_error_learns(optimizer, cancer):
    X, y = cancer
    clf = MLPClassifier((4,), objective="f1", optimizer=optimizer, **QUICK).fit(X, y)
    before = start_of(MLPClassifier((4,), random_state=0), X, y)
    assert clf.score(X, y) == clf.best_score_ > max(0.85, np.mean(before.predict(X) == y))


@quick
def test_soft_metrics_and_numbers_within_tolerance(cancer, diabetes):
    clf = MLPClassifier((6,), objective=Soft("f1", 0.5), optimizer="lbfgs", **QUICK).fit(*cancer)
    assert clf.best_score_ > 0.95
    assert not hasattr(clf, "predict_proba")
    reg = MLPRegressor((4,), objective=PassRate(40), **QUICK).fit(*diabetes)
    assert reg.score(*diabetes) == np.mean(np.abs(reg.predict(diabetes[0]) - diabetes[1]) <= 40)


@quick
def test_auto_is_by_what_there_is(cancer):
    fitted = MLPClassifier((4,), **QUICK).fit(*cancer)
    assert isinstance(fitted.history_.optimizer, Adam)
    for (X, y), expected in ((cancer, TwoStage), ((X_GOOD, Y_GOOD), ExactLineSearch)):
        fitted = MLPClassifier((4,), objective="f1", max_iter=2).fit(X, y)
        assert isinstance(fitted.history_.optimizer, expected)
    with pytest.raises(ValueError, match="optimizer='two_stage' needs rows that are held out"):
        MLPClassifier((4,), objective="f1", optimizer="two_stage").fit(X_GOOD, Y_GOOD)
    with pytest.raises(ValueError, match="optimizer='two_stage' needs hidden layers"):
        MLPClassifier((), objective="f1", optimizer="two_stage").fit(*cancer)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_last_layer_alone(n_classes, rng):
    """A linear function of what the hidden units answer is the same network."""
    X, y, weight = random_table(rng, 300, 4, n_classes, weights="whole")
    n_outputs = n_classes if n_classes > 2 else 1
    model = MLPModel(
        n_outputs,
        X.mean(axis=0),
        X.std(axis=0),
        hidden_layer_sizes=(7, 5),
        output_center=1.0,
        output_scale=0.5,
    )
    problem = Problem(model, Accuracy(), Table(X, y, weight))
    theta = rng.standard_normal(model.n_params)
    layer = problem.last_layer(theta)
    assert layer.n_params == 6 * n_outputs
    begin = layer.model.theta(*model.last_coefficients(theta))
    assert_allclose(layer.raw(begin), problem.raw(theta), rtol=1e-10, atol=1e-10)
    other = rng.standard_normal(layer.n_params)
    moved = model.with_last(theta, *layer.model.coefficients(other))
    assert_allclose(problem.raw(moved), layer.raw(other), rtol=1e-9, atol=1e-9)
    assert_array_equal(moved[: -6 * n_outputs], theta[: -6 * n_outputs])
    on_some = problem.beside(table=Table(X[:100], y[:100])).last_layer(theta, layer.model)
    assert_allclose(on_some.raw(other), layer.raw(other)[:, :100], rtol=1e-12)


def test_two_stages():
    """What rows held out say is what new rows say, and better than where log-loss is alone."""
    X, y = make_classification(
        6000, 12, n_informative=8, weights=[0.93], flip_y=0.05, random_state=1
    )
    optimizer = Adam(0.01, 100)
    options = {"hidden_layer_sizes": (12,), "random_state": 0}
    plain = MLPClassifier(optimizer=optimizer, max_iter=40, early_stopping=True, **options)
    with pytest.warns(ConvergenceWarning):
        plain.fit(X[:3000], y[:3000])
    staged = TwoStage(optimizer, n_steps=40)
    clf = MLPClassifier(objective="f1", optimizer=staged, validation_fraction=0.3, **options)
    clf.fit(X[:3000], y[:3000])
    new = f1_score(y[3000:], clf.predict(X[3000:]))
    assert new > f1_score(y[3000:], plain.predict(X[3000:]))
    assert abs(clf.oof_score_ - new) < 4 * clf.oof_std_error_
    assert "training for the metric" in str(clf.selection_)
    assert clf.best_validation_score_ is None
    assert clf.stop_reason_ == "no change"
    assert clf.best_score_ == clf.score(X[:3000], y[:3000])
    given = clone(clf).fit(X[:2000], y[:2000], X_val=X[2000:3000], y_val=y[2000:3000])
    assert given.best_validation_score_ == given.score(X[2000:3000], y[2000:3000])


def test_without_hidden_layers_it_is_linear(cancer, diabetes):
    X, y = cancer
    tight = {"alpha": 0.01, "optimizer": LBFGS(gtol=1e-9), "max_iter": 1000, "tol": 0.0}
    ours = MLPClassifier((), **tight).fit(X, y)
    linear = LinearClassifier("neg_log_loss", **tight).fit(X, y)
    assert_allclose(ours.coefs_[0].T, linear.coef_, rtol=1e-4, atol=1e-6)
    X, y = diabetes
    ours = MLPRegressor((), **tight).fit(X, y)
    linear = LinearRegressor(**tight).fit(X, y)
    assert_allclose(ours.coefs_[0][:, 0], linear.coef_, rtol=1e-4, atol=1e-4)
    assert ours.score(X, y) == pytest.approx(linear.score(X, y), abs=1e-7)


@quick
def test_units_do_not_matter(diabetes):
    X, y = diabetes
    options = {"hidden_layer_sizes": (5,), "activation": "tanh", "optimizer": Adam(0.01, 50)}
    plain = MLPRegressor(**options, **QUICK | {"max_iter": 40})
    other = clone(plain)
    plain.fit(X, y)
    other.fit(X * np.logspace(-6, 6, X.shape[1]) + np.linspace(-1e3, 1e3, X.shape[1]), y * 1e9)
    assert other.best_score_ == pytest.approx(plain.best_score_, rel=1e-5)


@quick
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tables_are_used_as_they_are(layout, dtype):
    X, y = make_classification(120, 5, random_state=0)
    X = X.astype(dtype)
    clf = MLPClassifier((4,), **QUICK | {"max_iter": 3})
    expected = clone(clf).fit(np.ascontiguousarray(LAYOUTS[layout](X)), y)
    same = LAYOUTS[layout](X)
    same.flags.writeable = False
    found = clone(clf).fit(same, y)
    for one, other in zip(found.coefs_, expected.coefs_, strict=True):
        assert one.tobytes() == other.tobytes()
    assert found.predict_proba(same).tobytes() == expected.predict_proba(X).tobytes() or (
        "backwards" in layout
    )


@quick
def test_threads_change_nothing(monkeypatch):
    monkeypatch.setattr("tabtrain.problem.THREADS_FROM", 0)
    X, y = make_classification(3000, 8, n_informative=6, n_classes=3, random_state=0)
    weight = np.random.default_rng(0).random(len(y))
    for options in (
        {"optimizer": "adam"},
        {"optimizer": "lbfgs"},
        {"objective": "accuracy", "optimizer": "exact_line_search"},
    ):
        options |= {"max_iter": 3, "random_state": 0}
        one, *others = (
            MLPClassifier((40,), n_jobs=n, **options).fit(X, y, weight) for n in (1, 2, 3)
        )
        for other in others:
            assert other.best_score_ == one.best_score_
            for part, part_of_one in zip(other.coefs_, one.coefs_, strict=True):
                assert part.tobytes() == part_of_one.tobytes()


@quick
def test_weights_equal_repetition(iris):
    X, y = iris
    repeats = np.random.default_rng(0).integers(0, 4, len(y))
    clf = MLPClassifier((4,), "tanh", optimizer="lbfgs", **QUICK)
    weighted = clone(clf).fit(X, y, sample_weight=repeats)
    repeated = clone(clf).fit(X.repeat(repeats, 0), y.repeat(repeats))
    assert weighted.best_score_ == pytest.approx(repeated.best_score_, rel=1e-6)
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-4)


@quick
def test_class_weight_and_labels(cancer):
    X, y = cancer
    names = np.array(["benign", "malign"], dtype=object)[y]
    options = {"objective": "accuracy", "optimizer": "hill_climb", "class_weight": "balanced"}
    clf = MLPClassifier((4,), **options, **QUICK)
    clf.fit(X, names)
    assert clf.classes_.tolist() == ["benign", "malign"]
    recalls = [np.mean(clf.predict(X)[names == name] == name) for name in clf.classes_]
    assert clf.best_score_ == pytest.approx(np.mean(recalls), abs=1e-12)


@quick
def test_held_out_rows_decide(cancer):
    X, y = cancer
    clf = MLPClassifier((8,), optimizer=Adam(0.02, 50), **QUICK | {"max_iter": 60})
    clf.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert clf.score(X[1::2], y[1::2]) == pytest.approx(clf.best_validation_score_, rel=1e-12)
    by_share = clone(clf).set_params(early_stopping=True).fit(X, y)
    assert by_share.best_validation_score_ is not None


@pytest.mark.parametrize("optimizer", [Adam(0.02, 50), TwoStage(Adam(0.02, 50), n_steps=20)])
@quick
def test_groups_are_held_out_whole(optimizer):
    """Ten copies of each row, with labels at random: those held out are news, if told so."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.standard_normal((60, 30)), 10, axis=0)
    y = np.repeat(rng.integers(2, size=60), 10)
    has_gradient = isinstance(optimizer, Adam)
    clf = MLPClassifier(
        (16,),
        objective="neg_log_loss" if has_gradient else "accuracy",
        optimizer=optimizer,
        early_stopping=has_gradient,
        validation_fraction=0.25,
        random_state=0,
    )
    groups = np.repeat(np.arange(60), 10)
    told, untold = clone(clf).fit(X, y, groups=groups), clone(clf).fit(X, y)
    right = [np.mean(each.predict(X) == y) for each in (told, untold)]
    assert right[0] < right[1] == 1
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clf.fit(X, y, groups=groups[::10])


@pytest.mark.parametrize("optimizer", ["adam", "hill_climb"])
@quick
def test_warm_start_is_one_run(optimizer, cancer):
    options = {"optimizer": optimizer, "random_state": 3, "hidden_layer_sizes": (5,)}
    in_one = MLPClassifier(max_iter=9, **options).fit(*cancer)
    in_two = MLPClassifier(max_iter=4, warm_start=True, **options).fit(*cancer)
    in_two = pickle.loads(pickle.dumps(in_two)).set_params(max_iter=5).fit(*cancer)
    assert [part.tobytes() for part in in_two.coefs_] == [part.tobytes() for part in in_one.coefs_]
    assert in_two.best_score_ == in_one.best_score_
    assert in_two.n_iter_ == in_one.n_iter_


@quick
def test_goes_on_from_other_rows(cancer):
    X, y = cancer
    clf = MLPClassifier((5,), optimizer="lbfgs", warm_start=True, **QUICK).fit(X, y)
    first = clf.best_score_
    clf.set_params(max_iter=1).fit(X[::2], y[::2])
    assert clf.score(X, y) > 2 * first


def test_partial_fit(cancer, diabetes):
    """Rows as they come, none of them kept."""
    rng = np.random.default_rng(0)
    for estimator, (X, y), accepted, options in (
        (MLPClassifier((8,), optimizer=Adam(0.02, 32)), cancer, 0.95, {"classes": [0, 1]}),
        (MLPRegressor((8,), optimizer=Adam(0.02, 32)), diabetes, 0.4, {}),
    ):
        for _ in range(15):
            for rows in np.array_split(rng.permutation(len(y)), 3):
                estimator.partial_fit(X[rows], y[rows], **options)
        assert estimator.n_iter_ == 45
        predicted = estimator.predict(X)
        right = np.mean(predicted == y) if options else np.corrcoef(predicted, y)[0, 1] ** 2
        assert right > accepted


@quick
def test_layers_cannot_change_in_between(cancer):
    warm = MLPClassifier((8,), warm_start=True, max_iter=2).fit(*cancer)
    stream = MLPClassifier((8,), optimizer="adam").partial_fit(*cancer, classes=[0, 1])
    for go_on in (warm.fit, stream.partial_fit):
        before = go_on.__self__.coefs_
        go_on.__self__.set_params(hidden_layer_sizes=(3,))
        with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(3,\) makes layers of shapes"):
            go_on(*cancer)
        assert go_on.__self__.coefs_ is before


def test_the_metric_stage_that_is_not_reached(cancer):
    with pytest.warns(ConvergenceWarning, match="TwoStage has not converged after 2 iterations"):
        clf = MLPClassifier((4,), objective="f1", max_iter=2, random_state=0).fit(*cancer)
    assert clf.selection_ is None
    assert np.isnan(clf.oof_score_)


def test_stop_reasons(cancer, own_time):
    endless = {"max_iter": None, "n_iter_no_change": None, "hidden_layer_sizes": (30,)}
    for optimizer in ("adam", "hill_climb"):
        begun = own_time()
        clf = MLPClassifier(optimizer=optimizer, max_time=0.2, **endless).fit(*cancer)
        assert clf.stop_reason_ in ("time", "no change")
        assert own_time() - begun < 1
    assert MLPClassifier((3,), optimizer="hill_climb", max_iter=2).fit(*cancer).n_iter_ == 2
    with pytest.warns(ConvergenceWarning, match="Adam has not converged after 2 iterations"):
        MLPClassifier((3,), max_iter=2).fit(*cancer)


def test_with_the_rest_of_scikit_learn(cancer):
    X, y = cancer
    frame = pd.DataFrame(X, columns=[f"feature {i}" for i in range(X.shape[1])])
    clf = MLPClassifier((6,), optimizer=HillClimb(8), **QUICK)
    pipe = make_pipeline(StandardScaler(), clf)
    grid = {
        "mlpclassifier__activation": ["relu", "tanh"],
        "mlpclassifier__hidden_layer_sizes": [3, (4, 2)],
    }
    search = GridSearchCV(pipe, grid, cv=2, n_jobs=2, error_score="raise").fit(frame, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert cross_val_score(clf, X, y, cv=3, scoring="accuracy").min() > 0.8
    calibrated = CalibratedClassifierCV(clf, cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.8
    clf.fit(frame, y)
    assert clf.feature_names_in_.tolist() == list(frame)
    with pytest.raises(ValueError, match="feature names"):
        clf.predict(frame.rename(columns=str.upper))
    again = pickle.loads(pickle.dumps(clf))
    assert again.decision_function(frame).tobytes() == clf.decision_function(frame).tobytes()


@quick
@pytest.mark.parametrize("estimator", [MLPClassifier((4,)), MLPRegressor((4,))], ids=str)
def test_callbacks(estimator, cancer, diabetes, capfd):
    X, y = cancer if isinstance(estimator, MLPClassifier) else diabetes
    scoring = "neg_log_loss" if isinstance(estimator, MLPClassifier) else "r2"
    estimator = clone(estimator).set_params(max_iter=5, random_state=0)
    without = clone(estimator)
    monitor = ScoringMonitor(scoring=scoring)
    estimator.set_callbacks(monitor, ProgressBar())
    estimator.fit(X, y)
    without.fit(X, y)
    data = monitor.get_logs().data_as_pandas
    assert len(data[data.task_name == "iteration"]) == 5
    assert data[scoring].iloc[-1] == pytest.approx(estimator.best_score_)
    assert type(estimator).__name__ in capfd.readouterr().out
    for one, other in zip(estimator.coefs_, without.coefs_, strict=True):
        assert_array_equal(one, other)


# Bad input

SHAPES = r"\[\(2, 3\), \(3, 1\), \(3,\), \(1,\)\]"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_layer_sizes": (3, 0)}, r"hidden_layer_sizes must be .*got \(3, 0\)"),
        ({"hidden_layer_sizes": 2.5}, "hidden_layer_sizes must be .*got 2.5"),
        ({"hidden_layer_sizes": "many"}, "hidden_layer_sizes must be .*got 'many'"),
        ({"hidden_layer_sizes": True}, "hidden_layer_sizes must be .*got True"),
        ({"activation": "step"}, "activation must be one of .*'tanh'.*, got 'step'"),
        ({"activation": 1}, "activation must be one of .*got 1"),
        ({"alpha": -1}, "alpha"),
        ({"objective": "acuracy"}, "objective must be one of .*got 'acuracy'"),
        ({"objective": "r2"}, "objective='r2' is for numbers"),
        ({"objective": "f1", "optimizer": "adam"}, "optimizer='adam' needs a gradient"),
        ({"optimizer": "cross_fit", "objective": "f1"}, "optimizer='cross_fit' needs rows that"),
        ({"optimizer": TwoStage("adam"), "objective": "f1"}, "optimizer of TwoStage must be"),
        ({"optimizer": TwoStage(n_steps=0), "objective": "f1"}, "n_steps"),
        ({"optimizer": "adamant"}, "optimizer must be one of .*got 'adamant'"),
        ({"max_iter": 0}, "max_iter"),
        ({"init": "zero"}, "init must be None, a fitted estimator"),
        ({"init": ([np.zeros((2, 3))], [np.zeros(3)])}, f"of shapes {SHAPES}, got"),
        (
            {"init": ([np.full((2, 3), np.nan), np.zeros((3, 1))], [np.zeros(3), np.zeros(1)])},
            "NaN",
        ),
    ],
    ids=str,
)
def test_bad_parameters(options, message):
    clf = MLPClassifier(**{"hidden_layer_sizes": (3,)} | options)
    with pytest.raises((ValueError, TypeError), match=message):
        clf.fit(X_GOOD, Y_GOOD)
    assert not hasattr(clf, "coefs_")


@quick
def test_bad_starts(cancer, diabetes):
    X, y = cancer
    fitted = MLPClassifier((3,), **QUICK).fit(X, y)
    with pytest.raises(NotFittedError, match="coefs_ and intercepts_"):
        MLPClassifier((3,), init=LogisticRegression()).fit(X, y)
    with pytest.raises(ValueError, match="must predict what MLPRegressor predicts"):
        MLPRegressor((3,), init=fitted).fit(*diabetes)
    with pytest.raises(ValueError, match=r"init has the classes \[0 1\], y has \[1 2\]"):
        MLPClassifier((3,), init=fitted).fit(X, y + 1)
    with pytest.raises(ValueError, match="init has activation='relu', this network has 'tanh'"):
        MLPClassifier((3,), "tanh", init=fitted).fit(X, y)
    with pytest.raises(ValueError, match="init must have coefs and intercepts of shapes"):
        MLPClassifier((4,), init=fitted).fit(X, y)
    with pytest.raises(NotFittedError, match="coefs_"):
        MLPRegressor((3,), init=LinearRegression().fit(*diabetes)).fit(*diabetes)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.where(X_GOOD == 3, np.nan, X_GOOD), Y_GOOD, "NaN"),
        (X_GOOD, np.zeros(10), "one class"),
        (X_GOOD, Y_GOOD + 0.5, "continuous"),
        (X_GOOD[:, :0], Y_GOOD, "0 feature"),
    ],
)
def test_bad_examples(X, y, message):
    clf = MLPClassifier((3,))
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)
    assert not hasattr(clf, "coefs_")
