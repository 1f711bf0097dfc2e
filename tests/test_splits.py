"""The kernels of lists of rules, beside their twins."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tabtrain._kernels.tiles import pack

from tabtrain._kernels import splits
from tests import reference
from tests.problems import LAYOUTS

SIZES = (0, 1, 16, 17, 100)


def tiles_of(X):
    tiles = np.empty((reference.round_up(len(X)) // 16, X.shape[1], 16))
    pack(X, tiles)
    return tiles


def some_values(rng, n_rows, n_features=4):
    """With ties, what is missing, infinity and extremes."""
    X = rng.standard_normal((n_rows, n_features)).round(1)
    X[rng.random(X.shape) < 0.1] = np.nan
    for value in (np.inf, -np.inf, 1e308, -1e308, 5e-324, 0.0, -0.0):
        X[rng.random(X.shape) < 0.03] = value
    return X


def some_rules(rng, n_candidates, n_features, n_categories=3):
    conditions = rng.integers(-1, 7, (n_candidates, 3, 2, 3 + n_categories)).astype(float)
    conditions[..., 1] = rng.integers(-1, n_features + 1, conditions.shape[:3])
    conditions[..., 2] = rng.choice([np.nan, 0.0, 0.5, -1.0, np.inf], conditions.shape[:3])
    conditions[..., 3:] = rng.integers(2, size=(*conditions.shape[:3], n_categories))
    return conditions


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_forward(n_rows, n_outputs, layout, rng):
    X = LAYOUTS[layout](some_values(rng, n_rows))
    X.flags.writeable = False
    conditions = some_rules(rng, 7, 4)
    answers = rng.standard_normal((7, 4, n_outputs))
    for dtype in (np.float64, np.float32):
        with np.errstate(over="ignore"):
            values = X.astype(dtype)
        raw = np.full((7, n_outputs, reference.round_up(n_rows)), np.nan)
        splits.forward(conditions, answers, tiles_of(values), raw)
        expected = reference.rules_forward(conditions, answers, values.astype(float))
        assert_array_equal(raw[:, :, :n_rows], expected)


def coded(X, weight, cuts):
    """As `Codes` does it."""
    missing = np.array([len(each) + 1 for each in cuts], dtype=np.int32)
    filled = np.full((len(cuts), 3 * missing.max()), np.inf)
    scale = np.zeros((len(cuts), 2))
    for f, each in enumerate(cuts):
        filled[f, : len(each)] = each
        if len(each):
            scale[f] = each[0], f * 700.0  # from one cell for all to more than there are
    start = np.empty((len(cuts), splits.N_CELLS), dtype=np.uint16)
    window = np.empty(len(cuts), dtype=np.int32)
    splits.cells(filled, scale, start, window)
    n_rows = reference.round_up(len(X))
    codes = np.empty((len(cuts), n_rows), dtype=np.uint16)
    low = np.full((len(cuts), missing.max()), np.inf)
    high = -low
    splits.code(
        tiles_of(X),
        reference.padded(weight),
        filled,
        scale,
        start,
        window,
        missing,
        codes,
        low,
        high,
    )
    return codes[:, : len(X)], low, high, missing


@pytest.mark.parametrize("n_rows", SIZES)
def test_codes(n_rows, rng):
    X = some_values(rng, n_rows)
    weight = rng.choice([0.0, 0.5, 2.0], n_rows)
    cuts = [np.unique(rng.standard_normal(n).round(1)) for n in (0, 1, 20, 300)]
    codes, low, high, missing = coded(X, weight, cuts)
    assert_array_equal(codes, reference.codes(X, cuts, missing))
    for f in range(4):
        for code in range(missing[f]):
            here = X[(codes[f] == code) & (weight > 0), f]
            assert low[f, code] == here.min(initial=np.inf)
            assert high[f, code] == here.max(initial=-np.inf)


@pytest.mark.parametrize("n_open", [0, 1, 60])
def test_sums_by_code(n_open, rng):
    codes = rng.integers(5, size=(3, 80)).astype(np.uint16)
    first = np.array([0, 5, 10], dtype=np.int32)
    rows = np.sort(rng.choice(80, n_open, replace=False)).astype(np.int32)
    kind = rng.integers(4, size=n_open).astype(np.uint16)
    weight = rng.random(n_open)
    sums = np.ones((15, 4))
    splits.add_by_code(codes, first, rows, kind, weight, sums)
    expected = 1 + reference.by_code(codes, first, rows, kind, weight, 15, 4)
    assert_allclose(sums, expected.astype(float), rtol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("bounded", [True, False])
def test_tallies_of_conditions(n_classes, bounded, rng):
    n_leaves = 3
    first = np.array([0, 1, 3, 9], dtype=np.int32)
    label, leaf = np.divmod(np.arange(n_classes * n_leaves, dtype=np.int32), n_leaves)
    answers = rng.integers(n_classes, size=n_leaves)
    moves = np.stack(
        [label * n_classes + answers[leaf], label * n_classes + 1, label * (n_classes + 1)], axis=1
    ).astype(np.int32)
    order = np.array([0, 1, 2, 5, 3, 4, 7, 6, 8], dtype=np.int32)
    for missing in (0, 1):
        sums = rng.integers(3, size=(9, len(label))).astype(float)
        sums[first[1:] - 1] *= missing
        base = rng.integers(50, 90, n_classes**2).astype(float)
        of_leaf = np.array([40.0, 60.0, np.inf])
        shape = (n_classes**2, 2, 9)
        tallies, bounds = np.empty(shape), np.empty(shape if bounded else (0, 0, 0))
        support = np.empty((2, 9))
        splits.fill_tallies(
            sums, first, order, base, moves, leaf, of_leaf, tallies, bounds, support
        )
        expected = reference.tallies_of_conditions(sums, first, order, base, moves, leaf, of_leaf)
        assert_array_equal(tallies, expected[0])
        if bounded:
            assert_array_equal(bounds[:, :, :8], expected[1][:, :, :8])
        assert_array_equal(support, expected[2])


def test_what_does_not_fit_is_refused(rng):
    tiles, weight = tiles_of(rng.random((20, 2))), np.ones(32)
    with pytest.raises(ValueError, match="do not fit raw"):
        splits.forward(np.zeros((1, 1, 1, 3)), np.zeros((1, 1, 1)), tiles, np.zeros((1, 1, 32)))
    start, window = np.zeros((2, splits.N_CELLS), np.uint16), np.ones(2, np.int32)
    arguments = (np.zeros((2, 2), np.uint16), np.zeros((2, 1)), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="do not fit tiles"):
        splits.code(
            tiles,
            weight,
            np.full((2, 3), np.inf),
            np.zeros((2, 2)),
            start,
            window,
            np.ones(2, np.int32),
            *arguments,
        )
    codes = np.zeros((2, 32), np.uint16)
    with pytest.raises(ValueError, match="not followed by infinity"):
        splits.code(
            tiles,
            weight,
            np.zeros((2, 3)),
            np.zeros((2, 2)),
            start,
            window,
            np.ones(2, np.int32),
            codes,
            *arguments[1:],
        )
    with pytest.raises(ValueError, match="do not fit codes and rows"):
        splits.add_by_code(
            codes,
            np.zeros(2, np.int32),
            np.zeros(3, np.int32),
            np.zeros(2, np.uint16),
            np.zeros(3),
            np.zeros((4, 1)),
        )
    with pytest.raises(ValueError, match="do not fit cuts"):
        splits.cells(np.zeros((2, 3)), np.zeros((1, 2)), start, window)
    with pytest.raises(ValueError, match="do not fit sums"):
        splits.fill_tallies(
            np.zeros((4, 2)),
            np.array([0, 4], np.int32),
            np.arange(3, dtype=np.int32),
            np.zeros(4),
            np.zeros((2, 3), np.int32),
            np.zeros(2, np.int32),
            np.zeros(1),
            np.zeros((4, 2, 4)),
            np.zeros((0, 0, 0)),
            np.zeros((2, 4)),
        )
