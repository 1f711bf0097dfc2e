"""Of the positive rows, the share predicted so."""

from tabtrain.objectives._base import divide
from tabtrain.objectives._count_metric import CountMetric


class Recall(CountMetric):
    """Recall of the second class (``"recall"``): ``tp / (tp + fn)``, 0 where 0 / 0.

    Agrees with :func:`sklearn.metrics.recall_score`.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import Recall
    >>> Recall().score_counts(np.array([[[5, 3], [1, 3]]]))
    array([0.75])
    """

    binary = True

    def score_counts(self, counts):
        return divide(counts[:, 1, 1], counts[:, 1, :].sum(axis=1))
