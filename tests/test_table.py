"""A table is its rows again, however it is read and by however many threads."""

import threading
import time
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tabtrain import table as table_module
from tabtrain.models.linear import CONSTANT
from tabtrain.table import Table
from tests.problems import LAYOUTS
from tests.reference import LANES, unpack

N_JOBS = [1, 2, 3, 4]
N_ROWS = [1, 2, 15, 16, 17, 100, 1040, 1041, 5000]

n_jobs_1_to_4 = pytest.mark.parametrize("n_jobs", N_JOBS)


@pytest.fixture(params=["packed once", "packed at every pass"])
def packing(request, monkeypatch):
    if request.param == "packed at every pass":
        monkeypatch.setattr(table_module, "PACK_ONCE_BYTES", 0)
    monkeypatch.setattr(table_module, "MIN_BLOCK_TILES", 4)
    return request.param


# Blocks


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_blocks_are_the_rows(layout, dtype, packing, rng):
    for n_rows in N_ROWS:
        X = LAYOUTS[layout](rng.standard_normal((n_rows, 3)).astype(dtype))
        X.flags.writeable = False
        y, weight = rng.random((2, n_rows))
        table = Table(X, y, weight)
        assert table.packs_once == (packing == "packed once")
        # One at a time, as the next block may take the place of the last.
        blocks = [[part.copy() for part in table.block(i)] for i in range(table.n_blocks)]
        rows = np.concatenate([unpack(tiles) for tiles, _, _ in blocks])
        assert len(rows) == table.n_padded == -(-n_rows // LANES) * LANES
        assert_array_equal(rows[:n_rows], X)
        assert_array_equal(np.concatenate([block[1] for block in blocks])[:n_rows], y)
        assert_array_equal(np.concatenate([block[2] for block in blocks])[:n_rows], weight)
        assert_array_equal(np.concatenate([block[2] for block in blocks])[n_rows:], 0)
        assert_array_equal(rows[n_rows:], 0)
        for i, (tiles, _, _) in enumerate(blocks):
            assert len(range(table.n_padded)[table.rows(i)]) == LANES * len(tiles) > 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_are_the_rows_chosen(dtype, packing, rng):
    X, y, weight = rng.standard_normal((100, 3)).astype(dtype), *rng.random((2, 100))
    table = Table(X, y, weight).reweighted(2 * weight)
    for n_chosen in (40, 16, 1):
        chosen = rng.integers(100, size=n_chosen)
        tiles, *labels = table.batch(chosen)
        assert_array_equal(unpack(tiles)[:n_chosen], X[chosen])
        for of_batch, of_table in zip(labels, (y, 2 * weight), strict=True):
            assert_array_equal(of_batch[:n_chosen], of_table[chosen])
            assert_array_equal(of_batch[n_chosen:], 0)


def test_rows_without_labels_and_weights_count_1():
    table = Table(np.ones((20, 2)))
    assert_array_equal(table.weight, [1] * 20 + [0] * 12)
    assert_array_equal(table.y, 0)


def test_blocks_depend_on_the_table_alone(packing, rng):
    X = rng.standard_normal((5000, 3))
    tables = [Table(each, n_jobs=n) for n in N_JOBS for each in (X, X.astype(np.float32))]
    assert tables[0].n_blocks >= 4
    for table in tables:
        assert table.n_blocks == tables[0].n_blocks
        assert [table.rows(i) for i in range(table.n_blocks)] == [
            tables[0].rows(i) for i in range(table.n_blocks)
        ]


def test_small_tables_are_packed_once(packing, monkeypatch, rng):
    calls = []

    def pack(X, tiles):
        calls.append(len(X))
        real_pack(X, tiles)

    real_pack = table_module.pack
    monkeypatch.setattr(table_module, "pack", pack)
    table = Table(rng.standard_normal((1000, 3)))
    for _ in range(3):
        for i in range(table.n_blocks):
            table.block(i)
    passes = 1 if packing == "packed once" else 3
    assert sum(calls) == passes * 1000


def test_what_is_packed_once_is_bounded():
    rows = table_module.PACK_ONCE_BYTES // 80
    assert Table(np.zeros((rows - LANES, 10))).packs_once
    assert not Table(np.zeros((rows + LANES, 10))).packs_once


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_large_table_is_not_copied(order, n_jobs, rng, monkeypatch):
    monkeypatch.setattr(table_module, "PACK_ONCE_BYTES", 2**22)
    X = np.asarray(rng.standard_normal((40_000, 50)), dtype=np.float32, order=order)
    tracemalloc.start()
    try:
        with Table(X, n_jobs=n_jobs) as table:
            total = table.sum(lambda block: block.tiles.sum(axis=(0, 2)))
            table.mean_and_deviation()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert_allclose(total, X.sum(axis=0, dtype=float), rtol=1e-6)
    labels_and_weights = 2 * 8 * len(X)
    assert peak < labels_and_weights + 2 * n_jobs * table_module.BLOCK_BYTES < X.nbytes


def test_scratch_is_of_the_thread_alone():
    table = Table(np.zeros((1, 1)), n_jobs=2)
    mine = table.scratch("name", (3, 4))
    assert mine.shape == (3, 4)
    assert np.shares_memory(mine, table.scratch("name", (2, 2)))
    assert not np.shares_memory(mine, table.scratch("other", (3, 4)))
    others = []
    thread = threading.Thread(target=lambda: others.append(table.scratch("name", (3, 4))))
    thread.start()
    thread.join()
    assert not np.shares_memory(mine, others[0])


# Mapping


@n_jobs_1_to_4
def test_map_keeps_the_order(n_jobs):
    def slow_at_first(i):
        time.sleep(0.01 / (i + 1))
        return i**2

    with Table(np.zeros((1, 1)), n_jobs=n_jobs) as table:
        for n_items in (0, 1, 2, 3, 20):
            assert list(table.map(slow_at_first, range(n_items))) == [i**2 for i in range(n_items)]


def test_map_uses_its_threads():
    """All of them at once: one alone would wait for the others for ever."""
    barrier = threading.Barrier(3)
    with Table(np.zeros((1, 1)), n_jobs=3) as table:
        names = table.map(lambda i: barrier.wait(10) and threading.get_ident(), range(3))
        assert table.map(lambda i: threading.get_ident(), [0]) == [threading.get_ident()]
    assert len(names) == 3


class Failure(BaseException):
    """Not an Exception: so is KeyboardInterrupt."""


@n_jobs_1_to_4
@pytest.mark.parametrize("error", [ValueError, IndexError, StopIteration, Failure])
@pytest.mark.parametrize("failing", [0, 3, 19])
def test_map_raises_what_a_thread_raises(n_jobs, error, failing):
    """When all have come to rest; and it can be used again."""
    before = threading.active_count()
    running = []

    def function(i):
        running.append(i)
        try:
            time.sleep(0.001)
            if i == failing:
                raise error("of this row")
            return i
        finally:
            running.remove(i)

    with Table(np.zeros((1, 1)), n_jobs=n_jobs) as table:
        with pytest.raises(error, match="of this row"):
            list(table.map(function, range(20)))
        assert not running
        assert list(table.map(abs, range(-5, 0))) == [5, 4, 3, 2, 1]
        assert threading.active_count() <= before + n_jobs - 1
    assert threading.active_count() == before


def test_map_does_not_begin_more_after_an_error():
    begun = []

    def function(i):
        begun.append(i)
        if i == 0:
            raise ValueError
        time.sleep(0.005)

    with Table(np.zeros((1, 1)), n_jobs=2) as table, pytest.raises(ValueError):  # noqa: PT011
        table.map(function, range(1000))
    assert len(begun) < 100


def test_closed_tables_open_again():
    before = threading.active_count()
    table = Table(np.zeros((1, 1)), n_jobs=3)
    for _ in range(2):
        assert table.map(abs, [-1, -2, -3]) == [1, 2, 3]
        table.close()
        table.close()
        assert threading.active_count() == before


@n_jobs_1_to_4
def test_sums_are_the_same_for_any_number_of_threads(n_jobs, packing, rng):
    X = rng.standard_normal((5000, 3)) * 10.0 ** rng.integers(-8, 8, (5000, 3))
    weight = rng.random(5000)

    def results(n_jobs):
        with Table(X, weight=weight, n_jobs=n_jobs) as table:
            total = table.sum(lambda block: block.tiles.sum(axis=(0, 2)))
            return np.stack([total, *table.mean_and_deviation()]).tobytes()

    assert results(n_jobs) == results(1)


# Mean and deviation


def expected_mean_and_deviation(X, weight):
    X, weight = X[weight > 0].astype(np.longdouble), weight[weight > 0].astype(np.longdouble)
    mean = np.average(X, axis=0, weights=weight)
    return mean, np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))


