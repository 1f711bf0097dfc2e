"""The best step on a line: its kernels, and all of it against trying every interval."""

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tabtrain import table as table_module
from tabtrain._kernels import sweep
from tabtrain.models import LinearModel
from tabtrain.objectives import Accuracy, Cost, CountScore
from tabtrain.problem import Problem, TimeUpError
from tabtrain.table import Table
from tests import reference
from tests.problems import OBJECTIVES, n_outputs_of, random_table

MAX, SUBNORMAL = np.finfo(np.float64).max, 5e-324
SIZES = np.array(
    [0.0, SUBNORMAL, 1e-310, 1e-300, 1e-46, 1.4e-45, 1e-38, 1e-30, 0.1, 1.0, 1.5, 2.0, 3.0, 1e30]
    + [np.nextafter(1, 0), np.nextafter(1, 2), 1 + 2.0**-24, 3.4e38, 3.5e38, 1e300, MAX]
)
EXTREME = np.concatenate([SIZES, -SIZES])

seeds = st.integers(0, 2**32 - 1)
weights = st.sampled_from(["ones", "whole", "one row", "fractions"])


def some_weights(rng, kind, n_rows):
    if kind == "one row":
        return 3.0 * (np.arange(n_rows) == rng.integers(n_rows))
    return random_table(rng, n_rows, 1, 2, weights=kind)[2]


def extreme(rng, shape):
    return rng.choice(EXTREME, shape)


def on_a_grid(rng, shape):
    return rng.integers(-4, 5, shape) / 2


def neighbours(rng, shape):
    """Some next to each other, with or without a number between them."""
    return rng.choice([1.0, -1.0, 1e-300, 1e300]) * (1 + rng.integers(6, size=shape) * 2.0**-52)


def all_alike(rng, shape):
    return np.full(shape, rng.choice(EXTREME))


def spread_out(rng, shape):
    return rng.standard_normal(shape) / rng.standard_normal(shape)


NUMBERS = [extreme, on_a_grid, neighbours, all_alike, spread_out]
numbers = st.sampled_from(NUMBERS)


def frozen(array):
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


def spaced(shape, dtype):
    """Rows side by side, but the lines apart."""
    return np.zeros((shape[0], shape[1] + 5), dtype)[:, : shape[1]]


# Where rows flip


@settings(max_examples=100)
@given(seeds, st.sampled_from([1, 2, 3, 5]), numbers, numbers, weights, st.booleans())
def test_flips(seed, n_outputs, of_raw, of_slope, kind_of_weights, one_start):
    rng = np.random.default_rng(seed)
    n_lines, n_rows, n_classes = rng.integers(4), 16 * rng.integers(4), max(n_outputs, 2)
    raw = of_raw(rng, (1 if one_start else n_lines, n_outputs, n_rows))
    slope = of_slope(rng, (n_lines, n_rows)) * rng.choice([0, 1], n_rows, p=[0.1, 0.9])
    moved = rng.integers(n_outputs, size=n_lines)
    y = rng.integers(n_classes, size=n_rows).astype(float)
    weight = some_weights(rng, kind_of_weights, n_rows) if n_rows else np.zeros(0)
    raw[:, :, weight == 0] = rng.choice([np.nan, np.inf, 1.0])
    limits = np.sort(extreme(rng, (n_lines, 2)))
    limits[rng.random(n_lines) < 0.5] = -np.inf, np.inf
    t, kind = spaced((n_lines, n_rows), float), spaced((n_lines, n_rows), np.uint16)
    start = np.ones((n_lines, n_classes**2))
    inputs = map(frozen, (raw, slope, moved, y, weight, limits))
    with np.errstate(all="ignore"):
        sweep.flips(*inputs, t, kind, start)
    moves = sweep.moves_of_flips(n_outputs, moved)
    counts = weight > 0
    for p in range(n_lines):
        of_line = raw[0 if one_start else p]
        with np.errstate(all="ignore"):
            at, before, after = reference.flips(of_line, moved[p], slope[p], *limits[p])
        at[~counts] = np.inf
        assert_array_equal(t[p], at)
        expected = np.ones((n_classes, n_classes))
        np.add.at(expected, (y.astype(int), before), weight)
        assert_allclose(start[p], expected.ravel(), rtol=1e-14, atol=1e-14)
        label = y.astype(int) * n_classes
        entries = np.stack([label + before, label + after, label + y.astype(int)], axis=1)
        of_kind = moves[p if len(moves) > 1 else 0][kind[p]]
        assert_array_equal(of_kind[at < np.inf], entries[at < np.inf])


