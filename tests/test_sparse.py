"""Sparse tables: what comes out is what comes out of the dense table with the same numbers."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tabtrain._kernels.csr import CSRRows
from tabtrain._kernels.tiles import moments

from tabtrain import (
    LBFGS,
    FunctionClassifier,
    LinearClassifier,
    LinearRegressor,
    ThresholdClassifier,
)
from tabtrain import problem as problem_module
from tabtrain import table as table_module
from tabtrain._folds import alike_together
from tabtrain._kernels import confusion, linear
from tabtrain.models import LinearModel
from tabtrain.problem import Problem
from tabtrain.table import Table, canonical
from tests import reference
from tests.problems import (
    OBJECTIVE_CASES,
    OBJECTIVES,
    OPTIMIZERS,
    deviation,
    n_outputs_of,
    root_mean_square,
)
from tests.reference import LANES, padded, round_up

EPS = np.finfo(np.float64).eps
QUICK = {"max_iter": 5, "random_state": 0}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks so small that a few hundred rows are several, and threads for any table."""
    monkeypatch.setattr(table_module, "MIN_BLOCK_TILES", 2)
    monkeypatch.setattr(table_module, "SMALL_TABLE_BLOCKS", 7)
    monkeypatch.setattr(problem_module, "THREADS_FROM", 0)


def random_rows(rng, n_rows, n_features, density=0.3):
    """A dense table, mostly zeros; some rows and columns have nothing else."""
    X = rng.standard_normal((n_rows, n_features)) * (rng.random((n_rows, n_features)) < density)
    X[rng.random(n_rows) < 0.1] = 0
    X[:, rng.random(n_features) < 0.1] = 0
    return X


def whole_numbers(rng, n_rows, n_features):
    """Of so many rows, a power of two, that sums, means and squares of them are exact."""
    return np.round(2 * random_rows(rng, n_rows, n_features))


def rows_of(X):
    """The rows as the kernels take them, filled up."""
    X = sparse.csr_array(X)
    starts = np.full(round_up(X.shape[0]) + 1, X.nnz, dtype=np.intp)
    starts[: X.shape[0] + 1] = X.indptr
    arrays = starts, X.indices.astype(np.int32), X.data.copy()
    for array in arrays:
        array.flags.writeable = False
    return CSRRows(*arrays, X.shape[1])


def dense_of(rows, n_rows, n_features):
    """The rows that a kernel is given, read by asking for one feature after the other."""
    params = np.column_stack([np.eye(n_features), np.zeros(n_features)])
    raw = np.empty((n_features, 1, round_up(n_rows)))
    linear.forward(params, rows, raw)
    return raw[:, 0].T


def shuffled(X):
    """The same table, the numbers of a row in another order."""
    order = np.concatenate(
        [
            np.arange(first, stop)[::-1]
            for first, stop in zip(X.indptr[:-1], X.indptr[1:], strict=True)
        ]
    ).astype(int)
    return sparse.csr_array((X.data[order], X.indices[order], X.indptr), shape=X.shape)


def doubled(X):
    """The same table, each number the sum of two that are stored."""
    twice = np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), 2 * X.indptr
    return sparse.csr_array(twice, shape=X.shape)


def with_zeros(X):
    """The same table, some zeros stored."""
    rows, columns = np.nonzero(np.ones(X.shape))
    values = X.toarray()[rows, columns]
    some = (values != 0) | (np.arange(len(values)) % 3 == 0)
    return sparse.coo_array((values[some], (rows[some], columns[some])), shape=X.shape).tocsr()


def with_long_numbers(X):
    result = X.copy()
    result.indices, result.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return result


FORMATS = {
    "csr": lambda X: X,
    "matrix": sparse.csr_matrix,
    "csc": sparse.csc_array,
    "coo": sparse.coo_array,
    "lil": sparse.lil_array,
    "dok": sparse.dok_array,
    "bsr": sparse.bsr_array,
    "unsorted": shuffled,
    "duplicates": doubled,
    "stored zeros": with_zeros,
    "64-bit numbers": with_long_numbers,
    "float32": lambda X: X.astype(np.float32),
    "int": lambda X: X.astype(int),
    "frame": pd.DataFrame.sparse.from_spmatrix,
}
formats = pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)


