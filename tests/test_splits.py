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


def test_the_first_rule_that_holds_answers(rng):
    holds = rng.integers(2, size=(3, 5000)).astype(np.uint8)
    rules = [[(0, 1), (2,)], [(1,)], [], [(2,), (), (0,)]]
    lists = np.full((len(rules), 3, 2), -2, dtype=np.int32)
    expected = np.empty((len(rules), 5000), dtype=np.uint16)
    for of_list, leaf, each in zip(lists, expected, rules, strict=True):
        for of_rule, conditions in zip(of_list, each, strict=False):
            of_rule[:] = -1
            of_rule[: len(conditions)] = conditions
        for row in range(5000):
            leaf[row] = next(
                (r for r, conditions in enumerate(each) if holds[list(conditions), row].all()),
                len(each),
            )
    leaf = np.empty_like(expected)
    splits.fill_leaves(holds, lists, leaf)
    assert_array_equal(leaf, expected)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("inside", [(), (1, 3, 4, 7)])
def test_tallies_of_conditions(n_classes, inside, rng):
    n_leaves, answers = 3, np.array([0, 1])
    first = np.array([0, 1, 3, 9], dtype=np.int32)
    label, leaf = np.divmod(np.arange(n_classes * n_leaves, dtype=np.int32), n_leaves)
    labels = rng.integers(n_classes, size=n_leaves)
    moves = np.stack(
        [
            np.stack(
                [label * n_classes + labels[leaf], label * n_classes + a, label * (n_classes + 1)]
            )
            for a in answers
        ]
    )
    moves = np.ascontiguousarray(moves.transpose(0, 2, 1), dtype=np.int32)
    orders = np.array([[0, 1, 2, 3, 4, 5, 6, 7, 8], [0, 1, 2, 3, 4, 6, 5, 7, 8]], dtype=np.int32)
    inside = np.array(inside, dtype=np.int32)
    # What has no leaf moves, too, but is nothing that there must be.
    leaf[1] = -1
    for missing in (0, 1):
        sums = rng.integers(3, size=(9, len(label))) * rng.integers(2, size=(9, 1)) * 1.0
        sums[first[1:] - 1] *= missing
        base = rng.integers(50, 90, n_classes**2).astype(float)
        of_leaf = np.array([40.0, 12.0, np.inf])
        tallies, bounds = (np.empty((n_classes**2, 4 * n)) for n in (9, len(inside)))
        places, bounded = (np.empty(4 * n, dtype=np.int64) for n in (9, len(inside)))
        runs = np.empty(6, dtype=np.int64)
        n, n_runs, n_bounded = splits.fill_tallies(
            sums,
            first,
            orders,
            base,
            moves,
            leaf,
            of_leaf,
            2.0,
            inside,
            tallies,
            places,
            runs,
            bounds,
            bounded,
        )
        expected, expected_bounds = reference.tallies_of_conditions(
            sums, first, orders, base, moves, leaf, of_leaf, 2.0, inside
        )
        assert sorted(places[:n]) == sorted(expected)
        answer, code = np.divmod(places[:n] // 2, 9)
        of_run = answer + 2 * np.searchsorted(first, code, "right")
        assert_array_equal(runs[:n_runs], np.flatnonzero(np.diff(of_run, prepend=-1)))
        for place, tally in zip(places, tallies.T[:n], strict=False):
            assert_array_equal(tally, expected[place])
        assert sorted(bounded[:n_bounded]) == sorted(expected_bounds)
        for place, tally in zip(bounded, bounds.T[:n_bounded], strict=False):
            assert_array_equal(tally, expected_bounds[place])


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
            np.zeros((1, 4), np.int32),
            np.zeros(4),
            np.zeros((1, 2, 3), np.int32),
            np.zeros(2, np.int32),
            np.zeros(1),
            0.0,
            np.zeros(0, np.int32),
            np.zeros((4, 7)),
            np.zeros(7, np.int64),
            np.zeros(1, np.int64),
            np.zeros((4, 0)),
            np.zeros(0, np.int64),
        )
    holds, lists = np.zeros((1, 5), np.uint8), np.zeros((2, 1, 1), np.int32)
    with pytest.raises(ValueError, match="do not fit holds"):
        splits.fill_leaves(holds, lists, np.zeros((2, 4), np.uint16))
    with pytest.raises(ValueError, match="do not fit holds"):
        splits.fill_leaves(holds, lists + 1, np.zeros((2, 5), np.uint16))
