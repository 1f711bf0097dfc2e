"""Any function of the confusion counts."""

import numpy as np

from tabtrain.objectives._count_metric import CountMetric


class CountScore(CountMetric):
    """A score that the user wrote, of the confusion counts.

    Given as ``objective=function`` or ``objective=CountScore(function)``.

    Parameters
    ----------
    function : callable
        Called with ``counts``, a float64 array of shape (n_classes, n_classes) of the
        weights of rows by (true class, predicted class), for each candidate; returns a
        number, higher is better. NaN counts as the worst score.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import CountScore
    >>> def youden(counts):
    ...     (tn, fp), (fn, tp) = counts
    ...     return tp / (tp + fn) + tn / (tn + fp) - 1
    >>> CountScore(youden).score_counts(np.array([[[3, 1], [1, 3]]]))
    array([0.5])
    """

    def __init__(self, function):
        self.function = function

    def check(self, n_classes):
        super().check(n_classes)
        counts = np.ones((n_classes, n_classes))
        try:
            float(self.function(counts))
        except Exception as error:
            raise TypeError(
                "objective must be a function that makes a number of the confusion counts, an "
                f"array of shape ({n_classes}, {n_classes}): of ones, {self.function!r} made "
                f"{type(error).__name__}: {error}"
            ) from error

    def score_counts(self, counts):
        return np.array([float(self.function(each)) for each in counts])

    def perfect(self, y, weight, n_classes):
        return None  # nothing is known of the function
