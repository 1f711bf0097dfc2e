"""The share of rows that come out right."""

import numpy as np

from tabtrain.objectives._count_metric import CountMetric, true_positives


class Accuracy(CountMetric):
    """The weighted share of rows predicted right (``"accuracy"``).

    Agrees with :func:`sklearn.metrics.accuracy_score`.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import Accuracy
    >>> Accuracy().score_counts(np.array([[[3, 1], [0, 4]]]))
    array([0.875])
    """

    is_affine = True

    def score_counts(self, counts):
        return true_positives(counts).sum(axis=1) / np.einsum("ptc->p", counts)
