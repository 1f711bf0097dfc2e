"""Positive rows predicted so, among those that are positive or predicted so."""

from tabtrain.objectives._base import divide
from tabtrain.objectives._count_metric import CountMetric


class Jaccard(CountMetric):
    """Jaccard index of the second class (``"jaccard"``): ``tp / (tp + fp + fn)``, 0 where 0 / 0.

    Agrees with :func:`sklearn.metrics.jaccard_score`.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import Jaccard
    >>> Jaccard().score_counts(np.array([[[5, 3], [1, 4]]]))
    array([0.5])
    """

    binary = True

    def score_counts(self, counts):
        return divide(counts[:, 1, 1], counts.sum(axis=(1, 2)) - counts[:, 0, 0])
