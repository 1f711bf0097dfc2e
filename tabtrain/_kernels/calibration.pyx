"""The logistic regression of a label on a score and its square, for Newton's method."""

cdef extern from "calibration.h" nogil:
    void add_curve_moments(
        const double *z, const double *y, const double *weight, Py_ssize_t n_rows,
        const double *coef, double *moments,
    ) noexcept


def curve_moments(
    const double[::1] z, const double[::1] y, const double[::1] weight,
    const double[::1] coef, double[::1] moments,
):
    """Add the log-loss, its gradient and its Hessian to ``moments``.

    Parameters
    ----------
    z, y, weight : float64 arrays of shape (n_rows,)
        Scores, labels 0 and 1, and weights.
    coef : float64 array of shape (3,)
        The log-odds are ``coef @ (1, z, z * z)``.
    moments : float64 array of shape (10,), added to
        Of the loss: the value, three first derivatives, and six second ones, row by row of the
        upper triangle.
    """
    cdef Py_ssize_t n_rows = z.shape[0]
    if y.shape[0] != n_rows or weight.shape[0] != n_rows:
        raise ValueError("y and weight do not fit z")
    if coef.shape[0] != 3 or moments.shape[0] != 10:
        raise ValueError("coef must have 3 entries, moments 10")
    if n_rows == 0:
        return
    with nogil:
        add_curve_moments(&z[0], &y[0], &weight[0], n_rows, &coef[0], &moments[0])
