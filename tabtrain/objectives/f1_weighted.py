"""The mean F1 of the classes, weighted by their rows."""

from tabtrain.objectives._count_metric import CountMetric, true_and_predicted
from tabtrain.objectives.fbeta import f1_of_classes


class F1Weighted(CountMetric):
    """The mean F1 of the classes, weighted by the weight of their rows (``"f1_weighted"``).

    Agrees with :func:`sklearn.metrics.f1_score` with ``average="weighted"``.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import F1Weighted
    >>> F1Weighted().score_counts(np.array([[[5, 3], [1, 2]]]))
    array([0.65584416])
    """

    def score_counts(self, counts):
        of_class, _ = true_and_predicted(counts)
        return (f1_of_classes(counts) * of_class).sum(axis=1) / of_class.sum(axis=1)
