"""Lists of rules: what they answer, and which condition is best at a place, from sums by code.

The *code* of a value is the number of cuts below it. A table is coded once; after that what every
condition on every feature would do is known from the weights of the open rows by code and kind:
one addition a row and feature. A row is open where the condition decides which leaf it comes to:
its rule's leaf if the condition holds, else another. Its kind says what it is (its class) and
which other leaf that is. The prefix sums of the codes of a feature are what its thresholds do.
"""

import numpy as np

from libc.stdint cimport int32_t, uint16_t
from libc.string cimport memset

from tabtrain._kernels.lanes cimport LANES

cdef extern from "math.h" nogil:
    double INFINITY

cdef enum:
    # Of an entry "operator" of a condition; any other is none.
    BELOW = 1
    ABOVE = 2
    MISSING = 3
    PRESENT = 4
    # Rows whose kinds and weights stay in the cache while all features are gone through.
    CHUNK = 2048
    # Even cells, in which values find about what code they have.
    CELLS = 4096


N_CELLS = CELLS


cdef inline bint holds(const double *condition, Py_ssize_t n_categories, double x) noexcept nogil:
    # condition: operator, feature, threshold, and 1 or 0 for each category; all 0 of a number.
    cdef double test = condition[0]
    cdef bint is_member
    if test == MISSING:
        return x != x
    if test == PRESENT:
        return x == x
    if condition[2] == condition[2]:
        return x <= condition[2] if test == BELOW else x > condition[2]
    # Of a feature of categories, NaN is the threshold; what is unknown or missing is in no set.
    is_member = 0 <= x < n_categories and condition[3 + <Py_ssize_t> x] == 1.0
    return is_member if test == BELOW else not is_member


def forward(
    const double[:, :, :, ::1] conditions,
    const double[:, :, ::1] answers,
    const double[:, :, ::1] tiles,
    double[:, :, ::1] raw,
):
    """The answers of lists of rules: that of the first rule whose conditions all hold, or the last.

    Parameters
    ----------
    conditions : float64 array of shape (n_candidates, n_rules, n_conditions, 3 + n_categories)
        Operator, feature, threshold, and 1 for each category that is in the set, else 0. Operators
        are 1 (at most the threshold, or in the set, where the threshold is NaN), 2 (above it, or
        not in the set), 3 (missing) and 4 (not missing); any other, and a feature that there is
        not, is no condition. A rule without conditions is none.
    answers : float64 array of shape (n_candidates, n_rules + 1, n_outputs)
    tiles : float64 array of shape (n_tiles, n_features, 16)
    raw : float64 array of shape (n_candidates, n_outputs, 16 * n_tiles), filled
    """
    cdef Py_ssize_t n_rules = conditions.shape[1], n_conditions = conditions.shape[2]
    cdef Py_ssize_t n_outputs = raw.shape[1], n_categories = conditions.shape[3] - 3
    cdef Py_ssize_t p, t, r, j, lane, c, feature
    cdef unsigned int undecided, here
    cdef bint any_condition
    cdef const double *condition
    if n_categories < 0 or conditions.shape[0] != raw.shape[0] \
            or answers.shape[0] != raw.shape[0] or answers.shape[1] != n_rules + 1 \
            or answers.shape[2] != n_outputs or tiles.shape[2] != LANES \
            or raw.shape[2] != LANES * tiles.shape[0]:
        raise ValueError("conditions, answers or tiles do not fit raw")
    cdef Py_ssize_t leaf_of[LANES]
    with nogil:
        for p in range(raw.shape[0]):
            for t in range(tiles.shape[0]):
                for lane in range(LANES):
                    leaf_of[lane] = n_rules
                undecided = (1 << LANES) - 1
                for r in range(n_rules):
                    here = undecided
                    any_condition = False
                    for j in range(n_conditions):
                        condition = &conditions[p, r, j, 0]
                        if not (BELOW <= condition[0] <= PRESENT
                                and 0 <= condition[1] < tiles.shape[1]):
                            continue
                        any_condition = True
                        feature = <Py_ssize_t> condition[1]
                        for lane in range(LANES):
                            if not holds(condition, n_categories, tiles[t, feature, lane]):
                                here &= ~(1u << lane)
                    if not any_condition:
                        continue
                    for lane in range(LANES):
                        if here >> lane & 1:
                            leaf_of[lane] = r
                    undecided &= ~here
                    if undecided == 0:
                        break
                for c in range(n_outputs):
                    for lane in range(LANES):
                        raw[p, c, LANES * t + lane] = answers[p, leaf_of[lane], c]


