"""Kernels of functions that users wrote, made when they are needed.

LLVM turns a loop over a column into vector instructions, branches included, where it would not
for the sixteen rows of a tile: so some tiles at a time are copied out into columns.
"""

import ctypes
import functools
import re
import textwrap
from typing import Any

import numba
import numpy as np
from numba.extending import get_cython_function_address

from tabtrain.functions.source import own

# Tiles that are copied out at once: their columns stay in the innermost cache. At most 255, so
# that a byte can hold the count of a lane.
TILES_AT_A_TIME = 64

_KERNEL = """
def kernel(params, tiles, {arguments}):
    columns = np.empty((max({n_columns}, 1), 16 * TILES))
    {begin}
    for first in range(0, tiles.shape[0], TILES):
        last = min(first + TILES, tiles.shape[0])
        n_rows = 16 * (last - first)
        for t in range(first, last):
            for k in range({n_columns}):
                for r in range(16):
                    columns[k, 16 * (t - first) + r] = tiles[t, k, r]
        for p in range(params.shape[0]):
            {unpack}
            for r in range(n_rows):
                {store}
        {of_rows}
    {end}
"""
# The answers are classes, which the kernel of the package counts.
_BEGIN_TALLY = """
classes = np.empty(params.shape[0] * 16 * TILES, dtype=np.uint8)
positive, everything = np.zeros((params.shape[0], 2)), np.zeros(2)
failing = np.zeros(params.shape[0], dtype=np.uint8)
counts = True
for i in range(weight.shape[0]):
    counts &= weight[i] == 0.0 or weight[i] == 1.0
"""
_COUNT = """
add_classes(classes.ctypes, params.shape[0], n_rows, y[16 * first :].ctypes,
    weight[16 * first :].ctypes, counts, positive.ctypes, everything.ctypes, failing.ctypes)
"""
_END_TALLY = """
add_counts(positive.ctypes, everything.ctypes, params.shape[0], tallies.ctypes)
for p in range(params.shape[0]):
    if failing[p]:
        tallies[p] = np.nan
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
    n_outs = max(n_others, 1)
    outs = [f"out{i} = out[p, {i}, 16 * first : 16 * last]" for i in range(n_outs)]
    if n_others:
        store = [f"out{i}[r] = found[{i}]" for i in range(n_others)]
    else:
        store = ["value, failed = found", "out0[r] = np.nan if failed else value"]
    return _kernel(
        rewritten,
        n_columns,
        kinds,
        n_others,
        signature="void(float64[:,::1], float64[:,:,::1], float64[:,:,::1])",
        arguments="out",
        outs=outs,
        store=store,
    )


def tally_kernel(rewritten, n_columns, kinds, labels):
    """Compile a function that answers two labels into a kernel that counts its answers.

    The labels are compiled too: where they are True and False, nothing is left of the comparison
    with them.

    Parameters
    ----------
    rewritten, n_columns, kinds
        As for `block_kernel`.
    labels : pair of float
        What it answers for the classes 0 and 1.

    Returns
    -------
    callable
        ``kernel(params[P, K], tiles[t, column, 16], y[n], weight[n], tallies[P, 4])`` adds to the
        tallies the confusion counts; NaN for candidates of which the answer for a row that counts
        is neither label.
    """
    return _kernel(
        rewritten,
        n_columns,
        kinds,
        0,
        signature="void(float64[:,::1], float64[:,:,::1], float64[::1], float64[::1], "
        "float64[:,::1])",
        arguments="y, weight, tallies",
        begin=_BEGIN_TALLY,
        outs=["of_candidate = classes[p * n_rows : (p + 1) * n_rows]"],
        store=[
            "value, failed = found",
            "of_candidate[r] = 2 if failed else 1 if value == high else 0 if value == low else 2",
        ],
        of_rows=_COUNT,
        end=_END_TALLY,
        low=labels[0],
        high=labels[1],
        add_classes=_compiled_in("answers", "add_classes", "pnnppbppp"),
        add_counts=_compiled_in("confusion", "add_counts", "ppnp"),
    )


def _compiled_in(module, name, arguments):
    """A function of a compiled module; of pointers (p), sizes (n) and truth values (b)."""
    types = {"p": ctypes.c_void_p, "n": ctypes.c_ssize_t, "b": ctypes.c_int}
    function = ctypes.CFUNCTYPE(None, *(types[each] for each in arguments))
    return function(get_cython_function_address(f"tabtrain._kernels.{module}", name))


def _kernel(
    rewritten,
    n_columns,
    kinds,
    n_others,
    *,
    signature,
    arguments,
    outs,
    store,
    begin="",
    of_rows="",
    end="",
    **constants,
):
    compiled = _function(rewritten)
    # The names of the user's are not to be seen from here on.
    own: dict[str, Any] = {"np": np, "compiled": compiled, "called": compiled, **constants}
    if rewritten.may_raise:
        failure = "np.nan, True" if n_others == 0 else "(" + "np.nan, " * n_others + ")"
        given = ", ".join(f"x{i}" for i in range(n_columns + len(kinds)))
        guarded = (
            f"def guarded({given}):\n    try:\n        return compiled({given})\n"
            f"    except Exception:\n        return {failure}\n"
        )
        exec(guarded, own)
        own["called"] = numba.njit(error_model="numpy")(own["guarded"])
    casts = {"float": "{}", "int": "int({})", "bool": "{} != 0.0"}
    unpack = [f"c{k} = columns[{k}]" for k in range(n_columns)]
    unpack += [f"a{j} = " + casts[kind].format(f"params[p, {j}]") for j, kind in enumerate(kinds)]
    names = [*(f"c{k}[r]" for k in range(n_columns)), *(f"a{j}" for j in range(len(kinds)))]
    parts = {
        "begin": begin,
        "unpack": "\n".join(unpack + outs),
        "store": "\n".join([f"found = called({', '.join(names)})", *store]),
        "of_rows": of_rows,
        "end": end,
    }
    text = re.sub(
        rf"^( *){{({'|'.join(parts)})}}$",
        lambda line: textwrap.indent(parts[line[2]], line[1]),
        _KERNEL,
        flags=re.MULTILINE,
    )
    text = text.replace("TILES", str(TILES_AT_A_TIME))
    exec(text.format(arguments=arguments, n_columns=n_columns), own)
    kernel = numba.njit(nogil=True, error_model="numpy")(own["kernel"])
    kernel.compile(signature)
    return kernel