# Kernels

seeds = st.integers(0, 2**32 - 1)
n_rows = st.sampled_from([0, 1, 2, 15, 16, 17, 33, 48])
n_candidates = st.sampled_from([0, 1, 2, 3, 4, 5, 8, 9, 12, 17])
n_features = st.sampled_from([1, 2, 3, 5, 8, 13, 100])
n_outputs = st.integers(1, 5)


@given(seeds, n_candidates, n_outputs, n_features, n_rows)
def test_forward_is_that_of_dense_rows(seed, n_candidates, n_outputs, n_features, n_rows):
    """To the bit, alone and among others."""
    rng = np.random.default_rng(seed)
    X = random_rows(rng, n_rows, n_features) * 10.0 ** rng.integers(-8, 8, n_features)
    params = rng.standard_normal((n_candidates, n_outputs * (n_features + 1)))
    expected = np.full((n_candidates, n_outputs, round_up(n_rows)), np.nan)
    raw = expected.copy()
    linear.forward(params, reference.pack(X), expected)
    linear.forward(params, rows_of(X), raw)
    assert_array_equal(raw, expected)
    error = np.abs(raw[..., :n_rows] - reference.forward(params, X, n_outputs))
    assert np.all(error <= reference.forward_error(params, X, n_outputs))
    for p in range(n_candidates):
        linear.forward(params[p : p + 1], rows_of(X), raw[p : p + 1])
    assert_array_equal(raw, expected)


@given(seeds, n_candidates, n_outputs, n_features, n_rows)
def test_backward(seed, n_candidates, n_outputs, n_features, n_rows):
    rng = np.random.default_rng(seed)
    X = random_rows(rng, n_rows, n_features) * 10.0 ** rng.integers(-8, 8, n_features)
    raw_grad = np.zeros((n_candidates, n_outputs, round_up(n_rows)))
    raw_grad[..., :n_rows] = rng.standard_normal((n_candidates, n_outputs, n_rows))
    raw_grad[..., :n_rows] *= rng.random(n_rows) < 0.8
    start = rng.standard_normal((n_candidates, n_outputs * (n_features + 1)))
    grad = start.copy()
    linear.backward(rows_of(X), raw_grad, grad)
    for of_one, start_of_one, grad_of_one in zip(raw_grad, start, grad, strict=True):
        alone = start_of_one[np.newaxis].copy()
        linear.backward(rows_of(X), of_one[np.newaxis], alone)
        assert_array_equal(alone[0], grad_of_one)
        of_rows = of_one[:, :n_rows]
        error = np.abs(grad_of_one - (start_of_one + reference.backward(X, of_rows)))
        size = np.abs(start_of_one) + reference.backward(np.abs(X), np.abs(of_rows))
        assert np.all(error <= (n_rows + 20) * EPS * size)


@given(seeds, n_candidates, n_features, n_rows)
def test_confusion_is_that_of_dense_rows(seed, n_candidates, n_features, n_rows):
    """And that of the raw predictions, to the bit."""
    rng = np.random.default_rng(seed)
    X = random_rows(rng, n_rows, n_features)
    params = rng.standard_normal((n_candidates, n_features + 1))
    y, weight = padded(rng.integers(2, size=n_rows)), padded(rng.choice([0, 1, 0.3], n_rows))
    start = rng.random((n_candidates, 4))
    counts = [start.copy() for _ in range(3)]
    raw = np.empty((n_candidates, 1, round_up(n_rows)))
    linear.forward(params, rows_of(X), raw)
    confusion.tally(raw, y, weight, counts[0])
    linear.confusion(params, rows_of(X), y, weight, counts[1])
    linear.confusion(params, reference.pack(X), y, weight, counts[2])
    assert_array_equal(counts[1], counts[0])
    assert_allclose(counts[1], counts[2], rtol=1e-13, atol=1e-13)


