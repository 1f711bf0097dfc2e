"""Lists of rules: what they answer, and which condition is best at a place, from sums by code.

The *code* of a value is the number of cuts below it. A table is coded once; after that what every
condition on every feature would do is known from the weights of the open rows by code and kind:
one addition a row and feature. A row is open where the condition decides which leaf it comes to:
its rule's leaf if the condition holds, else another. Its kind says what it is (its class) and
which other leaf that is. The prefix sums of the codes of a feature are what its thresholds do.
"""

import numpy as np

from libc.stdint cimport UINT16_MAX, int32_t, int64_t, uint8_t, uint16_t
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


def fill_leaves(
    const uint8_t[:, ::1] holds, const int32_t[:, :, ::1] lists, uint16_t[:, ::1] leaf
):
    """Which rule answers, for each row and some lists of rules.

    Parameters
    ----------
    holds : uint8 array of shape (n_conditions, n_rows)
        1 where a condition holds, else 0.
    lists : int32 array of shape (n_lists, n_rules, n_most)
        Which conditions each rule has, then -1: one that has none catches the rest. -2 is behind
        the last rule.
    leaf : uint16 array of shape (n_lists, n_rows), filled
        The first rule that holds; the number of the list's rules if none does.
    """
    cdef Py_ssize_t n_rules = lists.shape[1], n_most = lists.shape[2], n_rows = holds.shape[1]
    cdef Py_ssize_t p, r, j, i, begin, n, n_own
    cdef uint8_t here[CHUNK]
    cdef const uint8_t *of_condition
    cdef uint16_t *of_list
    if leaf.shape[0] != lists.shape[0] or leaf.shape[1] != n_rows or n_rules > UINT16_MAX \
            or n_most == 0:
        raise ValueError("lists or leaf do not fit holds")
    for p in range(lists.shape[0]):
        for r in range(n_rules):
            for j in range(n_most):
                if lists[p, r, j] >= holds.shape[0]:
                    raise ValueError("lists do not fit holds")
    with nogil:
        begin = 0
        while begin < n_rows:
            n = min(CHUNK, n_rows - begin)
            for p in range(lists.shape[0]):
                of_list = &leaf[p, begin]
                n_own = n_rules
                while n_own > 0 and lists[p, n_own - 1, 0] == -2:
                    n_own -= 1
                for i in range(n):
                    of_list[i] = <uint16_t> n_own
                for r in range(n_own - 1, -1, -1):
                    memset(here, 1, n)
                    for j in range(n_most):
                        if lists[p, r, j] >= 0:
                            of_condition = &holds[lists[p, r, j], begin]
                            for i in range(n):
                                here[i] &= of_condition[i]
                    for i in range(n):
                        of_list[i] = <uint16_t> r if here[i] else of_list[i]
            begin += n


