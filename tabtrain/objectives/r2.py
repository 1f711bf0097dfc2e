"""The share of the variance that the predictions explain."""

import copy

import numpy as np

from tabtrain._kernels.losses import squared
from tabtrain.objectives._base import Objective
from tabtrain.objectives._mean_loss import absolute_errors, weighted_mean


class R2(Objective):
    """The coefficient of determination (``"r2"``), ``1 - residual / total sum of squares``.

    1 if both are 0, and 0 if only the total is; agrees with
    :func:`sklearn.metrics.r2_score`.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import R2
    >>> R2().score(np.array([[10.0, 2.0, 8.0]]))  # 10 rows, residual 2, total 8
    array([0.75])
    """

    target = "number"
    is_affine = True
    loss = staticmethod(squared)
    row_errors = staticmethod(absolute_errors)
    best_constant = staticmethod(weighted_mean)
    _center = 0.0
    _variance = 1.0

    def bind(self, y, weight):
        # The total is about the table's mean, fixed before any tally is taken: squares
        # about 0 would lose all digits where the mean is large beside the deviation.
        bound = copy.copy(self)
        bound._center = np.average(y, weights=weight)
        bound._variance = np.average((y - bound._center) ** 2, weights=weight)
        return bound

    def n_tallies(self, n_classes):
        return 3

    def _add(self, raw, y, weight, tallies, *gradient):
        residual = np.zeros((len(raw), 2))
        squared(raw, y, weight, residual, *gradient)
        tallies[:, :2] += residual
        tallies[:, 2] += self._total(y, weight)

    def _total(self, y, weight):
        return weight @ (y - self._center) ** 2

    def tally(self, raw, y, weight, tallies):
        self._add(raw, y, weight, tallies)

    def tally_gradient(self, raw, y, weight, dscore, tallies, raw_grad):
        self._add(raw, y, weight, tallies, dscore[1], raw_grad)

    def score(self, tallies):
        residual, total = tallies[:, 1], tallies[:, 2]
        constant = np.where(residual == 0, 1.0, 0.0)
        return np.where(total > 0, 1 - residual / np.where(total > 0, total, 1), constant)

    def score_gradient(self, tally):
        # Of the rows that it is bound to: in a stream, those at hand may all be alike.
        total = self._variance * tally[0]
        return np.array([0.0, -1 / total if total > 0 else 0.0, 0.0])

    def slope_unit(self, output_scale):
        return 2 * output_scale**2 / (self._variance or 1.0)

    def perfect(self, y, weight, n_classes):
        return np.array([weight.sum(), 0.0, self._total(y, weight)])