@given(seeds, n_rows, n_features, st.sampled_from([0.0, 1.0, 1e3]))
def test_moments(seed, n_rows, n_features, offset):
    rng = np.random.default_rng(seed)
    X, weight = random_rows(rng, n_rows, n_features), rng.choice([0, 1, 0.3, 7], n_rows)
    X[weight == 0] *= 1e200  # no row
    center, start = rng.standard_normal(n_features) + offset, rng.standard_normal((2, n_features))
    sums = start.copy()
    moments(rows_of(X), padded(weight), center, sums)
    counts = weight > 0
    expected = start + reference.moments(X[counts], weight[counts], center)
    spread = np.abs(X[counts]) + np.abs(center)
    size = 1 + np.stack([weight[counts] @ spread, weight[counts] @ spread**2])
    assert np.all(np.abs(sums - expected) <= (n_rows + 5) * EPS * size)


def test_rows_are_parts_and_chosen_ones(rng):
    X = random_rows(rng, 64, 7)
    rows = rows_of(X)
    middle = rows.part(16, 48)
    assert_array_equal(dense_of(rows, 64, 7), X)
    assert_array_equal(dense_of(middle, 32, 7), X[16:48])
    assert_array_equal(dense_of(middle.part(16, 32), 16, 7), X[32:48])
    for n_chosen in (0, 1, 16, 33):
        chosen = rng.integers(32, size=n_chosen)
        for some, of_some in ((rows, X), (middle, X[16:])):
            found = dense_of(some.take(chosen), n_chosen, 7)
            assert_array_equal(found[:n_chosen], of_some[chosen])
            assert_array_equal(found[n_chosen:], np.zeros((-n_chosen % LANES, 7)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"starts": np.zeros(5, np.intp)}, "16 at a time"),
        ({"starts": np.zeros(0, np.intp)}, "16 at a time"),
        ({"starts": np.array([0] * 16 + [4])}, "do not fit"),
        ({"starts": np.array([-1] + [0] * 16)}, "do not fit"),
        ({"starts": np.array([0, 3, 2] + [3] * 14)}, "must rise"),
        ({"values": np.ones(2)}, "do not fit"),
        ({"n_features": 2}, "below 2"),
        ({"indices": np.array([-1, 0, 1], np.int32)}, "must rise"),
        ({"indices": np.array([0, 0, 1], np.int32)}, "must rise"),
        ({"indices": np.array([0, 2, 1], np.int32)}, "must rise"),
    ],
)
def test_what_are_no_rows(changed, message):
    """No kernel reads where there is nothing."""
    good = {
        "starts": np.array([0] * 16 + [3]),
        "indices": np.array([0, 1, 2], np.int32),
        "values": np.ones(3),
        "n_features": 3,
    }
    CSRRows(**good)
    with pytest.raises(ValueError, match=message):
        CSRRows(**good | changed)


def test_rows_that_there_are_not(rng):
    rows = rows_of(random_rows(rng, 32, 3))
    for first, stop in ((0, 48), (-16, 16), (8, 16), (16, 0)):
        with pytest.raises(IndexError, match="of 32"):
            rows.part(first, stop)
    for row in (-1, 32):
        with pytest.raises(IndexError, match=f"row {row} of 32"):
            rows.take(np.array([0, row]))


def test_kernels_check_the_shapes_of_sparse_rows(rng):
    rows, params = rows_of(random_rows(rng, 32, 3)), np.zeros((1, 4))
    y, weight = np.zeros(32), np.ones(32)
    for args in (
        (linear.forward, np.zeros((1, 5)), rows, np.zeros((1, 1, 32))),
        (linear.forward, params, rows, np.zeros((1, 1, 48))),
        (linear.backward, rows, np.zeros((1, 1, 48)), np.zeros((1, 4))),
        (linear.backward, rows, np.zeros((1, 1, 32)), np.zeros((1, 5))),
        (linear.confusion, params, rows, y[:16], weight, np.zeros((1, 4))),
        (linear.confusion, params, rows, y, weight[:16], np.zeros((1, 4))),
        (moments, rows, weight[:16], np.zeros(3), np.zeros((2, 3))),
        (moments, rows, weight, np.zeros(4), np.zeros((2, 3))),
        (moments, rows, weight, np.zeros(3), np.zeros((2, 4))),
    ):
        with pytest.raises(ValueError, match=r"do not|does not"):
            args[0](*args[1:])


