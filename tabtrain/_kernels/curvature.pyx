"""What the last steps of a search told of the curvature."""


def bend(
    const double[:, ::1] steps, const double[:, ::1] changes, const double[::1] rho,
    double[::1] direction,
):
    """Multiply by the approximate inverse of the negative Hessian, in place.

    The two-loop recursion of L-BFGS: algorithm 7.4 of J. Nocedal, S. Wright, "Numerical
    Optimization", 2nd edition, 2006.

    Parameters
    ----------
    steps, changes : float64 arrays of shape (n_steps, n_params)
        The last steps, newest last, and the change of the negated gradient along each.
    rho : float64 array of shape (n_steps,)
        The inverse of the product of each step and its change.
    direction : float64 array of shape (n_params,)
        A gradient, which becomes a direction of ascent.
    """
    cdef Py_ssize_t n_steps = steps.shape[0], n_params = steps.shape[1], i, k
    cdef double[::1] share
    cdef double total
    if changes.shape[0] != n_steps or changes.shape[1] != n_params:
        raise ValueError("changes do not fit steps")
    if rho.shape[0] != n_steps or direction.shape[0] != n_params:
        raise ValueError("rho or direction do not fit steps")
    if n_steps == 0:
        return
    share = rho.copy()
    with nogil:
        for i in range(n_steps - 1, -1, -1):
            share[i] *= dot(&steps[i, 0], &direction[0], n_params)
            for k in range(n_params):
                direction[k] -= share[i] * changes[i, k]
        i = n_steps - 1
        total = rho[i] * dot(&changes[i, 0], &changes[i, 0], n_params)
        for k in range(n_params):
            direction[k] /= total
        for i in range(n_steps):
            total = share[i] - rho[i] * dot(&changes[i, 0], &direction[0], n_params)
            for k in range(n_params):
                direction[k] += total * steps[i, k]


cdef double dot(const double *a, const double *b, Py_ssize_t n) noexcept nogil:
    cdef double total = 0.0
    cdef Py_ssize_t k
    for k in range(n):
        total += a[k] * b[k]
    return total
