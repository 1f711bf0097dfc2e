"""The best step on a line where each row's label is a step function.

A row that flips between two labels at ``t`` is an event of some *kind*. What a kind of event
does to a tally is said by a row of ``moves``: the entry that the row's weight leaves, the entry
it comes to, and the entry where it would be best. So this knows nothing of models or metrics.

Events are counted in buckets; the tallies between buckets are prefix sums of these, and the best
that can happen inside a bucket is what it begins with plus its gains without its losses. Only
buckets where this is good enough are collected, sorted and stepped through.
"""

import numpy as np

from libc.stdint cimport int32_t, uint8_t, uint16_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from tabtrain._kernels.lanes cimport LANES

cdef extern from "sweep.h" nogil:
    ctypedef struct event:
        double t
        double weight
        int32_t bucket
        uint16_t kind
        uint16_t line
    ctypedef struct move:
        pass
    void fill_bucket_tallies(
        const double *sums, Py_ssize_t n_buckets, Py_ssize_t n_kinds, const move *moves,
        const double *start, Py_ssize_t n_tallies, double *tallies, Py_ssize_t stride,
        double *now, double *best,
    ) noexcept
    void add_to_buckets(
        const double *t, const uint16_t *kind, Py_ssize_t n_rows, const double *weight,
        float scale, int n_buckets, Py_ssize_t n_kinds, uint16_t *bucket, double *sums,
    ) noexcept
    Py_ssize_t append_events(
        const double *t, const uint16_t *kind, Py_ssize_t n_rows, const double *weight,
        const uint16_t *bucket, const uint8_t *keep, int first, int last, uint16_t line,
        event **events, Py_ssize_t n_events, Py_ssize_t *capacity,
    ) noexcept
    Py_ssize_t append_all_events(
        const double *t, const uint16_t *kind, Py_ssize_t n_rows, const double *weight,
        float scale, int n_buckets, uint16_t line, event *events, Py_ssize_t n_events,
    ) noexcept
    void sort_events(event *events, Py_ssize_t n, int depth) noexcept
    void fill_tallies_before(
        const event *events, Py_ssize_t n, int has_previous, const move *moves,
        Py_ssize_t moves_stride, const double *known, Py_ssize_t known_stride,
        Py_ssize_t n_known, Py_ssize_t n_tallies, double *now, double *tallies,
        Py_ssize_t stride,
    ) noexcept
    double find_best_step(
        const event *events, const double *scores, Py_ssize_t n, double lowest, double *step,
    ) noexcept
    void c_binary_flips "binary_flips"(
        const double *raw, const double *slope, Py_ssize_t n_rows, const double *y,
        const double *weight, double low, double high, double *t, uint16_t *kind,
        double *start,
    ) noexcept
    void c_class_flips "class_flips"(
        const double *raw, Py_ssize_t n_outputs, Py_ssize_t moved, const double *slope,
        Py_ssize_t n_rows, const double *y, const double *weight, double low, double high,
        double *t, uint16_t *kind, double *start,
    ) noexcept
    void c_step_flips "step_flips"(
        const double *below, const double *above, const double *other, double value,
        double unit, double shift, int rounds_up, Py_ssize_t n_rows, const double *y,
        const double *weight, double low, double high, Py_ssize_t n_classes, double *t,
        uint16_t *kind, double *start, double *valid,
    ) noexcept
    double INFINITY

EVENT = np.dtype(
    [("t", "f8"), ("weight", "f8"), ("bucket", "i4"), ("kind", "u2"), ("line", "u2")]
)
# Of more there are more kinds of events than can be numbered.
MAX_OUTPUTS = 181
MAX_CLASSES = 40
# So many events are looked at for the typical size of t.
cdef enum:
    SAMPLE = 31
    # Of quicksort: enough for 2**32 events, if not all are badly halved.
    MAX_DEPTH = 64


