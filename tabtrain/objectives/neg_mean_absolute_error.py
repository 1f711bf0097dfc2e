"""The absolute error of predicted numbers."""

import numpy as np

from tabtrain._kernels.losses import absolute
from tabtrain.objectives._mean_loss import MeanLoss, absolute_errors


class NegMeanAbsoluteError(MeanLoss):
    """The negative mean absolute error (``"neg_mean_absolute_error"``).

    It has no gradient where a row is met exactly, which is where its best solutions lie, so
    none is offered. Agrees with the negative of :func:`sklearn.metrics.mean_absolute_error`.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import NegMeanAbsoluteError
    >>> NegMeanAbsoluteError().score(np.array([[10.0, 5.0]]))  # 10 rows, summed errors 5
    array([-0.5])
    """

    target = "number"
    loss = staticmethod(absolute)
    tally_gradient = None  # type: ignore[assignment]
    row_errors = staticmethod(absolute_errors)

    @staticmethod
    def best_constant(y, weight):
        """The median."""
        order = np.argsort(y, kind="stable")
        sums = weight[order].cumsum()
        first, last = np.searchsorted(sums, sums[-1] / 2, side="left"), len(y) - 1
        # Between two rows, where exactly half of the weight is on either side.
        second = np.searchsorted(sums, sums[-1] / 2, side="right")
        return float((y[order[first]] + y[order[min(second, last)]]) / 2)
