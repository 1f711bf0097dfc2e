"""Every kernel against its twin in reference.py, at the edges of shapes and numbers."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal, assert_array_less
from tabtrain._kernels.calibration import curve_moments
from tabtrain._kernels.curvature import bend
from tabtrain._kernels.updates import adam, sgd

from tabtrain._kernels import answers, confusion, linear, losses, soft, sweep, tiles
from tests import reference
from tests.problems import LAYOUTS
from tests.reference import LANES, Long, padded, round_up

EPS = np.finfo(np.float64).eps
MAX, SUBNORMAL = np.finfo(np.float64).max, 5e-324
N_ROWS = [0, 1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49]
N_CANDIDATES = [0, 1, 2, 3, 5, 6, 7, 11, 12, 13, 64]
N_FEATURES = [1, 2, 3, 4, 5, 7, 8, 9, 13]

seeds = st.integers(0, 2**32 - 1)
n_rows = st.sampled_from(N_ROWS)
n_candidates = st.sampled_from(N_CANDIDATES)
n_features = st.sampled_from(N_FEATURES)
n_outputs = st.integers(1, 5)


def frozen(array):
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


def packed(X):
    result = np.full((round_up(len(X)) // LANES, X.shape[1], LANES), np.nan)
    tiles.pack(X, result)
    return frozen(result)


def forward(params, X, n_outputs):
    """``raw`` of all rows, those that fill up the last tile included."""
    raw = np.full((len(params), n_outputs, round_up(len(X))), np.nan)
    linear.forward(frozen(params), packed(X), raw)
    return raw


def assert_same_bits(a, b):
    assert_array_equal(a, b)  # which tells what differs, but not 0 from -0
    assert a.tobytes() == b.tobytes()


def some_weights(rng, kind, n_rows):
    if kind == "mixed":  # a few fractions, from somewhere on ones
        weight = rng.random(n_rows) * (rng.random(n_rows) < 0.05)
        weight[rng.integers(n_rows) :] = 1.0
        return weight
    return {
        "ones": lambda: np.ones(n_rows),
        "zeros and ones": lambda: rng.integers(2, size=n_rows).astype(float),
        "whole": lambda: rng.integers(5, size=n_rows).astype(float),
        "fractions": lambda: rng.random(n_rows) * 10.0 ** rng.integers(-3, 4, n_rows),
    }[kind]()


WEIGHTS = ["ones", "zeros and ones", "whole", "fractions"]


# Tiles


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pack(layout, dtype, rng):
    limits = np.finfo(dtype)
    extremes = [0.0, -0.0, limits.max, limits.min, limits.tiny, limits.smallest_subnormal, 0.1]
    for n_rows in N_ROWS:
        X = rng.choice(np.array(extremes, dtype), (n_rows, 5))
        given_X = LAYOUTS[layout](X)
        given_X.flags.writeable = False
        assert_array_equal(given_X, X)
        assert_same_bits(packed(given_X), reference.pack(X))
        assert_array_equal(reference.unpack(packed(given_X))[:n_rows], X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pack_rows(layout, dtype, rng):
    X = LAYOUTS[layout](rng.standard_normal((50, 5)).astype(dtype))
    X.flags.writeable = False
    for n_chosen in (0, *N_ROWS):
        chosen = rng.integers(50, size=n_chosen)
        result = np.full_like(reference.pack(X[chosen]), np.nan)
        tiles.pack_rows(X, frozen(chosen), result)
        assert_same_bits(result, reference.pack(X[chosen]))


@pytest.mark.parametrize("row", [-1, 3])
def test_pack_rows_that_there_are_not(row):
    with pytest.raises(IndexError, match=f"row {row} of 3 rows"):
        tiles.pack_rows(np.ones((3, 2)), np.array([0, row]), np.empty((1, 2, 16)))


@given(seeds, n_rows, n_features, st.sampled_from(WEIGHTS), st.sampled_from([0.0, 1e3, 1e8]))
def test_moments(seed, n_rows, n_features, weights, offset):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_features)) + offset
    weight = some_weights(rng, weights, n_rows)
    X[weight == 0] = 1e200  # no row
    center = offset + rng.standard_normal(n_features)
    start = rng.standard_normal((2, n_features))
    sums = start.copy()
    tiles.moments(packed(X), frozen(padded(weight)), frozen(center), sums)
    counts = weight > 0
    expected = start + reference.moments(X[counts], weight[counts], center)
    spread = np.abs(X[counts] - center)
    size = 1 + np.stack([weight[counts] @ spread, weight[counts] @ spread**2])
    assert np.all(np.abs(sums - expected) <= (n_rows + 5) * EPS * size)


# Linear functions


@given(seeds, n_candidates, n_outputs, n_features, n_rows, st.sampled_from([0, 3, 70]))
def test_forward(seed, n_candidates, n_outputs, n_features, n_rows, decades):
    rng = np.random.default_rng(seed)
    n_params = n_outputs * (n_features + 1)
    params = rng.standard_normal((n_candidates, n_params)) * 10 ** rng.uniform(-decades, decades)
    X = rng.standard_normal((n_rows, n_features))
    X *= 10.0 ** rng.uniform(-2 * decades, 2 * decades, n_features)
    raw = forward(params, X, n_outputs)
    error = np.abs(raw[..., :n_rows] - reference.forward(params, X, n_outputs))
    assert np.all(error <= reference.forward_error(params, X, n_outputs))


def test_forward_at_the_ends_of_the_range():
    X = np.array([[1e300, 1e-300], [SUBNORMAL, -SUBNORMAL], [-0.0, 0.0], [MAX, -MAX], [1e8, 1e8]])
    params = np.array(
        [[1e-300, 1e300, -2.0], [1.0, 1.0, 0.0], [-1.0, -1.0, -0.0], [0.0, 0.0, -0.0]]
    )
    expected = [
        [0, -2, -2, -np.inf, -2 + 1e308],
        [1e300, 0, 0, 0, 2e8],
        [-1e300, 0, 0, 0, -2e8],
        [0, 0, 0, 0, 0],
    ]
    assert_allclose(forward(params, X, 1)[:, 0, :5], expected, rtol=1e-12, atol=1e-12)


@given(seeds, n_outputs, n_features)
def test_forward_is_the_same_alone_and_among_others(seed, n_outputs, n_features):
    """What was counted in training is what predict answers, whoever else was in the table."""
    rng = np.random.default_rng(seed)
    params = rng.standard_normal((13, n_outputs * (n_features + 1)))
    X = rng.standard_normal((49, n_features)) * 10.0 ** rng.integers(-8, 8, n_features)
    raw = forward(params, X, n_outputs)
    some, order = rng.permutation(13)[: rng.integers(1, 13)], rng.permutation(49)
    assert_same_bits(forward(params[some], X, n_outputs), raw[some])
    assert_same_bits(forward(params, X[order], n_outputs)[..., :49], raw[..., order])
    assert_same_bits(forward(params, X[7:8], n_outputs)[..., 0], raw[..., 7])


@given(seeds, n_candidates, n_outputs, n_features, n_rows)
def test_backward(seed, n_candidates, n_outputs, n_features, n_rows):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_features)) * 10.0 ** rng.integers(-8, 8, n_features)
    raw_grad = np.zeros((n_candidates, n_outputs, round_up(n_rows)))
    raw_grad[..., :n_rows] = rng.standard_normal((n_candidates, n_outputs, n_rows))
    start = rng.standard_normal((n_candidates, n_outputs * (n_features + 1)))
    grad = start.copy()
    linear.backward(packed(X), frozen(raw_grad), grad)
    for of_one, start_of_one, grad_of_one in zip(raw_grad, start, grad, strict=True):
        alone = start_of_one[np.newaxis].copy()
        linear.backward(packed(X), frozen(of_one[np.newaxis]), alone)
        assert_same_bits(alone[0], grad_of_one)
        of_rows = of_one[:, :n_rows]
        error = np.abs(grad_of_one - (start_of_one + reference.backward(X, of_rows)))
        size = np.abs(start_of_one) + reference.backward(np.abs(X), np.abs(of_rows))
        assert np.all(error <= (n_rows + 20) * EPS * size)


def test_backward_of_many_tiles(rng):
    """More than are taken at a time."""
    X, raw_grad = rng.standard_normal((30_000, 13)), rng.standard_normal((1, 4, 30_000))
    grad = np.zeros((1, 4 * 14))
    linear.backward(packed(X), frozen(raw_grad), grad)
    expected = np.r_[(raw_grad[0] @ X).ravel(), raw_grad[0].sum(axis=1)]
    assert_allclose(grad[0], expected, rtol=1e-10)


@given(seeds, n_candidates, n_outputs, n_features, st.booleans())
def test_fold(seed, n_candidates, n_outputs, n_features, has_constants):
    rng = np.random.default_rng(seed)
    n_thetas = n_outputs * (n_features + has_constants)
    thetas = rng.standard_normal((n_candidates, n_thetas))
    unit = rng.choice([0.0, 1e-8, 1.0, 3.0, 1e8], n_features)
    center = rng.standard_normal(n_features) * 10.0 ** rng.integers(-3, 9, n_features)
    params = np.full((n_candidates, n_outputs * (n_features + 1)), np.nan)
    linear.fold(frozen(thetas), frozen(unit), frozen(center), 2.5, 0.3, params)
    expected = reference.fold(thetas, unit, center, 2.5, 0.3, n_outputs)
    size = reference.fold(np.abs(thetas), unit, -np.abs(center), 2.5, 0.3, n_outputs)
    assert np.all(np.abs(params - expected) <= (n_features + 3) * EPS * size)
    for p in range(n_candidates):
        alone = np.empty((1, params.shape[1]))
        linear.fold(thetas[p : p + 1], unit, center, 2.5, 0.3, alone)
        assert_same_bits(alone[0], params[p])


# Confusion counts

AROUND_ZERO = [0.0, -0.0, SUBNORMAL, -SUBNORMAL, 1e-300, -1e-300, 1.0, -1.0, 1e300, -1e300]


def tally(raw, y, weight):
    tallies = np.zeros((len(raw), max(raw.shape[1], 2) ** 2))
    confusion.tally(frozen(raw), frozen(y), frozen(weight), tallies)
    return tallies


@given(seeds, n_candidates, n_outputs, n_rows, st.sampled_from(WEIGHTS))
def test_confusion_counts(seed, n_candidates, n_outputs, n_rows, weights):
    """Ties between classes go to the first, and 0 is not above 0."""
    rng = np.random.default_rng(seed)
    n_classes = max(n_outputs, 2)
    y = padded(rng.integers(n_classes, size=n_rows))
    weight = padded(some_weights(rng, weights, n_rows))
    raw = rng.choice(AROUND_ZERO, (n_candidates, n_outputs, len(y)))
    expected = reference.confusion(raw, y, weight).reshape(n_candidates, n_classes**2)
    rtol = n_rows * EPS if weights == "fractions" else 0
    assert_allclose(tally(raw, y, weight), expected, rtol=rtol, atol=rtol * weight.sum())
    labels = np.full((n_candidates, len(y)), np.nan)
    confusion.predict(frozen(raw), labels)
    assert_array_equal(labels, reference.predict(raw))


def test_nan_is_not_above_zero():
    raw = np.full((13, 1, 16), np.nan)
    assert_array_equal(tally(raw, np.ones(16), np.ones(16)), [[0, 0, 16, 0]] * 13)


# The fused kernel. From 12 candidates on it settles rows in single precision, if the
# prediction is further from 0 than single precision may be wrong: everything here is made to
# deceive it.


def fused(params, X, y, weight):
    tallies = np.zeros((len(params), 4))
    linear.confusion(frozen(params), packed(X), frozen(padded(y)), frozen(padded(weight)), tallies)
    return tallies


def assert_fused_is_the_seam(params, X, y, weight, groups=()):
    tallies = fused(params, X, y, weight)
    assert_same_bits(tallies, tally(forward(params, X, 1), padded(y), padded(weight)))
    for some in groups:
        assert_same_bits(fused(params[some], X, y, weight), tallies[some])


def on_a_lattice(rng, n_candidates, n_rows, n_features):
    """Predictions are often exactly 0."""
    params = rng.integers(-2, 3, (n_candidates, n_features + 1)) * 10.0 ** rng.integers(-20, 15)
    X = rng.integers(-2, 3, (n_rows, n_features)) * 10.0 ** rng.integers(-20, 20)
    return params, X


def at_the_boundary(rng, n_candidates, n_rows, n_features, offset=0.0):
    """The prediction of one row is 0, or off by 1e-17 to 1e-6 of its terms."""
    X = rng.standard_normal((n_rows, n_features)) * 10 ** rng.uniform(-3, 3, n_features) + offset
    weights = rng.standard_normal((n_candidates, n_features)) * 10 ** rng.uniform(-3, 3)
    terms = weights * X[rng.integers(n_rows, size=n_candidates)]
    off = rng.choice([-1, 1], n_candidates) * 10.0 ** rng.integers(-17, -5, n_candidates)
    off[rng.random(n_candidates) < 0.3] = 0
    intercept = -terms.sum(axis=1) + off * np.abs(terms).sum(axis=1)
    return np.column_stack([weights, intercept]), X


def cancelling(rng, n_candidates, n_rows, n_features):
    """Offsets that single precision cannot see past."""
    return at_the_boundary(rng, n_candidates, n_rows, n_features, 10 ** rng.uniform(4, 15))


def all_errors_one_way(rng, n_candidates, n_rows, n_features):
    """The intercept swallows every term but the last, which takes it back to about 0.

    Each is just below half a unit of the intercept: nothing gets nearer to the bound.
    """
    n_terms = 4 * n_features
    X = np.full((n_rows, n_terms + 1), 2.0**-12)
    X[:, -1] = 1 + rng.random(n_rows) * n_terms * 2.0**-24
    X *= 2.0 ** rng.integers(-20, 20)
    weights = np.full((n_candidates, n_terms + 1), 0.99 * 2.0**-12)
    weights[:, -1] = -1
    scale = rng.choice([-1, 1], (n_candidates, 1)) * 2.0 ** rng.integers(-20, 20, (n_candidates, 1))
    return np.column_stack([weights, np.full(n_candidates, X[0, 0] * 2**12)]) * scale, X


def too_small(rng, n_candidates, n_rows, n_features):
    """Products around the smallest that single precision knows, 1e-45."""
    exponent = rng.uniform(-160, -60)
    X = rng.standard_normal((n_rows, n_features)) * 2**exponent
    weights = rng.standard_normal((n_candidates, n_features))
    weights *= 2 ** (rng.uniform(-155, -120) - exponent)
    terms = weights * X[rng.integers(n_rows, size=n_candidates)]
    off = rng.choice([0, 1e-7, -1e-7, 1e-3, -0.1], n_candidates)
    return np.column_stack([weights, -terms.sum(axis=1) * (1 + off)]), X


def too_large(rng, n_candidates, n_rows, n_features):
    """Products around the largest that single precision knows, 3e38."""
    exponent = rng.uniform(0, 130)
    X = rng.standard_normal((n_rows, n_features)) * 2**exponent
    weights = rng.standard_normal((n_candidates, n_features))
    weights *= 2 ** (rng.uniform(118, 132) - exponent)
    terms = weights * X[rng.integers(n_rows, size=n_candidates)]
    return np.column_stack([weights, -terms.sum(axis=1)]), X


EXTREMES = np.array(
    [0, 1, 1e-300, SUBNORMAL, 1e-46, 1.4e-45, 7e-46, 2.0**-149, 2.0**-150, 2.0**-126, 2.0**-75]
    + [1e300, MAX, 1e39, 3.4028235e38, 3.5e38, 1e37, 9.9e36, 1e19, 1 + 2.0**-24, 1 + 2.0**-25]
    + [16777217.0, 0.1]
)


def extreme(rng, n_candidates, n_rows, n_features):
    numbers = np.concatenate([EXTREMES, -EXTREMES])
    params = rng.choice(
        np.append(numbers, [np.nan, np.inf, -np.inf]), (n_candidates, n_features + 1)
    )
    return params, rng.choice(numbers, (n_rows, n_features))


def nothing(rng, n_candidates, n_rows, n_features):
    params = rng.choice([0.0, -0.0], (n_candidates, n_features + 1))
    return params, rng.choice(EXTREMES, (n_rows, n_features))


DECEPTIONS = [
    on_a_lattice,
    at_the_boundary,
    cancelling,
    all_errors_one_way,
    too_small,
    too_large,
    extreme,
    nothing,
]


@pytest.mark.parametrize("deception", DECEPTIONS, ids=lambda each: each.__name__)
@settings(max_examples=60)
@given(
    seeds,
    st.sampled_from([1, 2, 11, 12, 13, 17, 18, 19, 64]),
    st.sampled_from([1, 15, 16, 17, 127, 128, 129, 300]),
    n_features,
    st.sampled_from(WEIGHTS),
)
def test_fused_confusion(deception, seed, n_candidates, n_rows, n_features, weights):
    rng = np.random.default_rng(seed)
    params, X = deception(rng, n_candidates, n_rows, n_features)
    y = rng.integers(2, size=n_rows)
    halves = np.array_split(rng.permutation(n_candidates), 2)
    groups = [some for some in (*halves, slice(0, 1), slice(None, None, -1))]
    assert_fused_is_the_seam(params, X, y, some_weights(rng, weights, n_rows), groups)


@settings(max_examples=100)
@given(st.data(), st.sampled_from([12, 13, 18]), st.integers(1, 3))
def test_fused_confusion_of_any_numbers(data, n_candidates, n_features):
    shape = (n_candidates, n_features + 1)
    params = data.draw(hnp.arrays(np.float64, shape, elements=st.floats()))
    finite = st.floats(allow_nan=False, allow_infinity=False)
    X = data.draw(hnp.arrays(np.float64, (17, n_features), elements=finite))
    assert_fused_is_the_seam(params, X, np.arange(17) % 2, np.ones(17))


@given(seeds, st.sampled_from([12, 13, 64]), st.sampled_from([129, 300, 600]))
def test_fused_confusion_of_mixed_weights(seed, n_candidates, n_rows):
    """Fractions in one tile, ones in the next: the order of the additions must not show."""
    rng = np.random.default_rng(seed)
    params, X = at_the_boundary(rng, n_candidates, n_rows, 2)
    weight = some_weights(rng, "mixed", n_rows)
    y = rng.integers(2, size=n_rows)
    assert_fused_is_the_seam(params, X, y, weight, [slice(0, 5), slice(5, None)])


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, -np.nan])
@pytest.mark.parametrize("row", range(LANES))
def test_fused_confusion_of_features_that_are_not_numbers(value, row, rng):
    params, X = rng.standard_normal((13, 3)), rng.standard_normal((LANES, 2))
    X[row, 1] = value
    assert_fused_is_the_seam(params, X, rng.integers(2, size=LANES), np.ones(LANES))


@pytest.mark.parametrize("n_candidates", N_CANDIDATES)
def test_fused_confusion_counts_right(n_candidates, rng):
    """Not only the same as the seam: both are what the twin counts."""
    for n_rows in N_ROWS:
        params, X = on_a_lattice(rng, n_candidates, n_rows, 3)
        y, weight = rng.integers(2, size=n_rows), some_weights(rng, "whole", n_rows)
        raw = forward(params, X, 1)[..., :n_rows]
        expected = reference.confusion(raw, y, weight).reshape(n_candidates, 4)
        assert_array_equal(fused(params, X, y, weight), expected)


# Losses

ROW_LOSSES = {
    "log_loss": (losses.log_loss, reference.log_loss, reference.log_loss_slope),
    "brier": (losses.brier, reference.brier, reference.brier_slope),
    "squared": (losses.squared, reference.squared, reference.squared_slope),
    "absolute": (losses.absolute, reference.absolute, None),
}
WITH_SLOPE = [name for name, (_, _, slope) in ROW_LOSSES.items() if slope]
OF_CLASSES = ["log_loss", "brier"]
# Every loss, with every number of outputs it is for.
LOSS_CASES = [(name, n) for name in ROW_LOSSES for n in ([1, 3, 5] if name in OF_CLASSES else [1])]
SLOPE_CASES = [(name, n) for name, n in LOSS_CASES if name in WITH_SLOPE]


def truths(rng, name, n_outputs, n_rows):
    if name in OF_CLASSES:
        return rng.integers(max(n_outputs, 2), size=n_rows).astype(float)
    return rng.standard_normal(n_rows)


def loss_of_each(kernel, raw, y):
    """The losses of rows ``raw[C, n]``, each tallied alone."""
    raw_alone = np.zeros((len(y), len(raw), LANES))
    raw_alone[:, :, 0] = raw.T
    tallies = np.zeros((len(y), 2))
    for i in range(len(y)):
        kernel(raw_alone[i : i + 1], padded(y[i : i + 1]), padded([1.0]), tallies[i : i + 1])
    assert_array_equal(tallies[:, 0], 1)
    return tallies[:, 1]


def test_log_loss_of_two_classes():
    """To 1e-14 of the loss, however small it is."""
    sizes = [0.0, SUBNORMAL, 1e-300, 1e-16, 1e-8, 1e-3, 0.1, 0.5, 1, 2, 5, 20, 36, 37, 50, 300, 700]
    raw = np.array([*sizes, 707.9, 708.1, 745, 1e3, 1e10, 1e300, *np.linspace(0, 40, 200)])
    raw = np.concatenate([raw, -raw])[np.newaxis]
    for label in (0.0, 1.0):
        y = np.full(raw.shape[1], label)
        expected = reference.log_loss(raw, y)
        found = loss_of_each(losses.log_loss, raw, y)
        assert np.all(np.abs(found - expected) <= 1e-14 * expected + 1e-300)


@given(seeds, st.integers(2, 5), st.sampled_from([1e-8, 1, 30, 1e3]))
def test_log_loss_of_several_classes(seed, n_outputs, scale):
    rng = np.random.default_rng(seed)
    raw = scale * rng.standard_normal((n_outputs, 20))
    y = truths(rng, "log_loss", n_outputs, 20)
    expected = reference.log_loss(raw, y)
    error = np.abs(loss_of_each(losses.log_loss, raw, y) - expected)
    # exp turns the rounding of the differences into a relative error.
    rounding = 1e-14 + EPS * np.abs(raw).max(axis=0)
    assert np.all(error <= rounding * expected + 1e-300)


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize("shift", [-1e6, 1e3, 2.0**40])
def test_what_all_classes_share_does_not_matter(name, shift, rng):
    raw = rng.integers(-10, 11, (3, 50)) / 8.0  # so that adding the shift is exact
    y = truths(rng, name, 3, 50)
    kernel = ROW_LOSSES[name][0]
    shifted = loss_of_each(kernel, raw + shift, y)
    assert_allclose(shifted, loss_of_each(kernel, raw, y), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("n_outputs", [1, 2, 3, 5])
@pytest.mark.parametrize("scale", [1e-8, 1, 30, 1e3])
def test_brier(n_outputs, scale, rng):
    raw = scale * rng.standard_normal((n_outputs, 50))
    y = truths(rng, "brier", n_outputs, 50)
    expected = reference.brier(raw, y)
    error = np.abs(loss_of_each(losses.brier, raw, y) - expected)
    # Of an error of 1e-15 in the probability, which is squared.
    assert np.all(error <= 2e-15 * np.sqrt(expected) + 1e-30)


@pytest.mark.parametrize("name", ["squared", "absolute"])
@pytest.mark.parametrize("scale", [1e-150, 1e-3, 1, 1e8, 1e150])
def test_losses_of_numbers(name, scale, rng):
    raw, y = scale * rng.standard_normal((1, 50)), scale * rng.standard_normal(50)
    kernel, twin, _ = ROW_LOSSES[name]
    assert_allclose(loss_of_each(kernel, raw, y), twin(raw, y).astype(float), rtol=1e-14)


@pytest.mark.parametrize(("name", "n_outputs"), LOSS_CASES)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_losses_add(name, n_outputs, weights, rng):
    kernel, twin, _ = ROW_LOSSES[name]
    for n_rows, n_candidates in product(N_ROWS, [0, 1, 3]):
        y = truths(rng, name, n_outputs, n_rows)
        weight = some_weights(rng, weights, n_rows)
        raw = np.full((n_candidates, n_outputs, round_up(n_rows)), 7.0)
        raw[..., :n_rows] = rng.standard_normal((n_candidates, n_outputs, n_rows))
        tallies = np.ones((n_candidates, 2))
        kernel(frozen(raw), frozen(padded(y)), frozen(padded(weight)), tallies)
        for p in range(n_candidates):
            expected = 1 + reference.loss_tally(twin(raw[p, :, :n_rows], y), weight)
            assert_allclose(tallies[p], expected.astype(float), rtol=1e-13)
            alone = np.ones((1, 2))
            kernel(raw[p : p + 1], padded(y), padded(weight), alone)
            assert_same_bits(alone[0], tallies[p])


@pytest.mark.parametrize(("name", "n_outputs"), SLOPE_CASES)
@pytest.mark.parametrize("scale", [1e-8, 1, 30, 1e3])
def test_slopes(name, n_outputs, scale, rng):
    kernel, _, twin = ROW_LOSSES[name]
    for n_rows in N_ROWS:
        y, weight = truths(rng, name, n_outputs, n_rows), some_weights(rng, "whole", n_rows)
        raw = np.zeros((1, n_outputs, round_up(n_rows)))
        raw[..., :n_rows] = scale * rng.standard_normal((n_outputs, n_rows))
        slope = np.full(raw.shape[1:], np.nan)
        tallies = np.zeros((1, 2))
        kernel(frozen(raw), frozen(padded(y)), frozen(padded(weight)), tallies, -0.3, slope)
        expected = -0.3 * weight * twin(raw[0, :, :n_rows], y)
        assert_allclose(slope[:, :n_rows], expected.astype(float), rtol=1e-14, atol=1e-14)
        assert_array_equal(slope[:, n_rows:], 0)
        without = np.zeros((1, 2))
        kernel(raw, padded(y), padded(weight), without)
        assert_same_bits(tallies, without)


@pytest.mark.parametrize(("name", "n_outputs"), SLOPE_CASES)
def test_slopes_are_those_of_the_losses(name, n_outputs, rng):
    kernel = ROW_LOSSES[name][0]
    y, raw, h = truths(rng, name, n_outputs, 16), rng.standard_normal((n_outputs, 16)), 1e-5
    slope = np.empty_like(raw)
    kernel(raw[np.newaxis], y, np.ones(16), np.zeros((1, 2)), 1.0, slope)
    for c in range(n_outputs):
        step = h * (np.arange(n_outputs) == c)[:, np.newaxis]
        difference = loss_of_each(kernel, raw + step, y) - loss_of_each(kernel, raw - step, y)
        assert_allclose(slope[c], difference / (2 * h), atol=1e-9)


@pytest.mark.parametrize(("absolute", "relative"), [(0.5, 0.0), (0.0, 0.25), (0.0, 0.0), (1, 0.5)])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_within(absolute, relative, weights, rng):
    """On a grid on which rows are often off by just the tolerance, which is within."""
    for n_rows in N_ROWS:
        y = rng.integers(-8, 9, n_rows) / 2.0
        raw = np.zeros((3, 1, round_up(n_rows)))
        raw[..., :n_rows] = y + rng.integers(-8, 9, (3, 1, n_rows)) / 8.0
        weight = some_weights(rng, weights, n_rows)
        tallies = np.ones((3, 2))
        losses.within(
            frozen(raw), frozen(padded(y)), frozen(padded(weight)), absolute, relative, tallies
        )
        for p in range(3):
            passed = reference.within(raw[p, :, :n_rows], y, absolute, relative)
            expected = [1 + weight.sum(), 1 + weight[passed].sum()]
            assert_allclose(tallies[p], expected, rtol=1e-13)


def within(raw, y, weight, tallies):
    losses.within(raw, y, weight, 0.5, 0.1, tallies)


# Soft counts


@pytest.mark.parametrize("n_outputs", [1, 3, 5])
@pytest.mark.parametrize(("tau", "size"), [(1.0, 1.0), (1e-3, 1.0), (1e-3, 1e305), (1e3, 1.0)])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_soft_counts(n_outputs, tau, size, weights, rng):
    n_classes = max(n_outputs, 2)
    for n_rows, n_candidates in product([0, 1, 15, 16, 49], [0, 1, 3]):
        y = rng.integers(n_classes, size=n_rows)
        weight = some_weights(rng, weights, n_rows)
        raw = np.full((n_candidates, n_outputs, round_up(n_rows)), np.nan)
        raw[..., :n_rows] = size * rng.standard_normal((n_candidates, n_outputs, n_rows))
        tallies = np.ones((n_candidates, n_classes**2))
        soft.soft_counts(frozen(raw), frozen(padded(y)), frozen(padded(weight)), tau, tallies)
        for p in range(n_candidates):
            expected = 1 + reference.soft_confusion(raw[p, :, :n_rows], y, weight, tau).ravel()
            # Differences of raw predictions are rounded before tau makes them large.
            assert_allclose(tallies[p], expected.astype(float), rtol=1e-12)
            assert_allclose(tallies[p].sum(), n_classes**2 + weight.sum(), rtol=1e-13)


@pytest.mark.parametrize("n_outputs", [1, 3, 5])
@pytest.mark.parametrize("tau", [1e-3, 0.3, 1.0, 50.0])
def test_soft_slopes(n_outputs, tau, rng):
    n_classes = max(n_outputs, 2)
    for n_rows in N_ROWS:
        y = rng.integers(n_classes, size=n_rows).astype(float)
        weight = some_weights(rng, "whole", n_rows)
        raw = np.full((1, n_outputs, round_up(n_rows)), np.nan)
        raw[..., :n_rows] = tau * rng.standard_normal((n_outputs, n_rows))
        dscore = rng.standard_normal(n_classes**2)
        slope, tallies = np.full(raw.shape[1:], np.nan), np.zeros((1, n_classes**2))
        rows = frozen(padded(y)), frozen(padded(weight))
        soft.soft_counts(frozen(raw), *rows, tau, tallies, frozen(dscore), slope)
        by_entry = dscore.reshape(n_classes, n_classes)
        expected = reference.soft_slope(raw[0, :, :n_rows], y, weight, tau, by_entry).astype(float)
        assert_allclose(slope[:, :n_rows], expected, rtol=1e-11, atol=1e-13 / tau)
        assert_array_equal(slope[:, n_rows:], 0)
        without = np.zeros_like(tallies)
        soft.soft_counts(raw, *rows, tau, without)
        assert_same_bits(tallies, without)


def soft_counts(raw, y, weight, tallies):
    soft.soft_counts(raw, y, weight, 0.5, tallies)


TALLIES = {(name, n): (ROW_LOSSES[name][0], n, 2) for name, n in LOSS_CASES} | {
    ("within", 1): (within, 1, 2),
    ("confusion", 1): (confusion.tally, 1, 4),
    ("confusion", 3): (confusion.tally, 3, 9),
    ("soft counts", 1): (soft_counts, 1, 4),
    ("soft counts", 3): (soft_counts, 3, 9),
}


@pytest.mark.parametrize("name", TALLIES, ids=str)
@pytest.mark.parametrize("absurd", [1e300, -1e300, np.inf, np.nan])
def test_weight_0_is_no_row(name, absurd, rng):
    """Whatever the function answers for it."""
    kernel, n_outputs, n_tallies = TALLIES[name]
    y = rng.integers(2, size=32).astype(float)
    weight = rng.choice([0.0, 0.3, 1.0], 32)
    raw = rng.standard_normal((3, n_outputs, 32))
    before, after = np.zeros((2, 3, n_tallies))
    kernel(raw, y, weight, before)
    raw[:, 0, weight == 0] = absurd
    kernel(raw, y, weight, after)
    assert_same_bits(after, before)


# All kernels


def filling(kernel):
    """A kernel that returns arrays as one that fills them."""

    def fill(*arrays):
        n = {"best_steps": 2, "sort": 2, "sort_all": 2}.get(kernel.__name__, 1)
        found = kernel(*arrays[:-n])
        for array, result in zip(arrays[-n:], found if n > 1 else [found], strict=True):
            array[...] = result

    return fill


def sweep_calls(raw, y, weight):
    """`calls` of what goes one after the other in a line search."""
    n_lines, n_outputs, n_rows = raw.shape
    n_kinds, n_tallies, n_buckets = 2 * n_outputs**2, n_outputs**2, 4
    slope, moved = raw[:, 0] - 0.1, np.arange(n_lines) % n_outputs
    limits = np.tile([-1e9, 1e9], (n_lines, 1))
    t, kind = np.zeros((n_lines, n_rows)), np.zeros((n_lines, n_rows), np.uint16)
    start = np.zeros((n_lines, n_tallies))
    sweep.flips(raw, slope, moved, y, weight, limits, t, kind, start)
    moves = np.ascontiguousarray(sweep.moves_of_flips(n_outputs, moved))
    scale, bucket = sweep.typical_sizes(t), np.zeros_like(kind)
    sums = np.zeros((n_lines, n_buckets + 1, n_kinds))
    sweep.bucket_sums(t, kind, weight, scale, bucket, sums)
    known = np.zeros((n_tallies, n_lines, 2 * n_buckets + 1))
    sweep.bucket_tallies(sums, moves, start, known)
    scores, least = known[0].copy(), np.zeros(n_lines)
    keep = sweep.choose_buckets(scores, sums, least)
    collected = sweep.collect(t, kind, weight, bucket, keep)
    events, first = sweep.sort(collected, n_lines, n_buckets, limits)
    all_events, all_first = sweep.sort_all(t, kind, weight, limits)
    n = first[-1]
    of_events = 1.0 + np.arange(n) % 7
    rows = {"t": t, "kind": kind, "weight": weight}

    def sort(events, limits):
        return sweep.sort(events, n_lines, n_buckets, limits)

    def tallies_before(events, moves, known, now, tallies):
        sweep.tallies_before(events, 0, moves, known, now, tallies)

    def zeros(**arrays):
        return {name: np.zeros_like(array) for name, array in arrays.items()}

    flipped = {"raw": raw, "slope": slope, "moved": moved, "y": y, "weight": weight}
    return {
        "flips": (sweep.flips, flipped | {"limits": limits}, zeros(t=t, kind=kind, start=start)),
        "typical_sizes": (filling(sweep.typical_sizes), {"t": t}, zeros(found=scale)),
        "bucket_sums": (
            sweep.bucket_sums,
            rows | {"scale": scale},
            zeros(bucket=bucket, sums=sums),
        ),
        "bucket_tallies": (
            sweep.bucket_tallies,
            {"sums": sums, "moves": moves, "start": start},
            zeros(tallies=known),
        ),
        "choose_buckets": (
            filling(sweep.choose_buckets),
            {"scores": scores, "sums": sums, "least": least},
            zeros(found=keep),
        ),
        "collect": (
            filling(sweep.collect),
            rows | {"bucket": bucket, "keep": keep},
            zeros(found=collected),
        ),
        "sort": (filling(sort), {"events": collected, "limits": limits}, zeros(e=events, f=first)),
        "sort_all": (
            filling(sweep.sort_all),
            rows | {"limits": limits},
            zeros(e=all_events, f=all_first),
        ),
        "tallies_before": (
            tallies_before,
            {"events": events, "moves": moves, "known": known},
            {"now": np.zeros(n_tallies), "tallies": np.zeros((n_tallies, n))},
        ),
        "best_steps": (
            filling(sweep.best_steps),
            {"events": events, "first": first, "limits": limits, "scores": of_events},
            {"steps": np.zeros(n_lines), "best": np.zeros(n_lines)},
        ),
    }


# What functions answer


@given(seeds, st.integers(2, 6), n_rows)
def test_answers_become_classes(seed, n_classes, n_rows):
    rng = np.random.default_rng(seed)
    n_outputs = n_classes if n_classes > 2 else 1
    labels = rng.choice([0.0, 1.0, -1.0, 2.0, 1e300, np.inf, 7.0], n_classes, replace=False)
    labels[rng.integers(n_classes)] = rng.choice([3.0, np.nan])
    raw = rng.standard_normal((2, n_outputs, n_rows))
    raw[:, 0] = rng.choice([*labels, np.nan, 5.0], (2, n_rows))
    expected = [reference.classes(of_one, labels) for of_one in raw[:, 0]]
    answers.fill_classes(raw, frozen(labels))
    assert_array_equal(raw, expected)


@given(seeds, st.integers(1, 4), n_rows)
def test_rows_without_an_answer_are_found(seed, n_outputs, n_rows):
    rng, n_rows = np.random.default_rng(seed), round_up(n_rows)
    raw = rng.standard_normal((3, n_outputs, n_rows))
    missing = rng.random((3, n_rows)) < rng.choice([0.0, 0.1, 0.5])
    raw.transpose(0, 2, 1)[missing] = np.nan
    weight = rng.choice([0.0, 1.0], n_rows)
    expected = np.where(np.isnan(raw), 0.0, raw)
    failed = answers.settle(raw, frozen(weight))
    assert failed.dtype == bool
    assert_array_equal(failed, (missing & (weight > 0)).any(axis=1))
    assert_same_bits(raw, expected)


def curve_input(n_rows, rng):
    z, weight = rng.standard_normal(n_rows), rng.random(n_rows)
    return z, rng.integers(2, size=n_rows).astype(float), weight


@pytest.mark.parametrize("n_rows", [0, 1, 3, 4, 5, 103])
@pytest.mark.parametrize("size", [1e-6, 1.0, 30.0])
def test_curve_moments(n_rows, size, rng):
    rows, coef = curve_input(n_rows, rng), size * rng.standard_normal(3)
    moments = np.ones(10)
    curve_moments(*rows, coef, moments)
    np.testing.assert_allclose(
        moments - 1, reference.curve_moments(*rows, coef).astype(float), rtol=1e-11, atol=1e-11
    )


@pytest.mark.parametrize("n_steps", [0, 1, 5])
@pytest.mark.parametrize("n_params", [1, 6])
def test_bend(n_steps, n_params, rng):
    steps = rng.standard_normal((n_steps, n_params))
    hessian = np.diag(rng.uniform(0.5, 2, n_params))
    changes = steps @ hessian
    rho = 1 / (steps * changes).sum(axis=1)
    gradient = rng.standard_normal(n_params)
    direction = gradient.copy()
    bend(steps, changes, rho, direction)
    np.testing.assert_allclose(
        direction, reference.bend(steps, changes, rho, gradient), rtol=1e-9, atol=1e-12
    )
    assert gradient @ direction > 0


N_PARAMS = [0, 1, 3, 4, 7, 130]


@pytest.mark.parametrize("n_params", N_PARAMS)
@pytest.mark.parametrize("size", [1e-150, 1.0, 1e150])
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.7, False), (0.7, True)])
def test_sgd(n_params, size, momentum, nesterov, rng):
    gradient, velocity, theta = size * rng.standard_normal((3, n_params))
    expected = reference.sgd(gradient * 0.5, 0.1, momentum, nesterov, velocity, theta)
    sgd(frozen(gradient), 0.5, 0.1, momentum, nesterov, velocity, theta)
    assert_allclose(velocity, expected[0].astype(float), rtol=1e-13, atol=1e-14 * size)
    assert_allclose(theta, expected[1].astype(float), rtol=1e-13, atol=1e-14 * size)


@pytest.mark.parametrize("n_params", N_PARAMS)
@pytest.mark.parametrize("size", [1e-150, 1e-8, 1.0, 1e150])
def test_adam(n_params, size, rng):
    """Several steps from nothing; where there is never a slope, nothing moves."""
    theta = rng.standard_normal(n_params)
    found = mean, square, moved = np.zeros(n_params), np.zeros(n_params), theta.copy()
    expected = mean.astype(Long), square.astype(Long), theta.astype(Long)
    for t in range(1, 6):
        gradient = size * rng.standard_normal(n_params)
        gradient[1:2] = 0.0
        expected = reference.adam(gradient * 0.5, t, 0.1, 0.9, 0.99, 1e-8, *expected)
        corrected = 0.1 * (1 - 0.99**t) ** 0.5 / (1 - 0.9**t)
        adam(frozen(gradient), 0.5, corrected, 0.9, 0.99, 1e-8, mean, square, moved)
    for got, wanted, unit in zip(found, expected, (size, size**2, 1), strict=True):
        assert_allclose(got, wanted.astype(float), rtol=1e-12, atol=1e-13 * unit)
    assert_array_equal(moved[1:2], theta[1:2])


def test_a_first_step_of_adam_is_the_rate(rng):
    """Whatever the gradient's size: the sign is all that counts."""
    gradient = rng.standard_normal(5) * np.logspace(-3, 100, 5)
    mean, square, theta = np.zeros((3, 5))
    adam(
        gradient, 1.0, 0.1 * (1 - 0.999) ** 0.5 / (1 - 0.9), 0.9, 0.999, 1e-12, mean, square, theta
    )
    assert_allclose(theta, 0.1 * np.sign(gradient), rtol=1e-6)


