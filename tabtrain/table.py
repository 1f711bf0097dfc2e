"""The examples as blocks of rows, and how to map a function over them.

A block is small enough for the processor's cache and large enough that the microseconds of
a call from Python do not show. Blocks and their order depend on the table alone, so sums
taken in block order have the same bits for any number of threads.
"""

import copy
import math
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cached_property
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from tabtrain._kernels.tiles import N_LANES, moments, pack, pack_rows

BLOCK_BYTES = 2**20
# Blocks of a small table: enough of them that a hopeless candidate need not see every row.
SMALL_TABLE_BLOCKS = 4
MIN_BLOCK_TILES = 64
# A table smaller than this is packed once; a larger one anew at every pass, never copied.
PACK_ONCE_BYTES = 2**26
# A table smaller than this stays in the cache.
SMALL_BYTES = 2**22


class Block(NamedTuple):
    """Rows of a table, packed for the kernels; the last block is filled up with rows of weight 0.

    Attributes
    ----------
    tiles : float64 array of shape (n_tiles, n_features, 16)
    y, weight : float64 arrays of shape (16 * n_tiles,)
    """

    tiles: np.ndarray
    y: np.ndarray
    weight: np.ndarray


class Table:
    """A table of examples.

    Parameters
    ----------
    X : float32 or float64 array of shape (n_rows, n_features)
        Used as it is, whatever its strides.
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
    n_rows, n_features, n_padded, n_blocks : int
        ``n_padded`` counts the rows that fill up the last tile.
    y, weight : float64 arrays of shape (n_padded,)
    packs_once : bool
        Whether the table is so small that its blocks are kept.
    is_small : bool
        Whether these stay in the cache.
    """

    def __init__(self, X, y=None, weight=None, *, n_jobs=1, one_block=False):
        self.X = X
        self.n_rows, self.n_features = X.shape
        self.n_jobs = n_jobs
        n_tiles = -(-self.n_rows // N_LANES)
        self.n_padded = n_tiles * N_LANES
        self.y = self._padded(0.0 if y is None else y)
        self.weight = self._padded(1.0 if weight is None else weight)

        tile_bytes = 8 * N_LANES * max(self.n_features, 1)
        block_tiles = max(
            min(BLOCK_BYTES // tile_bytes, -(-n_tiles // SMALL_TABLE_BLOCKS)), MIN_BLOCK_TILES
        )
        # An odd number of tiles keeps the rows of a [candidates, rows] buffer off each
        # other's cache sets.
        self._block_rows = ((n_tiles if one_block else block_tiles) | 1) * N_LANES
        self.n_blocks = max(-(-self.n_padded // self._block_rows), 1)
        self._scratch = threading.local()
        self._threads = SimpleNamespace(pool=None)
        self.packs_once = n_tiles * tile_bytes <= PACK_ONCE_BYTES
        self.is_small = n_tiles * tile_bytes <= SMALL_BYTES
        if self.packs_once:
            self._packed = [self._pack(i, self._new_tiles(i)) for i in range(self.n_blocks)]

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

    def _new_tiles(self, i):
        rows = self.rows(i)
        return np.empty(((rows.stop - rows.start) // N_LANES, self.n_features, N_LANES))

    def _pack(self, i, tiles):
        rows = self.rows(i)
        pack(self.X[rows.start : min(rows.stop, self.n_rows)], tiles)
        return Block(tiles, self.y[rows], self.weight[rows])

    def block(self, i):
        """Block ``i``; its tiles are overwritten by the same thread's next call."""
        if self.packs_once:
            return self._packed[i]
        rows = self.rows(i)
        n_tiles = (rows.stop - rows.start) // N_LANES
        return self._pack(i, self.scratch("tiles", (n_tiles, self.n_features, N_LANES)))

    def batch(self, rows):
        """Chosen rows as a block, overwritten by the same thread's next call.

        Parameters
        ----------
        rows : intp array of shape (n_chosen,)

        Returns
        -------
        Block
        """
        n_tiles = -(-len(rows) // N_LANES)
        tiles = self.scratch("batch", (n_tiles, self.n_features, N_LANES))
        pack_rows(self._row_by_row, rows, tiles)
        y, weight = self.scratch("labels", (2, n_tiles * N_LANES))
        for values, of_batch in ((self.y, y), (self.weight, weight)):
            of_batch[: len(rows)] = values[rows]
            of_batch[len(rows) :] = 0.0
        return Block(tiles, y, weight)

    @cached_property
    def _row_by_row(self):
        """``X`` with the numbers of a row side by side, as reading one far from the others costs
        many times as much: the one copy that is ever made, and only of tables that lie otherwise.
        """
        return self.X if self.X.strides[1] == self.X.itemsize else np.ascontiguousarray(self.X)

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
        parts = self.map(lambda i: function(self.block(i)), range(self.n_blocks))
        return np.add.reduce(parts)

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
