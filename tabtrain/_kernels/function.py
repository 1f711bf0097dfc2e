"""Kernels of functions that users wrote, made when they are needed.

LLVM turns a loop over a column into vector instructions, branches included, where it would not
for the sixteen rows of a tile: so some tiles at a time are copied out into columns.
"""

import functools
from typing import Any

import numba
import numpy as np

from tabtrain.functions.source import own

# Tiles that are copied out at once: their columns stay in the innermost cache.
TILES_AT_A_TIME = 64

_FORWARD = """
def kernel(params, tiles, out):
    columns = np.empty((max({n_columns}, 1), 16 * TILES))
    for first in range(0, tiles.shape[0], TILES):
        last = min(first + TILES, tiles.shape[0])
        for t in range(first, last):
            for k in range({n_columns}):
                for r in range(16):
                    columns[k, 16 * (t - first) + r] = tiles[t, k, r]
        for p in range(params.shape[0]):
{unpack}
            for r in range(16 * (last - first)):
{store}
"""


@numba.njit(error_model="numpy")
def _lower(first, second):
    return second if second < first else first


@numba.njit(error_model="numpy")
def _higher(first, second):
    return second if second > first else first


@numba.njit(error_model="numpy")
def _power(base, exponent):
    return float(base) ** float(exponent)


@numba.njit(error_model="numpy")
def _is_odd_1(value, argument):
    """Whether a result is no number though the argument is, or infinite though that is not."""
    number = 1.0 * value
    return (np.isnan(number) and not np.isnan(argument)) or (
        np.isinf(number) and np.isfinite(argument)
    )


@numba.njit(error_model="numpy")
def _is_odd_2(value, first, second):
    is_number = not (np.isnan(first) or np.isnan(second))
    is_finite = np.isfinite(first) and np.isfinite(second)
    number = 1.0 * value
    return (np.isnan(number) and is_number) or (np.isinf(number) and is_finite)


@numba.njit(error_model="numpy")
def _is_odd_whole(value, argument):
    return not np.isfinite(argument)


@numba.njit(error_model="numpy")
def _truncated(value):
    return np.trunc(1.0 * value)


@numba.njit(error_model="numpy")
def _rounded(value):
    return np.rint(1.0 * value)


@numba.njit(error_model="numpy")
def _floor(value):
    return np.floor(1.0 * value)


@numba.njit(error_model="numpy")
def _ceil(value):
    return np.ceil(1.0 * value)


# What rewritten functions call.
_HELPERS = {
    own("nan"): np.nan,
    own("lower"): _lower,
    own("higher"): _higher,
    own("power"): _power,
    own("is_odd_1"): _is_odd_1,
    own("is_odd_2"): _is_odd_2,
    own("is_odd_whole"): _is_odd_whole,
    own("truncated"): _truncated,
    own("rounded"): _rounded,
    own("floor"): _floor,
    own("ceil"): _ceil,
}


@functools.lru_cache(maxsize=256)
def _function(rewritten):
    module: dict[str, Any] = {**rewritten.namespace, **_HELPERS}
    module |= {name: _function(each) for each, name in rewritten.called}
    exec(rewritten.code, module)
    function = module[own("function")]
    function.__defaults__ = module.get(own("defaults"))
    # What might be out of range is not foreseen, and so guarded.
    return numba.njit(error_model="numpy", boundscheck=rewritten.may_raise)(function)


def block_kernel(rewritten, n_columns, kinds, n_others):
    """Compile a function into a kernel over blocks.

    Parameters
    ----------
    rewritten : Rewritten
        A function of the columns and the parameters; see `tabtrain.functions.numbers`.
    n_columns : int
    kinds : tuple of {"float", "int", "bool"}
        What the parameters are handed over as.
    n_others : int
        How many other sides of thresholds it answers; 0 if it answers what the original does.

    Returns
    -------
    callable
        ``kernel(params[P, K], tiles[t, column, 16], out[P, C, n])`` fills ``out[:, 0]``, or
        ``out[:, :n_others]``.
    """
    compiled = _function(rewritten)
    # The names of the user's are not to be seen from here on.
    own: dict[str, Any] = {"np": np, "compiled": compiled, "called": compiled}
    casts = {"float": "{}", "int": "int({})", "bool": "{} != 0.0"}
    unpack = [f"c{k} = columns[{k}]" for k in range(n_columns)]
    unpack += [f"a{j} = " + casts[kind].format(f"params[p, {j}]") for j, kind in enumerate(kinds)]
    names = ", ".join(
        [*(f"c{k}[r]" for k in range(n_columns)), *(f"a{j}" for j in range(len(kinds)))]
    )
    n_outs = max(n_others, 1)
    unpack += [f"out{i} = out[p, {i}, 16 * first : 16 * last]" for i in range(n_outs)]
    failure = "np.nan, True" if n_others == 0 else "(" + "np.nan, " * n_others + ")"
    if rewritten.may_raise:
        arguments = ", ".join(f"x{i}" for i in range(n_columns + len(kinds)))
        guarded = (
            f"def guarded({arguments}):\n    try:\n        return compiled({arguments})\n"
            f"    except Exception:\n        return {failure}\n"
        )
        exec(guarded, own)
        own["called"] = numba.njit(error_model="numpy")(own["guarded"])
    if n_others:
        store = [f"found = called({names})"]
        store += [f"out{i}[r] = found[{i}]" for i in range(n_others)]
    else:
        store = [f"value, failed = called({names})", "out0[r] = np.nan if failed else value"]
    text = _FORWARD.replace("TILES", str(TILES_AT_A_TIME)).format(
        n_columns=n_columns,
        unpack="\n".join(" " * 12 + line for line in unpack),
        store="\n".join(" " * 16 + line for line in store),
    )
    exec(text, own)
    kernel = numba.njit(nogil=True, error_model="numpy")(own["kernel"])
    kernel.compile("void(float64[:,::1], float64[:,:,::1], float64[:,:,::1])")
    return kernel
