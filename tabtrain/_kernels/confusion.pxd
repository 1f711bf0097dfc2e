cdef void split_by_class(
    const double[::1] y, const double[::1] weight, double[:, ::1] by_class
) noexcept nogil
cdef void add_binary_counts(
    double[:, ::1] by_class, double[:, ::1] sums, double[:, ::1] tallies
) noexcept nogil
