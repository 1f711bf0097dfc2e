cdef void add_counts(
    const double[:, ::1] positive, const double[::1] everything, double[:, ::1] tallies
) noexcept nogil
