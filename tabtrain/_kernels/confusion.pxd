cdef void add_counts(
    const double *positive, const double *everything, Py_ssize_t n_candidates, double *tallies
) noexcept nogil
