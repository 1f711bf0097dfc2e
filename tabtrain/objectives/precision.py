"""Of the rows predicted positive, the share that are."""

from tabtrain.objectives._base import divide
from tabtrain.objectives._count_metric import CountMetric


class Precision(CountMetric):
    """Precision of the second class (``"precision"``): ``tp / (tp + fp)``, 0 where 0 / 0.

    Agrees with :func:`sklearn.metrics.precision_score`.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import Precision
    >>> Precision().score_counts(np.array([[[5, 3], [1, 2]]]))
    array([0.4])
    """

    binary = True

    def score_counts(self, counts):
        return divide(counts[:, 1, 1], counts[:, :, 1].sum(axis=1))
