"""Follow the gradient of a few rows at a time, each parameter in steps of its own size."""

from tabtrain._kernels.updates import adam
from tabtrain._validation import check_number
from tabtrain.optimizers._minibatch import MiniBatch


class Adam(MiniBatch):
    """Mini-batches, each parameter moved by its mean gradient over the root of its mean square.

    An iteration is an epoch, as for :class:`SGD`.

    Parameters
    ----------
    learning_rate : float, default=0.001
        How far a batch moves a parameter, at most, about.
    batch_size : int, default=200
        The rows of a batch, as for :class:`SGD`.
    beta1, beta2 : float, default=0.9 and 0.999
        The shares of the means that stay with each batch; from 0 to below 1.
    epsilon : float, default=1e-8
        Added to the root, above 0.
    schedule : {"constant", "invscaling", "adaptive"}, default="adaptive"
        What becomes of the learning rate, as for :class:`SGD`.
    power_t : float, default=0.5
    patience : int, default=5
    max_norm : float or None, default=None
        Gradients that are longer are shortened to this, as for :class:`SGD`.
    average : bool, default=False
        Whether an epoch is judged by its mean parameters, as for :class:`SGD`.

    Notes
    -----
    The corrections of moments that began at 0 are put into the learning rate, as section 2 of
    [1]_ proposes and scikit-learn does.

    References
    ----------
    .. [1] D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabtrain import Adam, LinearClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = LinearClassifier("neg_log_loss", optimizer=Adam(0.1), alpha=0.01, random_state=0)
    >>> clf.fit(X, y).stop_reason_
    'no change'
    """

    n_moments = 2

    def __init__(
        self,
        learning_rate=0.001,
        batch_size=200,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-8,
        schedule="adaptive",
        power_t=0.5,
        patience=5,
        max_norm=None,
        average=False,
    ):
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.schedule = schedule
        self.power_t = power_t
        self.patience = patience
        self.max_norm = max_norm
        self.average = average

    def check(self):
        super().check()
        for name in ("beta1", "beta2"):
            check_number(getattr(self, name), name, low=0, high=1, include_boundaries="left")
        check_number(self.epsilon, "epsilon", low=0, include_boundaries="neither")

    def _updates(self, problem, state, rate):
        mean, square = state.moments
        beta1, beta2 = self.beta1, self.beta2

        def update(gradient, scale):
            t = state.n_updates
            corrected = rate * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
            adam(
                gradient, scale, corrected, beta1, beta2, self.epsilon, mean, square, state.present
            )

        return update
