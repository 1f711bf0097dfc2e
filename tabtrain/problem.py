"""What an optimizer sees: vectors in, scores out, as fast as the table can be read."""

import copy
import time
from functools import cached_property, partial
from types import SimpleNamespace

import numpy as np

from tabtrain._kernels import confusion
from tabtrain._kernels.answers import settle
from tabtrain._line_search import best_steps

# Raw predictions of some candidates for a block are handed from the model to the objective
# in a buffer of about this size, which stays in the cache.
RAW_BYTES = 2**18
# With so many candidates for each thread on a small table, threads share out the candidates,
# as then none waits for another; else the blocks of rows, so that each is packed only once.
CANDIDATES_A_THREAD = 8
# Waking threads and handing the interpreter to and fro takes 0.3 ms: below so many
# multiplications, one thread is done sooner.
THREADS_FROM = 2**25
# As so many candidates counts a gradient.
GRADIENT_CANDIDATES = 16
# The slopes of a metric of more counts than these, of 64 classes, take too long.
MAX_SOFT_TALLIES = 2**12
# As so many multiplications counts the event of a row on a line.
EVENT_MULTIPLICATIONS = 64
# Where the rows flip on some lines is kept below this size, if one line is.
EVENTS_BYTES = 2**22
# The tallies of all blocks, which are summed in order, are kept below this size.
TALLIES_BYTES = 2**24
# At which shares of the blocks candidates are looked at, and dropped if they cannot win.
CHECKPOINTS = (1 / 8, 1 / 4, 1 / 2, 1)
# Where no more can be dropped than would bring their number down to this share, the others
# are not moved, and on a small table not looked at again: it would cost more than it saves.
KEEP_ALL_ABOVE = 3 / 4
# A bound on a weighted sum is lowered by more than its rounding error before it counts.
ROUNDING = 1e-9


class TimeUpError(Exception):
    """The time given to the search is over; what was being computed is lost."""


