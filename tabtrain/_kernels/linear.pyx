"""Linear functions: ``raw = X @ weights.T + intercepts``, for many candidates at once.

The parameters of one candidate are its ``n_outputs`` rows of weights, then its ``n_outputs``
intercepts, in the user's units.
"""

import numpy as np

from tabtrain._kernels.confusion cimport add_binary_counts, split_by_class
from tabtrain._kernels.lanes cimport LANES

cdef extern from "linear.h" nogil:
    void linear_forward_tile(
        const double *params, Py_ssize_t n_candidates, Py_ssize_t n_outputs,
        Py_ssize_t n_features, const double *tile, double *raw, Py_ssize_t raw_stride,
    ) noexcept
    void linear_confusion_tile(
        const double *params, Py_ssize_t n_candidates, Py_ssize_t n_features,
        const double *tile, const double *negative, const double *positive, double *sums,
    ) noexcept
    void linear_backward_tiles(
        const double *raw_grad, Py_ssize_t n_outputs, const double *tiles,
        Py_ssize_t n_tiles, Py_ssize_t n_features, double *grad,
    ) noexcept


cdef int check_params(Py_ssize_t n_params, Py_ssize_t n_features, Py_ssize_t n_outputs) except -1:
    if n_params != n_outputs * (n_features + 1):
        raise ValueError(
            f"{n_params} parameters do not make {n_outputs} linear functions of "
            f"{n_features} features"
        )
    return 0


def forward(
    const double[:, ::1] params, const double[:, :, ::1] tiles, double[:, :, ::1] raw
):
    """Fill ``raw`` with the predictions of every candidate.

    Parameters
    ----------
    params : float64 array of shape (n_candidates, n_outputs * (n_features + 1))
    tiles : float64 array of shape (n_tiles, n_features, 16)
    raw : float64 array of shape (n_candidates, n_outputs, 16 * n_tiles), filled
    """
    cdef Py_ssize_t n_tiles = tiles.shape[0], n_features = tiles.shape[1], t
    cdef Py_ssize_t n_candidates = raw.shape[0], n_outputs = raw.shape[1]
    check_params(params.shape[1], n_features, n_outputs)
    if params.shape[0] != n_candidates or raw.shape[2] != LANES * n_tiles:
        raise ValueError("raw does not fit params and tiles")
    if raw.size == 0:
        return
    with nogil:
        for t in range(n_tiles):
            linear_forward_tile(
                &params[0, 0], n_candidates, n_outputs, n_features,
                &tiles[t, 0, 0], &raw[0, 0, LANES * t], LANES * n_tiles,
            )


def backward(
    const double[:, :, ::1] tiles, const double[:, ::1] raw_grad, double[::1] grad
):
    """Add to ``grad`` the gradient with respect to the parameters of one candidate.

    Parameters
    ----------
    tiles : float64 array of shape (n_tiles, n_features, 16)
    raw_grad : float64 array of shape (n_outputs, 16 * n_tiles)
        The gradient with respect to the raw predictions; 0 for rows of weight 0.
    grad : float64 array of shape (n_outputs * (n_features + 1),), added to
    """
    cdef Py_ssize_t n_tiles = tiles.shape[0], n_features = tiles.shape[1]
    cdef Py_ssize_t n_outputs = raw_grad.shape[0], c, i
    cdef double total
    check_params(grad.shape[0], n_features, n_outputs)
    if raw_grad.shape[1] != LANES * n_tiles:
        raise ValueError("raw_grad does not fit tiles")
    if raw_grad.size == 0:
        return
    with nogil:
        linear_backward_tiles(
            &raw_grad[0, 0], n_outputs, &tiles[0, 0, 0], n_tiles, n_features, &grad[0]
        )
        for c in range(n_outputs):
            total = 0.0
            for i in range(LANES * n_tiles):
                total += raw_grad[c, i]
            grad[n_outputs * n_features + c] += total


def confusion(
    const double[:, ::1] params,
    const double[:, :, ::1] tiles,
    const double[::1] y,
    const double[::1] weight,
    double[:, ::1] tallies,
):
    """`forward` and the tally of the binary confusion counts in one.

    Gives to the bit what the two give one after the other; the raw predictions never
    leave the processor's registers.

    Parameters
    ----------
    params : float64 array of shape (n_candidates, n_features + 1)
    tiles : float64 array of shape (n_tiles, n_features, 16)
    y, weight : float64 arrays of shape (16 * n_tiles,)
        Class codes 0 and 1; weight 0 behind the last row.
    tallies : float64 array of shape (n_candidates, 4), added to
        Weight of rows by (true class, predicted class).
    """
    cdef Py_ssize_t n_tiles = tiles.shape[0], n_features = tiles.shape[1], t
    cdef Py_ssize_t n_candidates = params.shape[0]
    check_params(params.shape[1], n_features, 1)
    if tallies.shape[0] != n_candidates or tallies.shape[1] != 4:
        raise ValueError("tallies do not fit params")
    if y.shape[0] != LANES * n_tiles or weight.shape[0] != LANES * n_tiles:
        raise ValueError("y and weight do not fit tiles")
    if n_candidates == 0 or n_tiles == 0:
        return
    cdef double[:, ::1] by_class = np.empty((2, LANES * n_tiles))
    cdef double[:, ::1] sums = np.zeros((n_candidates, 8))
    with nogil:
        split_by_class(y, weight, by_class)
        for t in range(n_tiles):
            linear_confusion_tile(
                &params[0, 0], n_candidates, n_features, &tiles[t, 0, 0],
                &by_class[0, LANES * t], &by_class[1, LANES * t], &sums[0, 0],
            )
        add_binary_counts(by_class, sums, tallies)
