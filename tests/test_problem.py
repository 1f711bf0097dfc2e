"""Model x objective x table: whatever way the rows are read, the scores are the same."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tabtrain import problem as problem_module
from tabtrain import table as table_module
from tabtrain.models import LinearModel
from tabtrain.objectives import Accuracy, Cost, NegLogLoss, PassRate, Soft
from tabtrain.objectives._count_metric import CountMetric
from tabtrain.problem import Problem, TimeUpError, raw_predictions
from tabtrain.table import Table
from tests.problems import (
    LINEAR,
    MODELS,
    OBJECTIVE_CASES,
    OBJECTIVES,
    expected_score,
    n_outputs_of,
    random_table,
)
from tests.reference import predict

N_ROWS, N_FEATURES = 700, 5
WEIGHTS = ["ones", "whole", "fractions"]
ALPHAS = [0.0, 0.3]

cases = pytest.mark.parametrize(("name", "n_classes"), OBJECTIVE_CASES)
models = pytest.mark.parametrize("model_name", MODELS)
linear_models = pytest.mark.parametrize("model_name", LINEAR)
alphas = pytest.mark.parametrize("alpha", ALPHAS)
differentiable = pytest.mark.parametrize(
    "model_name", [name for name, row in MODELS.items() if row.has_gradient]
)
with_gradient = pytest.mark.parametrize(
    ("name", "n_classes"), [case for case in OBJECTIVE_CASES if OBJECTIVES[case[0]].has_gradient]
)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks so small that a few hundred rows are several, and threads for any table."""
    monkeypatch.setattr(table_module, "MIN_BLOCK_TILES", 4)
    monkeypatch.setattr(table_module, "SMALL_TABLE_BLOCKS", 11)
    monkeypatch.setattr(problem_module, "THREADS_FROM", 0)


PATHS = {
    "small, few candidates": {},
    "small, candidates shared out": {"problem.CANDIDATES_A_THREAD": 1},
    "larger": {"table.SMALL_BYTES": 0},
    "large": {"table.SMALL_BYTES": 0, "table.PACK_ONCE_BYTES": 0},
    "large, many tallies": {"table.SMALL_BYTES": 0, "problem.TALLIES_BYTES": 1000},
    "raw predictions of few at a time": {"problem.RAW_BYTES": 1},
}


def take(path, monkeypatch):
    for name, value in PATHS[path].items():
        monkeypatch.setattr(f"tabtrain.{name}", value)


def make(rng, name, n_classes, *, model_name="LinearModel", weights="ones", alpha=0.0, **options):
    """A problem, and the table it is of."""
    X, y, weight = random_table(rng, N_ROWS, N_FEATURES, n_classes, weights=weights)
    model = MODELS[model_name].make(X, n_outputs_of(n_classes))
    table = Table(X, y, weight, **options)
    problem = Problem(model, OBJECTIVES[name].make(n_classes), table, alpha=alpha)
    assert table.n_blocks > 8
    return problem, (X, y, weight)


def candidates(rng, problem, n):
    return rng.standard_normal((n, problem.n_params))


# Scores


@models
@cases
def test_scores_are_those_of_the_metric(model_name, name, n_classes, rng):
    for weights in WEIGHTS:
        problem, (X, y, weight) = make(rng, name, n_classes, model_name=model_name, weights=weights)
        model = MODELS[model_name].make(X, n_outputs_of(n_classes))
        thetas = candidates(rng, problem, 3)
        expected = [
            expected_score(name, MODELS[model_name].forward(model, theta, X), y, weight)
            for theta in thetas
        ]
        assert_allclose(problem.scores(thetas), expected, rtol=1e-10, atol=1e-11)


@linear_models
@alphas
def test_the_penalty_is_that_of_the_weights(model_name, alpha, rng):
    """Of what they are in the units of the output; the constants are free."""
    problem, (X, _, _) = make(rng, "Accuracy", 3, model_name=model_name, alpha=alpha)
    free = Problem(MODELS[model_name].make(X, 3), Accuracy(), problem._table)
    thetas = candidates(rng, problem, 6)
    scale = 0.5 if "scaled output" in model_name else 1.0
    squares = ((scale * thetas[:, : 3 * N_FEATURES]) ** 2).sum(axis=1)
    assert_allclose(problem.scores(thetas), free.scores(thetas) - alpha / 2 * squares, rtol=1e-14)


