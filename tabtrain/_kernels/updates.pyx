"""What the gradient of a batch does to the parameters, and to what is kept of earlier ones."""

cdef extern from "updates.h" nogil:
    void sgd_update(
        const double *gradient, double scale, double rate, double momentum, int nesterov,
        Py_ssize_t n_params, double *velocity, double *theta,
    ) noexcept
    void adam_update(
        const double *gradient, double scale, double rate, double beta1, double beta2,
        double epsilon, Py_ssize_t n_params, double *mean, double *square, double *theta,
    ) noexcept


def sgd(
    const double[::1] gradient, double scale, double rate, double momentum, bint nesterov,
    double[::1] velocity, double[::1] theta,
):
    """A step of gradient ascent with momentum, in place.

    I. Sutskever et al., "On the importance of initialization and momentum in deep learning",
    ICML 2013, equations 1 to 4; ``theta`` is the point that Nesterov's momentum looks ahead to.

    Parameters
    ----------
    gradient : float64 array of shape (n_params,)
    scale : float
        What the gradient is multiplied by.
    rate : float
        The learning rate.
    momentum : float
        The share of the velocity that stays.
    nesterov : bool
        Whether the momentum of the next step, which is known, is taken now.
    velocity, theta : float64 arrays of shape (n_params,), changed
    """
    cdef Py_ssize_t n_params = theta.shape[0]
    if gradient.shape[0] != n_params or velocity.shape[0] != n_params:
        raise ValueError("gradient or velocity do not fit theta")
    if n_params:
        with nogil:
            sgd_update(&gradient[0], scale, rate, momentum, nesterov, n_params, &velocity[0],
                       &theta[0])


def adam(
    const double[::1] gradient, double scale, double rate, double beta1, double beta2,
    double epsilon, double[::1] mean, double[::1] square, double[::1] theta,
):
    """A step of Adam uphill, in place.

    D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1 as
    the end of its section 2 has it.

    Parameters
    ----------
    gradient : float64 array of shape (n_params,)
    scale : float
        What the gradient is multiplied by.
    rate : float
        The learning rate, corrected for moments that began at 0.
    beta1, beta2 : float
        The shares of the moments that stay.
    epsilon : float
    mean, square, theta : float64 arrays of shape (n_params,), changed
        The moving averages of the gradient and of its square, and the parameters.
    """
    cdef Py_ssize_t n_params = theta.shape[0]
    if gradient.shape[0] != n_params or mean.shape[0] != n_params \
            or square.shape[0] != n_params:
        raise ValueError("gradient or moments do not fit theta")
    if n_params:
        with nogil:
            adam_update(&gradient[0], scale, rate, beta1, beta2, epsilon, n_params, &mean[0],
                        &square[0], &theta[0])
