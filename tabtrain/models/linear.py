"""The linear function: a weighted sum of the features plus a constant, for each output."""

import numpy as np

from tabtrain._kernels import linear  # type: ignore[attr-defined]
from tabtrain._kernels.confusion import tally


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
    """

    def __init__(
        self, n_outputs, center, scale, *, output_center=0.0, output_scale=1.0, fit_intercept=True
    ):
        self.n_outputs = n_outputs
        self.n_features = len(scale)
        self.center = center
        self.output_center = output_center
        self.output_scale = output_scale
        # What one unit of a weight in theta is in the user's units.
        self._unit = np.divide(output_scale, scale, out=np.zeros(len(scale)), where=scale > 0)
        self.fit_intercept = fit_intercept
        self.fused = {tally: linear.confusion} if n_outputs == 1 else {}
        self._n_weights = n_outputs * self.n_features
        self.n_params = self._n_weights + n_outputs * fit_intercept
        self.penalty_weights = np.zeros(self.n_params)
        self.penalty_weights[: self._n_weights] = output_scale**2

    forward = staticmethod(linear.forward)

    @staticmethod
    def backward(params, tiles, raw_grad, grad):
        linear.backward(tiles, raw_grad, grad)

    def initial(self, rng, n):
        return rng.standard_normal((n, self.n_params))

    def parameters(self, thetas):
        params = np.empty((len(thetas), self._n_weights + self.n_outputs))
        linear.fold(thetas, self._unit, self.center, self.output_center, self.output_scale, params)
        return params

    def gradient(self, grad):
        weights = grad[: self._n_weights].reshape(self.n_outputs, self.n_features)
        constants = grad[self._n_weights :]
        weights = (weights - np.outer(constants, self.center)) * self._unit
        if not self.fit_intercept:
            return weights.ravel()
        return np.concatenate([weights.ravel(), self.output_scale * constants])

    def coefficients(self, theta):
        """``coef`` of shape (n_outputs, n_features), ``intercept`` of shape (n_outputs,)."""
        params = self.parameters(theta[np.newaxis])[0]
        coef = params[: self._n_weights].reshape(self.n_outputs, self.n_features)
        return coef, params[self._n_weights :]

    def theta(self, coef, intercept):
        """The inverse of `coefficients`; what constant features add goes to the constant."""
        weights = np.divide(coef, self._unit, out=np.zeros(coef.shape), where=self._unit > 0)
        if not self.fit_intercept:
            return weights.ravel()
        constants = (intercept + coef @ self.center - self.output_center) / self.output_scale
        return np.concatenate([weights.ravel(), constants])