def fill_tallies(
    const double[:, ::1] sums,
    const int32_t[::1] first,
    const int32_t[:, ::1] orders,
    const double[::1] base,
    const int32_t[:, :, ::1] moves,
    const int32_t[::1] leaf,
    const double[::1] of_leaf,
    double min_support,
    const int32_t[::1] inside,
    double[:, :] tallies,
    int64_t[::1] places,
    int64_t[::1] runs,
    double[:, :] bounds,
    int64_t[::1] bounded,
):
    """What every condition would do to the tally, for some answers of its rule.

    Of a feature with m codes, the last of them of what is missing, code b stands for the codes of
    the order up to it against the others, and the last for what is missing against what is not.
    Twice ``n_codes`` times the number of the answer, plus b, is a condition; and the next number
    that for the others.

    Parameters
    ----------
    sums : float64 array of shape (n_codes, n_kinds)
        Of `add_by_code`.
    first : int32 array of shape (n_features + 1,)
        Where the codes of each feature begin, and the end; of all features, or of some that follow
        each other.
    orders : int32 array of shape (n_answers, n_codes)
        For each feature its codes in the order in which they join; the last stays.
    base : float64 array of shape (n_tallies,)
        The tally if the condition holds nowhere.
    moves : int32 array of shape (n_answers, n_kinds, 3)
        The entries of the tally that a row for which it holds leaves, comes to, and would best be
        in.
    leaf : int32 array of shape (n_kinds,)
        The leaf where a row is if it does not hold; -1 of what is no weight.
    of_leaf : float64 array of shape (n_leaves,)
        What these hold if it holds nowhere; infinite where it does not matter.
    min_support : float
        What must come to the condition's leaf, and stay in each of the others.
    inside : int32 array of shape (n_inside,)
        The codes of these features that bounds are wanted of, sorted; they join in their own
        order, and are not what is missing.
    tallies : float64 array of shape (n_tallies, at least 2 * n_answers * codes of these), filled
        If it holds for the first codes, and for the others, but not for what is missing.
    places : int64 array of as many entries, filled
        Which conditions they are of: those with the support, but not one that holds for all that
        is not missing, as the last says that.
    runs : int64 array of at least n_features * n_answers entries, filled
        Where the places of a feature and an answer begin, if there are any.
    bounds : float64 array of shape (n_tallies, at least 2 * n_answers * n_inside), filled
        The best that may be if it holds for a part of the code.
    bounded : int64 array of as many entries, filled
        Which conditions these are of.

    Returns
    -------
    n_places, n_runs, n_bounded : int
        How many there are.
    """
    cdef Py_ssize_t n_here = first[first.shape[0] - 1] - first[0]
    cdef Py_ssize_t n_codes = sums.shape[0], n_kinds = sums.shape[1], n_tallies = base.shape[0]
    cdef Py_ssize_t n_leaves = of_leaf.shape[0], n_answers = orders.shape[0]
    cdef Py_ssize_t n_inside = inside.shape[0], n_entries = n_tallies + n_leaves + 1
    cdef Py_ssize_t f, a, b, k, j, i, begin, last, highest, n_before, run
    cdef Py_ssize_t n = 0, n_runs = 0, n_bounded = 0
    cdef const int32_t *of_answer
    cdef const double *of_code
    cdef int64_t place
    cdef bint is_inside
    if moves.shape[0] != n_answers or moves.shape[1] != n_kinds or moves.shape[2] != 3 \
            or leaf.shape[0] != n_kinds or orders.shape[1] != n_codes \
            or tallies.shape[0] != n_tallies or tallies.shape[1] < 2 * n_answers * n_here \
            or places.shape[0] < 2 * n_answers * n_here \
            or runs.shape[0] < n_answers * (first.shape[0] - 1) or bounds.shape[0] != n_tallies \
            or bounds.shape[1] < 2 * n_answers * n_inside \
            or bounded.shape[0] < 2 * n_answers * n_inside:
        raise ValueError("orders, base, moves, leaf, tallies, runs or bounds do not fit sums")
    # What changes if it holds for the codes so far, for the others, and for all: the tally, then
    # what leaves each leaf, then what comes to that of the condition.
    cdef double[:, ::1] changes = np.empty((3, n_entries))
    cdef double *so_far = &changes[0, 0]
    cdef double *others = &changes[1, 0]
    cdef double *in_all = &changes[2, 0]
    cdef double[::1] best = np.empty(n_tallies), of_kinds = np.empty(n_kinds)
    cdef double *present = &of_kinds[0]
    with nogil:
        i = 0
        for f in range(first.shape[0] - 1):
            begin, last = first[f], first[f + 1] - 1
            n_before = i
            memset(present, 0, n_kinds * sizeof(double))
            for b in range(begin, last):
                for k in range(n_kinds):
                    present[k] += sums[b, k]
            for a in range(n_answers):
                of_answer = &moves[a, 0, 0]
                memset(so_far, 0, 3 * n_entries * sizeof(double))
                join(present, of_answer, &leaf[0], n_kinds, n_tallies, n_leaves, in_all)
                # What holds for all up to the last code that occurs holds for all.
                highest = last - 1
                while highest >= begin \
                        and not occurs(&sums[orders[a, highest], 0], &leaf[0], n_kinds):
                    highest -= 1
                i = n_before
                run = n
                for b in range(begin, highest + 1):
                    is_inside = i < n_inside and inside[i] == b
                    i += is_inside
                    of_code = &sums[orders[a, b], 0]
                    if not occurs(of_code, &leaf[0], n_kinds):
                        continue
                    if is_inside:
                        memset(&best[0], 0, n_tallies * sizeof(double))
                        for k in range(n_kinds):
                            if of_answer[3 * k] != of_answer[3 * k + 1]:
                                best[of_answer[3 * k]] -= of_code[k]
                                best[of_answer[3 * k + 2]] += of_code[k]
                        for j in range(n_tallies):
                            bounds[j, n_bounded] = base[j] + so_far[j] + best[j]
                    join(of_code, of_answer, &leaf[0], n_kinds, n_tallies, n_leaves, so_far)
                    for j in range(n_entries):
                        others[j] = in_all[j] - so_far[j]
                    if is_inside:
                        for j in range(n_tallies):
                            bounds[j, n_bounded + 1] = base[j] + others[j] + best[j]
                        bounded[n_bounded] = 2 * (a * n_codes + b)
                        bounded[n_bounded + 1] = bounded[n_bounded] + 1
                        n_bounded += 2
                    if b < highest:
                        place = 2 * (a * n_codes + b)
                        n += put(so_far, base, of_leaf, min_support, tallies, places, n, place)
                        n += put(others, base, of_leaf, min_support, tallies, places, n, place + 1)
                of_code = &sums[last, 0]
                if occurs(of_code, &leaf[0], n_kinds):
                    memset(so_far, 0, n_entries * sizeof(double))
                    join(of_code, of_answer, &leaf[0], n_kinds, n_tallies, n_leaves, so_far)
                    place = 2 * (a * n_codes + last)
                    n += put(so_far, base, of_leaf, min_support, tallies, places, n, place)
                    n += put(in_all, base, of_leaf, min_support, tallies, places, n, place + 1)
                if n > run:
                    runs[n_runs] = run
                    n_runs += 1
            while i < n_inside and inside[i] < last:
                i += 1
    return n, n_runs, n_bounded


