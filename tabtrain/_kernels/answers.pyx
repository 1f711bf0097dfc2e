"""What functions answer, as raw predictions: numbers as classes, and rows without an answer."""

import numpy as np

from libc.math cimport NAN
from libc.stdint cimport uint8_t

from tabtrain._kernels.confusion cimport add_counts
from tabtrain._kernels.lanes cimport LANES

cdef extern from "answers.h" nogil:
    void add_answers(
        const double *values, Py_ssize_t n_candidates, Py_ssize_t n_rows, const double *y,
        const double *weight, double low, double high, double *positive, double *all_rows,
        uint8_t *failed,
    ) noexcept
    uint8_t settle_row(double *values, Py_ssize_t n_rows, const double *weight) noexcept


def fill_classes(double[:, :, ::1] raw, const double[::1] labels):
    """Turn answers into raw predictions of classes.

    Parameters
    ----------
    raw : float64 array of shape (n_candidates, n_outputs, n_rows), changed
        ``raw[:, 0]`` are the answers. Filled, of one output, with 1 for the second label and
        -1 for the first; of several, with 1 for the output of the label, 0 for others; and with
        NaN for answers that are no label.
    labels : float64 array of shape (n_classes,)
        What stands for the classes; NaN for one that is never answered.
    """
    cdef Py_ssize_t n_outputs = raw.shape[1], n_rows = raw.shape[2], p, c, i
    cdef double answer
    cdef bint is_label
    cdef double *first
    if labels.shape[0] != max(n_outputs, 2):
        raise ValueError("labels do not fit raw")
    if n_rows == 0:
        return
    cdef double low = labels[0], high = labels[1]
    with nogil:
        for p in range(raw.shape[0]):
            first = &raw[p, 0, 0]
            if n_outputs == 1:
                for i in range(n_rows):
                    answer = first[i]
                    first[i] = 1.0 if answer == high else -1.0 if answer == low else NAN
                continue
            for i in range(n_rows):
                answer = first[i]
                is_label = 0
                for c in range(n_outputs):
                    is_label |= answer == labels[c]
                for c in range(n_outputs):
                    raw[p, c, i] = (answer == labels[c]) if is_label else NAN


def settle(double[:, :, ::1] raw, const double[::1] weight):
    """Put 0 in the place of NaN, and say which candidates have NaN in rows that count.

    Parameters
    ----------
    raw : float64 array of shape (n_candidates, n_outputs, n_rows), changed
        NaN for all outputs or for none.
    weight : float64 array of shape (n_rows,)

    Returns
    -------
    bool array of shape (n_candidates,)
    """
    cdef Py_ssize_t n_rows = raw.shape[2], p, c
    failed = np.zeros(raw.shape[0], dtype=np.uint8)
    cdef uint8_t[::1] has_failed = failed
    if weight.shape[0] != n_rows or n_rows % LANES:
        raise ValueError("weight does not fit raw")
    if n_rows == 0:
        return failed.view(bool)
    with nogil:
        for p in range(raw.shape[0]):
            for c in range(raw.shape[1]):
                has_failed[p] |= settle_row(&raw[p, c, 0], n_rows, &weight[0])
    return failed.view(bool)


def add_labels(
    const double[:, ::1] values,
    const double[::1] y,
    const double[::1] weight,
    double low,
    double high,
    double[:, ::1] positive,
    double[::1] everything,
    uint8_t[::1] failed,
):
    """Count answers that are one of two labels, of some of the rows of a block.

    Parameters
    ----------
    values : float64 array of shape (n_candidates, n_rows)
        n_rows a multiple of 16.
    y, weight : float64 arrays of shape (n_rows,)
        Class codes 0 and 1; weight 0 behind the last row.
    low, high : float
        What stands for the classes 0 and 1.
    positive : float64 array of shape (n_candidates, 2), added to
        The weight of rows answered with ``high``, by true class.
    everything : float64 array of shape (2,), added to
        The weight of all rows.
    failed : uint8 array of shape (n_candidates,), added to
        1 where the answer for a row that counts is neither label.
    """
    cdef Py_ssize_t n_candidates = values.shape[0], n_rows = values.shape[1]
    if positive.shape[0] != n_candidates or positive.shape[1] != 2 \
            or everything.shape[0] != 2 or failed.shape[0] != n_candidates:
        raise ValueError("positive, everything or failed do not fit values")
    if y.shape[0] != n_rows or weight.shape[0] != n_rows or n_rows % LANES:
        raise ValueError("y and weight do not fit values")
    if n_candidates == 0 or n_rows == 0:
        return
    with nogil:
        add_answers(
            &values[0, 0], n_candidates, n_rows, &y[0], &weight[0], low, high, &positive[0, 0],
            &everything[0], &failed[0],
        )


def add_to_tallies(
    const double[:, ::1] positive,
    const double[::1] everything,
    const uint8_t[::1] failed,
    double[:, ::1] tallies,
):
    """Add what `add_labels` counted to confusion counts.

    Parameters
    ----------
    positive, everything, failed
        As for `add_labels`.
    tallies : float64 array of shape (n_candidates, 4), added to
        Weight of rows by (true class, predicted class); NaN for candidates that failed.
    """
    cdef Py_ssize_t n_candidates = positive.shape[0], p
    if positive.shape[1] != 2 or everything.shape[0] != 2 or failed.shape[0] != n_candidates \
            or tallies.shape[0] != n_candidates or tallies.shape[1] != 4:
        raise ValueError("positive, everything or failed do not fit tallies")
    with nogil:
        add_counts(positive, everything, tallies)
        for p in range(n_candidates):
            if failed[p]:
                tallies[p, :] = NAN
