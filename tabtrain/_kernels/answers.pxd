from libc.stdint cimport uint8_t


cdef void add_classes(
    const uint8_t *classes, Py_ssize_t n_candidates, Py_ssize_t n_rows, const double *y,
    const double *weight, bint counts, double *positive, double *everything, uint8_t *failed,
) noexcept nogil
