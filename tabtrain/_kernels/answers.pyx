"""What functions answer, as raw predictions: numbers as classes, and rows without an answer."""

import numpy as np

from libc.math cimport NAN
from libc.stdint cimport uint8_t

from tabtrain._kernels.lanes cimport LANES

cdef extern from "answers.h" nogil:
    void add_answers(
        const uint8_t *classes, Py_ssize_t n_candidates, Py_ssize_t n_rows, const double *y,
        const double *weight, double *positive, double *all_rows, uint8_t *failed,
    ) noexcept
    void count_answers(
        const uint8_t *classes, Py_ssize_t n_candidates, Py_ssize_t n_rows, const double *y,
        const double *weight, double *positive, double *all_rows, uint8_t *failed,
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


cdef void add_classes(
    const uint8_t *classes, Py_ssize_t n_candidates, Py_ssize_t n_rows, const double *y,
    const double *weight, bint counts, double *positive, double *everything, uint8_t *failed,
) noexcept nogil:
    # For kernels that are made when they are needed.
    if counts:
        count_answers(classes, n_candidates, n_rows, y, weight, positive, everything, failed)
    else:
        add_answers(classes, n_candidates, n_rows, y, weight, positive, everything, failed)