cdef inline Py_ssize_t cell_of(double x, double begin, double per_unit) noexcept nogil:
    # Never falls where x rises, however it is rounded; NaN is in the first.
    cdef double place = (x - begin) * per_unit
    place = place if place > 0.0 else 0.0
    return <Py_ssize_t> (place if place < CELLS - 1 else CELLS - 1)


def cells(const double[:, ::1] cuts, double[:, ::1] scale, uint16_t[:, ::1] start, int[::1] window):
    """Where to look for the codes of values, by even cells between the cuts.

    Parameters
    ----------
    cuts : float64 array of shape (n_features, n_cuts)
        Sorted, filled up with infinity.
    scale : float64 array of shape (n_features, 2)
        Where the cells begin, and how many there are to a unit.
    start : uint16 array of shape (n_features, 4096), filled
        How many cuts are in the cells before each.
    window : int array of shape (n_features,), filled
        A power of two that is above the number of cuts in any cell.
    """
    cdef Py_ssize_t f, i, c, n, most
    if scale.shape[0] != cuts.shape[0] or scale.shape[1] != 2 or start.shape[0] != cuts.shape[0] \
            or start.shape[1] != CELLS or window.shape[0] != cuts.shape[0]:
        raise ValueError("scale, start or window do not fit cuts")
    for f in range(cuts.shape[0]):
        i = most = 0
        for c in range(CELLS):
            start[f, c] = i
            n = i
            while i < cuts.shape[1] and cuts[f, i] < INFINITY \
                    and cell_of(cuts[f, i], scale[f, 0], scale[f, 1]) == c:
                i += 1
            most = max(most, i - n)
        window[f] = 1
        while window[f] <= most:
            window[f] *= 2


def code(
    const double[:, :, ::1] tiles,
    const double[::1] weight,
    const double[:, ::1] cuts,
    const double[:, ::1] scale,
    const uint16_t[:, ::1] start,
    const int[::1] window,
    const int32_t[::1] missing,
    uint16_t[:, :] codes,
    double[:, ::1] low,
    double[:, ::1] high,
):
    """The codes of a block, and the least and greatest value of each.

    Parameters
    ----------
    tiles : float64 array of shape (n_tiles, n_features, 16)
    weight : float64 array of shape (16 * n_tiles,)
    cuts, scale, start, window
        Of `cells`; behind the cuts of a feature stands infinity, as often as the window is wide.
    missing : int32 array of shape (n_features,)
        The codes of what is missing.
    codes : uint16 array of shape (n_features, 16 * n_tiles), filled
        How many cuts are below the value.
    low, high : float64 arrays of shape (n_features, n_codes), narrowed or widened
        Of the rows that have a weight; more codes than cuts of any feature.
    """
    cdef Py_ssize_t n_features = tiles.shape[1], n_cuts = cuts.shape[1], t, f, lane
    cdef int half
    cdef int at[LANES]
    cdef double x
    cdef const double *of_feature
    cdef const double *values
    if tiles.shape[2] != LANES or cuts.shape[0] != n_features \
            or scale.shape[0] != n_features or scale.shape[1] != 2 \
            or start.shape[0] != n_features or start.shape[1] != CELLS \
            or window.shape[0] != n_features or missing.shape[0] != n_features \
            or weight.shape[0] != LANES * tiles.shape[0] or codes.shape[0] != n_features \
            or codes.shape[1] != weight.shape[0] or low.shape[0] != n_features \
            or low.shape[1] != high.shape[1] or high.shape[0] != n_features:
        raise ValueError("weight, cuts, missing, codes, low or high do not fit tiles")
    for f in range(n_features):
        if missing[f] < 1 or missing[f] > low.shape[1] or window[f] < 1 \
                or missing[f] - 1 + window[f] > n_cuts \
                or cuts[f, missing[f] - 1] != INFINITY:
            raise ValueError("cuts are not followed by infinity, or low has too few codes")
    with nogil:
        for f in range(n_features):
            of_feature = &cuts[f, 0]
            for t in range(tiles.shape[0]):
                values = &tiles[t, f, 0]
                for lane in range(LANES):
                    at[lane] = start[f, cell_of(values[lane], scale[f, 0], scale[f, 1])]
                half = window[f] >> 1
                # A bisection of all rows of the tile at once, which waits for none of them.
                while half > 0:
                    for lane in range(LANES):
                        at[lane] += half & -(of_feature[at[lane] + half - 1] < values[lane])
                    half >>= 1
                for lane in range(LANES):
                    x = values[lane]
                    if x != x:
                        codes[f, LANES * t + lane] = missing[f]
                        continue
                    codes[f, LANES * t + lane] = at[lane]
                    if weight[LANES * t + lane] > 0.0:
                        low[f, at[lane]] = min(low[f, at[lane]], x)
                        high[f, at[lane]] = max(high[f, at[lane]], x)