@settings(max_examples=100)
@given(seeds, numbers, numbers)
def test_flips_are_where_labels_change(seed, of_raw, of_slope):
    """Not only as a formula says: the counts between events are those of direct evaluation."""
    rng = np.random.default_rng(seed)
    raw, slope = of_raw(rng, (1, 16)), of_slope(rng, 16)
    y, weight = rng.integers(2, size=16).astype(float), some_weights(rng, "whole", 16)
    t, kind, start = np.zeros((1, 16)), np.zeros((1, 16), np.uint16), np.zeros((1, 4))
    moved, limits = np.zeros(1, np.intp), np.array([[-np.inf, np.inf]])
    sweep.flips(raw[np.newaxis], slope[np.newaxis], moved, y, weight, limits, t, kind, start)
    points = np.unique(t[t < np.inf])
    tallies = reference.tallies_of_intervals(
        points, t[0], kind[0], weight, sweep.moves_of_flips(1, moved)[0], start[0]
    )
    edges = [-MAX, *points, MAX]
    for i, tally in enumerate(tallies):
        if reference.has_number(*edges[i : i + 2]):
            inside = float(reference.middle(*edges[i : i + 2]))
            expected = reference.counts_on_line(raw, 0, slope, y, weight, inside)
            assert_array_equal(tally, expected)


@given(seeds, st.sampled_from([-2.0, 0.5]), st.sampled_from([-1, 0, 1]), st.integers(0, 3), weights)
def test_steps(seed, unit, rounding, n_tiles, kind_of_weights):
    rng = np.random.default_rng(seed)
    n_rows = 16 * n_tiles
    below, above = rng.choice([-1.0, 0.0, 1.0, 2.0], (2, n_rows), p=[0.02, 0.38, 0.3, 0.3])
    other = rng.integers(-8, 9, n_rows) / 4
    other[rng.random(n_rows) < 0.1] = rng.choice([np.inf, -np.inf])
    no_comparison = rng.random(n_rows) < 0.1
    other[no_comparison], above[no_comparison] = np.nan, below[no_comparison]
    y = rng.integers(3, size=n_rows).astype(float)
    weight = some_weights(rng, kind_of_weights, n_rows) if n_rows else np.zeros(0)
    low, high = rng.choice([(-np.inf, np.inf), (-1.0, 2.0)])
    t, kind = np.empty(n_rows), np.empty(n_rows, dtype=np.uint16)
    start, valid = np.zeros(9), np.array([low, high])
    inputs = [frozen(each) for each in (y, weight, np.array([low, high]))]
    sweep.step_flips(
        *map(frozen, (below, above, other)), 0.25, unit, rounding, *inputs, t, kind, start, valid
    )
    expected = reference.steps(below, above, other, 0.25, unit, rounding, y, weight, low, high)
    assert_array_equal(t, expected[0])
    assert_array_equal(kind, expected[1])
    assert_allclose(start, expected[2], rtol=1e-14)
    assert_array_equal(valid, expected[3])
    moves = sweep.moves_of_steps(3)[0]
    label, before, after = kind // 9, kind // 3 % 3, kind % 3
    assert_array_equal(moves[kind].T, [3 * label + before, 3 * label + after, 4 * label])


def test_steps_of_wrong_shapes_are_refused():
    arrays = [np.zeros(16)] * 3, [np.zeros(16)] * 2
    room = np.zeros(16), np.zeros(16, dtype=np.uint16)

    def call(n_tallies=4, n_valid=2, n_limits=2):
        sweep.step_flips(
            *arrays[0],
            0.0,
            1.0,
            0,
            *arrays[1],
            np.zeros(n_limits),
            *room,
            np.zeros(n_tallies),
            np.zeros(n_valid),
        )

    call()
    for wrong in ({"n_tallies": 5}, {"n_tallies": 1}, {"n_valid": 3}, {"n_limits": 1}):
        with pytest.raises(ValueError, match=r"do not fit|take 2 to 40"):
            call(**wrong)


def test_too_many_outputs_for_the_kinds():
    K = sweep.MAX_OUTPUTS
    assert 2 * K**2 <= 2**16 < 2 * (K + 1) ** 2
    model = LinearModel(K + 1, np.zeros(1), np.ones(1))
    assert not model.line_events
    raw, y = np.zeros((1, K + 1, 16)), np.zeros(16)
    t, kind = np.zeros((1, 16)), np.zeros((1, 16), np.uint16)
    with pytest.raises(ValueError, match=f"more than {K} outputs"):
        sweep.flips(
            raw,
            t,
            np.zeros(1, np.intp),
            y,
            y,
            np.zeros((1, 2)),
            t,
            kind,
            np.zeros((1, (K + 1) ** 2)),
        )


