"""Losses that are sums over rows, and their gradients with respect to the raw predictions."""

import numpy as np

from tabtrain._kernels.lanes cimport LANES

cdef extern from "losses.h" nogil:
    ctypedef void (*loss_kernel)(
        const double *raw, Py_ssize_t n_rows, Py_ssize_t n_outputs, const double *y,
        const double *weight, double *tally, double dscore, double *slope, int keep_slope,
    ) noexcept
    loss_kernel add_log_loss, add_brier, add_squared, add_absolute
    void within_tolerance(
        const double *raw, Py_ssize_t n_rows, const double *y, const double *weight,
        double absolute, double relative, double *tally,
    ) noexcept


cdef int check_shapes(
    const double[:, :, ::1] raw, const double[::1] y, const double[::1] weight,
    const double[:, ::1] tallies, bint of_classes,
) except -1:
    if raw.shape[1] != 1 and not of_classes:
        raise ValueError(f"raw does not have one output but {raw.shape[1]}")
    if y.shape[0] != raw.shape[2] or weight.shape[0] != raw.shape[2] or raw.shape[2] % LANES:
        raise ValueError("y and weight do not fit raw")
    if tallies.shape[0] != raw.shape[0] or tallies.shape[1] != 2:
        raise ValueError("tallies do not fit raw")
    return 0


cdef int add_losses(
    loss_kernel loss,
    const double[:, :, ::1] raw,
    const double[::1] y,
    const double[::1] weight,
    double[:, ::1] tallies,
    double dscore,
    double[:, ::1] raw_grad,
    bint of_classes,
) except -1:
    cdef Py_ssize_t n_rows = raw.shape[2], n_outputs = raw.shape[1], p
    cdef bint keep_slope = raw_grad is not None
    cdef double[:, ::1] slope = raw_grad if keep_slope else np.empty((n_outputs, 4))
    check_shapes(raw, y, weight, tallies, of_classes)
    if keep_slope and (raw.shape[0] != 1 or raw_grad.shape[0] != n_outputs
                       or raw_grad.shape[1] != n_rows):
        raise ValueError("raw_grad does not fit raw")
    if raw.size == 0:
        return 0
    with nogil:
        for p in range(raw.shape[0]):
            loss(&raw[p, 0, 0], n_rows, n_outputs, &y[0], &weight[0], &tallies[p, 0],
                 dscore, &slope[0, 0], keep_slope)
    return 0


def log_loss(
    const double[:, :, ::1] raw, const double[::1] y, const double[::1] weight,
    double[:, ::1] tallies, double dscore=0.0, double[:, ::1] raw_grad=None,
):
    """Add the weights and the negative log-likelihoods of the rows, every candidate.

    One raw prediction is the log-odds of class 1; several are the logarithms of the
    classes' probabilities up to a constant.

    Parameters
    ----------
    raw : float64 array of shape (n_candidates, n_outputs, n_rows)
        n_rows a multiple of 16.
    y, weight : float64 arrays of shape (n_rows,)
        Class codes 0, 1, ... or numbers; weight 0 behind the last row.
    tallies : float64 array of shape (n_candidates, 2), added to
    dscore : float
        The derivative of the score with respect to the summed loss.
    raw_grad : float64 array of shape (n_outputs, n_rows), optional
        Filled with the derivatives of the score; then there is one candidate.
    """
    add_losses(add_log_loss, raw, y, weight, tallies, dscore, raw_grad, True)


def brier(
    const double[:, :, ::1] raw, const double[::1] y, const double[::1] weight,
    double[:, ::1] tallies, double dscore=0.0, double[:, ::1] raw_grad=None,
):
    """As `log_loss`, of the squared distance between probabilities and truth."""
    add_losses(add_brier, raw, y, weight, tallies, dscore, raw_grad, True)


def squared(
    const double[:, :, ::1] raw, const double[::1] y, const double[::1] weight,
    double[:, ::1] tallies, double dscore=0.0, double[:, ::1] raw_grad=None,
):
    """As `log_loss`, of ``(raw - y) ** 2``."""
    add_losses(add_squared, raw, y, weight, tallies, dscore, raw_grad, False)


def absolute(
    const double[:, :, ::1] raw, const double[::1] y, const double[::1] weight,
    double[:, ::1] tallies,
):
    """As `log_loss`, of ``abs(raw - y)``; it has no derivative at 0, and gives none."""
    add_losses(add_absolute, raw, y, weight, tallies, 0.0, None, False)


def within(
    const double[:, :, ::1] raw, const double[::1] y, const double[::1] weight,
    double absolute, double relative, double[:, ::1] tallies,
):
    """Add the weights of all rows and of those within tolerance, every candidate.

    A row is within tolerance if ``abs(raw - y) <= absolute + relative * abs(y)``.

    Parameters
    ----------
    raw : float64 array of shape (n_candidates, 1, n_rows)
    y, weight : float64 arrays of shape (n_rows,)
    absolute, relative : float
    tallies : float64 array of shape (n_candidates, 2), added to
    """
    cdef Py_ssize_t p
    check_shapes(raw, y, weight, tallies, False)
    if raw.size == 0:
        return
    with nogil:
        for p in range(raw.shape[0]):
            within_tolerance(&raw[p, 0, 0], raw.shape[2], &y[0], &weight[0], absolute,
                             relative, &tallies[p, 0])