def add_by_code(
    const uint16_t[:, ::1] codes,
    const int32_t[::1] first,
    const int32_t[::1] rows,
    const uint16_t[::1] kind,
    const double[::1] weight,
    double[:, ::1] sums,
):
    """Add the weights of rows by code and kind.

    Parameters
    ----------
    codes : uint16 array of shape (n_features, n_rows)
    first : int32 array of shape (n_features,)
        Where the codes of each feature begin in sums.
    rows : int32 array of shape (n_open,)
        Which rows, of the columns of codes.
    kind : uint16 array of shape (n_open,)
    weight : float64 array of shape (n_open,)
    sums : float64 array of shape (n_codes, n_kinds), added to
    """
    cdef Py_ssize_t n_open = rows.shape[0], n_kinds = sums.shape[1], f, i, begin, end
    cdef double *of_feature
    cdef const uint16_t *of_codes
    if first.shape[0] != codes.shape[0] or kind.shape[0] != n_open or weight.shape[0] != n_open:
        raise ValueError("first, kind or weight do not fit codes and rows")
    if n_open == 0 or sums.shape[0] == 0:
        return
    with nogil:
        begin = 0
        while begin < n_open:
            end = min(begin + CHUNK, n_open)
            for f in range(codes.shape[0]):
                of_feature = &sums[first[f], 0]
                of_codes = &codes[f, 0]
                for i in range(begin, end):
                    of_feature[of_codes[rows[i]] * n_kinds + kind[i]] += weight[i]
            begin = end


