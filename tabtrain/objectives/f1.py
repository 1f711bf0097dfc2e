"""F1: the harmonic mean of precision and recall."""

from tabtrain.objectives._count_metric import CountMetric
from tabtrain.objectives.fbeta import fbeta


class F1(CountMetric):
    """F1 of the second class (``"f1"``): ``2 tp / (2 tp + fn + fp)``, 0 where that is 0 / 0.

    Agrees with :func:`sklearn.metrics.f1_score`.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import F1
    >>> F1().score_counts(np.array([[[5, 3], [1, 2]]]))
    array([0.5])
    """

    binary = True

    def score_counts(self, counts):
        return fbeta(counts[:, 1, 1], counts[:, 0, 1], counts[:, 1, 0])
