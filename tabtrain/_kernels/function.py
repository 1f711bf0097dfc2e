"""Kernels of functions that users wrote, made when they are needed.

LLVM turns a loop over a column into vector instructions, branches included, where it would not
for the sixteen rows of a tile: so some tiles at a time are copied out into columns.
"""

import types

import numba
import numpy as np

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
    """Whether a result is not finite though the argument is."""
    return not np.isfinite(value) and np.isfinite(argument)


@numba.njit(error_model="numpy")
def _is_odd_2(value, first, second):
    return not np.isfinite(value) and np.isfinite(first) and np.isfinite(second)


_HELPERS = {
    "_lower": _lower,
    "_higher": _higher,
    "_power": _power,
    "_is_odd_1": _is_odd_1,
    "_is_odd_2": _is_odd_2,
    "_nan": np.nan,
}


def block_kernel(code, may_raise, n_columns, kinds, n_others, namespace):
    """Compile a function into a kernel over blocks.

    Parameters
    ----------
    code : str
        Defines ``function(*columns, *parameters)``; see `tabtrain.functions.source`.
    may_raise : bool
    n_columns : int
    kinds : tuple of {"float", "int", "bool"}
        What the parameters are handed over as.
    n_others : int
        How many other sides of thresholds it answers; 0 if it answers what the original does.
    namespace : dict
        What the names in it are.

    Returns
    -------
    callable
        ``kernel(params[P, K], tiles[t, column, 16], out[P, C, n])`` fills ``out[:, 0]``, or
        ``out[:, :n_others]``.
    """
    module = {name: _compilable(value) for name, value in namespace.items()}
    module |= _HELPERS | {"np": np}
    exec(code, module)
    module["function"] = numba.njit(error_model="numpy")(module["function"])
    casts = {"float": "{}", "int": "int({})", "bool": "{} != 0.0"}
    unpack = [f"c{k} = columns[{k}]" for k in range(n_columns)]
    unpack += [f"a{j} = " + casts[kind].format(f"params[p, {j}]") for j, kind in enumerate(kinds)]
    names = ", ".join(
        [*(f"c{k}[r]" for k in range(n_columns)), *(f"a{j}" for j in range(len(kinds)))]
    )
    n_outs = max(n_others, 1)
    unpack += [f"out{i} = out[p, {i}, 16 * first : 16 * last]" for i in range(n_outs)]
    failure = "np.nan, True" if n_others == 0 else "(" + "np.nan, " * n_others + ")"
    if may_raise:
        inner = ", ".join(
            [*(f"c{k}" for k in range(n_columns)), *(f"a{j}" for j in range(len(kinds)))]
        )
        guarded = (
            f"def guarded({inner}):\n    try:\n        return function({inner})\n"
            f"    except Exception:\n        return {failure}\n"
        )
        exec(guarded, module)
        module["called"] = numba.njit(error_model="numpy")(module["guarded"])
    else:
        module["called"] = module["function"]
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
    exec(text, module)
    kernel = numba.njit(nogil=True, error_model="numpy")(module["kernel"])
    kernel.compile("void(float64[:,::1], float64[:,:,::1], float64[:,:,::1])")
    return kernel


def _compilable(value, callers=()):
    """A function of the user's, compiled with all that it calls; anything else as it is."""
    if not isinstance(value, types.FunctionType) or value in callers:
        return value
    known = value.__globals__
    called = {
        name: _compilable(known[name], (*callers, value))
        for name in value.__code__.co_names
        if name in known
    }
    copied = types.FunctionType(
        value.__code__, known | called, value.__name__, value.__defaults__, value.__closure__
    )
    copied.__kwdefaults__ = value.__kwdefaults__
    # Python's own arithmetic: it raises what it would raise uncompiled.
    return numba.njit(copied)