def fill_tallies(
    const double[:, ::1] sums,
    const int32_t[::1] first,
    const int32_t[::1] order,
    const double[::1] base,
    const int32_t[:, ::1] moves,
    const int32_t[::1] leaf,
    const double[::1] of_leaf,
    double[:, :, ::1] tallies,
    double[:, :, ::1] bounds,
    double[:, ::1] support,
):
    """What every condition would do to the tally.

    Of a feature with m codes, the last of them of what is missing, place b stands for the b + 1
    first codes of the order against the others, and the last place for what is missing against
    what is not.

    Parameters
    ----------
    sums : float64 array of shape (n_codes, n_kinds)
        Of `add_by_code`.
    first : int32 array of shape (n_features + 1,)
        Where the codes of each feature begin, and the end.
    order : int32 array of shape (n_codes,)
        For each feature its codes in the order in which they join; the last stays.
    base : float64 array of shape (n_tallies,)
        The tally if the condition holds nowhere.
    moves : int32 array of shape (n_kinds, 3)
        The entries of the tally that a row for which it holds leaves, comes to, and would best be
        in.
    leaf : int32 array of shape (n_kinds,)
        The leaf where a row is if it does not hold.
    of_leaf : float64 array of shape (n_leaves,)
        What these hold if it holds nowhere; infinite where it does not matter.
    tallies : float64 array of shape (n_tallies, 2, n_codes), filled
        Where it holds for the first codes, and for the others, but not for what is missing.
    bounds : float64 array of the same shape or empty, filled
        The best that may be between the place and the one before it.
    support : float64 array of shape (2, n_codes), filled
        The least of what comes to the condition's leaf and what stays in each of the others; -1
        for what is no condition.
    """
    cdef Py_ssize_t n_codes = sums.shape[0], n_kinds = sums.shape[1], n_tallies = base.shape[0]
    cdef Py_ssize_t n_features = first.shape[0] - 1, n_leaves = of_leaf.shape[0]
    cdef Py_ssize_t f, b, k, j, side, begin, last
    cdef bint bounded = bounds.shape[0] > 0
    cdef double w, before, present
    if moves.shape[0] != n_kinds or moves.shape[1] != 3 or leaf.shape[0] != n_kinds \
            or order.shape[0] != n_codes or tallies.shape[0] != n_tallies \
            or tallies.shape[1] != 2 or tallies.shape[2] != n_codes or support.shape[0] != 2 \
            or support.shape[1] != n_codes:
        raise ValueError("order, base, moves, leaf, tallies or support do not fit sums")
    if bounded and (
        bounds.shape[0] != n_tallies or bounds.shape[1] != 2 or bounds.shape[2] != n_codes
    ):
        raise ValueError("bounds do not fit sums")
    cdef double[:, ::1] now = np.zeros((3, n_kinds))
    # At least one, whose address is taken.
    cdef double[::1] gone = np.zeros(n_leaves + 1)
    with nogil:
        for f in range(n_features):
            begin, last = first[f], first[f + 1] - 1
            # now: the sums so far, and of all that is not missing.
            for k in range(n_kinds):
                now[0, k] = 0.0
                now[1, k] = 0.0
            for b in range(begin, last):
                for k in range(n_kinds):
                    now[1, k] += sums[b, k]
            present = 0.0
            for k in range(n_kinds):
                present += now[1, k]
            for b in range(begin, last + 1):
                for side in range(2):
                    for j in range(n_tallies):
                        tallies[j, side, b] = base[j]
                        if bounded:
                            bounds[j, side, b] = base[j]
                    memset(&gone[0], 0, n_leaves * sizeof(double))
                    w = 0.0
                    for k in range(n_kinds):
                        if b == last:
                            now[2, k] = now[1, k] if side else sums[b, k]
                        elif side:
                            now[2, k] = now[1, k] - (now[0, k] + sums[order[b], k])
                        else:
                            now[2, k] = now[0, k] + sums[order[b], k]
                        tallies[moves[k, 0], side, b] -= now[2, k]
                        tallies[moves[k, 1], side, b] += now[2, k]
                        gone[leaf[k]] += now[2, k]
                        w += now[2, k]
                        if bounded and b < last and moves[k, 0] != moves[k, 1]:
                            # For all before that and after, the rest where it is best.
                            before = now[2, k] if side else now[0, k]
                            bounds[moves[k, 0], side, b] -= before + sums[order[b], k]
                            bounds[moves[k, 1], side, b] += before
                            bounds[moves[k, 2], side, b] += sums[order[b], k]
                    # That it holds for all that is not missing, the last place says.
                    if b < last and w >= present:
                        w = -1.0
                    for j in range(n_leaves):
                        w = min(w, of_leaf[j] - gone[j])
                    support[side, b] = w
                if b < last:
                    for k in range(n_kinds):
                        now[0, k] += sums[order[b], k]
                elif is_zero(sums[b]):
                    support[0, b] = support[1, b] = -1.0


cdef bint is_zero(const double[::1] values) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(values.shape[0]):
        if values[i] != 0.0:
            return False
    return True