def flips(
    const double[:, :, ::1] raw,
    const double[:, ::1] slope,
    const Py_ssize_t[::1] moved,
    const double[::1] y,
    const double[::1] weight,
    const double[:, ::1] limits,
    double[:, :] t,
    uint16_t[:, :] kind,
    double[:, ::1] start,
):
    """Where the labels of a block flip, if raw predictions are affine along the lines.

    Of one output, label 1 is ``raw + t * slope > 0``. Of several, the label is the largest, and
    the slope is that of the output ``moved``, the others staying.

    Parameters
    ----------
    raw : float64 array of shape (n_lines or 1, n_outputs, n_rows)
        Raw predictions where the lines begin; one for all, if all begin at the same place.
    slope : float64 array of shape (n_lines, n_rows)
    moved : intp array of shape (n_lines,)
    y, weight : float64 arrays of shape (n_rows,)
    limits : float64 array of shape (n_lines, 2)
        Between which t lies.
    t : float64 array of shape (n_lines, n_rows), filled
        Infinite for rows without an event; rows side by side.
    kind : uint16 array of shape (n_lines, n_rows), filled
        As `moves_of_flips` lists them.
    start : float64 array of shape (n_lines, n_classes * n_classes), added to
        The tally at the lower limits.
    """
    cdef Py_ssize_t n_lines = slope.shape[0], n_outputs = raw.shape[1], n_rows = raw.shape[2], p
    cdef Py_ssize_t n_classes = max(n_outputs, 2)
    cdef const double *of_line
    if raw.shape[0] not in (1, n_lines) or slope.shape[1] != n_rows or moved.shape[0] != n_lines \
            or y.shape[0] != n_rows or weight.shape[0] != n_rows or n_rows % LANES \
            or limits.shape[0] != n_lines or limits.shape[1] != 2:
        raise ValueError("slope, moved, y, weight or limits do not fit raw")
    if t.shape[0] != n_lines or t.shape[1] != n_rows or kind.shape[0] != n_lines \
            or kind.shape[1] != n_rows or start.shape[0] != n_lines \
            or start.shape[1] != n_classes * n_classes:
        raise ValueError("t, kind or start do not fit raw")
    if n_outputs > MAX_OUTPUTS:
        raise ValueError(f"flips does not take more than {MAX_OUTPUTS} outputs, got {n_outputs}")
    if n_lines == 0 or n_rows == 0:
        return
    if t.strides[1] != sizeof(double) or kind.strides[1] != sizeof(uint16_t):
        raise ValueError("the rows of t and kind do not lie side by side")
    with nogil:
        for p in range(n_lines):
            of_line = &raw[p if raw.shape[0] > 1 else 0, 0, 0]
            if n_outputs == 1:
                c_binary_flips(
                    of_line, &slope[p, 0], n_rows, &y[0], &weight[0], limits[p, 0],
                    limits[p, 1], &t[p, 0], &kind[p, 0], &start[p, 0],
                )
            else:
                c_class_flips(
                    of_line, n_outputs, moved[p], &slope[p, 0], n_rows, &y[0], &weight[0],
                    limits[p, 0], limits[p, 1], &t[p, 0], &kind[p, 0], &start[p, 0],
                )


def moves_of_flips(Py_ssize_t n_outputs, const Py_ssize_t[::1] moved):
    """What the events of `flips` do to confusion counts.

    Returns
    -------
    int32 array of shape (n_lines or 1, n_kinds, 3)
        The entries of the tally that a row leaves, comes to, and would best be in.
    """
    if n_outputs == 1:
        # A row of class y leaves predicted class 1 - up for up.
        return np.array(
            [[[2 * y + 1 - up, 2 * y + up, 3 * y] for y in range(2) for up in range(2)]],
            dtype=np.int32,
        )
    label, best, up = np.indices((n_outputs, n_outputs, 2)).reshape(3, -1)
    line = np.asarray(moved)[:, np.newaxis]
    entry_of_best, entry_of_moved = label * n_outputs + best, label * n_outputs + line
    return np.stack(
        [
            np.where(up, entry_of_best, entry_of_moved),
            np.where(up, entry_of_moved, entry_of_best),
            np.broadcast_to(label * (n_outputs + 1), entry_of_moved.shape),
        ],
        axis=-1,
    ).astype(np.int32)


