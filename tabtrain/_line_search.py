"""The best step on a line, exactly, for a score of tallies that change step by step."""

import numpy as np

from tabtrain._kernels import sweep  # type: ignore[attr-defined]

# Buckets hold about so many events each; more than these buckets leave the cache.
EVENTS_A_BUCKET = 32
MAX_BUCKETS = 8192
# The counts at the borders of buckets are this many numbers at most.
MAX_ENTRIES = 2**20
# Where there are fewer events, or buckets, all are sorted.
SORT_ALL = 2**12
MIN_BUCKETS = 2**6
# Tallies are scored so many entries at a time.
ENTRIES_AT_A_TIME = 2**20
# Rows are shared out among threads in so many parts at most, whatever the number of threads.
MAX_PARTS = 8
MIN_PART_ROWS = 2**18


def best_steps(
    t, kind, bucket, weight, start, moves, limits, score, *, has_bounds, rounding, map_parts
):
    """The middle of the widest interval with the best score, of each line.

    Parameters
    ----------
    t : float64 array of shape (n_lines, n_rows)
        Where each row's event is; infinite without one.
    kind : uint16 array of shape (n_lines, n_rows)
    bucket : uint16 array of shape (n_lines, n_rows)
        Room, which is written to.
    weight : float64 array of shape (n_rows,)
    start : float64 array of shape (n_lines, n_tallies)
        The tallies before all events.
    moves : int32 array of shape (n_lines or 1, n_kinds, 3)
        What the kinds do, see `tabtrain._kernels.sweep`.
    limits : float64 array of shape (n_lines, 2)
        Between which the steps lie.
    score : callable
        The scores of tallies.
    has_bounds : bool
        Whether the score rises when a row moves to where it would best be.
    rounding : callable
        How far off a score that is known as the sum of rounded numbers may be.
    map_parts : callable
        `map`, over threads.

    Returns
    -------
    steps, scores : float64 arrays of shape (n_lines,)
    """
    n_lines, n_rows = t.shape
    n_kinds, n_tallies = moves.shape[1], start.shape[1]

    def steps_of(events, first, known):
        """The best steps of sorted events; ``known`` is what is known of tallies on the way."""
        scores = np.empty(first[-1])
        now = np.empty(n_tallies)
        at_a_time = max(ENTRIES_AT_A_TIME // n_tallies, 1)
        for begin in range(0, len(scores), at_a_time):
            tallies = np.empty((n_tallies, min(at_a_time, len(scores) - begin)))
            sweep.tallies_before(events, begin, moves, known, now, tallies)
            scores[begin : begin + at_a_time] = score(tallies.T)
        return sweep.best_steps(events, first, limits, scores)

    # Of many classes there are so many counts that fewer buckets are done with sooner.
    entries_a_bucket = 2 * max(n_lines * max(n_kinds, n_tallies), 1)
    n_buckets = 2 * min(
        n_rows // (2 * EVENTS_A_BUCKET) + 1,
        MAX_BUCKETS // 2,
        MAX_ENTRIES // (2 * entries_a_bucket),
    )
    if not has_bounds or n_lines * n_rows < SORT_ALL or n_buckets < MIN_BUCKETS:
        events, first = sweep.sort_all(t, kind, weight, limits)
        return steps_of(events, first, start.T[:, :, np.newaxis].copy())

    size = max(-(-n_rows // MAX_PARTS), MIN_PART_ROWS)
    size += -size % 16
    parts = [slice(i, min(i + size, n_rows)) for i in range(0, n_rows, size)]
    scale = sweep.typical_sizes(t)

    def sums_of(rows):
        sums = np.zeros((n_lines, n_buckets + 1, n_kinds))
        sweep.bucket_sums(t[:, rows], kind[:, rows], weight[rows], scale, bucket[:, rows], sums)
        return sums

    sums, *others = map_parts(sums_of, parts)
    for each in others:
        sums += each
    tallies = np.empty((n_tallies, n_lines, 2 * n_buckets + 1))
    sweep.bucket_tallies(sums, moves, start, tallies)
    scores = score(tallies.reshape(n_tallies, -1).T).reshape(n_lines, -1)
    least = scores[:, ::2].max(axis=1)
    while True:
        least -= rounding(least)
        keep = sweep.choose_buckets(scores, sums, least)

        def collect(rows, keep=keep):
            return sweep.collect(t[:, rows], kind[:, rows], weight[rows], bucket[:, rows], keep)

        collected = np.concatenate(list(map_parts(collect, parts)))
        events, first = sweep.sort(collected, n_lines, n_buckets, limits)
        steps, best = steps_of(events, first, tallies)
        # Where no number lies between two buckets, what is best there cannot be had.
        if not (best < least).any():
            return steps, best
        least = np.minimum(best, least)
