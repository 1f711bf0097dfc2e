"""Train for the metric, and let rows that were not trained on decide."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from tabtrain._kernels.curvature import dot
from tabtrain._thresholds import HeldOut, best_offsets, classes_of, tally_of
from tabtrain.objectives.neg_log_loss import NegLogLoss
from tabtrain.objectives.soft import Soft
from tabtrain.optimizers._base import Optimizer, State
from tabtrain.optimizers.lbfgs import LBFGS
from tabtrain.problem import values_and_gradients
from tabtrain.selection import Candidate, Selection

# The penalties on the log-loss, on that of rows weighted by what they are worth to the metric, and
# on how far the ascent of the smooth metric leads away from where it begins, strongest first; and
# the temperatures of that, in deviations of the score.
LOG_LOSS_ALPHAS = (1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5)
WEIGHTED_ALPHAS = (0.1, 1e-2, 1e-3, 1e-4)
SOFT_ALPHAS = (3.0, 0.3, 0.03, 0.003)
TAUS = (1.0, 0.3, 0.1)
# So many of the candidates, the best on rows they were not trained on, are averaged.
N_AVERAGED = 10
# Rows whose worths differ by less than this share are worth the same.
ALIKE = 1e-3
# A gradient search is over when a step raises the score by less than this share, or at this slope.
FTOL, GTOL, MAX_STEPS = 1e-6, 3e-4, 30


class _Plan(NamedTuple):
    """What one candidate is trained for."""

    kind: str
    alpha: float | None = None
    tau: float | None = None


PLAN = (
    *(_Plan("log-loss", alpha) for alpha in LOG_LOSS_ALPHAS),
    *(_Plan("weighted log-loss", alpha) for alpha in WEIGHTED_ALPHAS),
    *(_Plan("soft metric", alpha, tau) for tau in TAUS for alpha in SOFT_ALPHAS),
    _Plan("exact lines"),
)


class _Trained(NamedTuple):
    """A candidate: one function for each set of training rows.

    Attributes
    ----------
    plan : _Plan
    thetas : float64 array of shape (n_sets, n_params)
        As they were trained, where the next one begins.
    deviation : float64 array of shape (n_sets,)
        Of their scores on their training rows.
    raw : float64 array of shape (n_outputs, n_held_out)
        The scores of the latter for held-out rows, each by the function not trained on it.
    offsets : float64 array of shape (n_parts + 1, n_outputs)
        What is best to add to these without the rows of each part, and with all.
    values : float64 array of shape (n_parts + 1,)
        The metric of the same rows with these offsets.
    losses : float64 array of shape (n_parts + 1,)
        Likewise the log-loss; infinite if it was not trained for it.
    """

    plan: _Plan
    thetas: np.ndarray
    deviation: np.ndarray
    raw: np.ndarray
    offsets: np.ndarray
    values: np.ndarray
    losses: np.ndarray

    def unit(self, i):
        """The function of a set with scores of deviation 1."""
        return self.thetas[i] / self.deviation[i]

    def codes(self, i):
        """What is predicted for held-out rows, with the offsets that are best without a part."""
        return classes_of(self.raw + self.offsets[i][:, np.newaxis])


@dataclass(kw_only=True)
class _CrossFitted(State):
    """``start`` and ``anchor`` are points for each set: where the first candidate begins, and
    where those of a kind begin."""

    plans: tuple
    start: np.ndarray
    anchor: np.ndarray
    trained: tuple = ()
    selection: Selection = field(default_factory=Selection)
    oof_score: float = np.nan
    oof_std_error: float = np.nan

    def improves(self, than, tol):
        # Each answer takes the place of the one before: it rests on more candidates.
        return True

    def outcome(self):
        return {
            "selection_": self.selection,
            "oof_score_": self.oof_score,
            "oof_std_error_": self.oof_std_error,
        }


class CrossFit(Optimizer):
    """Train for the metric, and decide on rows that were not trained on.

    What is best for a metric of counts on the training rows is often not on others. So some
    functions are trained, each of them once for every fold, without its rows, and once for all
    rows:

    1. for the log-loss, at several penalties;
    2. for the log-loss with rows weighted by what they are worth to the metric, at several
       penalties, where they are not all worth the same: by the slopes of the metric where the best
       of the former is;
    3. from the best so far, for the smooth metric (see `tabtrain.objectives.Soft`) at several
       temperatures, and with several penalties on how far they go [1]_;
    4. from the best so far, for the metric itself, by exact searches on lines to others.

    Each is scored on the rows of the folds it was not trained on. The scores of the ten best,
    brought to unit deviation, are averaged, which for linear functions is one linear function.
    That is averaged once more with the best for the log-loss, the surrogate: half and half where
    it is not known to be better on rows that were not trained on, with the less of the surrogate
    the surer that is, and where it is worse by more than its standard error, the surrogate is
    kept alone. Last comes the threshold, or for more classes an offset for each: all that can be
    told apart are tried on the averaged scores of the rows held out, whose labels are drawn to
    their calibrated probabilities, so that few rows do not decide alone.

    All that is decided is decided for each fold once more, on the others, and what comes of
    that is scored on the fold: that is ``oof_score_``. The functions whose scores on the others
    decide were trained on that fold among others, so that it is not quite free of bias: of labels
    that are noise it is higher than on new rows by up to 0.7 of ``oof_std_error_``.
    To train all functions without pairs of folds would take more than twice as long.

    Notes
    -----
    The estimator says which rows are held out, and must have a linear function whose penalty it
    leaves to this optimizer (``alpha=0``).

    References
    ----------
    .. [1] M. Jansche, "Maximum Expected F-Measure Training of Logistic Regression Models",
       HLT/EMNLP 2005.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from tabtrain import CrossFit, LinearClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = LinearClassifier("f1", optimizer=CrossFit(), random_state=0).fit(X, y)
    >>> clf.oof_score_ > 0.96
    True
    """

    needs = frozenset({"soft gradient", "line search", "held-out rows", "linear function"})
    max_steps = len(PLAN)

    def start(self, problem, theta, rng):
        coefficients = problem.model.coefficients(theta)
        thetas = np.stack([each.model.theta(*coefficients) for each in _sets(problem)])
        rows = _HeldOut(problem)
        score = rows.score(classes_of(rows.raw(thetas)))
        # Where all rows are worth the same, weights make no difference.
        n_classes = problem.n_classes
        of_class = np.bincount(rows.codes, rows.weight, n_classes)
        by_chance = np.outer(of_class, np.full(n_classes, 1 / n_classes))
        alike = np.ptp(_worth(problem.objective, by_chance)) < ALIKE
        plans = tuple(plan for plan in PLAN if not (alike and plan.kind == "weighted log-loss"))
        return _CrossFitted(theta, score, rng, plans=plans, start=thetas, anchor=thetas)

    def step(self, problem, state):
        rows, sets = _HeldOut(problem), _sets(problem)
        plan = state.plans[len(state.trained)]
        if state.trained and state.trained[-1].plan.kind != plan.kind:
            state = replace(state, anchor=_anchors(rows, sets, state.trained, plan.kind))
        trained = (*state.trained, _candidate(rows, sets, state, plan))
        if len(trained) == len(state.plans):
            return _averaged(problem, rows, replace(state, trained=trained, converged=True))
        best = trained[np.argmax([each.values[-1] for each in trained])]
        theta = _with_offsets(problem, best.unit(-1), best.offsets[-1])
        return replace(state, theta=theta, score=best.values[-1], trained=trained)


def _sets(problem):
    """The problems to train on: one for each fold, and that of all rows."""
    sets = [training for training, _ in problem.splits]
    return sets if sets[-1] is problem else [*sets, problem]


class _HeldOut(HeldOut):
    """The held-out rows of all folds, one after the other."""

    def __init__(self, problem):
        self._splits = problem.splits
        self._has_offsets = problem.model.fit_intercept
        self._counts = [np.flatnonzero(held_out.examples[2]) for _, held_out in self._splits]
        of_folds = [
            (held_out.examples[1][counts], held_out.examples[2][counts])
            for (_, held_out), counts in zip(self._splits, self._counts, strict=True)
        ]
        codes, weights = map(np.concatenate, zip(*of_folds, strict=True))
        super().__init__(
            codes.astype(np.intp),
            weights,
            np.repeat(np.arange(len(of_folds)), [len(each) for each in self._counts]),
            problem.objective,
            problem.n_classes,
            deadline=problem.deadline,
        )

    def raw(self, thetas):
        """What each function says of the rows it was not trained on: ``[n_outputs, n]``."""
        of_folds = zip(thetas, self._splits, self._counts, strict=False)
        return np.concatenate(
            [held_out.raw(theta)[:, counts] for theta, (_, held_out), counts in of_folds], axis=1
        )

    def offsets(self, raw, rows=slice(None)):
        return super().offsets(raw, rows) if self._has_offsets else np.zeros(len(raw))


def _candidate(rows, sets, state, plan):
    """One more candidate, trained on each of the sets."""
    trained = state.trained
    before = [each for each in trained if (each.plan.kind, each.plan.tau) == (plan.kind, plan.tau)]
    begin = before[-1].thetas if before else state.anchor
    centers = state.anchor
    if plan.kind == "log-loss":
        problems = [each.beside(NegLogLoss()) for each in sets]
    elif plan.kind == "weighted log-loss":
        problems = [_weighted(each, theta) for each, theta in zip(sets, state.anchor, strict=True)]
        centers = state.start
    elif plan.kind == "soft metric":
        problems = [each.softened(plan.tau) for each in sets]
    if plan.kind == "exact lines":
        values = np.stack([each.values for each in trained])
        best = _chosen_for(sets, np.argsort(-values, axis=0, kind="stable")[:N_AVERAGED].T)
        found = [
            _exact_lines(each, begin[i], [trained[other].unit(i) for other in best[i]])
            for i, each in enumerate(sets)
        ]
    else:
        near = _near(problems, centers, plan.alpha)
        found = LBFGS(gtol=GTOL, ftol=FTOL).ascended(near, begin, MAX_STEPS)
    thetas = np.stack(found)
    deviation = np.array([_deviation(each, theta) for each, theta in zip(sets, found, strict=True)])
    raw = rows.raw(thetas / deviation[:, np.newaxis])
    without = rows.without_each_part()
    offsets = np.stack([rows.offsets(raw, some) for some in without])
    candidate = _Trained(plan, thetas, deviation, raw, offsets, np.empty(0), np.empty(0))
    values = np.array([rows.score(candidate.codes(i), some) for i, some in enumerate(without)])
    losses = np.full(len(without), np.inf)
    if plan.kind == "log-loss":
        row_losses = _row_losses(rows.raw(thetas), rows.codes)
        losses[:] = [np.average(row_losses[some], weights=rows.weight[some]) for some in without]
    return candidate._replace(values=values, losses=losses)


def _chosen_for(sets, chosen):
    """Of choices made without each part, and with all, those for each set."""
    return chosen if len(sets) > 1 else chosen[-1:]


def _near(problems, centers, alpha):
    """Evaluates points of some problems, with a penalty on the distance from centers."""

    def evaluate(which, thetas):
        some = [problems[i] for i in which]
        found = values_and_gradients(some, thetas)
        for i, problem, theta, score, gradient in zip(which, some, thetas, *found, strict=True):
            away = theta - centers[i]
            pull = alpha * problem.model.penalty_weights * away
            yield theta, score - dot(pull, away) / 2, gradient - pull

    return evaluate


def _deviation(problem, theta):
    """That of the scores on the training rows; 1 if they are all the same."""
    raw, weight = problem.raw(theta), problem.examples[2]
    share = weight / weight.sum()
    if problem.model.fit_intercept:
        raw = raw - (raw * share).sum(axis=1, keepdims=True)
    if len(raw) > 1:  # what all outputs have in common changes no class
        raw = raw - raw.mean(axis=0)
    deviation = np.sqrt((np.square(raw) * share).sum(axis=1).mean())
    return deviation if deviation > 0 else 1.0


def _anchors(rows, sets, trained, kind):
    """Where candidates of a kind begin: at the best so far, with the threshold that is best for
    the training rows. The best is that for the log-loss before others are known."""
    if kind == "weighted log-loss":
        worth = -np.stack([each.losses for each in trained])
    else:
        worth = np.stack([each.values for each in trained])
    best = _chosen_for(sets, worth.argmax(axis=0))
    return np.stack(
        [_at_best_offsets(each, trained[best[i]].unit(i)) for i, each in enumerate(sets)]
    )


def _weighted(problem, theta):
    """The log-loss, rows weighing as much as it is worth to the metric to have them right."""
    _, y, weight = problem.examples
    codes, n_classes = y.astype(np.intp), problem.n_classes
    tally = tally_of(codes, classes_of(problem.raw(theta)), weight, n_classes)
    worth = _worth(problem.objective, tally.reshape(n_classes, n_classes))
    return problem.beside(NegLogLoss(), weight=weight * worth[codes])


def _worth(objective, counts):
    """What it is worth to have a row of each class right, 1 for the mean row: ``[n_classes]``."""
    slopes = Soft(objective).score_gradient(counts.ravel()).reshape(counts.shape)
    right = np.diag(slopes)
    worth = np.maximum(right - (slopes.sum(axis=1) - right) / (len(counts) - 1), 0.0)
    of_all = worth @ counts.sum(axis=1)
    return worth * (counts.sum() / of_all) if of_all > 0 else np.ones(len(counts))


def _at_best_offsets(problem, theta):
    if not problem.model.fit_intercept:
        return theta
    _, y, weight = problem.examples
    counts = weight > 0
    offsets, _ = best_offsets(
        problem.raw(theta)[:, counts],
        y[counts].astype(np.intp),
        weight[counts],
        problem.objective,
        problem.n_classes,
        problem.deadline,
    )
    return problem.model.shifted(theta, offsets)


def _exact_lines(problem, theta, others):
    """The best point of a line to each of the others, one after the other."""
    score = problem.scores(theta[np.newaxis])[0]
    for other in others:
        for group in problem.line_groups:
            line = np.where(group, other - theta, 0.0)
            steps, _ = problem.line_search(theta[np.newaxis], line[np.newaxis])
            found = theta + steps[0] * line
            found_score = problem.scores(found[np.newaxis])[0]
            if found_score > score:
                theta, score = found, found_score
    return theta


def _row_losses(raw, codes):
    """The log-loss of each row."""
    from scipy.special import logsumexp

    if len(raw) == 1:
        raw = np.concatenate([np.zeros_like(raw), raw])
    return logsumexp(raw, axis=0) - raw[codes, np.arange(len(codes))]


class _Decision(NamedTuple):
    """What is made of the candidates.

    Attributes
    ----------
    shares : float64 array of shape (n_candidates,)
        Of each in the result; they sum to 1.
    offsets : float64 array of shape (n_outputs,)
    surrogate : int
        The candidate that is best for the log-loss.
    """

    shares: np.ndarray
    offsets: np.ndarray
    surrogate: int


def _decided(rows, trained, i, some):
    """What is made of the candidates, decided on some rows: those without part ``i``."""
    surrogate = int(np.argmin([each.losses[i] for each in trained]))
    best = np.argsort([-each.values[i] for each in trained], kind="stable")[:N_AVERAGED]
    shares = np.isin(np.arange(len(trained)), best) / len(best)
    average = rows.predicted(_mixed(trained, shares), some)
    gain, error = rows.gain(average, trained[surrogate].codes(i), some)
    # As sure as it is that the average is better, and half of it where nothing is known.
    share = 0.0 if gain < -error else 0.5
    if gain > 0:
        share += 0.5 * gain**2 / (gain**2 + error**2)
    shares *= share
    shares[surrogate] += 1 - share
    return _Decision(shares, rows.offsets(_mixed(trained, shares), some), surrogate)


def _mixed(trained, shares):
    """The scores for held-out rows: ``[n_outputs, n]``."""
    return sum(share * each.raw for each, share in zip(trained, shares, strict=True) if share > 0)


def _with_offsets(problem, theta, offsets):
    return problem.model.shifted(theta, offsets) if problem.model.fit_intercept else theta


def _averaged(problem, rows, state):
    """The state with the one function that all candidates make, and what it is worth."""
    trained = state.trained
    *without, everything = rows.without_each_part()
    decision = _decided(rows, trained, -1, everything)
    raw = _mixed(trained, decision.shares) + decision.offsets[:, np.newaxis]
    decided_on_all = classes_of(raw)
    units = np.stack([each.unit(-1) for each in trained])
    theta = (decision.shares[:, np.newaxis] * units).sum(axis=0)

    # The same on rows without each part, for that part.
    result, plain, surrogate, *of_each = np.empty((3 + len(trained), len(rows.codes)), np.intp)
    for i, some in enumerate(without):
        decided = _decided(rows, trained, i, some)
        raw = _mixed(trained, decided.shares) + decided.offsets[:, np.newaxis]
        result[~some] = classes_of(raw)[~some]
        plain[~some] = classes_of(rows.raw(trained[decided.surrogate].thetas))[~some]
        surrogate[~some] = trained[decided.surrogate].codes(i)[~some]
        for codes, each in zip(of_each, trained, strict=True):
            codes[~some] = each.codes(i)[~some]

    def row(step, alpha, tau, codes, share=0.0, decided_on_all=None):
        error = rows.error(codes, decided_on_all)
        return Candidate(step, alpha, tau, rows.score(codes), error, float(share))

    candidates = [row("no threshold", trained[decision.surrogate].plan.alpha, None, plain)]
    for each, codes, share in zip(trained, of_each, decision.shares, strict=True):
        plan = each.plan
        candidates.append(row(plan.kind, plan.alpha, plan.tau, codes, share))
    candidates.append(row("result", None, None, result, 1.0, decided_on_all))
    gain, gain_std_error = rows.gain(result, surrogate)
    kept_surrogate = bool(decision.shares[decision.surrogate] == 1)
    selection = Selection(candidates, gain, gain_std_error, kept_surrogate)
    return replace(
        state,
        theta=_with_offsets(problem, theta, decision.offsets),
        score=rows.score(decided_on_all),
        selection=selection,
        oof_score=candidates[-1].oof_score,
        oof_std_error=candidates[-1].oof_std_error,
    )
