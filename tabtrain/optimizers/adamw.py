"""Adam, with weights that shrink with every step."""

import numpy as np

from tabtrain._validation import check_number
from tabtrain.optimizers.adam import Adam


class AdamW(Adam):
    """Adam with decoupled weight decay: each batch takes a share off the weights, too.

    An L2 penalty (`alpha`) is part of the gradient, which Adam divides by its size; the decay is
    not, so all weights shrink alike [1]_. What the penalty is on shrinks: weights, not constants.
    The score knows nothing of the decay, and the parameters with the best are kept: give held-out
    rows, on which it shows.

    Parameters
    ----------
    learning_rate, batch_size, beta1, beta2, epsilon
        As for :class:`Adam`.
    weight_decay : float, default=0.01
        The share taken off is the learning rate times this; not negative.
    schedule, power_t, patience, max_norm, average
        As for :class:`Adam`.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019,
       algorithm 2.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from tabtrain import AdamW, LinearClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> adamw = AdamW(0.1, weight_decay=1.0)
    >>> clf = LinearClassifier("neg_log_loss", optimizer=adamw, early_stopping=True, random_state=0)
    >>> clf.fit(X, y).best_validation_score_ > -0.1
    True
    """

    def __init__(
        self,
        learning_rate=0.001,
        batch_size=200,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-8,
        weight_decay=0.01,
        schedule="adaptive",
        power_t=0.5,
        patience=5,
        max_norm=None,
        average=False,
    ):
        super().__init__(
            learning_rate,
            batch_size,
            beta1,
            beta2,
            epsilon,
            schedule,
            power_t,
            patience,
            max_norm,
            average,
        )
        self.weight_decay = weight_decay

    def check(self):
        super().check()
        check_number(self.weight_decay, "weight_decay", low=0)

    def _updates(self, problem, state, rate):
        stays = np.where(problem.is_penalized, 1 - rate * self.weight_decay, 1.0)
        update_by_adam = super()._updates(problem, state, rate)

        def update(gradient, scale):
            state.present *= stays
            update_by_adam(gradient, scale)

        return update
