"""A metric of counts made smooth, so that it has a gradient."""

import numpy as np

from tabtrain._kernels.soft import soft_counts
from tabtrain._validation import check_number
from tabtrain.objectives._base import Objective, wrong_rows
from tabtrain.objectives._count_metric import CountMetric

# How far counts are moved, as a share of all rows, to see how a metric changes with them.
STEP = 1e-6
# Of many classes there are very many counts: so many entries of tallies are scored at a time.
ENTRIES_AT_A_TIME = 2**20


class Soft(Objective):
    """A metric of soft counts.

    Where a metric counts a row for the class that is predicted, here it counts for each class
    by its share of ``softmax(raw / tau)``; of two classes, for the second by ``sigmoid(raw /
    tau)``. The metric is a function of the counts as ever, so its gradient is had by the chain
    rule. The smaller ``tau`` is, the closer the score is to that of the counts, and the fewer
    rows, those near the border, have a say in the gradient [1]_.

    Parameters
    ----------
    objective : str, CountMetric or callable
        The metric: a name, an objective, or a function of the confusion counts, which must be
        smooth in these and take counts that are not whole.
    tau : float, default=1.0
        The temperature, in units of the raw prediction; above 0.

    Notes
    -----
    The derivative of the metric with respect to the counts is taken numerically, by central
    differences: metrics have few counts, and any function of them will do.

    References
    ----------
    .. [1] M. Jansche, "Maximum Expected F-Measure Training of Logistic Regression Models",
       HLT/EMNLP 2005, does it for F-beta.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from tabtrain import LinearClassifier, Soft
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = LinearClassifier(Soft("f1", tau=0.5), alpha=1e-4).fit(X, y)
    >>> clf.best_score_ > 0.97
    True
    """

    target = "class"
    row_errors = staticmethod(wrong_rows)

    def __init__(self, objective, tau=1.0):
        self.objective = objective
        self.tau = tau

    @property
    def metric(self):
        """The objective whose counts are made soft."""
        if isinstance(self.objective, CountMetric):
            return self.objective
        # Imported here: that module finds this one.
        from tabtrain.objectives import get_objective

        found = get_objective(self.objective, "class")
        if not isinstance(found, CountMetric):
            raise ValueError(f"objective of Soft must be a metric of counts, got {found!r}")
        return found

    @property
    def is_affine(self):  # type: ignore[override]
        return self.metric.is_affine

    @property
    def scale(self):
        return self.metric.scale

    def check(self, n_classes):
        check_number(self.tau, "tau of Soft", low=0, include_boundaries="neither")
        self.metric.check(n_classes)

    def bind(self, y, weight):
        return Soft(self.metric.bind(y, weight), self.tau)

    def n_tallies(self, n_classes):
        return self.metric.n_tallies(n_classes)

    def tally(self, raw, y, weight, tallies):
        soft_counts(raw, y, weight, self.tau, tallies)

    def tally_gradient(self, raw, y, weight, dscore, tally, raw_grad):
        soft_counts(raw, y, weight, self.tau, tally, dscore, raw_grad)

    def score(self, tallies):
        return self.metric.score(tallies)

    def score_gradient(self, tally):
        step, n = STEP * tally.sum(), len(tally)
        at_a_time = max(ENTRIES_AT_A_TIME // n, 1)
        slopes = np.empty(n)
        # Not finite where a metric is 0 / 0 or the root of a count below 0: no slope is known.
        with np.errstate(invalid="ignore", divide="ignore"):
            for begin in range(0, n, at_a_time):
                moves = step * np.eye(min(at_a_time, n - begin), n, begin)
                scores = self.score(np.concatenate([tally + moves, tally - moves]))
                more, less = scores[: len(moves)], scores[len(moves) :]
                slopes[begin : begin + at_a_time] = (more - less) / (2 * step)
        return np.where(np.isfinite(slopes), slopes, 0.0)

    def perfect(self, y, weight, n_classes):
        return self.metric.perfect(y, weight, n_classes)