# Tables


@formats
def test_blocks_are_the_rows(make, rng):
    X = whole_numbers(rng, 200, 9)
    given_X = make(sparse.csr_array(X))
    table = Table(canonical(sparse.csr_array(given_X)), rng.random(200), rng.random(200))
    assert table.n_blocks > 3
    blocks = [table.block(i) for i in range(table.n_blocks)]
    rows = [dense_of(block.tiles, len(block.y), 9) for block in blocks]
    assert_array_equal(np.concatenate(rows)[:200], X)
    assert_array_equal(np.concatenate([block.y for block in blocks]), table.y)
    assert_array_equal(np.concatenate([block.weight for block in blocks]), table.weight)


def test_batches_are_the_rows_chosen(rng):
    X, y, weight = random_rows(rng, 100, 5), *rng.random((2, 100))
    table = Table(shuffled(sparse.csr_array(X)), y, weight).reweighted(2 * weight)
    for n_chosen in (40, 16, 1):
        chosen = rng.integers(100, size=n_chosen)
        tiles, *labels = table.batch(chosen)
        assert_array_equal(dense_of(tiles, n_chosen, 5)[:n_chosen], X[chosen])
        for of_batch, of_table in zip(labels, (y, 2 * weight), strict=True):
            assert_array_equal(of_batch[:n_chosen], of_table[chosen])
            assert_array_equal(of_batch[n_chosen:], 0)


@pytest.mark.parametrize("make", [shuffled, doubled, with_zeros, with_long_numbers])
def test_the_given_table_stays_as_it_is(make, rng):
    X = make(sparse.csr_array(random_rows(rng, 50, 5)))
    copies = [array.copy() for array in (X.data, X.indices, X.indptr)]
    for array in (X.data, X.indices, X.indptr):
        array.flags.writeable = False
    LinearClassifier("neg_log_loss", alpha=0.1).fit(X, np.arange(50) % 2).predict(X)
    for array, before in zip((X.data, X.indices, X.indptr), copies, strict=True):
        assert_array_equal(array, before)
        assert array.dtype == before.dtype


def test_what_is_in_order_is_not_copied(rng):
    X = sparse.csr_array(random_rows(rng, 50, 5))
    for same in (canonical(X), canonical(canonical(X)), Table(X).X):
        assert np.shares_memory(same.data, X.data)
        assert np.shares_memory(same.indices, X.indices)


def test_rows_and_features_that_there_are_not(rng):
    good = sparse.csr_array(np.eye(20))
    for name, place, value in (("indices", 3, 20), ("indices", 3, -1), ("indptr", 3, 9)):
        X = good.copy()
        getattr(X, name)[place] = value
        with pytest.raises(ValueError, match=r"indices must be|non-decreasing|must rise|indptr"):
            LinearClassifier().fit(X, np.arange(20) % 2)