@cases
@pytest.mark.parametrize("path", PATHS)
def test_scores_have_the_same_bits_whatever_the_way(name, n_classes, path, monkeypatch, rng):
    """Of any number of threads, of tables packed once or not, alone or among others."""
    plain, (X, y, weight) = make(rng, name, n_classes, weights="fractions")
    thetas = candidates(rng, plain, 13)
    expected = plain.scores(thetas)
    assert len(np.unique(expected)) > 1
    take(path, monkeypatch)
    for n_jobs in (1, 2, 3):
        with Table(X, y, weight, n_jobs=n_jobs) as table:
            model = MODELS["LinearModel"].make(X, n_outputs_of(n_classes))
            problem = Problem(model, OBJECTIVES[name].make(n_classes), table)
            assert problem.scores(thetas).tobytes() == expected.tobytes()
    for i, theta in enumerate(thetas):
        assert problem.scores(theta[np.newaxis])[0] == expected[i]
    some = rng.permutation(13)[:6]
    assert problem.scores(thetas[some]).tobytes() == expected[some].tobytes()


@pytest.mark.parametrize("n_features", [1, 4, 7, 8, 9, 16, 33, 100])
@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_penalties_have_the_same_bits_alone_and_among_others(n_features, n_jobs, rng):
    X = rng.standard_normal((40, n_features))
    with Table(X, rng.integers(2, size=40), n_jobs=n_jobs) as table:
        model = LinearModel(1, np.zeros(n_features), np.ones(n_features))
        problem = Problem(model, NegLogLoss(), table, alpha=0.3)
        thetas = candidates(rng, problem, 29)
        together = problem.scores(thetas)
        alone = [problem.scores(theta[np.newaxis])[0] for theta in thetas]
        assert_array_equal(together, alone)
        assert_array_equal(together, [problem.value_and_gradient(theta)[0] for theta in thetas])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_do_not_depend_on_the_layout(order, dtype, rng):
    X, y, weight = random_table(rng, N_ROWS, N_FEATURES, 2, weights="fractions")
    X = X.astype(np.float32)
    model = LinearModel(1, X.mean(axis=0, dtype=float), X.std(axis=0, dtype=float))
    thetas = rng.standard_normal((13, N_FEATURES + 1))

    def scores(X):
        return Problem(model, Accuracy(), Table(X, y, weight)).scores(thetas).tobytes()

    assert scores(np.asarray(X, dtype, order=order)) == scores(X)


@pytest.mark.parametrize(("name", "n_classes"), [("Accuracy", 2), ("F1Macro", 3), ("R2", 1)])
def test_no_candidates_have_no_scores(name, n_classes, rng):
    problem, _ = make(rng, name, n_classes)
    assert problem.scores(np.empty((0, problem.n_params))).shape == (0,)


# Early giving-up


def sorted_tables(data, name, n_classes, rng):
    """The worst that can happen to giving up early: the first blocks are not like the last."""
    X, y, weight = random_table(
        rng, N_ROWS, N_FEATURES, n_classes, weights=data.draw(st.sampled_from(WEIGHTS))
    )
    orders = [np.argsort(y), np.argsort(-y), np.argsort(weight), np.arange(N_ROWS)]
    order = data.draw(st.sampled_from(orders))
    return X[order], y[order], weight[order]


