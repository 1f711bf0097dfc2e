"""Linear functions: ``raw = X @ weights.T + intercepts``, for many candidates at once.

The parameters of one candidate are its ``n_outputs`` rows of weights, then its ``n_outputs``
intercepts, in the user's units.
"""

import numpy as np

from tabtrain._kernels.confusion cimport add_counts
from tabtrain._kernels.lanes cimport LANES

cdef extern from "linear.h" nogil:
    void linear_forward_tile(
        const double *params, Py_ssize_t n_candidates, Py_ssize_t n_outputs,
        Py_ssize_t n_features, const double *tile, double *raw, Py_ssize_t raw_stride,
    ) noexcept
    enum:
        FILTER_GROUP
        FILTER_TILES
    int has_filter()
    void linear_confusion(
        const double *params, Py_ssize_t n_candidates, Py_ssize_t n_features,
        const double *tiles, Py_ssize_t n_tiles, const double *y, const double *weight,
        double *positive, double *all_rows,
    ) noexcept
    void linear_confusion_filtered(
        const double *params, Py_ssize_t n_candidates, Py_ssize_t n_features,
        const double *tiles, Py_ssize_t n_tiles, const double *y, const double *weight,
        double *positive, double *all_rows, double *largest, float *scratch,
    ) noexcept
    void linear_backward_tiles(
        const double *raw_grad, Py_ssize_t n_candidates, Py_ssize_t n_outputs,
        const double *tiles, Py_ssize_t n_tiles, Py_ssize_t n_features, double *grad,
    ) noexcept


# With fewer candidates, preparing single precision costs more than it saves.
cdef Py_ssize_t FILTER_FROM = 12


cdef int check_tiles(const double[:, :, ::1] tiles) except -1:
    if tiles.shape[2] != LANES:
        raise ValueError(f"tiles of {tiles.shape[2]} rows do not have {LANES}")
    return 0


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
    check_tiles(tiles)
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
    const double[:, :, ::1] tiles, const double[:, :, ::1] raw_grad, double[:, ::1] grad
):
    """Add to ``grad`` the gradient with respect to the parameters of every candidate.

    Parameters
    ----------
    tiles : float64 array of shape (n_tiles, n_features, 16)
    raw_grad : float64 array of shape (n_candidates, n_outputs, 16 * n_tiles)
        The gradient with respect to the raw predictions; 0 for rows of weight 0.
    grad : float64 array of shape (n_candidates, n_outputs * (n_features + 1)), added to
    """
    cdef Py_ssize_t n_tiles = tiles.shape[0], n_features = tiles.shape[1]
    cdef Py_ssize_t n_candidates = raw_grad.shape[0], n_outputs = raw_grad.shape[1]
    check_tiles(tiles)
    check_params(grad.shape[1], n_features, n_outputs)
    if grad.shape[0] != n_candidates or raw_grad.shape[2] != LANES * n_tiles:
        raise ValueError("raw_grad does not fit tiles and grad")
    if raw_grad.size == 0:
        return
    with nogil:
        linear_backward_tiles(
            &raw_grad[0, 0, 0], n_candidates, n_outputs, &tiles[0, 0, 0], n_tiles, n_features,
            &grad[0, 0],
        )


def confusion(
    const double[:, ::1] params,
    const double[:, :, ::1] tiles,
    const double[::1] y,
    const double[::1] weight,
    double[:, ::1] tallies,
):
    """`forward` and the tally of the binary confusion counts in one.

    Gives to the bit what the two give one after the other. The raw predictions never leave
    the processor's registers, and are computed in single precision where that settles
    which side of 0 they are on.

    Parameters
    ----------
    params : float64 array of shape (n_candidates, n_features + 1)
    tiles : float64 array of shape (n_tiles, n_features, 16)
    y, weight : float64 arrays of shape (16 * n_tiles,)
        Class codes 0 and 1; weight 0 behind the last row.
    tallies : float64 array of shape (n_candidates, 4), added to
        Weight of rows by (true class, predicted class).
    """
    cdef Py_ssize_t n_tiles = tiles.shape[0], n_features = tiles.shape[1]
    cdef Py_ssize_t n_candidates = params.shape[0]
    check_tiles(tiles)
    check_params(params.shape[1], n_features, 1)
    if tallies.shape[0] != n_candidates or tallies.shape[1] != 4:
        raise ValueError("tallies do not fit params")
    if y.shape[0] != LANES * n_tiles or weight.shape[0] != LANES * n_tiles:
        raise ValueError("y and weight do not fit tiles")
    if n_candidates == 0 or n_tiles == 0:
        return
    cdef double[:, ::1] positive = np.zeros((n_candidates, 2))
    cdef double[::1] everything = np.zeros(2), largest
    cdef float[::1] scratch
    if n_candidates < FILTER_FROM or not has_filter():
        with nogil:
            linear_confusion(
                &params[0, 0], n_candidates, n_features, &tiles[0, 0, 0], n_tiles, &y[0],
                &weight[0], &positive[0, 0], &everything[0],
            )
    else:
        largest = np.empty(n_features)
        scratch = np.empty(
            (n_candidates + FILTER_GROUP) * (n_features + 2)
            + FILTER_TILES * LANES * n_features,
            dtype=np.float32,
        )
        with nogil:
            linear_confusion_filtered(
                &params[0, 0], n_candidates, n_features, &tiles[0, 0, 0], n_tiles, &y[0],
                &weight[0], &positive[0, 0], &everything[0], &largest[0], &scratch[0],
            )
    with nogil:
        add_counts(positive, everything, tallies)


