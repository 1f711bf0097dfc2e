"""What an objective is."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from tabtrain._kernels.confusion import predict


class Objective(BaseEstimator):
    """A tally that adds over rows, and a score of the summed tally, higher is better.

    Subclasses give `n_tallies`, `tally`, `score`, `row_errors` and, where they can, `perfect`
    and the gradient.

    Attributes
    ----------
    target : {"class", "number"}
        What the rows are labelled with.
    probabilistic : bool
        Whether the raw predictions of a trained model are log-odds.
    scale : float
        The size of the terms of a score, which its rounding errors are in proportion to.
    is_affine : bool
        Whether the score is an affine function of the tallies of one table, so that its
        derivative is everywhere the same.
    tally_gradient : callable or None
        ``tally_gradient(raw[1, C, n], y[n], weight[n], dscore[T], tallies[1, T],
        raw_grad[C, n])`` adds to the tally and fills ``raw_grad`` with the derivative of
        the score. None: the objective has no gradient.
    loss : callable or None
        The kernel of `tabtrain._kernels.losses` whose sum over the rows the score is affine in: its
        second derivative in `score_gradient` is that by this sum. None: it is no such sum.
    best_constant : callable or None
        ``best_constant(y[n], weight[n])`` is the number that is best to answer for all of some
        rows. None: it is not known.
    """

    target: str
    probabilistic = False
    scale: Any = 1.0
    is_affine = False
    tally_gradient: Callable[..., None] | None = None
    loss: Callable[..., None] | None = None
    best_constant: Callable[..., float] | None = None

    def bind(self, y, weight):
        """The objective as it is taken of one table; most do not depend on the table.

        Parameters
        ----------
        y, weight : arrays of shape (n_rows,)

        Returns
        -------
        Objective
        """
        return self

    def check(self, n_classes):
        """Raise a ValueError if a parameter is wrong, or has no meaning for so many classes.

        ``n_classes`` is 1 for numbers.
        """

    def n_tallies(self, n_classes):
        """The length T of a tally; ``n_classes`` is 1 for numbers."""
        raise NotImplementedError

    def tally(self, raw, y, weight, tallies):
        """Add the tally of a block, ``raw[P, C, n]``, to ``tallies[P, T]``."""
        raise NotImplementedError

    def score(self, tallies):
        """The scores ``[P]`` of summed tallies ``[P, T]``, higher is better."""
        raise NotImplementedError

    def score_gradient(self, tally):
        """The derivative ``[T]`` of the score; only asked for where `tally_gradient` is given.

        ``tally`` is that of the candidate or, where `is_affine`, of perfect predictions.
        """
        raise NotImplementedError

    def perfect(self, y, weight, n_classes):
        """The tally ``[T]`` of the best predictions there could be for some rows.

        With it a candidate can be given up when even perfect answers for the rows it has
        not seen would not make it the best. None: no such bound is known.
        """
        return None

    def softened(self, tau):
        """The same objective with smooth counts, which has a gradient; None if there is none."""
        return None

    def slope_unit(self, output_scale):
        """The slope of a row that is off by ``output_scale``, about, in units of that scale.

        Gradients with respect to parameters at the data's scale are in proportion to it.
        """
        return self.scale * output_scale

    def row_errors(self, raw, y):
        """How wrong each row is under the first candidate: an array ``[n]``, 0 is right."""
        raise NotImplementedError


def divide(numerator, denominator):
    """The quotient, 0 where the denominator is 0 (scikit-learn's ``zero_division=0``)."""
    return np.divide(
        numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator != 0
    )


def wrong_rows(raw, y):
    """Whether the first candidate's predicted classes ``[n]`` are wrong."""
    labels = np.empty((1, raw.shape[2]))
    predict(raw[:1], labels)
    return labels[0] != y
