"""The mean over the classes of the share of their rows that come out right."""

from tabtrain.objectives._base import divide
from tabtrain.objectives._count_metric import CountMetric, true_and_predicted, true_positives


class BalancedAccuracy(CountMetric):
    """The mean recall of the classes that occur (``"balanced_accuracy"``).

    Agrees with :func:`sklearn.metrics.balanced_accuracy_score`.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import BalancedAccuracy
    >>> BalancedAccuracy().score_counts(np.array([[[3, 1], [0, 6]]]))
    array([0.875])
    """

    is_affine = True

    def score_counts(self, counts):
        of_class, _ = true_and_predicted(counts)
        recall = divide(true_positives(counts), of_class)
        return recall.sum(axis=1) / (of_class > 0).sum(axis=1)
