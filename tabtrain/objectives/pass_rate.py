"""The table test for numbers: the share of rows within tolerance."""

import numpy as np

from tabtrain._kernels.losses import within
from tabtrain._validation import check_bool, check_number
from tabtrain.objectives._base import Objective


class PassRate(Objective):
    """The weighted share of rows whose prediction is within tolerance.

    Parameters
    ----------
    tolerance : float
        A row passes if ``abs(prediction - y) <= tolerance``; not negative.
    relative : bool, default=False
        If so, a row passes if ``abs(prediction - y) <= tolerance * abs(y)``.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import PassRate
    >>> PassRate(tolerance=0.5).score(np.array([[10.0, 7.0]]))  # 7 of 10 rows pass
    array([0.7])
    """

    target = "number"

    def __init__(self, tolerance, relative=False):
        self.tolerance = tolerance
        self.relative = relative

    def check(self, n_classes):
        check_number(self.tolerance, "tolerance of PassRate", low=0)
        check_bool(self.relative, "relative of PassRate")

    def _limits(self):
        return (0.0, self.tolerance) if self.relative else (self.tolerance, 0.0)

    def n_tallies(self, n_classes):
        return 2

    def tally(self, raw, y, weight, tallies):
        within(raw, y, weight, *self._limits(), tallies)

    def score(self, tallies):
        return tallies[:, 1] / tallies[:, 0]

    def perfect(self, y, weight, n_classes):
        return np.full(2, weight.sum())

    def row_errors(self, raw, y):
        absolute, relative = self._limits()
        return ~(np.abs(raw[0, 0] - y) <= absolute + relative * np.abs(y))

    def best_constant(self, y, weight):
        """The middle of the numbers that are within the tolerance of the most weight."""
        absolute, relative = self._limits()
        reach = absolute + relative * np.abs(y)
        # At every beginning the weight rises, behind every end it falls.
        at = np.concatenate([y - reach, y + reach])
        change = np.concatenate([weight, -weight])
        order = np.lexsort([-change, at])
        best = int(np.argmax(change[order].cumsum()))
        return float((at[order[best]] + at[order[min(best + 1, len(at) - 1)]]) / 2)
