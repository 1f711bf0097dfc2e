"""Metrics of the confusion counts."""

import numpy as np

from tabtrain._kernels.confusion import tally
from tabtrain.objectives._base import Objective, wrong_rows


class CountMetric(Objective):
    """A metric of the confusion counts; subclasses give `score_counts`.

    One raw prediction a row means the second class where it is above 0, several the class
    of the largest.
    """

    target = "class"
    binary = False
    tally = staticmethod(tally)
    row_errors = staticmethod(wrong_rows)

    def score_counts(self, counts):
        """The scores ``[P]`` of ``counts[P, true class, predicted class]``."""
        raise NotImplementedError

    def check(self, n_classes):
        if self.binary and n_classes != 2:
            raise ValueError(
                f"objective={self!r} is a metric of two classes, got {n_classes} classes: use "
                "one that averages over classes, such as 'f1_macro' or 'balanced_accuracy'"
            )

    def n_tallies(self, n_classes):
        return n_classes**2

    def score(self, tallies):
        n_classes = round(np.sqrt(tallies.shape[1]))
        return self.score_counts(tallies.reshape(-1, n_classes, n_classes))

    def softened(self, tau):
        # Imported here: that module imports this one.
        from tabtrain.objectives.soft import Soft

        return Soft(self, tau)

    def perfect(self, y, weight, n_classes):
        # Every metric here rises when a row moves from a wrong class to its own; one that
        # may not must say so by returning None.
        return np.diag(np.bincount(y.astype(np.intp), weight, n_classes)).ravel()


def true_and_predicted(counts):
    """The counts ``[P, class]`` of true and of predicted classes."""
    # As sums over short axes, five times as fast as `sum`.
    return np.einsum("ptc->pt", counts), np.einsum("ptc->pc", counts)


def true_positives(counts):
    """The diagonal ``[P, class]``: of each class, the rows predicted right."""
    return np.diagonal(counts, axis1=1, axis2=2)