def test_nothing_is_made_dense(rng):
    """A dense table of these would take 80 gigabytes."""
    n = 100_000
    X = sparse.csr_array((np.ones(n), (np.arange(n), np.arange(n))), shape=(n, n))
    y = np.arange(n) % 2
    clf = LinearClassifier("neg_log_loss", alpha=1.0, max_iter=2, n_jobs=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clf.fit(X, y)
    assert clf.score(X, y) > -np.log(2)


@pytest.mark.parametrize("weights", ["ones", "some"])
def test_mean_and_deviation(weights, rng):
    X = random_rows(rng, 300, 6) * [1e-100, 1, 1e8, 1e100, 1, 1]
    X[:, 4] = rng.standard_normal(300) + 1e3
    weight = np.ones(300) if weights == "ones" else rng.choice([0, 1, 0.1], 300)
    X[weight == 0, 2] = 1e300  # no row
    mean, deviation = Table(sparse.csr_array(X), weight=weight).mean_and_deviation()
    expected_mean, expected = Table(X, weight=weight).mean_and_deviation()
    assert np.all(np.abs(mean - expected_mean) <= 1e-14 * (np.abs(expected_mean) + expected))
    assert_allclose(deviation, expected, rtol=1e-12)


@pytest.mark.parametrize("value", [0.1, -3.3, 1e8 + 0.1])
def test_constants_are_constant(value):
    """Though it is not known beforehand that they are in all rows that count."""
    X, weight = np.full((1000, 1), value), np.linspace(0.1, 3, 1000)
    X[:10], weight[:10] = 0, 0
    mean, deviation = Table(sparse.csr_array(X), weight=weight).mean_and_deviation()
    assert_allclose(mean, value, rtol=1e-14)
    assert deviation <= 1e-14 * abs(value)


def test_squares_that_overflow(rng):
    X = sparse.csr_array(np.array([[1e200, 0], [-1e200, 1], [0, 1]]))
    with pytest.raises(ValueError, match=r"columns \[0\] overflow"):
        LinearClassifier().fit(X, [0, 1, 0])


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_sums_are_the_same_for_any_number_of_threads(n_jobs, monkeypatch, rng):
    X = sparse.csr_array(random_rows(rng, 500, 20) * 10.0 ** rng.integers(-8, 8, (500, 20)))
    y, weight = rng.integers(2, size=500), rng.random(500)

    def results(n_jobs):
        with Table(X, y, weight, n_jobs=n_jobs) as table:
            mean, deviation = table.mean_and_deviation()
            model = LinearModel(1, mean, deviation)
            problem = Problem(model, OBJECTIVES["NegLogLoss"].make(2), table)
            theta = np.linspace(-1, 1, 21)
            return [mean.tobytes(), problem.value_and_gradient(theta)[1].tobytes()]

    expected = results(1)
    assert results(n_jobs) == expected
    monkeypatch.setattr(table_module, "PARTS_BYTES", 1)  # some blocks at a time
    assert results(n_jobs) == expected


@pytest.mark.parametrize("make", [shuffled, doubled, with_zeros, with_long_numbers])
def test_the_same_rows_are_held_out(make, rng):
    """Rows that are alike are found to be."""
    X = whole_numbers(rng, 64, 4)
    X[3, 0] = -0.0
    y, weight = np.arange(64) % 2, np.ones(64)
    expected = alike_together(X, y, weight, 5, seed=7)
    as_sparse = Table(make(sparse.csr_array(X))).X
    assert_array_equal(alike_together(as_sparse, y, weight, 5, seed=7), expected)


# Problems


def problems(rng, name, n_classes):
    """Of the sparse table and of the dense one."""
    X = random_rows(rng, 400, 12)
    y = rng.normal(1, 2, 400) if n_classes == 1 else rng.integers(n_classes, size=400)
    weight = rng.integers(4, size=400).astype(float)
    objective = OBJECTIVES[name].make(n_classes)
    for table in (sparse.csr_array(X), X):
        model = LinearModel(n_outputs_of(n_classes), X.mean(axis=0), X.std(axis=0))
        yield Problem(model, objective, Table(table, y, weight))


@pytest.mark.parametrize(("name", "n_classes"), OBJECTIVE_CASES)
def test_scores_gradients_and_lines_are_those_of_the_dense_table(name, n_classes, rng):
    problem, dense = problems(rng, name, n_classes)
    thetas = rng.standard_normal((9, problem.n_params))
    expected = dense.scores(thetas)
    assert_allclose(problem.scores(thetas), expected, rtol=1e-13)
    at_least = np.median(expected)
    given_up = problem.scores(thetas, at_least=at_least * (1 - 1e-9))
    assert_allclose(given_up[given_up > -np.inf], expected[given_up > -np.inf], rtol=1e-13)
    assert np.sum(given_up > -np.inf) < len(thetas)
    assert_array_equal(problem.row_errors(thetas[0]), dense.row_errors(thetas[0]))
    if "gradient" in problem.capabilities:
        for theta in thetas:
            (score, gradient), (_, expected) = (
                each.value_and_gradient(theta) for each in (problem, dense)
            )
            assert score == pytest.approx(problem.scores(theta[np.newaxis])[0], rel=1e-13)
            assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())
        rows = problem.rows_that_count[::3].copy()
        found, expected = (each.batch_gradient(thetas[0], rows)[1] for each in (problem, dense))
        assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())
    if "line search" in problem.capabilities:
        group = problem.line_groups[-1]
        lines = np.where(group, rng.standard_normal((9, problem.n_params)), 0.0)
        for found, expected in zip(
            problem.line_search(thetas, lines), dense.line_search(thetas, lines), strict=True
        ):
            assert_array_equal(found, expected)


