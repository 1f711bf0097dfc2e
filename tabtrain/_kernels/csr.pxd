cdef extern from "csr.h" nogil:
    ctypedef struct csr_rows:
        const Py_ssize_t *starts
        const int *indices
        const double *values
        Py_ssize_t n_rows
        Py_ssize_t n_features


cdef class CSRRows:
    cdef csr_rows rows
    # What the pointers point to.
    cdef object _arrays
