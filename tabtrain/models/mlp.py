"""The network: layers of weighted sums, with a function of each unit between them."""

import itertools

import numpy as np

from tabtrain._kernels import sweep  # type: ignore[attr-defined]
from tabtrain._kernels.confusion import tally
from tabtrain._kernels.mlp import FILL, LOSSES, Batches, Network
from tabtrain.models.linear import LinearModel, center_and_scale


class MLPModel:
    """Multi-layer perceptrons of standardised features.

    ``h = (x - center) / scale``, then for each hidden layer ``h = activation(h @ coefs +
    intercepts)``, and ``raw = output_center + output_scale * (h @ coefs + intercepts)``. These
    are the entries of ``theta``: of one layer after the other the weights ``[input, output]``,
    then the constants, see `parts`. The table itself is never standardised: `parameters` folds the
    scales into the first and the last layer.

    Parameters
    ----------
    n_outputs : int
        One for two classes and for regression, else one for each class.
    center, scale : arrays of shape (n_features,)
        A feature of scale 0 is constant: its weights stay 0.
    hidden_layer_sizes : sequence of int
        How many units each hidden layer has.
    activation : {"identity", "logistic", "relu", "tanh"}
        The function of the hidden units.
    output_center, output_scale : float
    """

    def __init__(
        self,
        n_outputs,
        center,
        scale,
        *,
        hidden_layer_sizes=(100,),
        activation="relu",
        output_center=0.0,
        output_scale=1.0,
    ):
        self.n_outputs = n_outputs
        self.n_features = len(scale)
        self.center = center
        self.scale = scale
        self.output_center = output_center
        self.output_scale = output_scale
        self._unit = np.divide(1.0, scale, out=np.zeros(len(scale)), where=scale > 0)
        widths = [self.n_features, *hidden_layer_sizes, n_outputs]
        self._network = Network(widths, activation)
        self.shapes = list(itertools.pairwise(widths))
        # As scikit-learn draws them (Glorot and Bengio 2010).
        factor = 2.0 if activation == "logistic" else 6.0
        self._start_bounds = [np.sqrt(factor / (n_in + n_out)) for n_in, n_out in self.shapes]
        self.n_params = self._network.n_params
        self.n_kept = self._network.n_kept
        self.row_work = self.n_params
        self.bounds = np.tile([[-np.inf], [np.inf]], (1, self.n_params))
        self.grid = np.zeros(self.n_params)
        self.penalty_weights = np.zeros(self.n_params)
        for coefs, _ in self._layers(self.penalty_weights):
            coefs[:] = 1.0
        coefs[:] = output_scale**2
        # The last layer is affine: one group for the weights and the constant of each output.
        self.line_groups = np.zeros((n_outputs, self.n_params), dtype=bool)
        for output, group in enumerate(self.line_groups):
            *_, (coefs, intercepts) = self._layers(group)
            coefs[:, output] = intercepts[output] = True
        self.line_events = {tally: self._flips} if n_outputs <= sweep.MAX_OUTPUTS else {}

    can_fail = False
    is_linear = False
    conditions = None
    scale_free = False
    fused: dict = {}
    batch_losses = LOSSES

    def _layers(self, theta):
        """The weights and constants of each layer, as views."""
        begin = 0
        layers = []
        for n_in, n_out in self.shapes:
            middle, end = begin + n_in * n_out, begin + (n_in + 1) * n_out
            layers.append((theta[begin:middle].reshape(n_in, n_out), theta[middle:end]))
            begin = end
        return layers

    def parts(self, theta):
        """The parameters by name, as views.

        Parameters
        ----------
        theta : array of shape (n_params,)

        Returns
        -------
        dict of str to array
            ``coefs_0`` of shape (n_features, first hidden layer's size), ``intercepts_0``,
            ``coefs_1`` and so on.
        """
        return {
            f"{name}_{i}": part
            for i, layer in enumerate(self._layers(theta))
            for name, part in zip(("coefs", "intercepts"), layer, strict=True)
        }

    def forward(self, params, tiles, raw, kept=None):
        self._network.forward(params, tiles, raw, kept)

    def backward(self, params, tiles, kept, raw_grad, grad):
        self._network.backward(params, tiles, kept, raw_grad, grad)

    def batches(self, table, loss, dscore, slope_unit):
        return Batches(
            self._network,
            self._unit,
            self.center,
            self.output_center,
            self.output_scale,
            table.by_row,
            table.y,
            table.weight,
            loss,
            dscore,
            slope_unit,
        )

    def initial(self, rng, n):
        thetas = rng.uniform(-1.0, 1.0, (n, self.n_params))
        for theta in thetas:
            for bound, layer in zip(self._start_bounds, self._layers(theta), strict=True):
                for part in layer:
                    part *= bound
        return thetas

    def parameters(self, thetas):
        return self._folded(thetas, self.output_center)

    def _folded(self, thetas, output_center):
        params = np.empty((len(thetas), self._network.n_filled))
        self._network.fold(
            thetas, self._unit, self.center, output_center, self.output_scale, params
        )
        return params

    def gradient(self, grad):
        of_theta = np.empty(self.n_params)
        self._network.gradient(grad, self._unit, self.center, self.output_scale, of_theta)
        return of_theta

    def _flips(self, thetas, lines, limits):
        """Raw predictions are affine along lines that move one output of the last layer."""
        n_lines = len(lines)
        moved = np.argmax((self.line_groups @ (lines != 0).T), axis=0)
        # What is added along a line: the same network, with the line for its last layer.
        slopes = np.where(self.line_groups.any(axis=0), lines, thetas)
        params, slopes = self.parameters(thetas), self._folded(slopes, 0.0)

        def fill(block, scratch, t, kind, start):
            raw = scratch("raw", (len(params), self.n_outputs, len(block.y)))
            slope = scratch("slope", (n_lines, self.n_outputs, len(block.y)))
            self.forward(params, block.tiles, raw)
            self.forward(slopes, block.tiles, slope)
            slope = np.ascontiguousarray(slope[np.arange(n_lines), moved])
            sweep.flips(raw, slope, moved, block.y, block.weight, limits, t, kind, start)
            return limits

        return sweep.moves_of_flips(self.n_outputs, moved), fill

    def coefficients(self, theta):
        """``coefs`` and ``intercepts`` of each layer, in the user's units.

        Returns
        -------
        coefs : list of arrays of shape (n_inputs, n_units)
        intercepts : list of arrays of shape (n_units,)
        """
        params = self.parameters(theta[np.newaxis])[0]
        coefs, intercepts = [], []
        for n_in, n_out in self.shapes:
            filled = -(-n_out // FILL) * FILL
            layer, params = np.split(params, [(n_in + 1) * filled])
            layer = layer.reshape(n_in + 1, filled)[:, :n_out].copy()
            coefs.append(layer[:-1])
            intercepts.append(layer[-1])
        return coefs, intercepts

    def last_hidden(self, kept):
        """What the last hidden layer answers ``[n, units]``; `forward` kept it in ``[1, H, n]``."""
        n_units = self.shapes[-1][0]
        filled = -(-n_units // FILL) * FILL
        return kept[0, -filled:].reshape(-1, filled)[:, :n_units]

    def last_layer(self, mean, deviation):
        """The last layer alone, for hidden units of these means and deviations."""
        return LinearModel(
            self.n_outputs,
            *center_and_scale(mean, deviation, True),
            output_center=self.output_center,
            output_scale=self.output_scale,
        )

    def last_coefficients(self, theta):
        """``coef`` and ``intercept`` of the last layer, as `LinearModel.coefficients`."""
        coefs, intercepts = self.coefficients(theta)
        return coefs[-1].T, intercepts[-1]

    def with_last(self, theta, coef, intercept):
        """Other parameters, of which the last layer is this."""
        theta = theta.copy()
        last_coefs, last_constants = self._layers(theta)[-1]
        last_coefs[:] = coef.T / self.output_scale
        last_constants[:] = (intercept - self.output_center) / self.output_scale
        return theta

    def theta(self, coefs, intercepts):
        """The inverse of `coefficients`; what constant features add goes to the constants."""
        theta = np.empty(self.n_params)
        layers = self._layers(theta)
        for (own_coefs, own_intercepts), coef, intercept in zip(
            layers, coefs, intercepts, strict=True
        ):
            own_coefs[:], own_intercepts[:] = coef, intercept
        coefs_of_table, constants = layers[0]
        constants += self.center @ coefs_of_table
        unit = self._unit[:, np.newaxis]
        coefs_of_table[:] = np.divide(
            coefs_of_table, unit, out=np.zeros(coefs_of_table.shape), where=unit > 0
        )
        last_coefs, last_constants = layers[-1]
        last_coefs /= self.output_scale
        last_constants -= self.output_center
        last_constants /= self.output_scale
        return theta