# Estimators


def fitted(estimator, X, y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Few iterations are not enough.
        return clone(estimator).fit(X, y, **options)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weights", [None, "some"])
@pytest.mark.parametrize(
    "optimizer",
    [each for each in OPTIMIZERS if not each.needs & {"hidden layers", "rules"}],
    ids=repr,
)
def test_searches_are_those_of_the_dense_table(optimizer, weights, fit_intercept, rng):
    X = whole_numbers(rng, 128, 6)
    y = ((X @ [1, -1, 1, 0, 2, 0] + rng.normal(size=128)) > 0).astype(int)
    weight = None
    if weights is not None:  # as many as a power of two
        weight = rng.permutation(np.repeat([0, 1, 2], [32, 64, 32]))
    objective = "neg_log_loss" if "gradient" in optimizer.needs else "f1"
    clf = LinearClassifier(objective, optimizer=optimizer, fit_intercept=fit_intercept, **QUICK)
    expected = fitted(clf, X, y, sample_weight=weight)
    found = fitted(clf, sparse.csr_array(X), y, sample_weight=weight)
    # What goes by counts alone comes to the same, to the bit; gradients are rounded.
    if optimizer.needs & {"gradient", "soft gradient"}:
        assert_allclose(found.coef_, expected.coef_, rtol=1e-6, atol=1e-9)
        assert found.best_score_ == pytest.approx(expected.best_score_, rel=1e-9)
    else:
        assert_array_equal(found.coef_, expected.coef_)
        assert_array_equal(found.intercept_, expected.intercept_)
        assert found.best_score_ == expected.best_score_
    assert found.n_trials_ == expected.n_trials_
    assert_array_equal(found.predict(X), found.predict(sparse.csr_array(X)))


@formats
def test_formats_are_the_same_table(make, rng):
    X = whole_numbers(rng, 128, 6)
    y = (X.sum(axis=1) + rng.normal(size=128) > 0).astype(int)
    clf = LinearClassifier("neg_log_loss", alpha=0.1)
    expected = fitted(clf, sparse.csr_array(X), y)
    given_X = make(sparse.csr_array(X))
    found = fitted(clf, given_X, y)
    assert_array_equal(found.coef_, expected.coef_)
    for method in ("predict", "decision_function", "predict_proba"):
        of_dense = getattr(expected, method)(X)
        assert_array_equal(getattr(found, method)(given_X), of_dense)
    assert found.score(given_X, y) == expected.score(sparse.csr_array(X), y)


@pytest.mark.parametrize("optimizer", ["auto", "exact_line_search", "random_search"])
def test_what_was_counted_is_what_is_predicted(optimizer, rng):
    X = random_rows(rng, 300, 20)
    y = (X.sum(axis=1) + rng.normal(size=300) > 0).astype(int)
    clf = fitted(LinearClassifier("f1", optimizer=optimizer, **QUICK), sparse.csr_array(X), y)
    for same in (sparse.csr_array(X), X, sparse.csc_array(X), shuffled(sparse.csr_array(X))):
        assert clf.score(same, y) == clf.best_score_


@pytest.mark.parametrize("optimizer", ["auto", "exact_line_search", "soft_ascent"])
def test_the_result_does_not_depend_on_the_threads(optimizer, rng):
    X = sparse.csr_array(random_rows(rng, 400, 30))
    y = rng.integers(3, size=400)
    clf = LinearClassifier("f1_macro", optimizer=optimizer, **QUICK)
    one, two, three = (fitted(clf.set_params(n_jobs=n), X, y) for n in (1, 2, 3))
    assert one.coef_.tobytes() == two.coef_.tobytes() == three.coef_.tobytes()
    assert one.intercept_.tobytes() == two.intercept_.tobytes() == three.intercept_.tobytes()


def test_agrees_with_logistic_regression(rng):
    X = random_rows(rng, 300, 10)
    X = StandardScaler(with_mean=False).fit_transform(sparse.csr_array(X))
    y = rng.integers(2, size=300)
    ours = LinearClassifier("neg_log_loss", alpha=0.01, optimizer=LBFGS(gtol=1e-9)).fit(X, y)
    theirs = LogisticRegression(C=1 / (0.01 * 300), tol=1e-10, max_iter=5000).fit(X, y)
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-5)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_agrees_with_ridge(fit_intercept, rng):
    X = random_rows(rng, 300, 10, density=0.5)
    X = X[:, X.any(axis=0)]
    X /= (deviation if fit_intercept else root_mean_square)(X)
    y = 3 * X[:, 0] + rng.normal(size=300) + 5
    ours = LinearRegressor(
        "neg_mean_squared_error",
        alpha=0.1,
        fit_intercept=fit_intercept,
        optimizer=LBFGS(gtol=1e-10, ftol=0),
    ).fit(sparse.csr_array(X), y)
    theirs = Ridge(0.1 * 300 / 2, fit_intercept=fit_intercept).fit(X, y)
    assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-6)
    assert ours.intercept_ == pytest.approx(theirs.intercept_)


