"""The linear function: a weighted sum of the features plus a constant, for each output."""

import numpy as np

from tabtrain._kernels import linear, sweep  # type: ignore[attr-defined]
from tabtrain._kernels.confusion import tally

# A deviation below this share of the mean is rounding: the feature is constant.
CONSTANT = 16 * np.finfo(np.float64).eps


def center_and_scale(mean, deviation, centered):
    """What standardises values: their scale is 0 where they are constant."""
    if not centered:
        # About zero, so that a constant column can serve as the constant.
        return np.zeros_like(mean), np.hypot(mean, deviation)
    return mean, np.where(deviation > CONSTANT * np.abs(mean), deviation, 0.0)


class LinearModel:
    """Linear functions of standardised features.

    ``raw = output_center + output_scale * (w . (x - center) / scale + b)``, where ``w`` and
    ``b`` are the entries of ``theta``: the weights of one output after the other, then the
    constants. The table itself is never standardised: `parameters` folds the scales into
    coefficients in the user's units.

    Parameters
    ----------
    n_outputs : int
        One for two classes and for regression, else one for each class.
    center, scale : arrays of shape (n_features,)
        A feature of scale 0 is constant: its weight stays 0.
    output_center, output_scale : float
    fit_intercept : bool
        If not, the constants are 0, and so must the centers be.
    bounds : tuple of two numbers or arrays of shape (n_params,)
        The lowest and highest values of the entries of ``theta``; those of whole numbers are
        whole. Where both are the same, the entry is fixed.
    integer : bool or array of shape (n_params,)
        Which entries of ``theta`` are whole numbers.
    """

    def __init__(
        self,
        n_outputs,
        center,
        scale,
        *,
        output_center=0.0,
        output_scale=1.0,
        fit_intercept=True,
        bounds=(-np.inf, np.inf),
        integer=False,
    ):
        self.n_outputs = n_outputs
        self.n_features = len(scale)
        self.row_work = self.n_features + 1
        self.center = center
        self.scale = scale
        self.output_center = output_center
        self.output_scale = output_scale
        # What one unit of a weight in theta is in the user's units.
        self._unit = np.divide(output_scale, scale, out=np.zeros(len(scale)), where=scale > 0)
        self.fit_intercept = fit_intercept
        self.fused = {tally: linear.confusion} if n_outputs == 1 else {}
        self._n_weights = n_outputs * self.n_features
        self.n_params = self._n_weights + n_outputs * fit_intercept
        self.bounds = np.array([np.broadcast_to(bound, self.n_params) for bound in bounds])
        # Whole numbers are one apart.
        self.grid = np.broadcast_to(integer, self.n_params).astype(np.float64)
        # Which output a parameter belongs to.
        self._output = np.repeat(np.arange(n_outputs), self.n_features)
        if fit_intercept:
            self._output = np.append(self._output, np.arange(n_outputs))
        self.line_groups = self._output == np.arange(n_outputs)[:, np.newaxis]
        # The size of theta changes no label, but what is bounded or whole has a size.
        self.scale_free = (
            output_center == 0 and not self.grid.any() and bool(np.isinf(self.bounds).all())
        )
        self.line_events = {tally: self._flips} if n_outputs <= sweep.MAX_OUTPUTS else {}
        self.penalty_weights = np.zeros(self.n_params)
        self.penalty_weights[: self._n_weights] = output_scale**2

    can_fail = False
    is_linear = True
    conditions = None
    batch_losses: dict = {}
    n_kept = 0

    @staticmethod
    def forward(params, tiles, raw, kept=None):
        linear.forward(params, tiles, raw)

    @staticmethod
    def backward(params, tiles, kept, raw_grad, grad):
        linear.backward(tiles, raw_grad, grad)

    def initial(self, rng, n):
        return rng.standard_normal((n, self.n_params))

    def parameters(self, thetas):
        params = np.empty((len(thetas), self._n_weights + self.n_outputs))
        linear.fold(thetas, self._unit, self.center, self.output_center, self.output_scale, params)
        return params

    def gradient(self, grad):
        gradient = np.empty(self.n_params)
        linear.unfold(grad, self._unit, self.center, self.output_scale, gradient)
        return gradient

    def _flips(self, thetas, lines, limits):
        """Raw predictions are affine along any line, and labels flip once if one output moves."""
        n_lines = len(lines)
        params, slopes = self.parameters(thetas), self.parameters(lines)
        slopes[:, self._n_weights :] -= self.output_center
        moved = np.zeros(n_lines, dtype=np.intp)
        if self.n_outputs > 1:
            moved = self._output[np.argmax(lines != 0, axis=1)]
            weights = slopes[:, : self._n_weights].reshape(n_lines, self.n_outputs, self.n_features)
            constants = slopes[:, self._n_weights :]
            each = np.arange(n_lines)
            slopes = np.column_stack([weights[each, moved], constants[each, moved]])

        def fill(block, scratch, t, kind, start):
            raw = scratch("raw", (len(params), self.n_outputs, len(block.y)))
            slope = scratch("slope", (len(slopes), 1, len(block.y)))
            linear.forward(params, block.tiles, raw)
            linear.forward(slopes, block.tiles, slope)
            sweep.flips(raw, slope[:, 0], moved, block.y, block.weight, limits, t, kind, start)
            return limits

        return sweep.moves_of_flips(self.n_outputs, moved), fill

    def coefficients(self, theta):
        """``coef`` of shape (n_outputs, n_features), ``intercept`` of shape (n_outputs,)."""
        params = self.parameters(theta[np.newaxis])[0]
        coef = params[: self._n_weights].reshape(self.n_outputs, self.n_features)
        return coef, params[self._n_weights :]

    def shifted(self, theta, offsets):
        """The parameters with which something is added to the raw predictions."""
        shift = np.concatenate([np.zeros(self._n_weights), offsets / self.output_scale])
        return theta + shift

    def theta(self, coef, intercept):
        """The inverse of `coefficients`; what constant features add goes to the constant."""
        weights = np.divide(coef, self._unit, out=np.zeros(coef.shape), where=self._unit > 0)
        if not self.fit_intercept:
            return weights.ravel()
        constants = (intercept + coef @ self.center - self.output_center) / self.output_scale
        return np.concatenate([weights.ravel(), constants])
