"""What the mistakes cost."""

import numpy as np

from tabtrain.objectives._count_metric import CountMetric


class Cost(CountMetric):
    """The negative mean cost of a row.

    Parameters
    ----------
    matrix : array-like of shape (n_classes, n_classes)
        ``matrix[i][j]`` is what it costs to predict class j for a row of class i, the
        classes in the order of ``classes_``. Any finite numbers: a gain is a negative cost.

    Examples
    --------
    Missing a bad risk (class 1) costs 5, refusing a good one 1:

    >>> import numpy as np
    >>> from tabtrain.objectives import Cost
    >>> Cost([[0, 1], [5, 0]]).score_counts(np.array([[[6, 2], [1, 1]]]))
    array([-0.7])
    """

    is_affine = True

    def __init__(self, matrix):
        self.matrix = matrix

    def check(self, n_classes):
        try:
            matrix = np.asarray(self.matrix, dtype=float)
        except (TypeError, ValueError):
            matrix = np.empty(0)
        if matrix.shape != (n_classes, n_classes) or not np.isfinite(matrix).all():
            raise ValueError(
                f"matrix of Cost must be {n_classes} x {n_classes} finite numbers, a row for "
                f"each true class and a column for each predicted one, got {self.matrix!r}"
            )

    @property
    def scale(self):
        return float(np.abs(np.asarray(self.matrix, dtype=float)).max())

    def score_counts(self, counts):
        costs = counts * np.asarray(self.matrix, dtype=float)
        return -costs.sum(axis=(1, 2)) / counts.sum(axis=(1, 2))

    def perfect(self, y, weight, n_classes):
        of_class = np.bincount(y.astype(np.intp), weight, n_classes)
        best = np.zeros((n_classes, n_classes))
        best[np.arange(n_classes), np.argmin(self.matrix, axis=1)] = of_class
        return best.ravel()