cdef inline bint occurs(
    const double *sums, const int32_t *leaf, Py_ssize_t n_kinds
) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(n_kinds):
        if sums[k] != 0.0 and leaf[k] >= 0:
            return True
    return False


cdef inline void join(
    const double *sums,
    const int32_t *moves,
    const int32_t *leaf,
    Py_ssize_t n_kinds,
    Py_ssize_t n_tallies,
    Py_ssize_t n_leaves,
    double *changes,
) noexcept nogil:
    """Add what changes if a condition comes to hold for a code."""
    cdef Py_ssize_t k
    for k in range(n_kinds):
        if sums[k] != 0.0:
            changes[moves[3 * k]] -= sums[k]
            changes[moves[3 * k + 1]] += sums[k]
            if leaf[k] >= 0:
                changes[n_tallies + leaf[k]] += sums[k]
                changes[n_tallies + n_leaves] += sums[k]


cdef inline bint put(
    const double *changes,
    const double[::1] base,
    const double[::1] of_leaf,
    double min_support,
    double[:, :] tallies,
    int64_t[::1] places,
    Py_ssize_t n,
    int64_t place,
) noexcept nogil:
    """Note a condition if it has the support; whether it has."""
    cdef Py_ssize_t n_tallies = base.shape[0], n_leaves = of_leaf.shape[0], j
    if not changes[n_tallies + n_leaves] >= min_support:
        return False
    for j in range(n_leaves):
        if of_leaf[j] - changes[n_tallies + j] < min_support:
            return False
    for j in range(n_tallies):
        tallies[j, n] = base[j] + changes[j]
    places[n] = place
    return True