def fold(
    const double[:, ::1] thetas,
    const double[::1] unit,
    const double[::1] center,
    double output_center,
    double output_scale,
    double[:, ::1] params,
):
    """Fill ``params`` with the parameters, in the user's units, of standardised ones.

    Each candidate is computed for itself, in a fixed order: it gets the same bits alone and
    among others, which a matrix product does not promise.

    Parameters
    ----------
    thetas : float64 array of shape (n_candidates, n_outputs * n_features [+ n_outputs])
        Weights of standardised features and, maybe, constants; without, intercepts are 0.
    unit, center : float64 arrays of shape (n_features,)
        The weight in the user's units that stands for one unit of theta, and the value of
        the feature that stands for 0.
    output_center, output_scale : float
        What the constant 0 stands for, and a change of the constants by 1.
    params : float64 array of shape (n_candidates, n_outputs * (n_features + 1)), filled
    """
    cdef Py_ssize_t n_features = unit.shape[0], n_weights, n_outputs, p, c, k
    cdef bint has_constants
    cdef double intercept
    n_outputs = params.shape[1] // (n_features + 1)
    n_weights = n_outputs * n_features
    check_params(params.shape[1], n_features, n_outputs)
    has_constants = thetas.shape[1] == n_weights + n_outputs
    if not has_constants and thetas.shape[1] != n_weights:
        raise ValueError("thetas do not fit params")
    if params.shape[0] != thetas.shape[0] or center.shape[0] != n_features:
        raise ValueError("thetas or center do not fit params")
    with nogil:
        for p in range(thetas.shape[0]):
            for c in range(n_outputs):
                intercept = 0.0
                if has_constants:
                    intercept = output_center + output_scale * thetas[p, n_weights + c]
                for k in range(n_features):
                    params[p, c * n_features + k] = thetas[p, c * n_features + k] * unit[k]
                    if has_constants:
                        intercept -= params[p, c * n_features + k] * center[k]
                params[p, n_weights + c] = intercept


def unfold(
    const double[::1] grad, const double[::1] unit, const double[::1] center,
    double output_scale, double[::1] gradient,
):
    """The chain rule through `fold`: the gradient with respect to ``thetas`` of one candidate.

    Parameters
    ----------
    grad : float64 array of shape (n_outputs * (n_features + 1),)
        The gradient with respect to ``params``.
    unit, center, output_scale
        As for `fold`.
    gradient : float64 array of shape (n_outputs * n_features [+ n_outputs],), filled
    """
    cdef Py_ssize_t n_features = unit.shape[0], n_weights, n_outputs, c, k
    cdef bint has_constants
    cdef double constant
    n_outputs = grad.shape[0] // (n_features + 1)
    n_weights = n_outputs * n_features
    check_params(grad.shape[0], n_features, n_outputs)
    has_constants = gradient.shape[0] == n_weights + n_outputs
    if not has_constants and gradient.shape[0] != n_weights:
        raise ValueError("gradient does not fit grad")
    if center.shape[0] != n_features:
        raise ValueError("center does not fit unit")
    with nogil:
        for c in range(n_outputs):
            constant = grad[n_weights + c] if has_constants else 0.0
            for k in range(n_features):
                gradient[c * n_features + k] = (
                    (grad[c * n_features + k] - constant * center[k]) * unit[k]
                )
            if has_constants:
                gradient[n_weights + c] = output_scale * constant
