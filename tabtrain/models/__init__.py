"""The parameterised functions, one a file.

A model turns rows and a flat vector ``theta`` into raw predictions. ``theta`` is what
optimizers move: about 1 is a large value for each of its entries. A model has

``n_params``, ``n_outputs``
    the length of ``theta`` and the number of raw predictions a row;
``row_work``
    to how many multiplications the work on a row comes, for one candidate;
``parameters(thetas) -> params[P, K]``
    what the kernels take, in the user's units;
``forward(params[P, K], tiles, raw[P, C, n])``
    fills ``raw``;
``backward(params[P, K], tiles, kept[P, H, n], raw_grad[P, C, n], grad[P, K])``
    adds to ``grad``; None where the model has no gradient;
``n_kept``
    H: how many numbers a row of what happens in ``forward`` are worth keeping for ``backward``;
    models that have a gradient take them as ``forward(params, tiles, raw, kept)``, too, and fill
    ``kept`` if it is given;
``gradient(grad[K]) -> gradient with respect to theta``
    the chain rule through ``parameters``;
``output_scale``
    by how much raw predictions differ, about, where ``theta`` differs by 1; models that have a
    gradient have it;
``is_linear``
    whether it is a `LinearModel`; of models that have a gradient. Those that keep what hidden
    layers answer have a last layer, see `Problem.last_layer` and `MLPModel`;
``penalty_weights``
    the squares that the L2 penalty sums: ``penalty_weights @ theta ** 2``;
``initial(rng, n) -> thetas``
    random starting points at the data's scale;
``can_fail``
    whether raw predictions may be NaN; where one of a row that counts is, the candidate is none;
``bounds``, ``grid``
    the lowest and highest ``theta`` ``[2, n_params]``, the same for entries that are fixed, and
    the steps in which entries can be changed ``[n_params]``, 0 for any;
``scale_free``
    whether ``theta`` times a positive number predicts the same classes;
``line_groups``
    ``[n_groups, n_params]`` of bool: along a line within one group, a row flips at most once;
``line_events``
    a dict from tallies to methods ``(thetas, lines, limits) -> (moves, fill)``, which say where
    rows flip along lines, see `tabtrain._kernels.sweep`: ``moves`` are what kinds of events do,
    ``fill(block, scratch, t[P, n], kind[P, n], start[P, T])`` finds those of a block and returns
    the limits ``[P, 2]``, narrowed to where it `can_fail` for no row;
``fused``
    a dict from tallies to kernels that do `forward` and the tally in one;
``batch_losses``
    a dict from losses, see `Objective.loss`, to what ``batches(table, loss, dscore, slope_unit)``
    calls them: the model's own kernel for gradients of batches;
``conditions``
    what finds conditions for lists of rules exactly, see `RulesModel`; or None.
"""

from tabtrain.models.function import FunctionModel
from tabtrain.models.linear import LinearModel
from tabtrain.models.mlp import MLPModel
from tabtrain.models.rules import RulesModel

__all__ = ["FunctionModel", "LinearModel", "MLPModel", "RulesModel"]
