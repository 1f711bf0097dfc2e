"""The squared error of the predicted probabilities."""

from tabtrain._kernels.losses import brier
from tabtrain.objectives._mean_loss import ClassLoss


class NegBrierScore(ClassLoss):
    """The negative mean squared error of the probabilities (``"neg_brier_score"``).

    For two classes, of the second class's probability; for more, summed over the classes.
    Agrees with the negative of :func:`sklearn.metrics.brier_score_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import NegBrierScore
    >>> NegBrierScore().score(np.array([[10.0, 2.0]]))  # 10 rows, summed squares 2
    array([-0.2])
    """

    loss = staticmethod(brier)