class Problem:
    """A model, an objective and a table: find ``theta`` with the highest score.

    The score is the objective's, less ``alpha / 2`` times the squared weights.

    Parameters
    ----------
    model, objective, table
        The parts, see `tabtrain.models`, `tabtrain.objectives` and `tabtrain.table`.
    alpha : float
        The L2 penalty.
    labels : tuple of y and weight, optional
        What the objective is bound to; those of the table if not given.

    Attributes
    ----------
    model : Model
    n_params : int
    alpha : float
    has_gradient : bool
        Whether `value_and_gradient` can be called.
    is_free : bool
        Whether `project` changes nothing.
    n_trials : int
        How many candidates have been scored.
    deadline : float
        The `time.monotonic` after which every call raises `TimeUpError`.
    splits : tuple of pairs of Problem
        For each fold the problem without its rows, and that of its rows alone; empty if no rows
        are held out.
    """

    splits: tuple = ()

    def __init__(self, model, objective, table, *, alpha=0.0, labels=None):
        self.model = model
        self._table = table
        self.alpha = alpha
        self._checkpoints = sorted({int(np.ceil(table.n_blocks * c)) for c in CHECKPOINTS})
        # What a problem has in common with those that are made from it.
        self._shared = SimpleNamespace(n_trials=0, deadline=np.inf, codes=None)
        self.n_params = model.n_params
        self._row_work = model.row_work * table.work
        self.is_free = not model.grid.any() and np.isinf(model.bounds).all()
        self._take(objective.bind(*(labels or (table.y, table.weight))))

    def _take(self, objective):
        n_classes = max(self.model.n_outputs, 2) if objective.target == "class" else 1
        self._objective = objective
        self._n_classes = n_classes
        self._n_tallies = objective.n_tallies(n_classes)
        self._fused = self.model.fused.get(objective.tally)
        self._last_errors: tuple = (None, None)

    @property
    def n_trials(self):
        return self._shared.n_trials

    @n_trials.setter
    def n_trials(self, n_trials):
        self._shared.n_trials = n_trials

    @property
    def deadline(self):
        return self._shared.deadline

    @deadline.setter
    def deadline(self, deadline):
        self._shared.deadline = deadline

    @property
    def _has_slopes(self):
        # What is on a grid has none.
        return self.model.backward is not None and not self.model.grid.any()

    @property
    def has_gradient(self):
        return self._has_slopes and self._objective.tally_gradient is not None

    @property
    def capabilities(self):
        """What optimizers may need: "gradient", "soft gradient", "line search", "linear function",
        "hidden layers", "rules" and "held-out rows", if any."""
        able = {
            "gradient": self.has_gradient,
            "soft gradient": self.softens,
            "line search": self._goes_by_labels,
            "linear function": self._has_slopes and self.model.is_linear,
            "hidden layers": self._has_slopes and self.model.n_kept > 0,
            "rules": self.model.conditions is not None
            and (
                self._objective.tally is confusion.tally
                or self._objective.best_constant is not None
            ),
            "held-out rows": bool(self.splits),
        }
        return frozenset(name for name in able if able[name])

    @property
    def _goes_by_labels(self):
        return self._objective.tally in self.model.line_events

    @property
    def scale_free(self):
        """Whether theta times a positive number has the same score."""
        return self.model.scale_free and self._goes_by_labels and self.alpha == 0

    def normalized(self, thetas):
        """The same candidates, of length 1 if the problem is `scale_free`; zeros stay."""
        if not self.scale_free:
            return thetas
        # In two steps, as the squares of what is very large are infinite.
        for order in (np.inf, 2):
            size = np.linalg.norm(thetas, order, axis=-1, keepdims=True)
            thetas = thetas / np.where(size > 0, size, 1.0)
        return thetas

    @property
    def softens(self):
        """Whether there is a gradient once the counts are made smooth, see `softened`."""
        return (
            self._has_slopes
            and self._objective.softened(1.0) is not None
            and self._n_tallies <= MAX_SOFT_TALLIES
        )

    def softened(self, tau):
        """The same problem with smooth counts, see `tabtrain.objectives.Soft`."""
        problem = copy.copy(self)
        problem._take(self._objective.softened(tau))
        return problem

    def beside(self, objective=None, *, model=None, table=None, weight=None):
        """Another problem, with the same deadline and count of trials, without a penalty.

        Of the same table, or another, or of the same rows with another ``weight``.
        """
        if table is None:
            table = self._table if weight is None else self._table.reweighted(weight)
        problem = Problem(
            self.model if model is None else model,
            self._objective if objective is None else objective,
            table,
        )
        problem._shared = self._shared
        return problem

    def last_layer(self, theta, model=None):
        """The problem of the last layer of a network alone, the others being those of ``theta``.

        Its table is what the last hidden layer answers.

        Parameters
        ----------
        theta : array of shape (n_params,)
        model : LinearModel, optional
            What is to be trained; unless given one at the scale of the table.

        Returns
        -------
        Problem
        """
        hidden = np.empty((self._table.n_padded, self.model.shapes[-1][0]))
        params = self.model.parameters(theta[np.newaxis])

        def fill(i):
            self._check_time()
            block = self._table.block(i)
            _, kept = self._traced(params, block)
            hidden[self._table.rows(i)] = self.model.last_hidden(kept)

        list(self._map(1)(fill, range(self._table.n_blocks)))
        table = self._table.beside(hidden[: self._table.n_rows])
        if model is None:
            model = self.model.last_layer(*table.mean_and_deviation())
        return self.beside(model=model, table=table)

    @property
    def objective(self):
        return self._objective

    @property
    def n_classes(self):
        """How many classes there are; 1 for numbers."""
        return self._n_classes

    def raw(self, theta):
        """What the model answers for the rows: ``[n_outputs, n_rows]``."""
        return raw_predictions(self.model, theta, self._table, self._check_time)

    @property
    def examples(self):
        """``X``, ``y`` and ``weight`` of the table."""
        n_rows = self._table.n_rows
        return self._table.X, self._table.y[:n_rows], self._table.weight[:n_rows]

    def initial(self, rng, n):
        """``n`` random starting points ``[n, n_params]`` at the data's scale."""
        return self.project(self.model.initial(rng, n))

    @property
    def bounds(self):
        """The lowest and highest ``theta``: ``[2, n_params]``; the same for what is fixed."""
        return self.model.bounds

    @property
    def grid(self):
        """The steps in which the entries of ``theta`` can be changed: ``[n_params]``.

        0 for any.
        """
        return self.model.grid

    def project(self, thetas):
        """The candidates nearest to some that may be out of bounds or off the grid.

        Parameters
        ----------
        thetas : array of shape (..., n_params)

        Returns
        -------
        array of the same shape
        """
        if self.is_free:
            return thetas
        steps = np.where(self.grid > 0, self.grid, 1.0)
        on_grid = np.where(self.grid > 0, np.round(thetas / steps) * steps, thetas)
        return np.clip(on_grid, *self.bounds)

    @property
    def highest(self):
        """The score of perfect answers, infinity where it is not known: no candidate beats it."""
        if self._perfect_rest is None:
            return np.inf
        return self._objective.score(self._perfect_rest[:1])[0]

    def rounding(self, score):
        """By less than this a score may differ from another that is the same in exact numbers."""
        return ROUNDING * (self._objective.scale + abs(score))

    def scores(self, thetas, at_least=-np.inf, *, keep_errors=False):
        """The scores of some candidates.

        Parameters
        ----------
        thetas : array of shape (n_candidates, n_params)
        at_least : float
            A candidate that cannot reach this is given up without reading all rows.
        keep_errors : bool
            Of one candidate: whether `row_errors` is to be had without another pass.

        Returns
        -------
        float64 array of shape (n_candidates,)
            Minus infinity for those that do not reach `at_least` and those that are NaN.
        """
        thetas = np.ascontiguousarray(thetas)
        table = self._table
        map_over = self._map(len(thetas))
        if table.is_small and len(thetas) >= CANDIDATES_A_THREAD * table.n_jobs:
            n_shares = 1 if map_over is map else table.n_jobs
            map_shares, map_blocks = map_over, map
        else:
            tallies_bytes = 8 * len(thetas) * self._n_tallies * table.n_blocks
            n_shares = max(min(-(-tallies_bytes // TALLIES_BYTES), len(thetas)), 1)
            map_shares, map_blocks = map, map_over
        perfect_rest = self._perfect_rest if at_least > -np.inf else None
        cuts = [len(thetas) * i // n_shares for i in range(n_shares + 1)]
        errors = [None] * table.n_blocks if keep_errors else None

        def scores_of_share(i):
            share = thetas[cuts[i] : cuts[i + 1]]
            return self._scores(share, at_least, perfect_rest, map_blocks, errors)

        scores = np.concatenate(list(map_shares(scores_of_share, range(n_shares))))
        self.n_trials += len(thetas)
        if keep_errors:
            self._last_errors = (thetas[0].copy(), errors)
        return scores

    def tally(self, theta):
        """The tally of one candidate: ``[n_tallies]``."""
        params = self.model.parameters(theta[np.newaxis])
        parts = self._map(1)(partial(self._tally, params, None), range(self._table.n_blocks))
        return np.add.reduce(list(parts))[0]

    @cached_property
    def conditions(self):
        """What finds conditions for lists of rules, see `RulesModel.conditions`."""
        if self._shared.codes is None:
            self._shared.codes = self.model.codes(self._table, self._check_time)
        return self.model.conditions(
            self._objective,
            self._table,
            self._exact_weight if self._n_classes > 1 else self._table.weight,
            self._shared.codes,
            self._begin,
            has_bounds=self._right_is_best,
        )

    def _begin(self, n_trials):
        self._check_time()
        self.n_trials += n_trials

    def _map(self, n_candidates):
        """`map`, over the threads where the work is worth waking them."""
        work = n_candidates * self._table.n_rows * self._row_work
        return self._table.map if work >= THREADS_FROM else map

    def _scores(self, thetas, at_least, perfect_rest, map_blocks, errors):
        params = self.model.parameters(thetas)
        penalty = self._penalty(thetas)
        result = np.full(len(params), -np.inf)
        left = np.arange(len(params))
        tallies = np.zeros((len(params), self._n_tallies))
        n_blocks = self._table.n_blocks
        ends = [n_blocks] if perfect_rest is None else self._checkpoints
        start = 0
        while start < n_blocks:
            stop = next(end for end in ends if end > start)
            for part in map_blocks(partial(self._tally, params, errors), range(start, stop)):
                tallies += part
            start = stop
            if self.model.can_fail:
                keep = ~np.isnan(tallies).any(axis=1)
                left, params, tallies, penalty = (
                    each[keep] for each in (left, params, tallies, penalty)
                )
                if len(left) == 0:
                    return result
            if stop < n_blocks:
                bounds = self._objective.score(tallies + perfect_rest[stop]) - penalty
                keep = ~(bounds < at_least - self.rounding(at_least))
                if np.count_nonzero(keep) > KEEP_ALL_ABOVE * len(keep):
                    if self._table.is_small:
                        ends = [n_blocks]
                    continue
                left, params, tallies, penalty = (
                    each[keep] for each in (left, params, tallies, penalty)
                )
                if len(left) == 0:
                    return result
        scores = self._objective.score(tallies) - penalty
        # Not reached, whether it was found out early or at the end; nor does NaN reach it.
        result[left] = np.where(scores >= at_least, scores, -np.inf)
        return result

    @cached_property
    def _perfect_rest(self):
        """For each block the tally of perfect answers from there on, or None."""
        rest = np.zeros((self._table.n_blocks + 1, self._n_tallies))
        for i in reversed(range(self._table.n_blocks)):
            rows = self._table.rows(i)
            perfect = self._objective.perfect(
                self._table.y[rows], self._table.weight[rows], self._n_classes
            )
            if perfect is None:
                return None
            rest[i] = rest[i + 1] + perfect
        return rest

    def _tally(self, params, errors, i):
        self._check_time()
        block = self._table.block(i)
        tallies = np.zeros((len(params), self._n_tallies))
        if self._fused is not None and errors is None:
            self._fused(params, block.tiles, block.y, block.weight, tallies)
            return tallies
        n_rows = len(block.y)
        at_a_time = max(RAW_BYTES // (8 * self.model.n_outputs * n_rows), 3)
        for start in range(0, len(params), at_a_time):
            some = slice(start, start + at_a_time)
            raw = self._forward(params[some], block)
            failed = settle(raw, block.weight) if self.model.can_fail else False
            self._objective.tally(raw, block.y, block.weight, tallies[some])
            tallies[some][failed] = np.nan
            if errors is not None:
                errors[i] = self._objective.row_errors(raw, block.y)
        return tallies

    def _forward(self, params, block):
        raw = self._table.scratch("raw", (len(params), self.model.n_outputs, len(block.y)))
        self.model.forward(params, block.tiles, raw)
        return raw

    def _traced(self, params, block):
        """The raw predictions, and what `Model.backward` wants to know of how they came about."""
        n_rows = len(block.y)
        raw = self._table.scratch("raw", (len(params), self.model.n_outputs, n_rows))
        kept = self._table.scratch("kept", (len(params), self.model.n_kept, n_rows))
        self.model.forward(params, block.tiles, raw, kept)
        return raw, kept

    def value_and_gradient(self, theta):
        """The score of one candidate and its gradient.

        Parameters
        ----------
        theta : array of shape (n_params,)

        Returns
        -------
        score : float
        gradient : float64 array of shape (n_params,)
        """
        errors = [None] * self._table.n_blocks

        def keep_errors(i, raw, y):
            errors[i] = self._objective.row_errors(raw, y)

        scores, gradients = values_and_gradients([self], theta[np.newaxis], keep_errors)
        self._last_errors = (theta.copy(), errors)
        return scores[0], gradients[0]

    @property
    def gradient_unit(self):
        """What gradients are in proportion to: the units of the score and of the labels."""
        return self._objective.slope_unit(self.model.output_scale) or 1.0

    @property
    def is_penalized(self):
        """Which entries of theta the penalty is on: bool array ``[n_params]``."""
        return self.model.penalty_weights > 0

    def batch_gradient(self, theta, rows):
        """The gradient as some of the rows let expect it.

        Their tally is scaled up to the weight of the table.

        Parameters
        ----------
        theta : array of shape (n_params,)
        rows : intp array of shape (n_chosen,)
            Of `rows_that_count`.

        Returns
        -------
        gradient : float64 array of shape (n_params,)
        share : float
            The weight of the rows, as a share of that of the table: the mean gradient of the
            parts of the table, by their shares, is that of the whole if the objective is affine.
        """
        self._check_time()
        # A gradient of all rows does not stand for another: it is as exact as can be.
        if self._batches is None or len(rows) == len(self.rows_that_count):
            gradient, share = self._batch_gradient(theta, rows)
        else:
            gradient = np.empty(self.n_params)
            share = self._batches.gradient(theta, rows, gradient)
        if self.alpha > 0:
            gradient -= self.alpha * self.model.penalty_weights * theta
        return gradient, share

    def _batch_gradient(self, theta, rows):
        objective, table = self._objective, self._table
        params = self.model.parameters(theta[np.newaxis])
        block = table.batch(rows)
        raw, kept = self._traced(params, block)
        share = block.weight.sum() / self._total_weight
        tally = np.zeros((1, self._n_tallies))
        if objective.is_affine:
            expected = self._perfect_rest[0]
        else:
            objective.tally(raw, block.y, block.weight, tally)
            expected, tally = tally[0] / share, np.zeros_like(tally)
        dscore = objective.score_gradient(expected) / share
        raw_grad = table.scratch("raw_grad", raw.shape)
        objective.tally_gradient(raw, block.y, block.weight, dscore, tally, raw_grad[0])
        grad = table.scratch("grad", params.shape)
        grad[:] = 0.0
        self.model.backward(params, block.tiles, kept, raw_grad, grad)
        return self.model.gradient(grad[0]), share

    @cached_property
    def _batches(self):
        """The model's own kernel for gradients of batches, if it has one for the objective."""
        loss = self.model.batch_losses.get(self._objective.loss)
        if loss is None:
            return None
        dscore = self._objective.score_gradient(self._perfect_rest[0])[1]
        return self.model.batches(self._table, loss, dscore, self.gradient_unit)

    @cached_property
    def _total_weight(self):
        return self._table.weight.sum()

    @cached_property
    def rows_that_count(self):
        """Which rows have a weight: intp array."""
        return np.flatnonzero(self._table.weight)

    @property
    def line_groups(self):
        """Of which parameters lines may be made for `line_search`: ``[n_groups, n_params]``.

        Those that are fixed are in none.
        """
        return self.model.line_groups & (self.bounds[0] < self.bounds[1])

    def line_search(self, thetas, lines):
        """The best step on each of some lines, of all that can be told apart.

        It is best for the score without the penalty, in exact arithmetic: rounding may put a
        row that is within a rounding error of the border on its other side.

        Parameters
        ----------
        thetas : array of shape (n_lines or 1, n_params)
            Where the lines begin.
        lines : array of shape (n_lines, n_params)
            Directions, each within one of the `line_groups`.

        Returns
        -------
        steps : float64 array of shape (n_lines,)
            In the middle of the widest interval of steps ``t`` with the best score of
            ``theta + t * line``; 0 where there is none.
        scores : float64 array of shape (n_lines,)
            Their scores, penalty included; minus infinity where there is none.
        """
        thetas, lines = np.ascontiguousarray(thetas), np.ascontiguousarray(lines)
        at_a_time = max(EVENTS_BYTES // (12 * self._table.n_padded), 1)
        found = [
            self._line_search(
                thetas if len(thetas) == 1 else thetas[i : i + at_a_time], lines[i : i + at_a_time]
            )
            for i in range(0, max(len(lines), 1), at_a_time)
        ]
        self.n_trials += len(lines)
        steps, scores = map(np.concatenate, zip(*found, strict=True))
        return steps, scores - self._penalty(thetas + steps[:, np.newaxis] * lines)

    def room(self, theta, line):
        """How far along a line no row's label changes.

        Parameters
        ----------
        theta, line : arrays of shape (n_params,)
            As for `line_search`.

        Returns
        -------
        low, high : float
            Between these steps, 0 being in their midst, all labels are the same.
        """
        t, *_, limits, _, _ = self._events(theta[np.newaxis], line[np.newaxis])
        low = np.max(t, where=t <= 0, initial=limits[0, 0])
        return low, np.min(t, where=t > 0, initial=limits[0, 1])

    def _line_search(self, thetas, lines):
        t, kind, bucket, start, moves, limits, weight, map_parts = self._events(thetas, lines)
        return best_steps(
            t,
            kind,
            bucket,
            weight,
            start,
            moves,
            limits,
            self._objective.score,
            has_bounds=self._right_is_best,
            rounding=self.rounding,
            map_parts=map_parts,
        )

    def _events(self, thetas, lines):
        """Where rows flip, and what else `best_steps` takes."""
        table, n_lines, weight = self._table, len(lines), self._exact_weight
        t = table.scratch("t", (n_lines, table.n_padded))
        # Two bytes each of what scratch counts in doubles.
        shorts = table.scratch("kind", (t.size // 2,)).view(np.uint16).reshape(2, *t.shape)
        kind, bucket = shorts
        work = len(thetas) + n_lines * (1 + EVENT_MULTIPLICATIONS / self._row_work)
        map_parts = self._map(work)
        narrowed = self._limits(thetas, lines)
        limits = None
        # Again if there are steps at which the model fails: the lines end there.
        while limits is None or (narrowed != limits).any():
            limits = narrowed
            moves, fill = self.model.line_events[self._objective.tally](thetas, lines, limits)

            def of_block(i, fill=fill):
                self._check_time()
                start = np.zeros((n_lines, self._n_tallies))
                rows = table.rows(i)
                block = table.block(i)._replace(weight=weight[rows])
                return start, fill(block, table.scratch, t[:, rows], kind[:, rows], start)

            start = np.zeros((n_lines, self._n_tallies))
            for part, valid in map_parts(of_block, range(table.n_blocks)):
                start += part
                narrowed = np.stack(
                    [np.fmax(narrowed[:, 0], valid[:, 0]), np.fmin(narrowed[:, 1], valid[:, 1])], 1
                )
        return t, kind, bucket, start, moves, limits, weight, map_parts

    @cached_property
    def _exact_weight(self):
        """The weights, rounded so little and so that sums over rows of a class are exact.

        So the counts do not depend on the order in which rows come and go, and of rows that are
        all gone nothing is left: 0 / 0 is what it is, not the ratio of two rounding errors.
        """
        y, weight = self._table.y.astype(np.intp), self._table.weight
        # All sums are multiples of it, by less than 2**53.
        unit = 2 * np.spacing(np.bincount(y, weight))[y]
        return np.round(weight / unit) * unit

    @cached_property
    def _right_is_best(self):
        """Whether the score is known to rise when a row comes to its own class."""
        if self._n_classes == 1 or self._perfect_rest is None:
            return False
        perfect = self._perfect_rest[0].reshape(self._n_classes, self._n_classes)
        return np.array_equal(perfect, np.diag(np.diag(perfect)))

    def _limits(self, thetas, lines):
        """How far each line stays within the bounds: ``[P, 2]``."""
        if self.is_free:
            return np.tile([-np.inf, np.inf], (len(lines), 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = (self.bounds[:, np.newaxis] - thetas) / lines
        reach.sort(axis=0)
        low = np.max(reach[0], axis=1, where=lines != 0, initial=-np.inf)
        high = np.min(reach[1], axis=1, where=lines != 0, initial=np.inf)
        return np.column_stack([low, high])

    def failing_row(self, theta):
        """The first row that counts for which the model has no answer; None if there is none.

        Parameters
        ----------
        theta : array of shape (n_params,)

        Returns
        -------
        int or None
        """
        raw = raw_predictions(self.model, theta, self._table)
        failing = np.isnan(raw[0]) & (self._table.weight[: self._table.n_rows] > 0)
        return int(np.argmax(failing)) if failing.any() else None

    def row_errors(self, theta):
        """How wrong each row of positive weight is; 0 is right.

        It takes one pass over the table whatever the deadline, which is never missed by more.

        Parameters
        ----------
        theta : array of shape (n_params,)

        Returns
        -------
        array of shape (number of rows of positive weight,)
            Bool where rows are right or wrong, float64 where they are off by a number.
        """
        last_theta, errors = self._last_errors
        if last_theta is None or not np.array_equal(last_theta, theta):
            params = self.model.parameters(theta[np.newaxis])

            def of_block(i):
                block = self._table.block(i)
                return self._objective.row_errors(self._forward(params, block), block.y)

            errors = list(self._map(1)(of_block, range(self._table.n_blocks)))
        errors, rows = np.concatenate(errors)[: self._table.n_rows], self.rows_that_count
        return errors if len(rows) == len(errors) else errors[rows]

    def _penalty(self, thetas):
        # NaN where a parameter is, whatever alpha. Not a matrix product, which may round one
        # candidate differently among others.
        if self.alpha == 0:  # the square of what is very large is infinite
            return np.where(np.isfinite(thetas).all(axis=-1), 0.0, np.nan)
        return 0.5 * self.alpha * (thetas**2 * self.model.penalty_weights).sum(axis=-1)

    def _check_time(self):
        if time.monotonic() > self.deadline:
            raise TimeUpError


def values_and_gradients(problems, thetas, see_raw=None):
    """`Problem.value_and_gradient` of several problems, in one pass over the rows.

    Parameters
    ----------
    problems : list of Problem
        With models and objectives of one kind, and tables that differ in weights alone.
    thetas : array of shape (n_problems, n_params)
    see_raw : callable, optional
        Called with the number of each block, its raw predictions and ``y``.

    Returns
    -------
    scores : list of float
    gradients : list of float64 arrays of shape (n_params,)
    """
    first = problems[0]
    table, n_tallies, n_blocks = first._table, first._n_tallies, first._table.n_blocks
    params = np.concatenate(
        [
            each.model.parameters(theta[np.newaxis])
            for each, theta in zip(problems, thetas, strict=True)
        ]
    )
    map_blocks = first._map(GRADIENT_CANDIDATES * len(problems))
    raws = [None] * n_blocks
    nothing = np.empty((len(problems), 0, 0))

    def tallies_of_block(i):
        first._check_time()
        block, rows = table.block(i), table.rows(i)
        raw = first._forward(params, block)
        if first.model.n_kept == 0:
            raws[i] = raw.copy()
        tallies = np.zeros((len(problems), n_tallies))
        for p, each in enumerate(problems):
            weight, own = each._table.weight[rows], slice(p, p + 1)
            each._objective.tally(raw[own], block.y, weight, tallies[own])
        return [tallies]

    if first._objective.is_affine:
        tallies = [each._perfect_rest[0] for each in problems]
    else:
        (tallies,) = table.sum_of_parts(tallies_of_block, map_blocks, 8 * len(problems) * n_tallies)
    dscores = [
        each._objective.score_gradient(tally) for each, tally in zip(problems, tallies, strict=True)
    ]

    def of_block(i):
        first._check_time()
        block, rows = table.block(i), table.rows(i)
        # What is kept of a block is not kept for all of them: that would be a second table.
        raw, kept = first._traced(params, block) if raws[i] is None else (raws[i], nothing)
        raw_grad = table.scratch("raw_grad", raw.shape)
        tallies, grad = np.zeros((len(problems), n_tallies)), np.zeros(params.shape)
        for p, each in enumerate(problems):
            weight, own = each._table.weight[rows], slice(p, p + 1)
            each._objective.tally_gradient(
                raw[own], block.y, weight, dscores[p], tallies[own], raw_grad[p]
            )
        first.model.backward(params, block.tiles, kept, raw_grad, grad)
        if see_raw is not None:
            see_raw(i, raw, block.y)
        return [tallies, grad]

    tallies, grads = table.sum_of_parts(of_block, map_blocks, params.nbytes)
    first.n_trials += len(problems)
    scores, gradients = [], []
    for each, theta, tally, grad in zip(problems, thetas, tallies, grads, strict=True):
        score = each._objective.score(tally[np.newaxis])[0] - each._penalty(theta)
        scores.append(-np.inf if np.isnan(score) else float(score))
        gradient = each.model.gradient(grad)
        gradient -= each.alpha * each.model.penalty_weights * theta
        gradients.append(gradient)
    return scores, gradients


def raw_predictions(model, theta, table, before_block=lambda: None):
    """What a model answers for the rows of a table.

    Returns
    -------
    float64 array of shape (n_outputs, n_rows)
    """
    params = model.parameters(theta[np.newaxis])
    raw = np.empty((model.n_outputs, table.n_padded))

    def fill(i):
        before_block()
        block = table.block(i)
        of_block = table.scratch("raw", (1, model.n_outputs, len(block.y)))
        model.forward(params, block.tiles, of_block)
        raw[:, table.rows(i)] = of_block[0]

    table.map(fill, range(table.n_blocks))
    return raw[:, : table.n_rows]