# Buckets


@pytest.mark.parametrize("of_t", NUMBERS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("n_buckets", [2, 4, 64, 8192, 65534])
def test_buckets_are_in_the_order_of_t(of_t, n_buckets, rng):
    for n_rows in (0, 16, 320):
        t, kind = spaced((3, n_rows), float), spaced((3, n_rows), np.uint16)
        t[:] = np.sort(of_t(rng, t.shape))
        t[:, n_rows - n_rows // 10 :] = np.inf
        kind[:] = rng.integers(4, size=kind.shape)
        weight = some_weights(rng, "whole", n_rows)
        scale = sweep.typical_sizes(np.ascontiguousarray(t))
        assert scale.shape == (3,)
        assert np.all((scale > 0) & (scale < np.inf))
        bucket = spaced(t.shape, np.uint16)
        sums = np.ones((3, n_buckets + 1, 4))
        sweep.bucket_sums(frozen(t), frozen(kind), frozen(weight), frozen(scale), bucket, sums)
        assert np.all(np.diff(bucket.astype(int)) >= 0)
        assert_array_equal(bucket == n_buckets, t == np.inf)
        assert np.all(bucket <= n_buckets)
        expected = np.ones_like(sums)
        for p in range(3):
            np.add.at(expected[p], (bucket[p], kind[p]), weight)
        assert_array_equal(sums, expected)


def test_buckets_are_filled_evenly(rng):
    """Else they would save nothing."""
    t = spread_out(rng, (1, 2**14))
    kind, weight = np.zeros(t.shape, np.uint16), np.ones(2**14)
    for size in (1e-20, 1.0, 1e20):
        sums = np.zeros((1, 65, 1))
        scale = sweep.typical_sizes(size * t)
        sweep.bucket_sums(size * t, kind, weight, scale, kind.copy(), sums)
        assert 64 < sums[0, :64].min() <= sums.max() < 1024


@pytest.mark.parametrize("n_buckets", [1, 0, 3, 2**16])
def test_wrong_numbers_of_buckets(n_buckets):
    t, kind = np.zeros((1, 16)), np.zeros((1, 16), np.uint16)
    sums = np.zeros((1, n_buckets + 1, 1))
    with pytest.raises(ValueError, match="do not fit"):
        sweep.bucket_sums(t, kind, np.ones(16), np.ones(1, np.float32), kind.copy(), sums)


def bucketed(rng, n_lines, n_rows, n_buckets, n_classes, kind_of_weights="whole"):
    """All that the kernels behind the buckets take, by name, for random events."""
    n_outputs = n_outputs_of(n_classes)
    raw = on_a_grid(rng, (n_lines, n_outputs, n_rows)) + rng.standard_normal() / 8
    slope = on_a_grid(rng, (n_lines, n_rows))
    moved = rng.integers(n_outputs, size=n_lines)
    y = rng.integers(n_classes, size=n_rows).astype(float)
    weight = some_weights(rng, kind_of_weights, n_rows) if n_rows else np.zeros(0)
    limits = np.tile([-np.inf, np.inf], (n_lines, 1))
    t, kind = np.zeros((n_lines, n_rows)), np.zeros((n_lines, n_rows), np.uint16)
    start = np.zeros((n_lines, n_classes**2))
    sweep.flips(raw, slope, moved, y, weight, limits, t, kind, start)
    moves = np.ascontiguousarray(sweep.moves_of_flips(n_outputs, moved))
    bucket = np.zeros(kind.shape, np.uint16)
    sums = np.zeros((n_lines, n_buckets + 1, moves.shape[1]))
    sweep.bucket_sums(t, kind, weight, sweep.typical_sizes(t), bucket, sums)
    names = "t kind weight bucket sums moves start limits"
    return dict(
        zip(names.split(), (t, kind, weight, bucket, sums, moves, start, limits), strict=True)
    )


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_lines", [0, 1, 3])
@pytest.mark.parametrize("n_rows", [0, 16, 80])
def test_tallies_between_buckets_and_the_best_inside(n_lines, n_rows, n_classes, rng):
    of = bucketed(rng, n_lines, n_rows, 8, n_classes)
    tallies = np.full((n_classes**2, n_lines, 17), np.nan)
    sweep.bucket_tallies(frozen(of["sums"]), frozen(of["moves"]), frozen(of["start"]), tallies)
    for p in range(n_lines):
        now, moves = of["start"][p].copy(), of["moves"][p if len(of["moves"]) > 1 else 0]
        assert_array_equal(tallies[:, p, 0], now)
        for b in range(8):
            best = now.copy()
            for i in np.flatnonzero(of["bucket"][p] == b):
                before, after, at_best = moves[of["kind"][p, i]]
                for tally, to in ((best, at_best), (now, after)):
                    tally[before] -= of["weight"][i]
                    tally[to] += of["weight"][i]
            assert_array_equal(tallies[:, p, 2 * b + 1], best)
            assert_array_equal(tallies[:, p, 2 * b + 2], now)


@given(seeds, st.integers(0, 3), st.sampled_from([2, 4, 10]))
def test_chosen_buckets_and_their_neighbours(seed, n_lines, n_buckets):
    rng = np.random.default_rng(seed)
    scores = rng.choice(
        [0.0, 1.0, 2.0, np.nan], (n_lines, 2 * n_buckets + 1), p=[0.5, 0.2, 0.2, 0.1]
    )
    sums = rng.integers(2, size=(n_lines, n_buckets + 1, 2)).astype(float)
    least = rng.choice([1.0, 2.0, np.nan, -np.inf], n_lines)
    keep = sweep.choose_buckets(frozen(scores), frozen(sums), frozen(least))
    assert keep.shape == (n_lines, n_buckets + 1)
    for p in range(n_lines):
        filled = [b for b in range(n_buckets) if sums[p, b].any()]
        wanted = [not scores[p, 2 * b + 1] < least[p] for b in filled]
        expected = np.zeros(n_buckets + 1)
        for i, b in enumerate(filled):
            expected[b] = any(wanted[max(i - 1, 0) : i + 2])
        assert_array_equal(keep[p], expected)


# Events


def as_events(found):
    return np.asarray(found).view(sweep.EVENT)


@given(seeds, st.integers(0, 3), st.sampled_from([0, 16, 160]), st.sampled_from([0.0, 0.3, 1.0]))
def test_events_are_collected_and_sorted(seed, n_lines, n_rows, share):
    rng = np.random.default_rng(seed)
    of = bucketed(rng, n_lines, n_rows, 8, 3)
    keep = np.zeros((n_lines, 9), np.uint8)
    keep[:, :8] = rng.random((n_lines, 8)) < share
    rows = [of[name] for name in ("t", "kind", "weight", "bucket")]
    collected = sweep.collect(*map(frozen, rows), frozen(keep))
    expected = [
        (of["t"][p, i], of["weight"][i], of["bucket"][p, i], of["kind"][p, i], p)
        for p in range(n_lines)
        for i in range(n_rows)
        if keep[p, of["bucket"][p, i]]
    ]
    assert as_events(collected).tolist() == expected
    limits = rng.random((n_lines, 2)) + [0, 1e300]
    events, first = sweep.sort(frozen(collected), n_lines, 8, frozen(limits))
    ends = [(limits[p, 1], 0.0, 8, 0, p) for p in range(n_lines)]
    assert_sorted(as_events(events), first, expected, ends)
    if share == 1:
        events, first = sweep.sort_all(*map(frozen, rows[:3]), frozen(limits))
        events = as_events(events).copy()
        last = events["weight"] == 0
        # Its buckets are its own, but it has them in order.
        assert np.all(np.diff(events["bucket"].astype(int))[~last[1:] & ~last[:-1]] >= 0)
        events["bucket"] = 0
        without_bucket = [[(*e[:2], 0, *e[3:]) for e in each] for each in (expected, ends)]
        assert_sorted(events, first, *without_bucket)


def assert_sorted(events, first, expected, ends):
    """By line and t, those of the same t in any order, with an end behind each line."""
    assert len(first) == len(ends) + 1
    assert first[0] == 0
    assert first[-1] == len(events)
    assert sorted(events.tolist()) == sorted(expected + ends)
    for p, end in enumerate(ends):
        line = events[first[p] : first[p + 1]]
        assert line[-1].item() == end
        assert np.all(line["line"] == p)
        assert np.all(np.diff(line["t"]) >= 0)


ORDERS = {
    "as they come": lambda t: t,
    "sorted": np.sort,
    "backwards": lambda t: -np.sort(-t),
    "organ pipe": lambda t: np.concatenate([np.sort(t)[::2], -np.sort(-t)[::2]]),
    "sawtooth": lambda t: t[np.argsort(np.arange(len(t)) % 7, kind="stable")],
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("of_t", NUMBERS, ids=lambda each: each.__name__)
def test_large_buckets_are_sorted(order, of_t, rng):
    """Quicksort at its worst: one bucket of all, in any order, with any ties."""
    t = ORDERS[order](of_t(rng, 2000))[np.newaxis, :1984].copy()
    t[np.isinf(t)] = 0
    kind, bucket = np.zeros((2, *t.shape), np.uint16)
    weight = 1.0 + np.arange(t.size)
    events = sweep.collect(t, kind, weight, bucket, np.array([[1, 0, 0]], np.uint8))
    found, first = sweep.sort(events, 1, 2, np.array([[-np.inf, np.inf]]))
    expected = as_events(events).tolist()
    assert len(expected) == t.size
    assert_sorted(as_events(found), first, expected, [(np.inf, 0.0, 2, 0, 0)])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("at_a_time", [1, 3, 7, 1000])
@pytest.mark.parametrize("all_known", [True, False])
def test_tallies_before_events(n_classes, at_a_time, all_known, rng):
    """In one go or in parts, from the sums of buckets or from the beginning."""
    of = bucketed(rng, 3, 80, 8, n_classes)
    rows = [of[name] for name in ("t", "kind", "weight")]
    known = np.empty((n_classes**2, 3, 17))
    sweep.bucket_tallies(of["sums"], of["moves"], of["start"], known)
    keep = np.zeros((3, 9), np.uint8)
    keep[:, :8] = 1
    if all_known:  # so that some may be left out
        keep[:, [2, 3, 5]] = 0
    events, first = sweep.sort(sweep.collect(*rows, of["bucket"], keep), 3, 8, of["limits"])
    if not all_known:
        known = known[:, :, :1].copy()
    n = first[-1]
    tallies, now = np.full((n_classes**2, n), np.nan), np.full(n_classes**2, np.nan)
    for begin in range(0, n, at_a_time):
        part = np.empty((n_classes**2, min(at_a_time, n - begin)))
        sweep.tallies_before(frozen(events), begin, frozen(of["moves"]), frozen(known), now, part)
        tallies[:, begin : begin + at_a_time] = part
    events = as_events(events)
    assert_array_equal(now, tallies[:, -1])
    for p in range(3):
        line = slice(first[p], first[p + 1])
        points = np.unique(of["t"][p][of["t"][p] < np.inf])
        moves = of["moves"][p if len(of["moves"]) > 1 else 0]
        expected = reference.tallies_of_intervals(
            points, of["t"][p], of["kind"][p], of["weight"], moves, of["start"][p]
        )
        t = events["t"][line]
        new = np.append(True, t[1:] > t[:-1])  # within equal ones the order is open
        if all_known:
            # Of a bucket after one left out, what is before it is not an interval of its own.
            assert_array_equal(tallies[:, line].T[new], expected[np.searchsorted(points, t[new])])
        else:
            assert_array_equal(tallies[:, line].T[new], expected)


# The best step, against trying all


OF_TWO = ["Accuracy", "F1", "MatthewsCorrcoef", "gains", "Recall", "Precision", "not monotone"]
OF_MORE = ["Accuracy", "F1Macro", "MatthewsCorrcoef", "Cost", "gains", "not monotone"]
SCORES = [(name, 2) for name in OF_TWO] + [(name, n) for name in OF_MORE for n in (3, 5)]


def make_objective(name, n_classes):
    if name == "not monotone":
        return CountScore(lambda counts: np.cos(counts @ np.arange(1, n_classes + 1)).sum())
    if name == "gains":  # whole, so that sums of them are exact in any order
        return Cost(np.round(3 * np.cos(np.arange(n_classes**2))).reshape(n_classes, n_classes))
    return OBJECTIVES[name].make(n_classes)


WAYS = {
    "all sorted": {"_line_search.SORT_ALL": 10**9},
    "all sorted, few at a time": {
        "_line_search.SORT_ALL": 10**9,
        "_line_search.ENTRIES_AT_A_TIME": 40,
    },
    "buckets": {"_line_search.SORT_ALL": 0, "_line_search.EVENTS_A_BUCKET": 2},
    "two buckets": {"_line_search.SORT_ALL": 0, "_line_search.MAX_BUCKETS": 2},
    "many parts": {
        "_line_search.SORT_ALL": 0,
        "_line_search.EVENTS_A_BUCKET": 1,
        "_line_search.MIN_PART_ROWS": 16,
        "_line_search.ENTRIES_AT_A_TIME": 40,
    },
    "few lines at a time": {"_line_search.SORT_ALL": 0, "problem.EVENTS_BYTES": 1},
    "many blocks": {"table.MIN_BLOCK_TILES": 1, "table.SMALL_TABLE_BLOCKS": 9},
}


def on_the_way(way, function):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in WAYS[way].items():
            patch.setattr(f"tabtrain.{name}", value)
        return function()


def assert_in_the_widest(step, edges, scores, best):
    """In the middle of it, or next to the middle where that is an event."""
    expected, joined = reference.best_intervals(edges, scores)
    assert best == expected
    if best == -np.inf:
        assert step == 0
        return
    (own,) = [i for i in range(len(scores)) if edges[i] < step < edges[i + 1]]
    assert scores[own] == best
    (interval,) = [each for each in joined if each[0] < step < each[1]]
    # By less than a neighbouring number, as an end may be without a number inside.
    widest = max(reference.width(*each) for each in joined)
    near = 4e-16 * max(abs(each) for each in (*interval, 0) if np.isfinite(each)) + 2e-323
    assert reference.width(*interval) >= widest - 2 * near
    middle = reference.middle(*interval)
    if not edges[own] - near <= middle <= edges[own + 1] + near:
        # Then there is no number around it.
        around = [i for i in range(len(scores)) if edges[i] <= middle <= edges[i + 1]]
        assert not any(reference.has_number(*edges[i : i + 2]) for i in around)
    elif edges[own] < middle < edges[own + 1]:
        assert abs(step - middle) <= near


def problem_of_rows(objective, raw, slope, y, weight, **options):
    """Raw predictions and slopes are features, so that both come out as they went in."""
    n_outputs = len(raw)
    model = LinearModel(n_outputs, np.zeros(n_outputs + 1), np.ones(n_outputs + 1), **options)
    theta = np.zeros(model.n_params)
    theta[: model._n_weights] = np.eye(n_outputs, n_outputs + 1).ravel()
    lines = np.zeros((n_outputs, model.n_params))
    for c in range(n_outputs):
        lines[c, c * (n_outputs + 1) + n_outputs] = 1
    return (
        Problem(model, objective, Table(np.column_stack([raw.T, slope]), y, weight)),
        theta,
        lines,
    )


@pytest.mark.parametrize(("name", "n_classes"), SCORES)
@settings(max_examples=12)
@given(st.data())
def test_no_step_beats_the_best(name, n_classes, data):
    """By direct evaluation in every interval; and every way to search finds the same."""
    rng = np.random.default_rng(data.draw(seeds))
    of_raw = data.draw(numbers) if n_classes == 2 else on_a_grid
    of_slope = data.draw(numbers)
    n_rows, n_outputs = data.draw(st.sampled_from([1, 5, 16, 70])), n_outputs_of(n_classes)
    kind_of_weights = data.draw(weights)
    raw, slope = of_raw(rng, (n_outputs, n_rows)), of_slope(rng, n_rows)
    y = rng.integers(n_classes, size=n_rows).astype(float)
    weight = some_weights(rng, kind_of_weights, n_rows)
    weight[rng.integers(n_rows)] = 1
    objective = make_objective(name, n_classes)

    def search(way="all sorted"):
        problem, theta, lines = on_the_way(
            way, lambda: problem_of_rows(objective, raw, slope, y, weight)
        )
        return on_the_way(way, lambda: problem.line_search(theta[np.newaxis], lines))

    with np.errstate(all="ignore"):
        steps, best = search()
        for way in WAYS:
            found = search(way)
            if kind_of_weights == "fractions":  # sums of costs are not exact in any order
                assert_allclose(found[1], best, rtol=1e-12, atol=1e-12)
            else:
                assert found[0].tobytes() == steps.tobytes()
                assert found[1].tobytes() == best.tobytes()
        for moved in range(n_outputs):
            t, _, _ = reference.flips(raw, moved, slope, -np.inf, np.inf)
            edges = [-np.inf, *np.unique(t[(weight > 0) & np.isfinite(t)]), np.inf]
            tallies = np.array(
                [counts_inside(raw, moved, slope, y, weight, *ends) for ends in pairs(edges)]
            )
            scores = objective.score(tallies)
            if kind_of_weights != "fractions":
                assert_in_the_widest(steps[moved], edges, scores, best[moved])
            else:
                with_number = np.array([reference.has_number(*ends) for ends in pairs(edges)])
                assert_allclose(best[moved], scores[with_number].max(), rtol=1e-10, atol=1e-12)
                there = counts_inside(raw, moved, slope, y, weight, steps[moved], steps[moved])
                assert_allclose(objective.score(there[np.newaxis])[0], best[moved], atol=1e-12)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("low", "high"),
    [
        (np.nextafter(-(2.0**-150), -1), -(2.0**-150)),  # in two buckets, if there are any
        (1.0, np.nextafter(1, 2)),
        (1.0, 1 + 2.0**-51),
        (-SUBNORMAL, SUBNORMAL),
        (-0.9 * MAX, 0.9 * MAX),
    ],
)
def test_the_best_may_be_out_of_reach(low, high, way):
    """Where it is between two numbers without another; then what is good far away counts."""
    raw, slope = np.array([[-low, high, -50, -5e3, -1e6]]), np.array([1.0, -1, 1, 1, 1])
    y, weight = np.ones(5), np.array([10.0, 10, 1, 1, 1])
    problem, theta, lines = problem_of_rows(Accuracy(), raw, slope, y, weight)
    steps, best = on_the_way(way, lambda: problem.line_search(theta[np.newaxis], lines))
    edges = [-np.inf, *np.sort(-raw[0] / slope), np.inf]
    tallies = [counts_inside(raw, 0, slope, y, weight, *ends) for ends in pairs(edges)]
    assert_in_the_widest(steps[0], edges, Accuracy().score(np.array(tallies)), best[0])
    assert (best[0] > 13 / 23) == (low < steps[0] < high) == reference.has_number(low, high)


def pairs(edges):
    return list(pairwise(edges))


def counts_inside(raw, moved, slope, y, weight, low, high):
    """Of an interval without a number what there would be: events at its ends have happened or
    have not."""
    if low == high or reference.has_number(low, high):
        inside = reference.middle(low, high) if low < high else low
        return reference.counts_on_line(raw, moved, slope, y, weight, inside)
    t, before, after = reference.flips(raw, moved, slope, -np.inf, np.inf)
    labels = np.where(t <= low, after, before)
    n_classes = max(len(raw), 2)
    counts = np.zeros((n_classes, n_classes))
    np.add.at(counts, (y.astype(int), labels), weight)
    return counts.ravel()


# Of a problem


def make(rng, objective, n_classes, *, n_rows=400, kind_of_weights="whole", n_jobs=1, **options):
    X, y, _ = random_table(rng, n_rows, 4, n_classes)
    weight = some_weights(rng, kind_of_weights, n_rows)
    center, scale = X.mean(axis=0), X.std(axis=0)
    model = LinearModel(n_outputs_of(n_classes), center, scale, **options)
    return Problem(model, objective, Table(X, y, weight, n_jobs=n_jobs))


def some_lines(rng, problem, n):
    """In random groups, along all their parameters or one of them."""
    groups = problem.line_groups
    which = groups[rng.integers(len(groups), size=n)]
    single = which & (which.cumsum(axis=1) == rng.integers(1, which.sum(axis=1) + 1)[:, np.newaxis])
    which = np.where(rng.random((n, 1)) < 0.5, which, single)
    return rng.standard_normal(which.shape) * which


@pytest.mark.parametrize(("name", "n_classes"), SCORES)
@pytest.mark.parametrize("kind_of_weights", ["whole", "fractions"])
def test_what_is_promised_is_there(name, n_classes, kind_of_weights, rng):
    """The counts of rows that are all gone are 0, whatever their weights were."""
    objective = make_objective(name, n_classes)
    problem = make(rng, objective, n_classes, kind_of_weights=kind_of_weights)
    thetas, lines = problem.initial(rng, 20), some_lines(rng, problem, 20)
    steps, best = problem.line_search(thetas, lines)
    there = problem.scores(thetas + steps[:, np.newaxis] * lines)
    assert_allclose(there, best, rtol=1e-12, atol=1e-12)
    for step in (-10.0, -0.1, 0.0, 0.1, 10.0):
        assert np.all(problem.scores(thetas + step * lines) <= best + 1e-12)
    assert problem.n_trials == 7 * 20


@pytest.mark.parametrize("n_classes", [2, 3])
def test_penalties_are_included_but_not_minded(n_classes, rng):
    problem = make(rng, Accuracy(), n_classes)
    thetas, lines = problem.initial(rng, 20), some_lines(rng, problem, 20)
    steps, best = problem.line_search(thetas, lines)
    problem.alpha = 0.3
    with_penalty = problem.line_search(thetas, lines)
    assert_array_equal(with_penalty[0], steps)
    there = problem.scores(thetas + steps[:, np.newaxis] * lines)
    assert_allclose(with_penalty[1], there, rtol=1e-12)
    assert np.all(there < best)


@pytest.mark.parametrize(("name", "n_classes"), [("F1", 2), ("Accuracy", 3)])
def test_line_searches_have_the_same_bits_whatever_the_way(name, n_classes, monkeypatch):
    """Of any number of threads, one theta or its copies, lines alone or among others."""
    monkeypatch.setattr("tabtrain.problem.THREADS_FROM", 0)
    monkeypatch.setattr(table_module, "MIN_BLOCK_TILES", 2)
    objective = make_objective(name, n_classes)
    expected = None
    for way in WAYS:
        for n_jobs in (1, 3):
            rng = np.random.default_rng(5)
            options = {"kind_of_weights": "fractions", "n_jobs": n_jobs}
            problem = on_the_way(way, lambda: make(rng, objective, n_classes, **options))  # noqa: B023
            theta, lines = problem.initial(rng, 1), some_lines(rng, problem, 9)
            found = on_the_way(way, lambda: problem.line_search(theta, lines))  # noqa: B023
            expected = found if expected is None else expected
            copies = problem.line_search(theta.repeat(9, axis=0), lines)
            alone = [problem.line_search(theta, line[np.newaxis]) for line in lines]
            for again in (
                found,
                copies,
                [np.concatenate(each) for each in zip(*alone, strict=True)],
            ):
                assert again[0].tobytes() == expected[0].tobytes()
                assert again[1].tobytes() == expected[1].tobytes()
            problem._table.close()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("all_bounded", [True, False])
def test_steps_stay_within_bounds(n_classes, all_bounded, rng):
    """And are the best of those that do."""
    n_params = n_outputs_of(n_classes) * 5
    low, high = -rng.random(n_params), rng.random(n_params)
    low[1] = high[1] = 0.25  # fixed
    if not all_bounded:
        low[::3], high[::2] = -np.inf, np.inf
    problem = make(rng, Accuracy(), n_classes, bounds=(low, high))
    assert not problem.line_groups[:, 1].any()
    thetas = problem.project(0.9 * problem.project(problem.initial(rng, 30)))
    lines = some_lines(rng, problem, 30)
    steps, best = problem.line_search(thetas, lines)
    assert np.all(best > -np.inf)
    assert len(np.unique(steps)) > 20
    moved = thetas + steps[:, np.newaxis] * lines
    assert_allclose(moved, problem.project(moved), atol=1e-14)
    assert_allclose(problem.scores(moved), best, rtol=1e-14)
    for p in range(30):
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.sort((np.array([low, high]) - thetas[p]) / lines[p], axis=0)
        ends = np.max(reach[0][lines[p] != 0]), np.min(reach[1][lines[p] != 0])
        inside = np.linspace(*np.clip(ends, -20, 20), 202)[1:-1, np.newaxis]
        assert np.all(problem.scores(thetas[p] + inside * lines[p]) <= best[p] + 1e-14)


def test_no_step_where_there_is_no_room(rng):
    """Along what is fixed, or out of a corner."""
    problem = make(rng, Accuracy(), 2, bounds=(-1.0, np.array([-1.0, 1.0, 1.0, 1.0, 1.0])))
    theta = np.full((1, 5), -1.0)
    lines = np.array([[1.0, 0, 0, 0, 0], [0, 1, -1, 0, 0], [0, 1, 1, 0, 0]])
    steps, best = problem.line_search(theta, lines)
    assert_array_equal(steps[:2], 0)
    assert_array_equal(best[:2], -np.inf)
    assert 0 < steps[2] < 2


@pytest.mark.parametrize("n_classes", [2, 3])
def test_lines_that_lead_nowhere(n_classes, rng):
    problem = make(rng, Accuracy(), n_classes)
    thetas = problem.initial(rng, 2)
    steps, best = problem.line_search(thetas, np.zeros_like(thetas))
    assert_array_equal(steps, 0)
    assert_array_equal(best, problem.scores(thetas))
    steps, best = problem.line_search(thetas[:1], np.empty((0, problem.n_params)))
    assert steps.shape == best.shape == (0,)


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_deadline(n_jobs, monkeypatch, rng):
    monkeypatch.setattr("tabtrain.problem.THREADS_FROM", 0)
    problem = make(rng, Accuracy(), 3, n_jobs=n_jobs)
    theta, lines = problem.initial(rng, 1), some_lines(rng, problem, 4)
    problem.deadline = time.monotonic() - 1
    with pytest.raises(TimeUpError):
        problem.line_search(theta, lines)
    problem.deadline = time.monotonic() + 60
    assert len(problem.line_search(theta, lines)[0]) == 4
    problem._table.close()


@pytest.mark.parametrize("n_rows", [16, 3000])
def test_a_score_that_is_never_a_number(n_rows, rng):
    problem = make(rng, CountScore(lambda counts: np.nan), 2, n_rows=n_rows)
    steps, best = problem.line_search(problem.initial(rng, 2), np.eye(5)[:2])
    assert_array_equal(steps, 0)
    assert_array_equal(best, -np.inf)
