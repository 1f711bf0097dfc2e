"""The squared error of predicted numbers."""

from tabtrain._kernels.losses import squared
from tabtrain.objectives._mean_loss import MeanLoss, absolute_errors, weighted_mean


class NegMeanSquaredError(MeanLoss):
    """The negative mean squared error (``"neg_mean_squared_error"``).

    Agrees with the negative of :func:`sklearn.metrics.mean_squared_error`.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import NegMeanSquaredError
    >>> NegMeanSquaredError().score(np.array([[10.0, 5.0]]))  # 10 rows, summed squares 5
    array([-0.5])
    """

    target = "number"
    loss = staticmethod(squared)
    row_errors = staticmethod(absolute_errors)
    best_constant = staticmethod(weighted_mean)

    def slope_unit(self, output_scale):
        return 2 * output_scale**2