@pytest.mark.parametrize("objective", ["r2", "neg_mean_absolute_error"])
def test_numbers(objective, rng):
    X = whole_numbers(rng, 256, 6)
    y = X @ np.arange(6) + rng.normal(size=256)
    reg = LinearRegressor(objective, **QUICK)
    found, expected = fitted(reg, sparse.csr_array(X), y), fitted(reg, X, y)
    assert_allclose(found.coef_, expected.coef_, rtol=1e-8, atol=1e-10)
    assert found.score(X, y) == pytest.approx(expected.score(sparse.csr_array(X), y))


@pytest.mark.parametrize("early_stopping", [True, "auto"])
def test_held_out_rows_of_either_kind(early_stopping, rng):
    X = whole_numbers(rng, 128, 6)
    y = (X.sum(axis=1) + rng.normal(size=128) > 0).astype(int)
    given_rows = {} if early_stopping is True else {"y_val": y[::2]}
    clf = LinearClassifier("f1", early_stopping=early_stopping, optimizer="hill_climb", **QUICK)
    scores = []
    for make in (np.asarray, sparse.csr_array):
        for make_val in (np.asarray, sparse.csr_array):
            if given_rows:
                given_rows["X_val"] = make_val(X[::2])
            scores.append(fitted(clf, make(X), y, **given_rows).best_validation_score_)
    assert len(set(scores)) == 1


