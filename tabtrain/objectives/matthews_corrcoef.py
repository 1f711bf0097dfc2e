"""The correlation of true and predicted classes."""

import numpy as np

from tabtrain.objectives._base import divide
from tabtrain.objectives._count_metric import CountMetric, true_and_predicted, true_positives


class MatthewsCorrcoef(CountMetric):
    """Matthews' correlation coefficient (``"matthews_corrcoef"``), 0 where it is 0 / 0.

    For K classes, with ``s`` all rows, ``c`` those predicted right, ``t_k`` those of class k
    and ``p_k`` those predicted as k: ``(c s - sum t_k p_k) / sqrt((s**2 - sum p_k**2)
    (s**2 - sum t_k**2))`` (Gorodkin 2004). Agrees with
    :func:`sklearn.metrics.matthews_corrcoef`.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import MatthewsCorrcoef
    >>> MatthewsCorrcoef().score_counts(np.array([[[4, 1], [1, 4]]]))
    array([0.6])
    """

    def score_counts(self, counts):
        of_class, predicted = true_and_predicted(counts)
        total = of_class.sum(axis=1)
        covariance = true_positives(counts).sum(axis=1) * total - (of_class * predicted).sum(axis=1)
        variances = variance(of_class) * variance(predicted)
        return divide(covariance, np.sqrt(variances))

    def perfect(self, y, weight, n_classes):
        # It rises with every right row for two classes; for more nobody has shown it.
        return super().perfect(y, weight, n_classes) if n_classes == 2 else None


def variance(sums):
    """``sum(s)**2 - sum(s**2)``, and exactly 0 if there is one class alone."""
    return (sums * (sums.sum(axis=1, keepdims=True) - sums)).sum(axis=1)