@cases
@settings(max_examples=5)
@given(st.data())
def test_giving_up_changes_nothing(name, n_classes, data):
    """Who reaches `at_least` has the score it has anyhow; the others have none."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    X, y, weight = sorted_tables(data, name, n_classes, rng)
    alpha = data.draw(st.sampled_from([0.0, 0.01]))
    model = MODELS["LinearModel"].make(X, n_outputs_of(n_classes))
    with Table(X, y, weight, n_jobs=data.draw(st.integers(1, 2))) as table:
        problem = Problem(model, OBJECTIVES[name].make(n_classes), table, alpha=alpha)
        thetas = candidates(rng, problem, 20) * 10 ** rng.uniform(-1, 1, (20, 1))
        if n_classes == 2:  # some that are good
            thetas[:5] = model.theta(*fit(X, y)) + 0.05 * thetas[:5]
        # Some that always answer the same: right for all rows from some row on, if sorted.
        for c in range(model.n_outputs):
            for p, sign in [(-1 - 2 * c, 1), (-2 - 2 * c, -1)]:
                constants = sign * (np.arange(model.n_outputs) == c)
                thetas[p] = model.theta(np.zeros((model.n_outputs, N_FEATURES)), constants)
        scores = problem.scores(thetas)
        levels = np.unique(scores)
        nearly = [np.nextafter(levels[-1], side) for side in (-np.inf, np.inf)]
        for at_least in [*levels, *nearly, 2.0, -1e9, -np.inf, np.inf]:
            expected = np.where(scores >= at_least, scores, -np.inf)
            assert_array_equal(problem.scores(thetas, at_least=at_least), expected)


@pytest.mark.parametrize("size", [1e3, 1e6, 1e9])
def test_giving_up_changes_nothing_where_costs_cancel(size, rng):
    """The rounding error of a bound is that of its terms, however small their sum is."""
    weight = rng.choice([0.1, 0.3, 0.7, 1.1], N_ROWS // 2)
    y, weight = np.repeat([0.0, 1.0], N_ROWS // 2), np.concatenate([weight, weight[::-1]])
    table = Table(rng.standard_normal((N_ROWS, 1)), y, weight)
    matrix = size * np.array([[3.0, -1.0], [2.0, 1.0]])
    problem = Problem(LinearModel(1, np.zeros(1), np.ones(1)), Cost(matrix), table)
    always = np.array([[0.0, 1.0]])
    assert_array_equal(problem.scores(always, problem.scores(always)[0]), problem.scores(always))


def fit(X, y):
    """Least squares: coefficients that are right for most rows."""
    target = np.where(y > y.mean(), 1.0, -1.0)
    solution = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), target, rcond=None)[0]
    return solution[np.newaxis, :-1], solution[-1:]


def rows_read(problem, thetas, at_least):
    """How many rows are tallied, of all candidates."""
    tally, read = problem._tally, 0

    def counting_tally(params, errors, i):
        nonlocal read
        rows = problem._table.rows(i)
        read += len(params) * (rows.stop - rows.start)
        return tally(params, errors, i)

    problem._tally = counting_tally
    problem.scores(thetas, at_least=at_least)
    return read


@cases
def test_the_hopeless_are_given_up(name, n_classes, rng):
    """Without which `at_least` would be for nothing."""
    problem, _ = make(rng, name, n_classes)
    everything = 20 * problem._table.n_padded
    thetas = candidates(rng, problem, 20)
    beyond = 1 + problem.highest if np.isfinite(problem.highest) else 1e9
    read = rows_read(problem, thetas, at_least=beyond)
    if n_classes in OBJECTIVES[name].bounded_for:
        assert read < everything / 4
    else:
        assert read == everything


# Worst scores


@cases
@alphas
def test_nan_is_the_worst(name, n_classes, alpha, rng):
    for model_name in MODELS:
        problem, _ = make(rng, name, n_classes, model_name=model_name, alpha=alpha)
        thetas = candidates(rng, problem, 13)
        expected = problem.scores(thetas)
        thetas[[2, 7], [0, -1]] = np.nan
        expected[[2, 7]] = -np.inf
        for at_least in (-np.inf, -1e9, expected.max()):
            found = problem.scores(thetas, at_least=at_least)
            assert_array_equal(found, np.where(expected >= at_least, expected, -np.inf))
        if problem.has_gradient:
            assert problem.value_and_gradient(thetas[2])[0] == -np.inf


@cases
def test_highest_is_the_score_of_perfect_answers(name, n_classes, rng):
    problem, (_, y, weight) = make(rng, name, n_classes, weights="fractions")
    thetas = candidates(rng, problem, 50)
    assert np.all(problem.scores(thetas) <= problem.highest)
    if n_classes not in OBJECTIVES[name].bounded_for:
        assert problem.highest == np.inf
        return
    # A table that tells the answers.
    right = y[:, np.newaxis] if n_classes == 1 else 1e3 * np.eye(n_classes)[y.astype(int)]
    raw = right.T if len(right.T) != 2 else right.T[1:] - right.T[:1]
    if name != "Cost: gains":  # whose best answers are not the right ones
        assert_allclose(problem.highest, expected_score(name, raw, y, weight), atol=1e-12)


# Gradients


@with_gradient
@differentiable
@alphas
def test_value_and_gradient(name, n_classes, model_name, alpha, rng):
    for weights in WEIGHTS:
        options = {"model_name": model_name, "alpha": alpha, "weights": weights}
        problem, _ = make(rng, name, n_classes, **options)
        theta, h = 0.3 * candidates(rng, problem, 1)[0], 1e-5
        score, gradient = problem.value_and_gradient(theta)
        assert isinstance(score, float)
        assert score == problem.scores(theta[np.newaxis])[0]
        steps = h * np.eye(problem.n_params)
        differences = (problem.scores(theta + steps) - problem.scores(theta - steps)) / (2 * h)
        assert gradient.shape == theta.shape
        assert_allclose(gradient, differences, rtol=1e-6, atol=1e-7 * np.abs(differences).max())


@with_gradient
@differentiable
@alphas
def test_batch_gradient(name, n_classes, model_name, alpha, rng):
    """Of all rows it is the gradient; of parts, its mean is, where the score is affine."""
    for weights in WEIGHTS:
        problem, (_, _, weight) = make(
            rng, name, n_classes, model_name=model_name, alpha=alpha, weights=weights
        )
        theta = 0.3 * candidates(rng, problem, 1)[0]
        _, gradient = problem.value_and_gradient(theta)
        rows = rng.permutation(problem.rows_that_count)
        assert_array_equal(np.sort(rows), np.flatnonzero(weight))
        size = 1e-9 * np.abs(gradient).max()
        of_all, share = problem.batch_gradient(theta, rows)
        assert share == pytest.approx(1)
        assert_allclose(of_all, gradient, rtol=1e-6, atol=size)
        if not problem.objective.is_affine:
            continue
        if problem.objective.loss in problem.model.batch_losses:
            size = 1e-5 * np.abs(gradient).max()  # In single precision.
        parts = np.array_split(rows, 7)
        found, shares = zip(*(problem.batch_gradient(theta, part) for part in parts), strict=True)
        assert_allclose(shares, [weight[part].sum() / weight.sum() for part in parts])
        assert_allclose(np.average(found, 0, shares), gradient, rtol=1e-6, atol=size)


@with_gradient
def test_gradients_have_the_same_bits_for_any_number_of_threads(name, n_classes, monkeypatch, rng):
    problem, (X, y, weight) = make(rng, name, n_classes, alpha=0.3, weights="fractions")
    theta = candidates(rng, problem, 1)[0]
    expected = problem.value_and_gradient(theta)[1].tobytes()
    for path in ("small, few candidates", "large"):
        take(path, monkeypatch)
        for n_jobs in (1, 2, 3):
            with Table(X, y, weight, n_jobs=n_jobs) as table:
                model = MODELS["LinearModel"].make(X, n_outputs_of(n_classes))
                again = Problem(model, OBJECTIVES[name].make(n_classes), table, alpha=0.3)
                assert again.value_and_gradient(theta)[1].tobytes() == expected


@cases
def test_who_has_a_gradient(name, n_classes, rng):
    for model_name, row in MODELS.items():
        problem, _ = make(rng, name, n_classes, model_name=model_name)
        assert problem.has_gradient == (row.has_gradient and OBJECTIVES[name].has_gradient)


# What optimizers ask for


@models
@cases
def test_capabilities(model_name, name, n_classes, rng):
    problem, _ = make(rng, name, n_classes, model_name=model_name)
    row, objective = MODELS[model_name], OBJECTIVES[name].make(n_classes)
    of_counts = isinstance(objective, CountMetric)
    able = {
        "gradient": row.has_gradient and OBJECTIVES[name].has_gradient,
        "soft gradient": row.has_gradient and of_counts,
        "line search": of_counts and row.searches_lines(n_outputs_of(n_classes)),
        "linear function": model_name in LINEAR,
        "hidden layers": model_name.startswith("MLPModel"),
        "rules": row.has_rules and (of_counts or n_classes == 1),
    }
    assert problem.capabilities == {each for each in able if able[each]}
    assert problem.softens == able["soft gradient"]
    assert problem.scale_free == (of_counts and row.scale_free)


@pytest.mark.parametrize(
    ("options", "capabilities", "scale_free"),
    [
        ({}, {"soft gradient", "line search", "linear function"}, True),
        ({"alpha": 0.1}, {"soft gradient", "line search", "linear function"}, False),
        ({"bounds": (-1.0, np.inf)}, {"soft gradient", "line search", "linear function"}, False),
        ({"integer": np.arange(6) == 2}, {"line search"}, False),
    ],
    ids=["free", "penalty", "bounds", "integer"],
)
def test_what_a_problem_with_limits_is_capable_of(options, capabilities, scale_free, rng):
    X, y, _ = random_table(rng, 50, 5, 2)
    options = dict(options)
    alpha = options.pop("alpha", 0.0)
    model = LinearModel(1, np.zeros(5), np.ones(5), **options)
    problem = Problem(model, Accuracy(), Table(X, y), alpha=alpha)
    assert problem.capabilities == capabilities
    assert problem.scale_free == scale_free
    thetas = candidates(rng, problem, 4)
    assert np.array_equal(problem.normalized(thetas), thetas) != scale_free


@pytest.mark.parametrize("n_classes", [2, 3])
def test_normalized(n_classes, rng):
    """Of length 1, and of the same score; zeros stay."""
    problem, _ = make(rng, "Accuracy", n_classes)
    thetas = candidates(rng, problem, 7) * 10.0 ** np.arange(-3, 4)[:, np.newaxis]
    thetas[2] = 0
    before = thetas.copy()
    found = problem.normalized(thetas)
    assert_array_equal(thetas, before)
    assert_allclose(np.linalg.norm(found, axis=1), np.arange(7) != 2)
    assert_array_equal(found[2], 0)
    assert_array_equal(problem.scores(found), problem.scores(thetas))
    assert_array_equal(problem.normalized(thetas[0]), found[0])


def test_project(rng):
    """To what is nearest within the bounds and, where it must be, whole."""
    bounds = np.array([[-2.0, -1.5, 0.25, -np.inf], [2.0, 1.5, 0.25, np.inf]])
    X, y, _ = random_table(rng, 50, 3, 2)
    model = LinearModel(
        1, np.zeros(3), np.ones(3), bounds=tuple(bounds), integer=np.array([1, 0, 0, 1], bool)
    )
    problem = Problem(model, Accuracy(), Table(X, y))
    thetas = 3 * rng.standard_normal((4, 50, 4))
    before = thetas.copy()
    found = problem.project(thetas)
    assert_array_equal(thetas, before)
    assert np.all((found >= bounds[0]) & (found <= bounds[1]))
    assert_array_equal(found[..., [0, 3]] % 1, 0)
    assert_array_equal(problem.project(found), found)
    assert np.all(np.abs(found[..., 3] - thetas[..., 3]) <= 0.5)
    inside = np.abs(thetas[..., 1]) <= 1.5
    assert_array_equal(
        found[..., 1], np.where(inside, thetas[..., 1], 1.5 * np.sign(thetas[..., 1]))
    )
    starts = problem.initial(rng, 30)
    assert_array_equal(problem.project(starts), starts)
    free, _ = make(rng, "Accuracy", 2)
    assert_array_equal(free.project(thetas), thetas)


@pytest.mark.parametrize(("name", "n_classes"), [("F1", 2), ("Accuracy", 3), ("Cost", 5)])
@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("tau", [0.05, 1.0])
def test_softened(name, n_classes, alpha, tau, rng):
    """The problem of the soft objective; trials are counted and time is taken in one place."""
    options = {"alpha": alpha, "weights": "fractions"}
    problem, (X, y, weight) = make(rng, name, n_classes, **options)
    theta = candidates(rng, problem, 1)[0]
    hard = problem.scores(theta[np.newaxis])
    softened = problem.softened(tau)
    model = MODELS["LinearModel"].make(X, n_outputs_of(n_classes))
    objective = Soft(OBJECTIVES[name].make(n_classes), tau)
    expected = Problem(model, objective, Table(X, y, weight), alpha=alpha)
    value, gradient = softened.value_and_gradient(theta)
    assert value == expected.value_and_gradient(theta)[0] == expected.scores(theta[np.newaxis])[0]
    assert_array_equal(gradient, expected.value_and_gradient(theta)[1])
    assert softened.capabilities == {"gradient", "linear function"}
    assert problem.n_trials == softened.n_trials == 2
    softened.n_trials += 1
    assert problem.n_trials == 3
    assert_array_equal(problem.scores(theta[np.newaxis]), hard)
    assert value != hard[0]
    problem.deadline = time.monotonic() - 1
    with pytest.raises(TimeUpError):
        softened.value_and_gradient(theta)


# What optimizers are told of the rows, and what they are not


@cases
def test_row_errors(name, n_classes, rng):
    """Of the rows that have a weight, in their order."""
    objective = OBJECTIVES[name].make(n_classes)
    for weights in WEIGHTS:
        problem, (X, y, weight) = make(rng, name, n_classes, weights=weights)
        theta = candidates(rng, problem, 1)[0]
        model = MODELS["LinearModel"].make(X, n_outputs_of(n_classes))
        raw = MODELS["LinearModel"].forward(model, theta, X)
        if name.startswith("PassRate"):
            limit = objective.tolerance * (np.abs(y) if objective.relative else 1)
            expected = np.abs(raw[0] - y) > limit
        else:
            expected = np.abs(raw[0] - y) if n_classes == 1 else predict(raw[np.newaxis])[0] != y
        errors = problem.row_errors(theta)
        assert errors.shape == (np.count_nonzero(weight),)
        assert_allclose(errors.astype(float), expected[weight > 0], rtol=1e-11, atol=1e-11)
        with Table(X, y, weight, n_jobs=3) as table:
            assert_array_equal(Problem(model, objective, table).row_errors(theta), errors)


@with_gradient
def test_row_errors_are_of_the_parameters_given(name, n_classes, rng):
    """Not of those that the gradient was last taken at, even if it is the same array."""
    problem, _ = make(rng, name, n_classes)
    first, second = candidates(rng, problem, 2)
    expected = [problem.row_errors(theta) for theta in (first, second)]
    assert not np.array_equal(*expected)
    theta = first.copy()
    problem.value_and_gradient(theta)
    assert_array_equal(problem.row_errors(theta), expected[0])
    assert_array_equal(problem.row_errors(second), expected[1])
    theta[:] = second
    assert_array_equal(problem.row_errors(theta), expected[1])


def test_trials_are_counted(rng):
    problem, _ = make(rng, "NegLogLoss", 2)
    thetas = candidates(rng, problem, 7)
    assert problem.n_trials == 0
    problem.scores(thetas)
    assert problem.n_trials == 7
    problem.scores(thetas, at_least=10.0)
    assert problem.n_trials == 14
    problem.value_and_gradient(thetas[0])
    assert problem.n_trials == 15
    problem.row_errors(thetas[1])
    assert problem.n_trials == 15


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("path", PATHS)
def test_deadline(path, n_jobs, monkeypatch, rng):
    """It holds in the middle of a pass; errors of rows are told whatever the time."""
    take(path, monkeypatch)
    problem, _ = make(rng, "NegLogLoss", 3, n_jobs=n_jobs)
    thetas = candidates(rng, problem, 40)
    problem.deadline = time.monotonic() + 60
    expected = problem.scores(thetas)
    problem.deadline = time.monotonic() - 1
    with pytest.raises(TimeUpError):
        problem.scores(thetas)
    with pytest.raises(TimeUpError):
        problem.value_and_gradient(thetas[0])
    assert len(problem.row_errors(thetas[0])) == N_ROWS
    problem.deadline = np.inf
    assert_array_equal(problem.scores(thetas), expected)
    problem._table.close()


def test_deadline_in_the_middle_of_a_pass(monkeypatch, rng):
    problem, _ = make(rng, "Accuracy", 2)
    clock = iter(range(100))
    monkeypatch.setattr(problem_module.time, "monotonic", lambda: next(clock))
    problem.deadline = 4
    with pytest.raises(TimeUpError):
        problem.scores(candidates(rng, problem, 3))
    assert 4 < next(clock) < problem._table.n_blocks


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("path", ["small, few candidates", "large"])
@models
def test_raw_predictions(model_name, path, n_outputs, n_jobs, monkeypatch, rng):
    take(path, monkeypatch)
    X, _, _ = random_table(rng, N_ROWS, N_FEATURES, 2)
    model = MODELS[model_name].make(X, n_outputs)
    theta = rng.standard_normal(model.n_params)
    with Table(X, n_jobs=n_jobs) as table:
        raw = raw_predictions(model, theta, table)
    expected = MODELS[model_name].forward(model, theta, X)
    assert raw.shape == (n_outputs, N_ROWS)
    assert_allclose(raw, expected, rtol=1e-10, atol=1e-10)


def test_counts_of_training_are_those_of_prediction(rng):
    """To the bit: on a grid where every other row is a tie."""
    X = rng.integers(-3, 4, (N_ROWS, 3)) / 4.0
    y = rng.integers(2, size=N_ROWS).astype(float)
    model = LinearModel(1, np.zeros(3), np.ones(3))
    thetas = rng.integers(-2, 3, (30, 4)).astype(float)
    table = Table(X, y)
    predicted = [raw_predictions(model, theta, table)[0] > 0 for theta in thetas]
    assert_array_equal(
        Problem(model, Accuracy(), table).scores(thetas), [(p == y).mean() for p in predicted]
    )


def test_models_start_at_the_scale_of_the_data(rng):
    problem, _ = make(rng, "Accuracy", 2)
    thetas = problem.initial(np.random.default_rng(1), 200)
    assert thetas.shape == (200, problem.n_params)
    assert 0.8 < thetas.std() < 1.25
    assert_array_equal(thetas, problem.initial(np.random.default_rng(1), 200))
    assert len(np.unique(thetas, axis=0)) == 200


@linear_models
def test_coefficients_and_theta_are_inverse(model_name, rng):
    X, _, _ = random_table(rng, 50, N_FEATURES, 2)
    model = MODELS[model_name].make(X, 3)
    theta = rng.standard_normal(model.n_params)
    coef, intercept = model.coefficients(theta)
    assert_allclose(model.theta(coef, intercept), theta, rtol=1e-12)
    expected = MODELS[model_name].forward(model, theta, X)
    assert_allclose(coef @ X.T + intercept[:, np.newaxis], expected, rtol=1e-10, atol=1e-10)


def test_constant_features_have_no_weight(rng):
    """Whatever an optimizer makes of their parameter."""
    X, y, _ = random_table(rng, N_ROWS, 3, 2)
    X[:, 1] = 7.0
    scale = X.std(axis=0)
    scale[1] = 0.0
    model = LinearModel(1, X.mean(axis=0), scale)
    problem = Problem(model, NegLogLoss(), Table(X, y))
    theta = rng.standard_normal(4)
    other = theta + [0, 5, 0, 0]
    assert problem.scores(theta[np.newaxis]) == problem.scores(other[np.newaxis])
    assert model.coefficients(other)[0][0, 1] == 0
    assert problem.value_and_gradient(theta)[1][1] == 0


def test_rows_on_the_tolerance_pass(rng):
    """In training as in the errors of the rows."""
    X = rng.integers(-8, 9, (N_ROWS, 1)) / 4.0
    y = X[:, 0] + rng.integers(-4, 5, N_ROWS) / 8.0
    for objective in (PassRate(0.25), PassRate(0.125, relative=True)):
        problem = Problem(LinearModel(1, np.zeros(1), np.ones(1)), objective, Table(X, y))
        theta = np.array([1.0, 0.0])
        share = problem.scores(theta[np.newaxis])[0]
        assert share == (~problem.row_errors(theta)).mean()
        assert 0 < share < 1
