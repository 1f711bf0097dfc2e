"""The mean F1 of the classes."""

from tabtrain.objectives._count_metric import CountMetric, true_and_predicted
from tabtrain.objectives.fbeta import f1_of_classes


class F1Macro(CountMetric):
    """The unweighted mean F1 of the classes that occur or are predicted (``"f1_macro"``).

    Agrees with :func:`sklearn.metrics.f1_score` with ``average="macro"``.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import F1Macro
    >>> F1Macro().score_counts(np.array([[[5, 3], [1, 2]]]))
    array([0.60714286])
    """

    def score_counts(self, counts):
        present = sum(true_and_predicted(counts)) > 0
        return f1_of_classes(counts).sum(axis=1) / present.sum(axis=1)
