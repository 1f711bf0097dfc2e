"""SGD, Adam and AdamW: what is theirs beyond what every optimizer does."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning

from tabtrain import (
    SGD,
    Adam,
    AdamW,
    Cost,
    LinearClassifier,
    LinearRegressor,
    Soft,
)
from tabtrain.models import LinearModel
from tabtrain.objectives import NegLogLoss
from tabtrain.problem import Problem
from tabtrain.table import Table
from tests import reference

ALL = [
    SGD(0.3, 16),
    SGD(0.3, 16, momentum=0.5, nesterov=False, max_norm=0.1),
    SGD(0.1, 16, average=True),
    Adam(0.05, 16, beta1=0.8, beta2=0.95),
    AdamW(0.05, 16, weight_decay=0.5, max_norm=0.1),
]
each = pytest.mark.parametrize("optimizer", ALL, ids=str)


def make_problem(n_rows=90, weights="whole", alpha=0.01, seed=0, **table_options):
    rng = np.random.default_rng(seed)
    X, y = make_classification(n_rows, 5, flip_y=0.2, random_state=seed)
    weight = {"ones": np.ones(n_rows), "whole": 1.0 * rng.integers(4, size=n_rows)}[weights]
    table = Table(X, y, weight, **table_options)
    model = LinearModel(1, *table.mean_and_deviation())
    return Problem(model, NegLogLoss(), table, alpha=alpha), (X, y, weight)


def begun(optimizer, problem, seed=0):
    return optimizer.start(problem, np.zeros(problem.n_params), np.random.default_rng(seed))


def quiet_fit(estimator, *examples, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*examples, **more)


def epoch_of_rows(optimizer, model, X, y, weight, alpha, n_epochs, seed=0):
    """The optimizers in NumPy: standardised rows, the gradient of the log-loss of each batch."""
    Z = np.column_stack([(X - model.center) / model.scale, np.ones(len(X))])
    rng, theta = np.random.default_rng(seed), np.zeros(Z.shape[1])
    penalized = np.append(np.ones(X.shape[1]), 0.0)
    velocity, mean, square = np.zeros((3, len(theta)))
    t = 0
    counts = np.flatnonzero(weight)
    for epoch in range(n_epochs):
        rows, on_the_way = rng.permutation(counts), []
        rate = optimizer.learning_rate
        if optimizer.schedule == "invscaling":
            rate /= (1 + epoch) ** optimizer.power_t
        for first in range(0, len(rows), optimizer.batch_size):
            some = rows[first : first + optimizer.batch_size]
            p = reference.probabilities((Z[some] @ theta)[np.newaxis])[1]
            gradient = np.average((y[some] - p)[:, np.newaxis] * Z[some], 0, weight[some])
            gradient = gradient.astype(float) - alpha * penalized * theta
            # A batch counts by its weight, beside one of `batch_size` rows of the mean weight.
            gradient *= weight[some].sum() / (optimizer.batch_size * weight[counts].mean())
            length = np.linalg.norm(gradient)
            if optimizer.max_norm is not None and length > optimizer.max_norm:
                gradient *= optimizer.max_norm / length
            t += 1
            if isinstance(optimizer, Adam):
                decay = getattr(optimizer, "weight_decay", 0.0)
                theta = theta * (1 - rate * decay * penalized)
                betas = optimizer.beta1, optimizer.beta2, optimizer.epsilon
                mean, square, theta = reference.adam(gradient, t, rate, *betas, mean, square, theta)
            else:
                velocity, theta = reference.sgd(
                    gradient, rate, optimizer.momentum, optimizer.nesterov, velocity, theta
                )
            on_the_way.append(theta)
    answer = np.mean(on_the_way, axis=0) if optimizer.average else theta
    return np.asarray(answer, dtype=float)


@each
@pytest.mark.parametrize("schedule", ["constant", "invscaling"])
@pytest.mark.parametrize("weights", ["ones", "whole"])
def test_agrees_with_numpy(optimizer, schedule, weights):
    problem, (X, y, weight) = make_problem(weights=weights)
    optimizer = type(optimizer)(**optimizer.get_params() | {"schedule": schedule})
    state = begun(optimizer, problem)
    for _ in range(3):
        state = optimizer.epoch(problem, state)
    expected = epoch_of_rows(optimizer, problem.model, X, y, weight, problem.alpha, 3)
    np.testing.assert_allclose(state.answer, expected, rtol=1e-9, atol=1e-11)
    assert (state.n_epochs, state.n_updates) == (3, 3 * -(-np.count_nonzero(weight) // 16))


@each
def test_an_epoch_is_every_row_that_counts_once(optimizer, monkeypatch):
    problem, (_, _, weight) = make_problem()
    seen = []
    batch_gradient = Problem.batch_gradient

    def watched(self, theta, rows):
        seen.append(rows.copy())
        return batch_gradient(self, theta, rows)

    monkeypatch.setattr(Problem, "batch_gradient", watched)
    state = optimizer.epoch(problem, begun(optimizer, problem))
    first, n_batches = np.concatenate(seen), len(seen)
    np.testing.assert_array_equal(np.sort(first), np.flatnonzero(weight))
    assert {len(rows) for rows in seen[:-1]} == {16}
    optimizer.epoch(problem, state)
    second = np.concatenate(seen[n_batches:])
    np.testing.assert_array_equal(np.sort(second), np.sort(first))
    assert np.any(second != first)


@each
def test_more_rows_than_there_are_are_all_of_them(optimizer):
    problem, _ = make_problem()
    many, all_rows = (
        type(optimizer)(**optimizer.get_params() | {"batch_size": size})
        for size in (10**9, len(problem.rows_that_count))
    )
    found = [each.epoch(problem, begun(each, problem)).present for each in (many, all_rows)]
    assert found[0].tobytes() == found[1].tobytes()


def rates(optimizer, problem, state, n_steps, monkeypatch):
    """The learning rate of each epoch, and the states after them."""
    found, states = [], []
    updates = type(optimizer)._updates

    def watched(self, problem, state, rate):
        found.append(rate)
        return updates(self, problem, state, rate)

    monkeypatch.setattr(type(optimizer), "_updates", watched)
    for _ in range(n_steps):
        state = optimizer.step(problem, state)
        states.append(state)
    return found, states


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_schedules(kind, monkeypatch):
    problem, _ = make_problem()
    for options, expected in (
        ({"schedule": "constant"}, [0.1] * 4),
        ({"schedule": "invscaling", "power_t": 0.5}, 0.1 / np.sqrt([1, 2, 3, 4])),
        ({"schedule": "adaptive"}, [0.1] * 4),
    ):
        optimizer = kind(0.1, **options)
        found, _ = rates(optimizer, problem, begun(optimizer, problem), 4, monkeypatch)
        np.testing.assert_allclose(found, expected)


def test_adaptive_goes_back_and_on_in_smaller_steps(monkeypatch):
    problem, _ = make_problem()
    optimizer = SGD(0.5, 4, patience=3)
    found, states = rates(optimizer, problem, begun(optimizer, problem), 400, monkeypatch)
    assert states[-1].converged
    for rate, next_rate, before, state in zip(found, found[1:], states, states[1:], strict=False):
        assert next_rate in (rate, pytest.approx(rate / 5))
        if next_rate < rate:
            assert before.present.tobytes() == before.theta.tobytes()
            assert not before.moments.any()
        assert state.score >= before.score
        assert state.n_stale < 3
    best = LinearClassifier("neg_log_loss", alpha=0.01).fit(*_rows(problem))
    assert states[-1].score == pytest.approx(best.best_score_, rel=1e-4)


def _rows(problem):
    X, y, weight = problem.examples
    return X, y, weight


@each
def test_what_goes_astray_comes_back(optimizer):
    """A learning rate beyond all numbers: back to the best, whatever the schedule."""
    X, y = make_regression(100, 3, random_state=0)
    for schedule in ("constant", "adaptive"):
        options = {"learning_rate": 1e200, "schedule": schedule, "max_norm": None}
        optimizer = type(optimizer)(**optimizer.get_params() | options)
        reg = LinearRegressor("r2", optimizer=optimizer, max_iter=400, random_state=0)
        reg = quiet_fit(reg, X, y)
        assert reg.best_score_ >= 0
        assert np.isfinite(reg.coef_).all()


def test_gradients_are_clipped():
    problem, _ = make_problem()
    rate, max_norm = 0.5, 1e-3
    optimizer = SGD(rate, 90, momentum=0, max_norm=max_norm)
    state = begun(optimizer, problem)
    moved = optimizer.epoch(problem, state).present - state.present
    assert np.linalg.norm(moved) == pytest.approx(rate * max_norm)
    free = SGD(rate, 90, momentum=0)
    _, gradient = problem.value_and_gradient(state.present)
    unclipped = free.epoch(problem, state).present - state.present
    np.testing.assert_allclose(unclipped, rate * gradient, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(moved / np.linalg.norm(moved), gradient / np.linalg.norm(gradient))
    lax = SGD(rate, 90, momentum=0, max_norm=1e3)
    again = begun(optimizer, problem)
    np.testing.assert_allclose(lax.epoch(problem, again).present, state.present + unclipped)


@each
def test_at_rest_nothing_moves(optimizer):
    """Where there is no gradient and no decay: constant labels that are answered already."""
    X = np.random.default_rng(0).standard_normal((40, 3))
    reg = LinearRegressor("neg_mean_squared_error", optimizer=optimizer, max_iter=3)
    reg = quiet_fit(reg, X, np.full(40, 7.0))
    np.testing.assert_array_equal(reg.coef_, 0)
    assert reg.intercept_ == 7


@pytest.mark.parametrize(
    "optimizer", [SGD(0.1, 32), SGD(0.1, 32, average=True), Adam(0.02, 32)], ids=str
)
@pytest.mark.parametrize("weights", ["ones", "whole"])
def test_finds_the_optimum(optimizer, weights):
    _, (X, y, weight) = make_problem(600, weights)
    options = {"alpha": 0.01, "random_state": 0}
    best = LinearClassifier("neg_log_loss", **options).fit(X, y, weight)
    found = LinearClassifier("neg_log_loss", optimizer=optimizer, **options).fit(X, y, weight)
    assert found.stop_reason_ == "no change"
    assert found.best_score_ == pytest.approx(best.best_score_, abs=1e-4)
    np.testing.assert_allclose(found.coef_, best.coef_, atol=0.05)


def test_very_unequal_weights_are_no_bias():
    """One row weighs as much as all others: batches without it must not outvote it."""
    X, y = make_regression(64, 2, noise=10, random_state=0)
    weight = np.ones(64)
    weight[3], y[3] = 64.0, 500.0
    options = {"objective": "r2", "random_state": 0}
    best = LinearRegressor(**options).fit(X, y, weight)
    optimizer = SGD(0.01, 8, momentum=0)
    found = quiet_fit(LinearRegressor(optimizer=optimizer, **options), X, y, weight)
    assert found.best_score_ == pytest.approx(best.best_score_, abs=1e-3)


@each
def test_a_row_of_weight_0_is_no_row(optimizer):
    X, y = make_classification(80, 4, random_state=0)
    weight = np.random.default_rng(0).integers(2, size=80) * 1.5
    X[weight == 0] *= 1e6
    clf = LinearClassifier("neg_log_loss", optimizer=optimizer, max_iter=6, random_state=0)
    with_them = quiet_fit(clf, X, y, weight).coef_
    kept = weight > 0
    without = quiet_fit(clf, X[kept], y[kept], weight[kept]).coef_
    np.testing.assert_allclose(with_them, without, rtol=1e-9, atol=1e-12)


@each
def test_weights_are_repetition_where_all_rows_are_one_batch(optimizer):
    X, y = make_classification(40, 4, random_state=0)
    times = np.random.default_rng(0).integers(4, size=40)
    optimizer = type(optimizer)(**optimizer.get_params() | {"batch_size": 1000})
    clf = LinearClassifier("neg_log_loss", optimizer=optimizer, max_iter=10, random_state=0)
    weighted = quiet_fit(clf, X, y, times).coef_
    repeated = quiet_fit(clf, X.repeat(times, 0), y.repeat(times)).coef_
    np.testing.assert_allclose(weighted, repeated, rtol=1e-6, atol=1e-9)


@each
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_units_make_no_difference(optimizer, fit_intercept):
    """Neither those of features and labels, nor those of the objective."""
    X, y = make_regression(150, 4, noise=5, random_state=0)
    y += 1000
    options = {"optimizer": optimizer, "fit_intercept": fit_intercept, "max_iter": 8}
    options |= {"random_state": 0}
    units = np.array([1e-9, 1.0, 1e6, 1e12])
    expected = quiet_fit(LinearRegressor("r2", **options), X, y)
    for factor in (1e-12, 1e9):
        for objective in ("r2", "neg_mean_squared_error"):
            reg = quiet_fit(LinearRegressor(objective, **options), X * units, y * factor)
            coef = reg.coef_ * units / factor
            np.testing.assert_allclose(coef, expected.coef_, rtol=1e-4, atol=1e-6)
    X, y = make_classification(150, 4, flip_y=0.1, random_state=0)
    dear, cheap = (
        quiet_fit(LinearClassifier(Soft(Cost([[0, 5 * f], [f, 0]])), **options), X, y)
        for f in (1e6, 1e-6)
    )
    np.testing.assert_allclose(dear.coef_, cheap.coef_, rtol=1e-4, atol=1e-6)


@each
def test_constant_features_get_no_weight(optimizer):
    X, y = make_classification(100, 4, random_state=0)
    X[:, 1], X[:, 3] = 1e9 + 0.1, 0.0
    clf = LinearClassifier("neg_log_loss", optimizer=optimizer, max_iter=5, random_state=0)
    clf = quiet_fit(clf, X, y)
    np.testing.assert_array_equal(clf.coef_[0, [1, 3]], 0)
    assert clf.coef_[0, [0, 2]].all()


@each
def test_single_precision_and_any_order_are_the_same(optimizer):
    """Batches read rows, however the table lies."""
    X, y = make_classification(120, 6, random_state=0)
    X = X.astype(np.float32)
    clf = LinearClassifier("neg_log_loss", optimizer=optimizer, max_iter=3, random_state=0)
    expected = quiet_fit(clf, X, y).coef_.tobytes()
    for same in (X.astype(float), np.asfortranarray(X), X.repeat(2, 0)[::2], X[::-1].copy()[::-1]):
        assert quiet_fit(clf, same, y).coef_.tobytes() == expected


@each
def test_early_stopping_by_the_objective(optimizer):
    """On labels that are half noise, held-out rows show no progress long before the end."""
    X, y = make_classification(120, 40, n_informative=3, flip_y=0.6, random_state=0)
    train, val = np.arange(120) < 60, np.arange(120) >= 60
    clf = LinearClassifier("neg_log_loss", optimizer=optimizer, n_iter_no_change=10, random_state=0)
    clf.fit(X[train], y[train], X_val=X[val], y_val=y[val])
    assert clf.stop_reason_ == "no change"
    assert clf.best_validation_score_ == clf.score(X[val], y[val])
    without = quiet_fit(clf, X[train], y[train])
    assert without.best_validation_score_ is None
    held_out = without.score(X[val], y[val])
    clf.fit(X[train], y[train], X_val=X[val], y_val=y[val])
    assert clf.best_validation_score_ > held_out + 0.05


@each
@pytest.mark.parametrize("k", [1, 5])
def test_warm_start_is_one_run(optimizer, k):
    X, y = make_classification(100, 4, random_state=0)
    clf = LinearClassifier("neg_log_loss", optimizer=optimizer, random_state=0)
    whole = quiet_fit(clf.set_params(max_iter=8), X, y).coef_
    clf = LinearClassifier("neg_log_loss", optimizer=optimizer, random_state=0, warm_start=True)
    quiet_fit(clf.set_params(max_iter=k), X, y)
    parts = quiet_fit(clf.set_params(max_iter=8 - k), X, y).coef_
    assert parts.tobytes() == whole.tobytes()
    assert clf.n_iter_ == 8


def test_the_rows_errors_come_with_the_score(monkeypatch):
    """The history counts rows newly right, which must not take another pass."""
    problem, _ = make_problem()
    theta = np.linspace(-1, 1, problem.n_params)
    expected = problem.row_errors(theta)
    score = problem.scores(theta[np.newaxis])[0]
    assert problem.scores(theta[np.newaxis], keep_errors=True)[0] == score
    monkeypatch.setattr(problem, "_forward", None)
    np.testing.assert_array_equal(problem.row_errors(theta), expected)
    with pytest.raises(TypeError):
        problem.row_errors(theta + 1)


def test_a_decay_takes_weights_not_constants():
    """Without a gradient, all that is left."""
    problem, _ = make_problem(alpha=0.0)
    optimizer = AdamW(0.1, 10**6, weight_decay=0.5)
    state = replace(begun(optimizer, problem), present=np.full(problem.n_params, 1e3))
    # The labels are answered beyond all doubt or not at all: the gradient is that of the mistakes.
    decayed = optimizer.epoch(problem, state).present
    plain = Adam(0.1, 10**6).epoch(problem, state).present
    np.testing.assert_allclose((plain - decayed)[:-1], 1e3 * 0.1 * 0.5, rtol=1e-6)
    assert decayed[-1] == plain[-1]
