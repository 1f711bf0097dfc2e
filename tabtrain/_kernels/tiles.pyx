"""A block of rows as tiles of ``LANES`` rows, feature by feature inside a tile.

Every kernel runs its inner loop over the rows of a tile, which lie side by side in memory
whatever the user's table looked like: float32 or float64, row by row, column by column or
strided. Packing is the one place that knows, so no kernel has a twin for another layout.
"""

import numpy as np

from cython cimport floating

from tabtrain._kernels.csr cimport CSRRows, csr_rows
from tabtrain._kernels.lanes cimport LANES

cdef extern from "csr.h" nogil:
    void csr_moments(
        const csr_rows *rows, const double *weight, const double *center, double *first,
        double *second, double *found,
    ) noexcept

N_LANES = LANES


def pack(const floating[:, :] X, double[:, :, ::1] tiles):
    """Copy rows into tiles; the lanes behind the last row are filled with zeros.

    Parameters
    ----------
    X : float32 or float64 array of shape (n_rows, n_features), any strides
    tiles : float64 array of shape (ceil(n_rows / 16), n_features, 16), filled
    """
    cdef Py_ssize_t n_rows = X.shape[0], n_features = X.shape[1]
    cdef Py_ssize_t n_tiles = tiles.shape[0], t, k, lane, here
    if n_tiles != (n_rows + LANES - 1) // LANES or tiles.shape[1] != n_features \
            or tiles.shape[2] != LANES:
        raise ValueError("tiles do not fit X")
    with nogil:
        for t in range(n_tiles):
            here = min(n_rows - t * LANES, <Py_ssize_t> LANES)
            if here == LANES:
                for k in range(n_features):
                    for lane in range(LANES):
                        tiles[t, k, lane] = X[t * LANES + lane, k]
            else:
                for k in range(n_features):
                    for lane in range(here):
                        tiles[t, k, lane] = X[t * LANES + lane, k]
                    for lane in range(here, LANES):
                        tiles[t, k, lane] = 0.0


def pack_rows(const floating[:, :] X, const Py_ssize_t[::1] rows, double[:, :, ::1] tiles):
    """`pack` of chosen rows.

    Parameters
    ----------
    X : float32 or float64 array of shape (n_rows, n_features), any strides
    rows : intp array of shape (n_chosen,)
        From 0 to n_rows - 1, in any order, maybe more than once.
    tiles : float64 array of shape (ceil(n_chosen / 16), n_features, 16), filled

    Raises
    ------
    IndexError
        If there is no such row.
    """
    cdef Py_ssize_t n_chosen = rows.shape[0], n_features = X.shape[1]
    cdef Py_ssize_t n_tiles = tiles.shape[0], t, k, lane, here
    if n_tiles != (n_chosen + LANES - 1) // LANES or tiles.shape[1] != n_features \
            or tiles.shape[2] != LANES:
        raise ValueError("tiles do not fit rows and X")
    for lane in range(n_chosen):
        if not 0 <= rows[lane] < X.shape[0]:
            raise IndexError(f"row {rows[lane]} of {X.shape[0]} rows")
    with nogil:
        for t in range(n_tiles):
            here = min(n_chosen - t * LANES, <Py_ssize_t> LANES)
            for k in range(n_features):
                for lane in range(here):
                    tiles[t, k, lane] = X[rows[t * LANES + lane], k]
                for lane in range(here, LANES):
                    tiles[t, k, lane] = 0.0


def moments(
    tiles,
    const double[::1] weight,
    const double[::1] center,
    double[:, ::1] sums,
):
    """Add the weighted first and second moments of each feature about ``center``.

    Parameters
    ----------
    tiles : float64 array of shape (n_tiles, n_features, 16) or CSRRows
    weight : float64 array of shape (16 * n_tiles,)
    center : float64 array of shape (n_features,)
    sums : float64 array of shape (2, n_features), added to
    """
    if isinstance(tiles, CSRRows):
        sparse_moments(tiles, weight, center, sums)
    else:
        dense_moments(tiles, weight, center, sums)


cdef int check_moments(
    Py_ssize_t n_rows,
    Py_ssize_t n_features,
    const double[::1] weight,
    const double[::1] center,
    double[:, ::1] sums,
) except -1:
    if sums.shape[0] != 2 or sums.shape[1] != n_features or center.shape[0] != n_features \
            or weight.shape[0] != n_rows:
        raise ValueError("weight, center or sums do not fit tiles")
    return 0


cdef int dense_moments(
    const double[:, :, ::1] tiles,
    const double[::1] weight,
    const double[::1] center,
    double[:, ::1] sums,
) except -1:
    cdef Py_ssize_t t, k, lane
    cdef double first, second, shifted, w
    if tiles.shape[2] != LANES:
        raise ValueError(f"tiles of {tiles.shape[2]} rows do not have {LANES}")
    check_moments(LANES * tiles.shape[0], tiles.shape[1], weight, center, sums)
    with nogil:
        for t in range(tiles.shape[0]):
            for k in range(tiles.shape[1]):
                first = 0.0
                second = 0.0
                for lane in range(LANES):
                    w = weight[t * LANES + lane]
                    # A row of weight 0 is no row: it may lie far from the center.
                    shifted = tiles[t, k, lane] - center[k] if w > 0.0 else 0.0
                    first += w * shifted
                    second += w * shifted * shifted
                sums[0, k] += first
                sums[1, k] += second
    return 0


cdef int sparse_moments(
    CSRRows sparse, const double[::1] weight, const double[::1] center, double[:, ::1] sums
) except -1:
    cdef Py_ssize_t n_features = sparse.rows.n_features
    check_moments(sparse.rows.n_rows, n_features, weight, center, sums)
    if weight.shape[0] == 0 or n_features == 0:
        return 0
    cdef double[::1] found = np.zeros(4 * n_features)
    with nogil:
        csr_moments(
            &sparse.rows, &weight[0], &center[0], &sums[0, 0], &sums[1, 0], &found[0]
        )
    return 0
