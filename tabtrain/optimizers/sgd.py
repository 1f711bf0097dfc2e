"""Follow the gradient of a few rows at a time."""

from tabtrain._kernels.updates import sgd
from tabtrain._validation import check_bool, check_number
from tabtrain.optimizers._minibatch import MiniBatch


class SGD(MiniBatch):
    """Stochastic gradient descent in mini-batches, with momentum, for objectives with a gradient.

    An iteration is an epoch: the rows that have a weight, in random order, batch by batch. After
    it the score of all rows is taken, and the parameters with the best are kept.

    Parameters
    ----------
    learning_rate : float, default=0.1
        The size of the steps. Gradients are measured in the units of the objective and of the
        labels, and with respect to parameters at the data's scale, so these make no difference.
    batch_size : int, default=200
        The rows of a batch; the last of an epoch may have fewer, and counts for less. All rows if
        there are not so many.
    momentum : float, default=0.9
        The share of a step that is added to the next; from 0 to below 1.
    nesterov : bool, default=True
        Whether momentum is Nesterov's [1]_.
    schedule : {"constant", "invscaling", "adaptive"}, default="adaptive"
        What becomes of the learning rate. With "adaptive", when the score has not risen for
        `patience` epochs, the search goes back to the best parameters and on with a fifth of it; it
        has converged when less than 1e-4 would be left. With "invscaling" the rate is divided by
        ``n_epochs ** power_t``.
    power_t : float, default=0.5
    patience : int, default=5
    max_norm : float or None, default=None
        Gradients that are longer, in the units above, are shortened to this [2]_.
    average : bool, default=False
        Whether what an epoch is judged by, and what is kept, are the mean of the parameters after
        each of its batches [3]_: on large tables far nearer to the best than any of them.

    Notes
    -----
    Where an epoch ends at no finite score, the search goes back to the best parameters and on with
    a fifth of the learning rate, whatever the schedule.

    References
    ----------
    .. [1] I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and
       momentum in deep learning", ICML 2013.
    .. [2] R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural
       networks", ICML 2013.
    .. [3] B. Polyak, A. Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM
       Journal on Control and Optimization 30, 1992.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabtrain import SGD, LinearClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = LinearClassifier("neg_log_loss", optimizer=SGD(), alpha=0.01, random_state=0)
    >>> clf.fit(X, y).stop_reason_
    'no change'
    """

    n_moments = 1

    def __init__(
        self,
        learning_rate=0.1,
        batch_size=200,
        momentum=0.9,
        nesterov=True,
        schedule="adaptive",
        power_t=0.5,
        patience=5,
        max_norm=None,
        average=False,
    ):
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.momentum = momentum
        self.nesterov = nesterov
        self.schedule = schedule
        self.power_t = power_t
        self.patience = patience
        self.max_norm = max_norm
        self.average = average

    def check(self):
        super().check()
        check_number(self.momentum, "momentum", low=0, high=1, include_boundaries="left")
        check_bool(self.nesterov, "nesterov")

    def _updates(self, problem, state, rate):
        (velocity,) = state.moments

        def update(gradient, scale):
            sgd(gradient, scale, rate, self.momentum, self.nesterov, velocity, state.present)

        return update
