"""Soft confusion counts: a row counts for each class by its share of `softmax(raw / tau)`.

One output: ``sigmoid(raw / tau)`` for class 1 and the rest for class 0.
"""

import numpy as np

from tabtrain._kernels.lanes cimport LANES

cdef extern from "soft.h" nogil:
    void add_soft_counts(
        const double *raw, Py_ssize_t n_rows, Py_ssize_t n_outputs, const double *y,
        const double *weight, double tau, double *tally, const double *dscore, double *slope,
    ) noexcept


def soft_counts(
    const double[:, :, ::1] raw, const double[::1] y, const double[::1] weight, double tau,
    double[:, ::1] tallies, const double[::1] dscore=None, double[:, ::1] raw_grad=None,
):
    """Add the soft confusion counts of every candidate.

    Parameters
    ----------
    raw : float64 array of shape (n_candidates, n_outputs, n_rows)
        n_rows a multiple of 16.
    y, weight : float64 arrays of shape (n_rows,)
    tau : float
        Above 0; the smaller, the closer to the counts of predicted classes.
    tallies : float64 array of shape (n_candidates, n_classes * n_classes), added to
    dscore : float64 array of shape (n_classes * n_classes,), optional
        The derivative of the score with respect to the tally. With it there is one candidate.
    raw_grad : float64 array of shape (n_outputs, n_rows), filled
        The derivative of the score with respect to ``raw``.
    """
    cdef Py_ssize_t n_rows = raw.shape[2], n_outputs = raw.shape[1], p
    cdef Py_ssize_t n_tallies = max(n_outputs, 2) ** 2
    cdef bint keep_slope = dscore is not None
    if y.shape[0] != n_rows or weight.shape[0] != n_rows or n_rows % LANES:
        raise ValueError("y and weight do not fit raw")
    if tallies.shape[0] != raw.shape[0] or tallies.shape[1] != n_tallies:
        raise ValueError("tallies do not fit raw")
    if keep_slope != (raw_grad is not None) or keep_slope and (
        raw.shape[0] != 1 or dscore.shape[0] != n_tallies
        or raw_grad.shape[0] != n_outputs or raw_grad.shape[1] != n_rows
    ):
        raise ValueError("dscore or raw_grad do not fit raw")
    if raw.size == 0:
        return
    cdef double[:, ::1] slope = raw_grad if keep_slope else np.empty((n_outputs, 4))
    with nogil:
        for p in range(raw.shape[0]):
            add_soft_counts(
                &raw[p, 0, 0], n_rows, n_outputs, &y[0], &weight[0], tau, &tallies[p, 0],
                &dscore[0] if keep_slope else NULL, &slope[0, 0],
            )