@given(seeds, n_outputs, n_features, st.booleans())
def test_unfold(seed, n_outputs, n_features, has_constants):
    rng = np.random.default_rng(seed)
    grad = rng.standard_normal(n_outputs * (n_features + 1))
    unit, center = rng.random(n_features), rng.standard_normal(n_features)
    gradient = np.full(n_outputs * (n_features + has_constants), np.nan)
    if not has_constants:
        center[:] = 0.0
    linear.unfold(frozen(grad), frozen(unit), frozen(center), 0.3, gradient)
    expected = reference.unfold(grad, unit, center, 0.3, n_outputs, has_constants)
    size = reference.unfold(np.abs(grad), unit, -np.abs(center), 0.3, n_outputs, has_constants)
    assert_array_less(np.abs(gradient - expected), 1e-300 + 8 * EPS * size)


def calls(rng):
    """For each kernel the kernel, what goes in and what comes out, by name."""
    n_candidates, n_outputs, n_features, n_rows = 3, 3, 4, 32
    X = rng.standard_normal((n_rows, n_features))
    x = packed(X)
    y, weight = rng.integers(2, size=n_rows).astype(float), rng.random(n_rows)
    params = rng.standard_normal((n_candidates, n_outputs * (n_features + 1)))
    raw = rng.standard_normal((n_candidates, n_outputs, n_rows))
    rows = {"y": y, "weight": weight}
    grads = {"raw_grad": np.zeros((n_outputs, n_rows))}
    tallies, one = {"tallies": np.zeros((n_candidates, 2))}, {"tallies": np.zeros((1, 2))}
    of_numbers = {"raw": raw[:, :1].copy(), **rows}
    sums = {"sums": np.zeros((2, n_features))}
    folded = {"params": np.zeros_like(params)}
    counts = {"tallies": np.zeros((n_candidates, 9))}
    binary = {"params": rng.standard_normal((13, n_features + 1)), "tiles": x, **rows}
    unit, center = rng.random((2, n_features))
    chosen = rng.permutation(n_rows)

    def with_slope(kernel):
        return lambda raw, y, weight, tallies, raw_grad: kernel(
            raw, y, weight, tallies, 1.0, raw_grad
        )

    def soft_with_slope(raw, y, weight, dscore, tallies, raw_grad):
        soft.soft_counts(raw, y, weight, 0.5, tallies, dscore, raw_grad)

    def fold(thetas, unit, center, params):
        linear.fold(thetas, unit, center, 0.5, 2.0, params)

    missing = raw.copy()
    missing[1, :, 3] = np.nan

    def settle(raw, weight, settled, failed):
        settled[...] = raw
        failed[...] = answers.settle(settled, weight)

    def add_labels(values, y, weight, positive, everything, failed):
        answers.add_labels(values, y, weight, 0.0, 1.0, positive, everything, failed)

    def fill_classes(answers_of_rows, labels, raw):
        raw[:, 0] = answers_of_rows
        answers.fill_classes(raw, labels)

    def bent(steps, changes, rho, gradient, direction):
        direction[...] = gradient
        bend(steps, changes, rho, direction)

    steps = rng.standard_normal((2, n_features))
    slopes = {"gradient": rng.standard_normal(n_features)}
    moved = {name: np.zeros(n_features) for name in ("velocity", "theta")}

    def unfold(grad, unit, center, gradient):
        linear.unfold(grad, unit, center, 2.0, gradient)

    return {
        "sgd": (lambda gradient, *moved: sgd(gradient, 0.5, 0.1, 0.9, True, *moved), slopes, moved),
        "adam": (
            lambda gradient, *moved: adam(gradient, 0.5, 0.1, 0.9, 0.99, 1e-8, *moved),
            slopes,
            moved | {"square": np.zeros(n_features)},
        ),
        "unfold": (
            unfold,
            {"grad": params[0].copy(), "unit": unit, "center": center},
            {"gradient": np.zeros_like(params[0])},
        ),
        "bend": (
            bent,
            {
                "steps": steps,
                "changes": 2 * steps,
                "rho": 0.5 / (steps**2).sum(axis=1),
                "gradient": rng.standard_normal(n_features),
            },
            {"direction": np.zeros(n_features)},
        ),
        "curve_moments": (
            curve_moments,
            {"z": raw[0, 0].copy(), **rows, "coef": rng.standard_normal(3)},
            {"moments": np.zeros(10)},
        ),
        "fill_classes": (
            fill_classes,
            {"answers": rng.integers(3, size=(3, n_rows)).astype(float), "labels": np.arange(3.0)},
            {"raw": np.zeros((3, 3, n_rows))},
        ),
        "add_labels": (
            add_labels,
            {"values": rng.integers(3, size=(n_candidates, n_rows)).astype(float), **rows},
            {
                "positive": np.zeros((n_candidates, 2)),
                "everything": np.zeros(2),
                "failed": np.zeros(n_candidates, dtype=np.uint8),
            },
        ),
        "add_to_tallies": (
            answers.add_to_tallies,
            {
                "positive": np.ones((n_candidates, 2)),
                "everything": np.full(2, 3.0),
                "failed": np.zeros(n_candidates, dtype=np.uint8),
            },
            {"tallies": np.zeros((n_candidates, 4))},
        ),
        "settle": (
            settle,
            {"raw": missing, "weight": weight},
            {"settled": np.zeros_like(raw), "failed": np.zeros(3)},
        ),
        "pack": (tiles.pack, {"X": X}, {"tiles": np.zeros_like(x)}),
        "pack_rows": (tiles.pack_rows, {"X": X, "rows": chosen}, {"tiles": np.zeros_like(x)}),
        "moments": (tiles.moments, {"tiles": x, "weight": weight, "center": center}, sums),
        "forward": (linear.forward, {"params": params, "tiles": x}, {"raw": np.zeros_like(raw)}),
        "backward": (
            linear.backward,
            {"tiles": x, "raw_grad": raw},
            {"grad": np.zeros_like(params)},
        ),
        "fold": (fold, {"thetas": params, "unit": unit, "center": center}, folded),
        "confusion": (linear.confusion, binary, {"tallies": np.zeros((13, 4))}),
        "tally": (confusion.tally, {"raw": raw, **rows}, counts),
        "predict": (confusion.predict, {"raw": raw}, {"labels": np.zeros((n_candidates, n_rows))}),
        "log_loss": (losses.log_loss, {"raw": raw, **rows}, tallies),
        "log_loss with slope": (
            with_slope(losses.log_loss),
            {"raw": raw[:1].copy(), **rows},
            one | grads,
        ),
        "brier": (losses.brier, {"raw": raw, **rows}, tallies),
        "brier with slope": (
            with_slope(losses.brier),
            {"raw": raw[:1].copy(), **rows},
            one | grads,
        ),
        "squared": (losses.squared, of_numbers, tallies),
        "squared with slope": (
            with_slope(losses.squared),
            {"raw": raw[:1, :1].copy(), **rows},
            one | {"raw_grad": np.zeros((1, n_rows))},
        ),
        "absolute": (losses.absolute, of_numbers, tallies),
        "within": (within, of_numbers, tallies),
        "soft_counts": (soft_counts, {"raw": raw, **rows}, counts),
        "soft_counts with slope": (
            soft_with_slope,
            {"raw": raw[:1].copy(), **rows, "dscore": rng.standard_normal(9)},
            {"tallies": np.zeros((1, 9))} | grads,
        ),
    } | sweep_calls(raw, y, weight)