def test_warm_starts_go_on(rng):
    """Though nobody but the first fit has asked whether the rows are sorted."""
    X = shuffled(sparse.csr_array(random_rows(rng, 200, 8)))
    y = rng.integers(2, size=200)
    clf = LinearClassifier("neg_log_loss", warm_start=True, max_iter=3)
    in_two = fitted(clf, X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        in_two.fit(X.copy(), y)
    in_one = fitted(clf.set_params(max_iter=6, warm_start=False), X, y)
    assert in_two.n_iter_ == 6
    assert_array_equal(in_two.coef_, in_one.coef_)


TINY = {
    "one row with something": [[0, 0], [1, 2], [0, 0]],
    "all zero": np.zeros((4, 3)),
    "one column": [[0], [1], [0], [2]],
    "wide": np.eye(3, 50),
}


@pytest.mark.parametrize("X", TINY.values(), ids=TINY)
@pytest.mark.parametrize("objective", ["accuracy", "neg_log_loss"])
def test_tiny_tables(X, objective):
    X = np.asarray(X, dtype=float)
    y = np.arange(len(X)) % 2
    clf = LinearClassifier(objective, alpha=0.1, **QUICK)
    found, expected = fitted(clf, sparse.csr_array(X), y), fitted(clf, X, y)
    assert_allclose(found.coef_, expected.coef_, atol=1e-8)
    assert_array_equal(found.predict(X), expected.predict(sparse.csr_array(X)))
    assert_array_equal(found.predict(sparse.csr_array(X[:1])), expected.predict(X[:1]))
    reg = fitted(LinearRegressor(**QUICK), sparse.csr_array(X), y)
    assert np.isfinite(reg.predict(sparse.csr_array(X))).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(value, rng):
    X = sparse.csr_array(random_rows(rng, 20, 3))
    y = np.arange(20) % 2
    clf = fitted(LinearClassifier(**QUICK), X, y)
    bad = X.copy()
    bad.data[3] = value
    for refused in (
        lambda: LinearClassifier().fit(bad, y),
        lambda: LinearRegressor().fit(bad, y),
        lambda: clf.predict(bad),
        lambda: clf.score(bad, y),
    ):
        with pytest.raises(ValueError, match=r"X contains (NaN|infinity)"):
            refused()


def test_columns_that_are_missing(rng):
    X = sparse.csr_array(random_rows(rng, 20, 3))
    clf = fitted(LinearClassifier(**QUICK), X, np.arange(20) % 2)
    with pytest.raises(ValueError, match="X has 2 features, but LinearClassifier is expecting 3"):
        clf.predict(X[:, :2])


def test_functions_refuse_sparse_tables(rng):
    def positive(row, *, limit=0.0):
        return row[0] > limit

    X = sparse.csr_array(random_rows(rng, 20, 3))
    with pytest.raises(TypeError, match="Sparse data was passed for X, but dense data is required"):
        FunctionClassifier(positive).fit(X, np.arange(20) % 2)


def test_at_work_in_scikit_learn(rng):
    words = np.array(["spam", "egg", "ham", "bacon", "toast", "tea", "milk", "jam"])
    y = np.arange(120) % 2
    texts = [" ".join(rng.choice(words[: 5 + 3 * label], 6)) for label in y]
    clf = LinearClassifier("f1", optimizer="exact_line_search", **QUICK)
    pipe = make_pipeline(TfidfVectorizer(), clf)
    assert cross_val_score(pipe, texts, y, cv=3).min() > 0.6
    search = GridSearchCV(pipe, {"linearclassifier__alpha": [0, 0.01]}, cv=2)
    assert search.fit(texts, y).score(texts, y) > 0.8
    X = TfidfVectorizer().fit_transform(texts)
    probable = CalibratedClassifierCV(clf, cv=2).fit(X, y).predict_proba(X)
    assert np.mean(probable.argmax(axis=1) == y) > 0.8


def test_thresholds(rng):
    X = whole_numbers(rng, 256, 6)
    y = (X.sum(axis=1) + 2 * rng.normal(size=256) > 2).astype(int)
    clf = ThresholdClassifier(LinearClassifier("neg_log_loss", alpha=0.1), "f1", cv=4)
    found, expected = clone(clf).fit(sparse.csr_array(X), y), clone(clf).fit(X, y)
    assert found.threshold_ == pytest.approx(expected.threshold_)
    assert found.oof_score_ == pytest.approx(expected.oof_score_)
    assert_array_equal(found.predict(X), expected.predict(sparse.csr_array(X)))
