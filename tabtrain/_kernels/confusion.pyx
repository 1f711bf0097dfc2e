"""Confusion counts: the weight of the rows of each true class predicted as each class.

One raw prediction a row: class 1 if it is above 0, else class 0. Several: the class of the
largest, the first of equals (as ``numpy.argmax``).
"""

import numpy as np

from tabtrain._kernels.lanes cimport LANES

cdef extern from "confusion.h" nogil:
    void add_predicted_positive(
        const double *raw, Py_ssize_t n_candidates, Py_ssize_t n_rows, const double *y,
        const double *weight, double *positive, double *all_rows,
    ) noexcept


cdef void add_counts(
    const double *positive, const double *everything, Py_ssize_t n_candidates, double *tallies
) noexcept nogil:
    # Only the rows predicted positive are summed; the others are what is left of the
    # class. The difference of two rounded sums may fall below 0 by a rounding error.
    cdef Py_ssize_t p, label
    for p in range(n_candidates):
        for label in range(2):
            tallies[4 * p + 2 * label] += max(everything[label] - positive[2 * p + label], 0.0)
            tallies[4 * p + 2 * label + 1] += positive[2 * p + label]


cdef inline Py_ssize_t predicted_class(
    const double[:, :, ::1] raw, Py_ssize_t p, Py_ssize_t i
) noexcept nogil:
    cdef Py_ssize_t c, best = 0
    if raw.shape[1] == 1:
        return raw[p, 0, i] > 0.0
    for c in range(1, raw.shape[1]):
        if raw[p, c, i] > raw[p, best, i]:
            best = c
    return best


def tally(
    const double[:, :, ::1] raw,
    const double[::1] y,
    const double[::1] weight,
    double[:, ::1] tallies,
):
    """Add the confusion counts of every candidate.

    Parameters
    ----------
    raw : float64 array of shape (n_candidates, n_outputs, n_rows)
        n_rows a multiple of 16.
    y, weight : float64 arrays of shape (n_rows,)
        Class codes 0, 1, ...; weight 0 behind the last row.
    tallies : float64 array of shape (n_candidates, n_classes * n_classes), added to
        Weight of rows by (true class, predicted class).
    """
    cdef Py_ssize_t n_candidates = raw.shape[0], n_rows = raw.shape[2], p, i
    cdef Py_ssize_t n_classes = max(raw.shape[1], 2)
    if tallies.shape[0] != n_candidates or tallies.shape[1] != n_classes * n_classes:
        raise ValueError("tallies do not fit raw")
    if y.shape[0] != n_rows or weight.shape[0] != n_rows or n_rows % LANES:
        raise ValueError("y and weight do not fit raw")
    if n_candidates == 0 or n_rows == 0:
        return
    cdef double[:, ::1] positive
    cdef double[::1] everything
    if raw.shape[1] == 1:
        positive = np.zeros((n_candidates, 2))
        everything = np.zeros(2)
        with nogil:
            add_predicted_positive(
                &raw[0, 0, 0], n_candidates, n_rows, &y[0], &weight[0], &positive[0, 0],
                &everything[0],
            )
            add_counts(&positive[0, 0], &everything[0], n_candidates, &tallies[0, 0])
    else:
        with nogil:
            for p in range(n_candidates):
                for i in range(n_rows):
                    tallies[p, <Py_ssize_t> y[i] * n_classes + predicted_class(raw, p, i)] += \
                        weight[i]


def predict(const double[:, :, ::1] raw, double[:, ::1] labels):
    """Fill ``labels`` of shape (n_candidates, n_rows) with the predicted class codes."""
    cdef Py_ssize_t p, i
    if labels.shape[0] != raw.shape[0] or labels.shape[1] != raw.shape[2]:
        raise ValueError("labels do not fit raw")
    with nogil:
        for p in range(raw.shape[0]):
            for i in range(raw.shape[2]):
                labels[p, i] = predicted_class(raw, p, i)
