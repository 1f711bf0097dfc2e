"""The values of a table as codes: how many cuts are below each, for sums of rows by code."""

import numpy as np

from tabtrain._kernels import splits  # type: ignore[attr-defined]

# Numbers have a code for so many rows, but at least and at most so many codes.
ROWS_A_CODE, MIN_CODES, MAX_CODES = 64, 2**7, 2**10
# Cuts between codes are quantiles of about so many rows.
N_SAMPLED = 2**14
# Cells are even between these quantiles of the cuts.
OUTSIDE = np.array([0.005, 0.995])


class Codes:
    """The codes of a table's values.

    Parameters
    ----------
    table : Table
    n_categories : intp array of shape (n_features,)
        0 for numbers.
    check_time : callable
        Called before each block.

    Attributes
    ----------
    codes : uint16 array of shape (n_features, n_padded)
    first : int32 array of shape (n_features + 1,)
        Where the codes of each feature begin among all; the last of a feature is of what is
        missing.
    low, high : float64 arrays of shape (n_features, n_codes)
        The least and greatest value of each, of rows that count.
    several : int32 array of shape (n_several,)
        Which of all are of several values.
    feature : intp array of shape (n_codes,)
        What each of all is a code of.
    in_order : int32 array of shape (n_codes,)
        All of them, as they come.
    """

    def __init__(self, table, n_categories, check_time):
        rows = np.flatnonzero(table.weight[: table.n_rows])
        n_codes = min(max(len(rows) // ROWS_A_CODE, MIN_CODES), MAX_CODES)
        rows = rows[np.linspace(0, len(rows) - 1, min(N_SAMPLED, len(rows))).astype(np.intp)]
        cuts = [
            np.arange(n_categories[f] - 1.0)
            if n_categories[f]
            else _cuts(table.X[rows, f], n_codes)
            for f in range(table.n_features)
        ]
        missing = np.array([len(each) + 1 for each in cuts], dtype=np.int32)
        # Infinity behind the cuts, as often as a window may be wide.
        filled = np.full((table.n_features, 3 * missing.max()), np.inf)
        scale = np.zeros((table.n_features, 2))
        for f, each in enumerate(cuts):
            filled[f, : len(each)] = each
            finite = each[np.isfinite(each)]
            if len(finite):
                # Few of the values are outside.
                begin, end = finite[np.round(OUTSIDE * (len(finite) - 1)).astype(np.intp)]
                width = end - begin
                scale[f] = begin, splits.N_CELLS / width if 0 < width < np.inf else 0.0
        start = np.empty((table.n_features, splits.N_CELLS), dtype=np.uint16)
        window = np.empty(table.n_features, dtype=np.int32)
        splits.cells(filled, scale, start, window)
        n_codes = missing.max()
        self.codes = np.empty((table.n_features, table.n_padded), dtype=np.uint16)

        def of_block(i):
            check_time()
            block = table.block(i)
            low = np.full((table.n_features, n_codes), np.inf)
            high = -low
            codes = self.codes[:, table.rows(i)]
            splits.code(
                block.tiles, block.weight, filled, scale, start, window, missing, codes, low, high
            )
            return low, high

        lows, highs = zip(*table.map(of_block, range(table.n_blocks)), strict=True)
        self.low, self.high = np.min(lows, axis=0), np.max(highs, axis=0)
        self.first = np.append(0, np.cumsum(missing + 1)).astype(np.int32)
        features, code = np.nonzero(self.low < self.high)
        self.several = (self.first[features] + code).astype(np.int32)
        self.feature = np.repeat(np.arange(table.n_features), missing + 1)
        self.in_order = np.arange(self.first[-1], dtype=np.int32)


def _cuts(values, n_codes):
    """What separates the codes of numbers, sorted; of few different values each has its own."""
    values = np.asarray(values, dtype=np.float64)
    values = np.sort(values[~np.isnan(values)])
    # All but the greatest.
    cuts = values[:-1][values[1:] > values[:-1]]
    if len(cuts) >= n_codes:
        values = values[np.linspace(0, len(values) - 1, n_codes).round().astype(np.intp)]
        cuts = values[:-1][values[1:] > values[:-1]]
    return cuts