@pytest.mark.parametrize("weights", ["ones", "whole", "fractions"])
@pytest.mark.parametrize("n_rows", N_ROWS)
def test_mean_and_deviation(n_rows, weights, packing, rng):
    X = rng.standard_normal((n_rows, 4)) * [1e-100, 1.0, 1e8, 1e100] + [0.0, 5.0, 0.0, 1e101]
    weight = {"ones": np.ones, "whole": lambda n: rng.integers(4, size=n), "fractions": rng.random}
    weight = weight[weights](n_rows).astype(float)
    weight[0] = 1
    X[weight == 0] = 1e300  # no row
    mean, deviation = Table(X, weight=weight).mean_and_deviation()
    expected_mean, expected = expected_mean_and_deviation(X, weight)
    off = np.abs(mean - expected_mean) / (np.abs(expected_mean) + expected)
    assert np.all(off <= 1e-14)
    assert_allclose(deviation, expected.astype(float), rtol=1e-12)


@pytest.mark.parametrize("n_rows", [1000, 20_000])
@pytest.mark.parametrize("noise", [1e-3, 1e-5])
def test_small_deviations_far_from_zero(n_rows, noise, rng):
    X = 1e8 + noise * rng.standard_normal((n_rows, 2))
    mean, deviation = Table(X).mean_and_deviation()
    expected_mean, expected = expected_mean_and_deviation(X, np.ones(n_rows))
    assert np.all(np.abs(mean - expected_mean) <= np.spacing(1e8))
    assert_allclose(deviation, expected.astype(float), rtol=1e-8)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -3.3, 1e8 + 0.1, 1e-300, 1e150])
@pytest.mark.parametrize("n_rows", [1, 3, 100, 5000, 100_000])
def test_constants_are_constant(value, n_rows):
    """What estimators take for a constant, however many rows round the sum."""
    mean, deviation = Table(np.full((n_rows, 1), value)).mean_and_deviation()
    assert_allclose(mean, value, rtol=1e-15)
    assert np.all(deviation <= CONSTANT * np.abs(mean))