KERNELS = calls(np.random.default_rng(0))
# Arrays and axes that no other array of the call has to fit.
FREE = [("predict", "raw", 1), ("log_loss", "raw", 1), ("brier", "raw", 1), ("pack_rows", "X", 0)]
FREE += [("typical_sizes", "t", 1), ("bucket_sums", "sums", 2), ("choose_buckets", "sums", 2)]
FREE += [("collect", "keep", 1), ("tallies_before", "events", 0), ("tallies_before", "moves", 1)]
FREE += [("tallies_before", "known", 2), ("tallies_before", "tallies", 1)]
# And what a kernel makes itself.
FREE += [("typical_sizes", "t", 0), ("typical_sizes", "found", 0), ("choose_buckets", "found", 0)]
FREE += [("choose_buckets", "found", 1), ("collect", "found", 0), ("best_steps", "steps", 0)]
FREE += [(kernel, name, 0) for kernel in ("sort", "sort_all") for name in "ef"]
FREE += [("best_steps", "best", 0), ("bend", "gradient", 0), ("bend", "direction", 0)]
FREE += [
    (kernel, name, axis)
    for kernel, name, axis in (
        ("fill_classes", "answers", 0),
        ("fill_classes", "answers", 1),
        ("fill_classes", "raw", 0),
        ("fill_classes", "raw", 2),
        ("settle", "raw", 0),
        ("settle", "raw", 1),
        ("settle", "raw", 2),
        ("settle", "settled", 0),
        ("settle", "settled", 1),
        ("settle", "settled", 2),
        ("settle", "failed", 0),
    )
]
# What is copied into what the kernel is given.
COPIED = [("fill_classes", "answers", 0), ("settle", "raw", 0), ("bend", "gradient", 0)]
AXES = [
    (kernel, name, axis)
    for kernel, (_, inputs, outputs) in KERNELS.items()
    for name, array in (inputs | outputs).items()
    for axis in range(array.ndim)
    if (kernel, name, axis) not in FREE
]


