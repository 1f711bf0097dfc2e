"""The log-likelihood of the true classes."""

from tabtrain._kernels.losses import log_loss
from tabtrain.objectives._mean_loss import ClassLoss


class NegLogLoss(ClassLoss):
    """The mean log-probability of the true class (``"neg_log_loss"``).

    The probability is the sigmoid of the raw prediction, or the softmax of several. Agrees
    with the negative of :func:`sklearn.metrics.log_loss`, which cuts probabilities off at
    2.2e-16; this does not.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import NegLogLoss
    >>> NegLogLoss().score(np.array([[10.0, 6.0]]))  # 10 rows, summed loss 6
    array([-0.6])
    """

    loss = staticmethod(log_loss)
