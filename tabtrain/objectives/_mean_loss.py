"""Losses: a sum over rows, divided by the weights."""

from collections.abc import Callable

import numpy as np

from tabtrain.objectives._base import Objective, wrong_rows


class MeanLoss(Objective):
    """The negative of a weighted mean; the tally is (sum of weights, sum of losses)."""

    is_affine = True
    loss: Callable[..., None]

    def n_tallies(self, n_classes):
        return 2

    def tally(self, raw, y, weight, tallies):
        self.loss(raw, y, weight, tallies)

    def tally_gradient(self, raw, y, weight, dscore, tallies, raw_grad):
        self.loss(raw, y, weight, tallies, dscore[1], raw_grad)

    def score(self, tallies):
        return -tallies[:, 1] / tallies[:, 0]

    def score_gradient(self, tally):
        return np.array([0.0, -1.0 / tally[0]])

    def perfect(self, y, weight, n_classes):
        return np.array([weight.sum(), 0.0])


class ClassLoss(MeanLoss):
    """A loss of predicted probabilities."""

    target = "class"
    probabilistic = True
    row_errors = staticmethod(wrong_rows)


def absolute_errors(raw, y):
    """The errors ``[n]`` of the first candidate's numbers."""
    return np.abs(raw[0, 0] - y)


def weighted_mean(y, weight):
    """The number with the least squared error."""
    return float(np.average(y, weights=weight))