@pytest.mark.parametrize("kernel", KERNELS)
def test_inputs_are_not_changed(kernel, rng):
    function, inputs, outputs = calls(rng)[kernel]
    copies = {name: array.copy() for name, array in inputs.items()}
    function(*inputs.values(), *outputs.values())
    for name, array in inputs.items():
        assert_same_bits(array, copies[name])
    assert all(array.any() for array in outputs.values())
    read_only = [frozen(array) for array in inputs.values()]
    again = [np.zeros_like(array) for array in outputs.values()]
    function(*read_only, *again)
    for array, expected in zip(again, outputs.values(), strict=True):
        assert_same_bits(array, expected)


@pytest.mark.parametrize(("kernel", "name", "axis"), AXES)
def test_wrong_shapes_are_errors(kernel, name, axis, rng):
    """An array that is longer than it should be, along any axis."""
    function, inputs, outputs = calls(rng)[kernel]
    arrays = inputs | outputs
    arrays[name] = np.concatenate([arrays[name], arrays[name].take([0], axis)], axis)
    with pytest.raises(ValueError, match=r"do not|does not|must have"):
        function(*arrays.values())


@pytest.mark.parametrize("kernel", [name for name in KERNELS if name not in ("pack", "pack_rows")])
def test_single_precision_is_for_packing_alone(kernel, rng):
    function, inputs, outputs = calls(rng)[kernel]
    taken = inputs if function.__name__.startswith(("fill", "settle")) else inputs | outputs
    taken = {name: array for name, array in taken.items() if (kernel, name, 0) not in COPIED}
    for name, array in taken.items():
        other = np.float64 if array.dtype == np.float32 else np.float32
        arrays = inputs | outputs | {name: array.astype(other)}
        with pytest.raises(ValueError, match="dtype"):
            function(*arrays.values())
