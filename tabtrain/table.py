"""The examples as blocks of rows, and how to map a function over them.

A block is small enough for the processor's cache and large enough that the microseconds of
a call from Python do not show. Blocks and their order depend on the table alone, so sums
taken in block order have the same bits for any number of threads.

How rows are stored only `_DenseRows` and `_SparseRows` know, and the kernels that read them.
"""

import copy
import math
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array, issparse

from tabtrain._kernels.csr import CSRRows
from tabtrain._kernels.tiles import N_LANES, moments, pack, pack_rows

BLOCK_BYTES = 2**20
# Blocks of a small table: enough of them that a hopeless candidate need not see every row.
SMALL_TABLE_BLOCKS = 4
MIN_BLOCK_TILES = 64
# A table smaller than this is packed once; a larger one anew at every pass, never copied.
PACK_ONCE_BYTES = 2**26
# A table smaller than this stays in the cache.
SMALL_BYTES = 2**22
# A stored number of a sparse row, and its feature; it takes as long as so many of a dense row.
VALUE_BYTES = 12
VALUE_WORK = 4
# What is summed over blocks is kept below this size, if what comes of a few blocks is.
PARTS_BYTES = 2**24
# Of sparse rows there are so many bytes in a block for each feature, as gradients are summed over
# blocks, each with an entry for every feature.
BLOCK_BYTES_A_FEATURE = 4 * VALUE_BYTES


class Block(NamedTuple):
    """Rows of a table, packed for the kernels; the last block is filled up with rows of weight 0.

    Attributes
    ----------
    tiles : float64 array of shape (n_tiles, n_features, 16) or CSRRows
    y, weight : float64 arrays of shape (16 * n_tiles,)
    """

    tiles: np.ndarray | CSRRows
    y: np.ndarray
    weight: np.ndarray