def step_flips(
    const double[::1] below,
    const double[::1] above,
    const double[::1] other,
    double value,
    double unit,
    int rounding,
    const double[::1] y,
    const double[::1] weight,
    const double[::1] limits,
    double[::1] t,
    uint16_t[::1] kind,
    double[::1] start,
    double[::1] valid,
):
    """Where the labels of a block flip, if they are steps in ``value + t * unit``.

    Parameters
    ----------
    below, above : float64 arrays of shape (n_rows,)
        The labels where that is below and above what it is compared with; negative for none,
        which counts as a wrong one.
    other : float64 array of shape (n_rows,)
        What it is compared with; NaN in rows where it is not compared.
    value, unit : float
    rounding : int
        0, or for whole numbers 1 if one that equals the other side is below it, -1 if not.
    y, weight : float64 arrays of shape (n_rows,)
    limits : float64 array of shape (2,)
        Between which t lies.
    t : float64 array of shape (n_rows,), filled
        Infinite for rows without an event.
    kind : uint16 array of shape (n_rows,), filled
        As `moves_of_steps` lists them.
    start : float64 array of shape (n_classes * n_classes,), added to
        The tally at the lower limit.
    valid : float64 array of shape (2,), narrowed
        To where all rows that count have a label.
    """
    cdef Py_ssize_t n_rows = t.shape[0], n_classes = round(start.shape[0] ** 0.5)
    if below.shape[0] != n_rows or above.shape[0] != n_rows or other.shape[0] != n_rows \
            or y.shape[0] != n_rows or weight.shape[0] != n_rows or kind.shape[0] != n_rows \
            or limits.shape[0] != 2 or valid.shape[0] != 2:
        raise ValueError("below, above, other, y, weight, limits, kind or valid do not fit t")
    if n_classes * n_classes != start.shape[0] or not 2 <= n_classes <= MAX_CLASSES:
        raise ValueError(f"steps take 2 to {MAX_CLASSES} classes, got {n_classes}")
    if n_rows == 0:
        return
    with nogil:
        c_step_flips(
            &below[0], &above[0], &other[0], value, unit, 0.5 * abs(rounding), rounding > 0,
            n_rows, &y[0], &weight[0], limits[0], limits[1], n_classes, &t[0], &kind[0], &start[0],
            &valid[0],
        )


def moves_of_steps(Py_ssize_t n_classes):
    """What the events of `step_flips` do to confusion counts.

    Returns
    -------
    int32 array of shape (1, n_classes ** 3, 3)
        The entries of the tally that a row leaves, comes to, and would best be in.
    """
    label, before, after = np.indices((n_classes,) * 3).reshape(3, -1)
    entries = [label * n_classes + before, label * n_classes + after, label * (n_classes + 1)]
    return np.stack(entries, axis=-1)[np.newaxis].astype(np.int32)


def typical_sizes(const double[:, ::1] t):
    """The scale of each line's buckets: the median size of some of its t, 1 if there are none.

    Parameters
    ----------
    t : float64 array of shape (n_lines, n_rows)

    Returns
    -------
    float32 array of shape (n_lines,)
    """
    scales = np.empty(t.shape[0], dtype=np.float32)
    cdef float[::1] found = scales
    cdef Py_ssize_t p
    with nogil:
        for p in range(t.shape[0]):
            found[p] = typical_size(t[p])
    return scales


