"""A function that a user wrote, whose parameters are trained."""

from functools import cached_property

import numpy as np

from tabtrain._kernels import confusion, sweep  # type: ignore[attr-defined]
from tabtrain._kernels.answers import fill_classes
from tabtrain.functions.numbers import HIGHEST_STRING, OTHER_STRING

# A threshold begins at the value of a row, which is one of so many.
N_QUANTILES = 256


class FunctionModel:
    """A function of the rows and of parameters.

    An entry of ``theta`` is a parameter in units of its scale, a power of two, so that nothing is
    rounded; of a choice it is the place of that.

    Parameters
    ----------
    program : Program
        The function, see `tabtrain.functions.program`.
    parameters : list of Parameter
    labels : float64 array of shape (n_classes,), optional
        What the program answers for the classes. None: its answers are raw predictions.
    table : Table, optional
        The rows from which the scales of thresholds are taken. None: they are taken from the bounds
        and the defaults, as those of other parameters are.
    """

    backward = None
    scale_free = False
    can_fail = True
    conditions = None
    # A row takes about as long as so many multiplications.
    row_work = 10

    def __init__(self, program, parameters, labels=None, table=None):
        self.program = program
        self._parameters = parameters
        self._labels = labels
        # Of one output, class 1 is where it is above 0.
        self._n_classes = 2 if labels is None else len(labels)
        self.n_outputs = self._n_classes if self._n_classes > 2 else 1
        self.n_params = len(parameters)
        self._default = program.defaults
        self._low, self._high = np.array([(each.low, each.high) for each in parameters]).T
        self._whole = np.array([each.kind != "float" for each in parameters])
        names = [each.name for each in parameters]
        # The thresholds by their parameters.
        self._thresholds = {names.index(each.name): i for i, each in enumerate(program.thresholds)}
        self._quantiles = {} if table is None else self._quantiles_of(table)
        self._scale = np.array([self._scale_of(j) for j in range(self.n_params)])
        self.bounds = np.stack([self._low, self._high]) / self._scale
        self.grid = np.where(self._whole, 1 / self._scale, 0.0)
        self.penalty_weights = np.zeros(self.n_params)
        self.line_groups = np.eye(self.n_params, dtype=bool)[sorted(self._thresholds)]
        steps = self._n_classes <= sweep.MAX_CLASSES and self._thresholds
        self.line_events = {confusion.tally: self._steps} if steps else {}

    def _quantiles_of(self, table):
        """For each threshold some of the values that it is compared with, sorted."""
        program = self.program
        if not self._thresholds:
            return {}
        others = np.empty((len(program.thresholds), table.n_padded))

        def fill(i):
            block = table.block(i)
            other = table.scratch("other", (len(others), len(block.y)))
            program.others(program.defaults, block.tiles, other)
            others[:, table.rows(i)] = other

        table.map(fill, range(table.n_blocks))
        others[:, table.weight == 0] = np.nan
        found = {}
        for j, i in self._thresholds.items():
            values = np.sort(others[i, np.isfinite(others[i])])
            if len(values):
                places = np.linspace(0, len(values) - 1, N_QUANTILES).round().astype(int)
                found[j] = values[places]
        return found

    def _scale_of(self, j):
        """About how far the parameter is worth moving."""
        low, high, quantiles = self._low[j], self._high[j], self._quantiles.get(j)
        if self._parameters[j].choices:
            return 1.0
        if quantiles is not None and quantiles[0] < quantiles[-1]:
            # Of a normal distribution, the deviation.
            first, last = np.quantile(quantiles, [0.16, 0.84])
            width = (last - first) / 2 or (quantiles[-1] - quantiles[0]) / 2
        elif low < high and np.isfinite(high - low):
            width = (high - low) / 4
        else:
            width = abs(self._default[j]) or 1.0
        width = 2.0 ** np.round(np.log2(width))
        return max(width, 1.0) if self._whole[j] else width

    def parameters(self, thetas):
        """The values ``[P, K]`` that programs are given: of choices, their places."""
        values = np.clip(thetas * self._scale, self._low, self._high)
        return np.where(self._whole, np.round(values), values)

    def theta(self, values):
        """The inverse of `parameters`."""
        return np.asarray(values) / self._scale

    def initial(self, rng, n):
        values = self._default + self._scale * rng.standard_normal((n, self.n_params))
        chance = rng.random((n, self.n_params))
        for j in range(self.n_params):
            if j in self._quantiles:
                places = (chance[:, j] * N_QUANTILES).astype(int)
                values[:, j] = self._quantiles[j][places]
            elif np.isfinite(self._high[j] - self._low[j]):
                # Whole numbers are alike, those at the ends too.
                margin = 0.5 if self._whole[j] else 0.0
                width = self._high[j] - self._low[j] + 2 * margin
                values[:, j] = self._low[j] - margin + width * chance[:, j]
        return self.theta(np.clip(values, self._low, self._high))

    def forward(self, params, tiles, raw):
        self.program.forward(params, tiles, raw)
        if self._labels is not None:
            fill_classes(raw, self._labels)
        elif self.program.has_strings:
            raw[(OTHER_STRING <= raw) & (raw <= HIGHEST_STRING)] = np.nan  # They are no numbers.

    @cached_property
    def fused(self):
        tally = None
        if self._labels is not None and self.n_outputs == 1:
            tally = self.program.tally_of(self._labels)
        return {} if tally is None else {confusion.tally: tally}

    def sides(self, theta, table):
        """For each threshold what it is compared with, and what comes out on either side.

        Parameters
        ----------
        theta : array of shape (n_params,)
        table : Table

        Yields
        ------
        name : str
        value, scale : float
        other, below, above : float64 arrays of shape (n_rows,)
            The other side of the comparison, NaN where it is not made, and the labels where the
            threshold is below and above it; -1 for none.
        """
        params = self.parameters(theta[np.newaxis])[0]
        others = np.empty((len(self._thresholds), table.n_padded))
        labels = np.empty((2, table.n_padded))
        for j, i in self._thresholds.items():
            extremes = np.tile(params, (2, 1))
            extremes[:, j] = -np.inf, np.inf
            for k in range(table.n_blocks):
                block, rows = table.block(k), table.rows(k)
                raw = np.empty((2, self.n_outputs, len(block.y)))
                other = np.empty((len(others), len(block.y)))
                labels[:, rows] = self._labels_of(extremes, block.tiles, raw)
                self.program.others(params, block.tiles, other)
                others[:, rows] = other
            name = self._parameters[j].name
            of_rows = (each[: table.n_rows].copy() for each in (others[i], *labels))
            yield name, params[j], self._scale[j], *of_rows

    def _labels_of(self, params, tiles, raw):
        """The predicted classes; -1 for none."""
        self.forward(params, tiles, raw)
        labels = np.empty((len(params), raw.shape[2]))
        confusion.predict(raw, labels)
        return np.where(np.isnan(raw[:, 0]), -1.0, labels)

    def _steps(self, thetas, lines, limits):
        """Of a threshold, labels are steps where it passes what it is compared with."""
        moved = np.argmax(lines != 0, axis=1)
        params = self.parameters(np.broadcast_to(thetas, lines.shape))
        values = params[np.arange(len(lines)), moved]
        units = self._scale[moved] * lines[np.arange(len(lines)), moved]
        extremes = np.repeat(params, 2, axis=0)
        extremes[0::2][np.arange(len(lines)), moved] = -np.inf
        extremes[1::2][np.arange(len(lines)), moved] = np.inf

        def fill(block, scratch, t, kind, start):
            n_rows = len(block.y)
            raw = scratch("raw", (2, self.n_outputs, n_rows))
            others = scratch("other", (len(self._thresholds), n_rows))
            valid = limits.copy()
            for p in range(len(lines)):
                labels = self._labels_of(extremes[2 * p : 2 * p + 2], block.tiles, raw)
                self.program.others(params[p], block.tiles, others)
                threshold = self._thresholds[moved[p]]
                rounding = 0
                if self._whole[moved[p]]:
                    rounding = 1 if self.program.thresholds[threshold].equal_is_below else -1
                sweep.step_flips(
                    labels[0],
                    labels[1],
                    others[threshold],
                    values[p],
                    units[p],
                    rounding,
                    block.y,
                    block.weight,
                    limits[p],
                    t[p],
                    kind[p],
                    start[p],
                    valid[p],
                )
            return valid

        return sweep.moves_of_steps(self._n_classes), fill
