"""What the last steps of a search told of the curvature, and products of vectors for it."""

cdef extern from "vectors.h" nogil:
    double dot_of "dot"(const double *a, const double *b, Py_ssize_t n) noexcept
    void add_multiple(double *to, double factor, const double *of, Py_ssize_t n) noexcept


def bend(steps, changes, const double[::1] rho, double[::1] direction):
    """Multiply by the approximate inverse of the negative Hessian, in place.

    The two-loop recursion of L-BFGS: algorithm 7.4 of J. Nocedal, S. Wright, "Numerical
    Optimization", 2nd edition, 2006.

    Parameters
    ----------
    steps, changes : sequences of n_steps float64 arrays of shape (n_params,)
        The last steps, newest last, and the change of the negated gradient along each.
    rho : float64 array of shape (n_steps,)
        The inverse of the product of each step and its change.
    direction : float64 array of shape (n_params,)
        A gradient, which becomes a direction of ascent.
    """
    cdef Py_ssize_t n_steps = rho.shape[0], n_params = direction.shape[0], i, k
    cdef double[::1] share
    cdef const double[::1] step, change
    cdef double scale
    if len(changes) != len(steps):
        raise ValueError("changes do not fit steps")
    if len(steps) != n_steps:
        raise ValueError("rho does not fit steps")
    if n_steps == 0 or n_params == 0:
        return
    share = rho.copy()
    for i in range(n_steps - 1, -1, -1):
        step, change = fitting(steps[i], n_params), fitting(changes[i], n_params)
        with nogil:
            share[i] *= dot_of(&step[0], &direction[0], n_params)
            add_multiple(&direction[0], -share[i], &change[0], n_params)
    change = changes[n_steps - 1]
    with nogil:
        scale = 1.0 / (rho[n_steps - 1] * dot_of(&change[0], &change[0], n_params))
        for k in range(n_params):
            direction[k] *= scale
    for i in range(n_steps):
        step, change = steps[i], changes[i]
        with nogil:
            share[i] -= rho[i] * dot_of(&change[0], &direction[0], n_params)
            add_multiple(&direction[0], share[i], &step[0], n_params)


def dot(const double[::1] a, const double[::1] b):
    """The sum of the products of two vectors.

    The same for any number of threads of a BLAS, which is not asked: to wake them takes longer.
    """
    if a.shape[0] == 0:
        return 0.0
    return dot_of(&a[0], &fitting(b, a.shape[0])[0], a.shape[0])


cdef const double[::1] fitting(const double[::1] vector, Py_ssize_t n_params):
    if vector.shape[0] != n_params:
        raise ValueError("steps or changes do not fit direction")
    return vector