cdef float typical_size(const double[:] t) noexcept nogil:
    cdef double found[SAMPLE]
    cdef double size
    cdef Py_ssize_t i = 0, j, n = 0, step = max(t.shape[0] // (2 * SAMPLE), 1)
    while i < t.shape[0] and n < SAMPLE:
        size = abs(t[i])
        if 0 < size < INFINITY:
            j = n
            while j > 0 and found[j - 1] > size:
                found[j] = found[j - 1]
                j -= 1
            found[j] = size
            n += 1
        i += step
    # So that no sum of scale and t is denormal or infinite for the scale's sake.
    return <float> min(max(found[n // 2], 1e-30), 1e30) if n > 0 else 1.0


def bucket_sums(
    const double[:, :] t,
    const uint16_t[:, :] kind,
    const double[::1] weight,
    const float[::1] scale,
    uint16_t[:, :] bucket,
    double[:, :, ::1] sums,
):
    """Find the buckets of events, and add their weights.

    Parameters
    ----------
    t, kind : arrays of shape (n_lines, n_rows)
    weight : float64 array of shape (n_rows,)
    scale : float32 array of shape (n_lines,)
        Of `typical_sizes`.
    bucket : uint16 array of shape (n_lines, n_rows), filled
        ``n_buckets`` where there is no event.
    sums : float64 array of shape (n_lines, n_buckets + 1, n_kinds), added to
        The number of buckets is even. Behind them are the weights of rows without an event.
    """
    cdef Py_ssize_t p, n_rows = t.shape[1]
    check_events(t, kind, weight, bucket)
    if sums.shape[0] != t.shape[0] or scale.shape[0] != t.shape[0] or sums.shape[1] % 2 == 0 \
            or not 2 < sums.shape[1] < 2**16:
        raise ValueError("sums or scale do not fit t")
    if n_rows == 0:
        return
    with nogil:
        for p in range(t.shape[0]):
            add_to_buckets(
                &t[p, 0], &kind[p, 0], n_rows, &weight[0], scale[p], sums.shape[1] - 1,
                sums.shape[2], &bucket[p, 0], &sums[p, 0, 0],
            )


cdef int check_events(
    const double[:, :] t, const uint16_t[:, :] kind, const double[::1] weight,
    const uint16_t[:, :] bucket,
) except -1:
    if kind.shape[0] != t.shape[0] or kind.shape[1] != t.shape[1] \
            or bucket.shape[0] != t.shape[0] or bucket.shape[1] != t.shape[1] \
            or weight.shape[0] != t.shape[1] or t.shape[1] % LANES:
        raise ValueError("kind, bucket or weight do not fit t")
    if t.shape[1] > 0 and t.shape[0] > 0 and (
        t.strides[1] != sizeof(double) or kind.strides[1] != sizeof(uint16_t)
        or bucket.strides[1] != sizeof(uint16_t)
    ):
        raise ValueError("the rows of t, kind and bucket do not lie side by side")
    return 0


def bucket_tallies(
    const double[:, :, ::1] sums,
    const int32_t[:, :, ::1] moves,
    const double[:, ::1] start,
    double[:, :, ::1] tallies,
):
    """The tallies between buckets, and the best there can be inside each.

    Parameters
    ----------
    sums : float64 array of shape (n_lines, n_buckets + 1, n_kinds)
    moves : int32 array of shape (n_lines or 1, n_kinds, 3)
    start : float64 array of shape (n_lines, n_tallies)
    tallies : float64 array of shape (n_tallies, n_lines, 2 * n_buckets + 1), filled
        At even places what is between buckets, at odd ones the best inside a bucket.
    """
    cdef Py_ssize_t n_lines = sums.shape[0], n_buckets = sums.shape[1] - 1
    cdef Py_ssize_t n_kinds = sums.shape[2]
    cdef Py_ssize_t n_tallies = start.shape[1], p
    if moves.shape[0] not in (1, n_lines) or moves.shape[1] != n_kinds or moves.shape[2] != 3 \
            or start.shape[0] != n_lines:
        raise ValueError("moves or start do not fit sums")
    if tallies.shape[0] != n_tallies or tallies.shape[1] != n_lines \
            or tallies.shape[2] != 2 * n_buckets + 1:
        raise ValueError("tallies do not fit sums")
    if n_lines == 0 or n_buckets == 0:
        return
    cdef double[:, ::1] room = np.empty((2, n_tallies))
    with nogil:
        for p in range(n_lines):
            fill_bucket_tallies(
                &sums[p, 0, 0], n_buckets, n_kinds,
                <const move *> &moves[p if moves.shape[0] > 1 else 0, 0, 0], &start[p, 0],
                n_tallies, &tallies[0, p, 0], n_lines * (2 * n_buckets + 1), &room[0, 0],
                &room[1, 0],
            )


def choose_buckets(
    const double[:, :] scores, const double[:, :, ::1] sums, const double[::1] least
):
    """Which buckets may hold the best step: those whose bound reaches the least, and, as these
    have to be seen to their ends, the nearest with events on both sides.

    Parameters
    ----------
    scores : float64 array of shape (n_lines, 2 * n_buckets + 1)
        Of the tallies of `bucket_tallies`.
    sums : float64 array of shape (n_lines, n_buckets + 1, n_kinds)
    least : float64 array of shape (n_lines,)

    Returns
    -------
    uint8 array of shape (n_lines, n_buckets + 1)
    """
    cdef Py_ssize_t n_lines = sums.shape[0], n_buckets = sums.shape[1] - 1
    cdef Py_ssize_t n_kinds = sums.shape[2]
    cdef Py_ssize_t p, b, k, last
    cdef bint wanted, last_wanted
    if scores.shape[0] != n_lines or scores.shape[1] != 2 * n_buckets + 1 \
            or least.shape[0] != n_lines:
        raise ValueError("scores or least do not fit sums")
    cdef uint8_t[:, ::1] keep = np.zeros((n_lines, n_buckets + 1), dtype=np.uint8)
    with nogil:
        for p in range(n_lines):
            last = -1
            last_wanted = False
            for b in range(n_buckets):
                # Not >=, so that NaN is looked into.
                wanted = not scores[p, 2 * b + 1] < least[p]
                k = 0
                while k < n_kinds and sums[p, b, k] == 0.0:
                    k += 1
                if k == n_kinds:
                    continue
                if wanted and last >= 0:
                    keep[p, last] = 1
                keep[p, b] = wanted or last_wanted
                last = b
                last_wanted = wanted
    return np.asarray(keep)


def collect(
    const double[:, :] t,
    const uint16_t[:, :] kind,
    const double[::1] weight,
    const uint16_t[:, :] bucket,
    const uint8_t[:, ::1] keep,
):
    """The events of some buckets.

    Parameters
    ----------
    t, kind, weight, bucket
        As for `bucket_sums`.
    keep : uint8 array of shape (n_lines, n_buckets + 1)
        The last is 0.

    Returns
    -------
    EVENT array, viewed as uint8
        Line by line, in the order of the rows.
    """
    cdef event *events = NULL
    cdef Py_ssize_t n_events = 0, capacity = 0, p, first, last, n_rows = t.shape[1]
    check_events(t, kind, weight, bucket)
    if keep.shape[0] != t.shape[0] or t.shape[0] > 2**16:
        raise ValueError("keep does not fit t")
    try:
        if n_rows > 0:
            with nogil:
                for p in range(t.shape[0]):
                    first = 0
                    last = keep.shape[1] - 1
                    while last > 0 and not keep[p, last]:
                        last -= 1
                    while first < last and not keep[p, first]:
                        first += 1
                    n_events = append_events(
                        &t[p, 0], &kind[p, 0], n_rows, &weight[0], &bucket[p, 0],
                        &keep[p, 0], first, last, <uint16_t> p, &events, n_events, &capacity,
                    )
                    if n_events < 0:
                        break
        if n_events < 0:
            raise MemoryError("no memory for the events of a line")
        result = np.empty(n_events * sizeof(event), dtype=np.uint8)
        copy_events(events, n_events, result)
        return result
    finally:
        free(events)


cdef void copy_events(event *events, Py_ssize_t n, uint8_t[::1] target):
    if n > 0:
        memcpy(&target[0], events, n * sizeof(event))


def sort(
    const uint8_t[::1] events, Py_ssize_t n_lines, Py_ssize_t n_buckets, const double[:, ::1] limits
):
    """Sort events by line and t, and put one at its upper limit behind each line's.

    Parameters
    ----------
    events : EVENT array, viewed as uint8
    n_lines, n_buckets : int
    limits : float64 array of shape (n_lines, 2)

    Returns
    -------
    EVENT array, viewed as uint8
        The event behind each line's has weight 0, and the bucket behind all.
    first : intp array of shape (n_lines + 1,)
        Where in it each line begins.
    """
    cdef Py_ssize_t n = events.shape[0] // sizeof(event)
    if limits.shape[0] != n_lines or limits.shape[1] != 2 or events.shape[0] % sizeof(event):
        raise ValueError("limits or events do not fit n_lines")
    return sorted_events(<const event *> &events[0] if n > 0 else NULL, n, n_buckets, limits)


def sort_all(
    const double[:, :] t, const uint16_t[:, :] kind, const double[::1] weight,
    const double[:, ::1] limits,
):
    """All events as `sort` sorts them.

    Parameters
    ----------
    t, kind : arrays of shape (n_lines, n_rows)
    weight : float64 array of shape (n_rows,)
    limits : float64 array of shape (n_lines, 2)
    """
    cdef Py_ssize_t n_lines = t.shape[0], n_rows = t.shape[1], n = 0, p
    cdef Py_ssize_t n_buckets = 2 * min(n_rows // 8 + 1, 2**14)
    check_events(t, kind, weight, kind)
    if limits.shape[0] != n_lines or limits.shape[1] != 2 or n_lines > 2**16:
        raise ValueError("limits do not fit t")
    cdef event *events = <event *> malloc((n_lines * n_rows + 1) * sizeof(event))
    if events == NULL:
        raise MemoryError("no memory for the events of a line")
    try:
        if n_rows > 0:
            with nogil:
                for p in range(n_lines):
                    n = append_all_events(
                        &t[p, 0], &kind[p, 0], n_rows, &weight[0], typical_size(t[p]),
                        n_buckets, <uint16_t> p, events, n,
                    )
        return sorted_events(events, n, n_buckets, limits)
    finally:
        free(events)


cdef sorted_events(
    const event *old, Py_ssize_t n, Py_ssize_t n_buckets, const double[:, ::1] limits
):
    cdef Py_ssize_t n_lines = limits.shape[0], i, p, b, place, count
    events = np.empty((n + n_lines) * sizeof(event), dtype=np.uint8)
    begins = np.empty(n_lines + 1, dtype=np.intp)
    cdef uint8_t[::1] as_bytes = events
    cdef event *new = <event *> &as_bytes[0] if n_lines > 0 else NULL
    cdef Py_ssize_t[::1] first = begins
    # Where in the new order each bucket begins; the last bucket of a line is behind all.
    cdef Py_ssize_t[:, ::1] begin = np.zeros((n_lines, n_buckets + 1), dtype=np.intp)
    with nogil:
        for i in range(n):
            begin[old[i].line, old[i].bucket] += 1
        place = 0
        for p in range(n_lines):
            first[p] = place
            for b in range(n_buckets + 1):
                count = begin[p, b] if b < n_buckets else 1
                begin[p, b] = place
                place += count
            new[place - 1].t = limits[p, 1]
            new[place - 1].weight = 0.0
            new[place - 1].bucket = <int32_t> n_buckets
            new[place - 1].kind = 0
            new[place - 1].line = <uint16_t> p
        first[n_lines] = place
        for i in range(n):
            place = begin[old[i].line, old[i].bucket]
            new[place] = old[i]
            begin[old[i].line, old[i].bucket] = place + 1
        # Now each bucket's entry is where it ends.
        place = 0
        for p in range(n_lines):
            for b in range(n_buckets):
                if begin[p, b] - place > 1:
                    sort_events(new + place, begin[p, b] - place, MAX_DEPTH)
                place = begin[p, b]
            place += 1
    return events, begins


def tallies_before(
    const uint8_t[::1] events,
    Py_ssize_t begin,
    const int32_t[:, :, ::1] moves,
    const double[:, :, ::1] known,
    double[::1] now,
    double[:, ::1] tallies,
):
    """Fill the tallies just before some sorted events.

    Parameters
    ----------
    events : EVENT array, viewed as uint8
    begin : int
        The first of the events that are asked for.
    moves : int32 array of shape (n_lines or 1, n_kinds, 3)
    known : float64 array of shape (n_tallies, n_lines, 2 * n_buckets + 1 or 1)
        The tallies of `bucket_tallies`, or only those at the beginnings of lines.
    now : float64 array of shape (n_tallies,), changed
        The tally before the event before the first, if there is one; then that of the last.
    tallies : float64 array of shape (n_tallies, n_asked_for), filled
    """
    cdef Py_ssize_t n = tallies.shape[1], n_tallies = tallies.shape[0]
    if begin < 0 or (begin + n) * <Py_ssize_t> sizeof(event) > events.shape[0] \
            or known.shape[0] != n_tallies or now.shape[0] != n_tallies or moves.shape[2] != 3 \
            or moves.shape[0] not in (1, known.shape[1]):
        raise ValueError("tallies do not fit events")
    if n == 0:
        return
    with nogil:
        fill_tallies_before(
            <const event *> &events[0] + begin, n, begin > 0, <const move *> &moves[0, 0, 0],
            moves.shape[1] if moves.shape[0] > 1 else 0, &known[0, 0, 0],
            known.shape[1] * known.shape[2], known.shape[2], n_tallies, &now[0],
            &tallies[0, 0], n,
        )


def best_steps(
    const uint8_t[::1] events,
    const Py_ssize_t[::1] first,
    const double[:, ::1] limits,
    const double[::1] scores,
):
    """The middle of the widest interval with the best score, of each line.

    Parameters
    ----------
    events : EVENT array, viewed as uint8
        Sorted.
    first : intp array of shape (n_lines + 1,)
    limits : float64 array of shape (n_lines, 2)
    scores : float64 array of shape (n_events,)
        Of the intervals that end at the events.

    Returns
    -------
    steps, best : float64 arrays of shape (n_lines,)
        0 and minus infinity where no step lies between the limits or has a score.
    """
    cdef Py_ssize_t n_lines = first.shape[0] - 1, p
    if first[n_lines] != scores.shape[0] or limits.shape[0] != n_lines or limits.shape[1] != 2 \
            or events.shape[0] != scores.shape[0] * <Py_ssize_t> sizeof(event):
        raise ValueError("events, limits or scores do not fit first")
    all_steps, all_best = np.zeros(n_lines), np.empty(n_lines)
    cdef double[::1] steps = all_steps, best = all_best
    with nogil:
        for p in range(n_lines):
            best[p] = find_best_step(
                <const event *> &events[0] + first[p], &scores[first[p]],
                first[p + 1] - first[p], limits[p, 0], &steps[p],
            )
    return all_steps, all_best