class _DenseRows:
    """A block is a copy of its rows, as tiles.

    Attributes
    ----------
    X : float32 or float64 array of shape (n_rows, n_features)
    tile_bytes, block_bytes : float
        The size of so many rows as there are in a tile, and that of the largest block.
    keeps : bool
        Whether blocks are made once, and kept.
    work : float
        How long a row takes, in terms of a dense one.
    """

    work = 1.0

    def __init__(self, X):
        self.X = X
        self.tile_bytes = 8 * N_LANES * max(X.shape[1], 1)
        self.block_bytes = BLOCK_BYTES
        self.keeps = -(-len(X) // N_LANES) * self.tile_bytes <= PACK_ONCE_BYTES

    def block(self, rows, array):
        """The rows of a slice, filled up, in what ``array(name, shape)`` answers."""
        n_rows, n_features = self.X.shape
        tiles = array("tiles", ((rows.stop - rows.start) // N_LANES, n_features, N_LANES))
        pack(self.X[rows.start : min(rows.stop, n_rows)], tiles)
        return tiles

    def batch(self, rows, array):
        """The rows of these numbers."""
        tiles = array("batch", (-(-len(rows) // N_LANES), self.X.shape[1], N_LANES))
        pack_rows(self.by_row, rows, tiles)
        return tiles

    @cached_property
    def by_row(self):
        """``X`` with the numbers of a row side by side, as reading one far from the others costs
        many times as much: the one copy that is ever made, and only of tables that lie otherwise.
        """
        return self.X if self.X.strides[1] == self.X.itemsize else np.ascontiguousarray(self.X)


class _SparseRows:
    """A block is a part of the table; see `_DenseRows`."""

    keeps = True

    def __init__(self, X):
        self.X = X = canonical(X)
        n_rows, n_features = X.shape
        starts = np.full(-(-n_rows // N_LANES) * N_LANES + 1, X.nnz, dtype=np.intp)
        starts[: n_rows + 1] = X.indptr
        indices = X.indices.astype(np.int32, copy=False)
        self._rows = CSRRows(starts, indices, X.data, n_features)
        n_values_a_row = max(X.nnz / max(n_rows, 1), 1)
        self.work = VALUE_WORK * n_values_a_row / max(n_features, 1)
        self.tile_bytes = N_LANES * VALUE_BYTES * n_values_a_row
        self.block_bytes = max(BLOCK_BYTES, BLOCK_BYTES_A_FEATURE * n_features)

    def block(self, rows, array):
        return self._rows.part(rows.start, rows.stop)

    def batch(self, rows, array):
        return self._rows.take(rows)


def canonical(X):
    """A sparse table as rows of float64 numbers, sorted by feature, none of them twice.

    Shares with the given one what is so already, and leaves that as it is.

    Parameters
    ----------
    X : sparse array or matrix in CSR format, of float32 or float64 numbers

    Returns
    -------
    csr_array

    Raises
    ------
    ValueError
        If there are numbers of rows or features that there are not.
    """
    values = X.data.astype(np.float64, copy=False)
    rows = csr_array((values, X.indices, X.indptr), shape=X.shape)
    rows.check_format(full_check=True)
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return rows


class Table:
    """A table of examples.

    Parameters
    ----------
    X : float32 or float64 array of shape (n_rows, n_features), or such a sparse array in CSR format
        Used as it is, whatever its strides; of sparse rows what is not as `canonical` has it is
        copied.
    y : array of shape (n_rows,), optional
        Class codes 0, 1, ... or numbers; zeros if not given.
    weight : array of shape (n_rows,), optional
        Finite and not negative; ones if not given.
    n_jobs : int
        How many threads `map` uses.
    one_block : bool
        Whether all rows must be in one block, for functions of the whole table.

    Attributes
    ----------
    X : array of shape (n_rows, n_features)
    n_rows, n_features, n_padded, n_blocks : int
        ``n_padded`` counts the rows that fill up the last tile.
    y, weight : float64 arrays of shape (n_padded,)
    packs_once : bool
        Whether blocks are kept: of a small table, and of a sparse one, which has nothing to pack.
    is_small : bool
        Whether these stay in the cache.
    work : float
        How long a row takes, in terms of a dense one.
    """

    def __init__(self, X, y=None, weight=None, *, n_jobs=1, one_block=False):
        self._rows: Any = _SparseRows(X) if issparse(X) else _DenseRows(X)
        self.X = self._rows.X
        self.work = self._rows.work
        self.n_rows, self.n_features = X.shape
        self.n_jobs = n_jobs
        n_tiles = -(-self.n_rows // N_LANES)
        self.n_padded = n_tiles * N_LANES
        self.y = self._padded(0.0 if y is None else y)
        self.weight = self._padded(1.0 if weight is None else weight)

        tile_bytes = self._rows.tile_bytes
        block_tiles = max(
            min(int(self._rows.block_bytes // tile_bytes), -(-n_tiles // SMALL_TABLE_BLOCKS)),
            MIN_BLOCK_TILES,
        )
        # An odd number of tiles keeps the rows of a [candidates, rows] buffer off each
        # other's cache sets.
        self._block_rows = ((n_tiles if one_block else block_tiles) | 1) * N_LANES
        self.n_blocks = max(-(-self.n_padded // self._block_rows), 1)
        self._scratch = threading.local()
        self._threads = SimpleNamespace(pool=None)
        self.packs_once = self._rows.keeps
        self.is_small = n_tiles * tile_bytes <= SMALL_BYTES
        if self.packs_once:
            self._packed = [
                self._pack(i, lambda name, shape: np.empty(shape)) for i in range(self.n_blocks)
            ]

    def _padded(self, values):
        padded = np.zeros(self.n_padded)
        padded[: self.n_rows] = values
        return padded

    def reweighted(self, weight):
        """The same rows, which are not copied, with other weights.

        Parameters
        ----------
        weight : array of shape (n_rows,)

        Returns
        -------
        Table
            With the threads of this one, which ends them.
        """
        table = copy.copy(self)
        table.weight = self._padded(weight)
        if self.packs_once:
            table._packed = [
                block._replace(weight=table.weight[self.rows(i)])
                for i, block in enumerate(self._packed)
            ]
        return table

    def beside(self, X):
        """The same labels and weights with other features, and the threads of this one."""
        table = Table(X, self.y[: self.n_rows], self.weight[: self.n_rows], n_jobs=self.n_jobs)
        table._threads = self._threads
        return table

    def rows(self, i):
        """Where block ``i`` stands in arrays of ``n_padded`` rows."""
        start = i * self._block_rows
        return slice(start, min(start + self._block_rows, self.n_padded))

    def _pack(self, i, array):
        rows = self.rows(i)
        return Block(self._rows.block(rows, array), self.y[rows], self.weight[rows])

    @property
    def by_row(self):
        """``X``, not sparse, with the numbers of a row side by side."""
        return self._rows.by_row

    def block(self, i):
        """Block ``i``; its tiles are overwritten by the same thread's next call."""
        return self._packed[i] if self.packs_once else self._pack(i, self.scratch)

    def batch(self, rows):
        """Chosen rows as a block, overwritten by the same thread's next call.

        Parameters
        ----------
        rows : intp array of shape (n_chosen,)

        Returns
        -------
        Block
        """
        n_padded = -(-len(rows) // N_LANES) * N_LANES
        y, weight = self.scratch("labels", (2, n_padded))
        for values, of_batch in ((self.y, y), (self.weight, weight)):
            of_batch[: len(rows)] = values[rows]
            of_batch[len(rows) :] = 0.0
        return Block(self._rows.batch(rows, self.scratch), y, weight)

    def scratch(self, name, shape):
        """An array of this thread's own, with whatever was last written in it."""
        size = math.prod(shape)
        array = getattr(self._scratch, name, None)
        if array is None or array.size < size:
            array = np.empty(size)
            setattr(self._scratch, name, array)
        return array[:size].reshape(shape)

    def map(self, function, items):
        """``[function(item) for item in items]``, over the threads.

        The first exception of any thread is raised here, once all threads have come to
        rest. ``function`` must not call `map`.
        """
        n_threads = min(self.n_jobs, len(items))
        if n_threads < 2:
            return [function(item) for item in items]
        if self._threads.pool is None:
            self._threads.pool = ThreadPoolExecutor(self.n_jobs - 1, "tabtrain")
        results = [None] * len(items)
        left = deque(enumerate(items))

        def work():
            try:
                while True:
                    try:
                        i, item = left.popleft()
                    except IndexError:
                        return
                    results[i] = function(item)
            except BaseException:
                left.clear()
                raise

        others = [self._threads.pool.submit(work) for _ in range(n_threads - 1)]
        try:
            work()
        finally:
            wait(others)
        for other in others:
            other.result()
        return results

    def sum(self, function):
        """The sum of ``function(block)``, in block order, over all blocks."""
        return self.sum_of_parts(lambda i: [function(self.block(i))], self.map, 0)[0]

    def sum_of_parts(self, function, map_blocks, part_bytes):
        """The sums of what comes of the blocks, in their order.

        Parameters
        ----------
        function : callable
            Answers a list of new arrays for the number of a block.
        map_blocks : callable
            `map` of this table, or that of Python.
        part_bytes : int
            The size of the arrays, about. So many at a time are kept that they are few bytes, if
            a few of them are.

        Returns
        -------
        list of arrays
        """
        at_a_time = max(PARTS_BYTES // max(part_bytes, 1), 2 * self.n_jobs)
        totals: list | None = None
        for first in range(0, self.n_blocks, at_a_time):
            some = range(first, min(first + at_a_time, self.n_blocks))
            for parts in map_blocks(function, some):
                if totals is None:
                    totals = parts
                else:
                    for total, part in zip(totals, parts, strict=True):
                        total += part
        return totals

    def mean_and_deviation(self):
        """The weighted mean and standard deviation (divisor: the weights) of each feature.

        Returns
        -------
        mean, deviation : float64 arrays of shape (n_features,)

        Raises
        ------
        ValueError
            If the squares of a feature overflow.
        """

        total = self.weight.sum()

        def first_and_second(center):
            def of_block(block):
                sums = np.zeros((2, self.n_features))
                moments(block.tiles, block.weight, center, sums)
                return sums

            return self.sum(of_block) / total

        mean, _ = first_and_second(np.zeros(self.n_features))
        # Taken about the rounded mean, and corrected by what that is off.
        shift, variance = first_and_second(mean)
        with np.errstate(over="ignore", invalid="ignore"):
            variance = np.maximum(variance - shift**2, 0.0)
        if not np.isfinite(variance).all():
            columns = np.flatnonzero(~np.isfinite(variance))
            raise ValueError(f"values are too large: the squares of columns {columns} overflow")
        return mean + shift, np.sqrt(variance)

    def mean_and_deviation_of_y(self):
        """The same of ``y``: two arrays of shape (1,)."""
        labels = Table(self.y[: self.n_rows, np.newaxis], weight=self.weight[: self.n_rows])
        return labels.mean_and_deviation()

    def close(self):
        """End the threads."""
        if self._threads.pool is not None:
            self._threads.pool.shutdown()
            self._threads.pool = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
