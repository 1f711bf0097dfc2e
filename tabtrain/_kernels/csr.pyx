"""Sparse rows, which stand in the place of tiles: of each row the numbers that are not 0."""

import numpy as np

from tabtrain._kernels.lanes cimport LANES


cdef class CSRRows:
    """Some rows of a sparse table; those that fill them up to a multiple of 16 are empty.

    Parameters
    ----------
    starts : intp array of shape (n_rows + 1,)
        Where each row begins in the others, and where the last one ends.
    indices : int32 array of shape (n_values,)
        The features of the values: in each row they rise.
    values : float64 array of shape (n_values,)
    n_features : int

    Raises
    ------
    ValueError
        If these are no such rows.
    """

    def __init__(
        self,
        const Py_ssize_t[::1] starts,
        const int[::1] indices,
        const double[::1] values,
        Py_ssize_t n_features,
    ):
        cdef Py_ssize_t n_rows = starts.shape[0] - 1, row, j
        cdef bint rises = True
        cdef int last
        if n_rows < 0 or n_rows % LANES:
            raise ValueError(f"rows must have {LANES} at a time, got {n_rows}")
        if indices.shape[0] != values.shape[0]:
            raise ValueError("indices do not fit values")
        if starts[0] < 0 or starts[n_rows] > values.shape[0]:
            raise ValueError("starts do not fit values")
        for row in range(n_rows):
            if starts[row] > starts[row + 1]:
                raise ValueError("starts must rise")
        with nogil:
            for row in range(n_rows):
                last = -1
                for j in range(starts[row], starts[row + 1]):
                    rises &= last < indices[j]
                    last = indices[j]
                rises &= last < n_features
        if not rises:
            raise ValueError(f"indices of a row must rise and be below {n_features}")
        self._arrays = starts, indices, values
        self.rows.starts = &starts[0]
        self.rows.indices = &indices[0] if indices.shape[0] else NULL
        self.rows.values = &values[0] if values.shape[0] else NULL
        self.rows.n_rows = n_rows
        self.rows.n_features = n_features

    def part(self, Py_ssize_t first, Py_ssize_t stop):
        """The rows from one up to another, both multiples of 16, which are not copied."""
        if not 0 <= first <= stop <= self.rows.n_rows or first % LANES or stop % LANES:
            raise IndexError(f"rows {first} to {stop} of {self.rows.n_rows}")
        cdef CSRRows found = CSRRows.__new__(CSRRows)
        found._arrays = self._arrays
        found.rows = self.rows
        found.rows.starts += first
        found.rows.n_rows = stop - first
        return found

    def take(self, const Py_ssize_t[::1] chosen):
        """Chosen rows, in any order, maybe more than once, which are copied.

        Raises
        ------
        IndexError
            If there is no such row.
        """
        cdef csr_rows rows = self.rows
        cdef Py_ssize_t n_chosen = chosen.shape[0], i, j, place = 0
        cdef Py_ssize_t n_rows = (n_chosen + LANES - 1) // LANES * LANES
        cdef Py_ssize_t[::1] starts = np.empty(n_rows + 1, dtype=np.intp)
        for i in range(n_chosen):
            if not 0 <= chosen[i] < rows.n_rows:
                raise IndexError(f"row {chosen[i]} of {rows.n_rows} rows")
            starts[i] = place
            place += rows.starts[chosen[i] + 1] - rows.starts[chosen[i]]
        starts[n_chosen:] = place
        cdef int[::1] indices = np.empty(max(place, 1), dtype=np.int32)
        cdef double[::1] values = np.empty(max(place, 1))
        place = 0
        with nogil:
            for i in range(n_chosen):
                for j in range(rows.starts[chosen[i]], rows.starts[chosen[i] + 1]):
                    indices[place] = rows.indices[j]
                    values[place] = rows.values[j]
                    place += 1
        cdef CSRRows found = CSRRows.__new__(CSRRows)
        found._arrays = starts, indices, values
        found.rows.starts = &starts[0]
        found.rows.indices = &indices[0]
        found.rows.values = &values[0]
        found.rows.n_rows = n_rows
        found.rows.n_features = rows.n_features
        return found
