"""Where scores become classes: exact thresholds that hold on new rows.

The threshold that is best for the rows at hand jumps from row to row, and so does the score that it
promises. Therefore the labels of the rows are drawn to their calibrated probabilities before every
distinguishable threshold is tried: of few examples the smooth curve of a logistic regression on
the score decides, of many the labels themselves. The search is as exact as ever, a row of which one
label is half certain just counts half for each.
"""

import numpy as np

from tabtrain._kernels.calibration import curve_moments
from tabtrain.models import LinearModel
from tabtrain.objectives.soft import Soft
from tabtrain.problem import Problem
from tabtrain.table import Table

# The calibrated probabilities count as much as so many examples of the rarest class.
PRIOR_COUNT = 300
# Of a row, classes less probable than this are left out.
NEGLIGIBLE = 1e-3
# The penalties on the coefficients of the curve of a calibration: hardly any on the constant, and
# the score is of unit deviation.
RIDGE = np.array([1e-7, 1e-4, 1e-3])
# When Newton's method is over: after so many steps, or one that is worth less, or that small.
NEWTON_STEPS, SMALLEST_GAIN, SMALLEST_STEP = 50, 1e-7, 1e-9
# No log-odds are larger.
MOST_CERTAIN = 30.0
UPPER = np.triu_indices(3)
# In so many parts held-out rows are divided, where there is only one set of them.
N_PARTS = 5
# How often the offsets of all classes are gone through.
MAX_CYCLES = 4


def calibrated(raw, codes, weight, n_classes):
    """The probabilities of classes, by a logistic regression on each class's score [1]_.

    The log-odds are quadratic in the score: of two classes in the raw prediction, of more in
    how far that of a class is above the others'.

    Parameters
    ----------
    raw : float64 array of shape (n_outputs, n_rows)
    codes : int array of shape (n_rows,)
    weight : float64 array of shape (n_rows,)
    n_classes : int

    Returns
    -------
    float64 array of shape (n_classes, n_rows)
        In each row they sum to 1.

    References
    ----------
    .. [1] J. Platt, "Probabilistic Outputs for Support Vector Machines", 1999, with a line.
    """
    if n_classes == 2:
        second = _log_odds(raw[0], codes == 1, weight)
        log_odds = np.stack([-second, second])
    else:
        largest = np.sort(raw, axis=0)[-2:]
        others = np.where(raw == largest[1], largest[0], largest[1])
        log_odds = np.stack(
            [_log_odds(raw[k] - others[k], codes == k, weight) for k in range(n_classes)]
        )
    with np.errstate(under="ignore"):
        odds = 1 / (1 + np.exp(-log_odds))
    return odds / odds.sum(axis=0)


def _log_odds(score, is_positive, weight):
    """Those of a penalised logistic regression on a score and its square."""
    share = weight / weight.sum()
    z = score - (share * score).sum()
    deviation = np.sqrt((share * z * z).sum())
    if deviation > 0:
        z /= deviation
    y = is_positive.astype(np.float64)

    def derivatives(coef):
        moments = np.zeros(10)
        curve_moments(z, y, share, coef, moments)
        hessian = np.zeros((3, 3))
        hessian[UPPER] = hessian.T[UPPER] = moments[4:]
        penalised = RIDGE * coef
        return (
            moments[0] + penalised @ coef / 2,
            moments[1:4] + penalised,
            hessian + np.diag(RIDGE),
        )

    coef = np.zeros(3)
    loss, gradient, hessian = derivatives(coef)
    for _ in range(NEWTON_STEPS):
        step = np.linalg.solve(hessian, gradient)
        found = derivatives(coef - step)
        while found[0] > loss and np.abs(step).max() > SMALLEST_STEP:
            step /= 2
            found = derivatives(coef - step)
        gain = loss - found[0]
        if gain <= 0:
            break
        coef = coef - step
        loss, gradient, hessian = found
        if gain < SMALLEST_GAIN:
            break
    # A row is never quite certain.
    return np.clip(coef[0] + coef[1] * z + coef[2] * z * z, -MOST_CERTAIN, MOST_CERTAIN)


def expected_labels(raw, codes, weight, n_classes, prior_count=PRIOR_COUNT):
    """The rows, each as several: of its own class and, in part, of those it might have been of.

    Returns
    -------
    row : int array of shape (n_parts,)
    code : int array of shape (n_parts,)
    part_weight : float64 array of shape (n_parts,)
        Those of a row sum to its weight, but for what is negligible.
    """
    counts = np.bincount(codes, weight, n_classes)
    faith = prior_count / (prior_count + counts[counts > 0].min())
    if faith == 0:
        return np.arange(len(codes)), codes, weight
    shares = faith * calibrated(raw, codes, weight, n_classes)
    shares[codes, np.arange(len(codes))] += 1 - faith
    code, row = np.nonzero(shares > NEGLIGIBLE)
    return row, code, shares[code, row] * weight[row]


def best_offsets(raw, codes, weight, objective, n_classes, deadline=np.inf):
    """What to add to raw predictions so that their classes have the best score.

    Of two classes every distinguishable threshold is tried; of more every distinguishable
    offset of each class in turn, until none is better.

    Parameters
    ----------
    raw : float64 array of shape (n_outputs, n_rows)
    codes : int array of shape (n_rows,)
    weight : float64 array of shape (n_rows,)
    objective : CountMetric
    n_classes : int
    deadline : float
        The `time.monotonic` after which `TimeUpError` is raised.

    Returns
    -------
    offsets : float64 array of shape (n_outputs,)
    score : float
    """
    n_outputs = len(raw)
    coef = np.eye(n_outputs).ravel()
    free = np.concatenate([np.zeros(n_outputs**2), np.full(n_outputs, np.inf)])
    theta = np.concatenate([coef, np.zeros(n_outputs)])
    model = LinearModel(
        n_outputs, np.zeros(n_outputs), np.ones(n_outputs), bounds=(theta - free, theta + free)
    )
    problem = Problem(model, objective, Table(raw.T, codes, weight))
    problem.deadline = deadline
    score = problem.scores(theta[np.newaxis])[0]
    for _ in range(MAX_CYCLES if n_outputs > 1 else 1):
        before = score
        for k in range(n_outputs):
            line = np.zeros_like(theta)
            line[n_outputs**2 + k] = 1
            steps, scores = problem.line_search(theta[np.newaxis], line[np.newaxis])
            if scores[0] - problem.rounding(scores[0]) > score:
                theta, score = theta + steps[0] * line, scores[0]
        if score <= before:
            break
    return theta[n_outputs**2 :], float(score)


def classes_of(raw):
    """The class codes that raw predictions stand for."""
    return (raw[0] > 0).astype(np.intp) if len(raw) == 1 else raw.argmax(axis=0)


def tally_of(codes, predicted, weight, n_classes):
    """The confusion counts, as objectives score them: ``[n_classes**2]``."""
    return np.bincount(n_classes * codes + predicted, weight, n_classes**2)


class HeldOut:
    """Rows that were held out from training, scored by functions not trained on them.

    Parameters
    ----------
    codes : int array of shape (n_rows,)
        The classes.
    weight : float64 array of shape (n_rows,)
        Above 0.
    fold : int array of shape (n_rows,)
        What is said of the rows of a fold is chosen on the others. Where there is but one fold,
        some of its rows take the place of one.
    objective : CountMetric
    n_classes : int
    prior_count : float
        See `expected_labels`. If 0, offsets are not drawn to none either.
    deadline : float
        The `time.monotonic` after which `TimeUpError` is raised.
    """

    def __init__(
        self,
        codes,
        weight,
        fold,
        objective,
        n_classes,
        *,
        prior_count=PRIOR_COUNT,
        deadline=np.inf,
    ):
        self.codes = codes
        self.weight = weight
        self.n_parts = fold.max() + 1
        self.part = fold
        if self.n_parts == 1:
            self.n_parts = N_PARTS
            self.part = np.empty_like(fold)
            self.part[np.argsort(codes, kind="stable")] = np.arange(len(codes)) % N_PARTS
        self._objective = objective
        self._n_classes = n_classes
        self._prior_count = prior_count
        self._deadline = deadline

    def offsets(self, raw, rows=slice(None)):
        """What to add to raw predictions, as is best for some of the rows: ``[n_outputs]``.

        Of more than two classes offsets are drawn to none, as is an average of several numbers
        by James and Stein, as far as what they gain is not sure.
        """
        some, codes, weight = raw[:, rows], self.codes[rows], self.weight[rows]
        row, code, part_weight = expected_labels(
            some, codes, weight, self._n_classes, self._prior_count
        )
        offsets, _ = best_offsets(
            some[:, row], code, part_weight, self._objective, self._n_classes, self._deadline
        )
        n_more = self._n_classes - 2
        if n_more > 0 and self._prior_count > 0:
            gain, error = self.gain(classes_of(raw + offsets[:, np.newaxis]), classes_of(raw), rows)
            offsets = offsets * (gain**2 / (gain**2 + n_more * error**2) if gain > 0 else 0.0)
        return offsets

    def predicted(self, raw, rows=slice(None)):
        """The codes of all rows, with the offsets that are best for some."""
        return classes_of(raw + self.offsets(raw, rows)[:, np.newaxis])

    def score(self, codes, rows=slice(None)):
        """The metric of what is predicted for some rows."""
        tally = tally_of(self.codes[rows], codes[rows], self.weight[rows], self._n_classes)
        score = self._objective.score(tally[np.newaxis])[0]
        return -np.inf if np.isnan(score) else float(score)

    def error(self, codes, decided_on_all=None):
        """The standard error of the metric of what is predicted, by the delta method.

        A row of weight 2 counts as two. ``decided_on_all`` is what is predicted if what is chosen
        for each part is chosen on all rows: by how much that scores otherwise, the choice is
        uncertain.
        """
        of_rows = self._error(self._worth(codes, slice(None)), slice(None))
        of_choice = (
            0.0 if decided_on_all is None else self.score(decided_on_all) - self.score(codes)
        )
        return float(np.hypot(of_rows, of_choice))

    def gain(self, codes, others, rows=slice(None)):
        """By how much what is predicted scores higher than something else, and the standard
        error of that."""
        difference = self._worth(codes, rows) - self._worth(others, rows)
        gain = self.score(codes, rows) - self.score(others, rows)
        return gain, self._error(difference, rows)

    def _worth(self, codes, rows):
        """What each row adds to the metric for each unit of its weight, to first order."""
        true, codes = self.codes[rows], codes[rows]
        tally = tally_of(true, codes, self.weight[rows], self._n_classes)
        slopes = Soft(self._objective).score_gradient(tally)
        slopes = slopes - slopes @ tally / tally.sum()
        return slopes[self._n_classes * true + codes]

    def _error(self, worth, rows):
        return float(np.sqrt(self.weight[rows] @ np.square(worth)))

    def without_each_part(self):
        """For each part the other rows, and then all of them, as masks."""
        return [*(self.part != i for i in range(self.n_parts)), np.ones(len(self.part), bool)]
