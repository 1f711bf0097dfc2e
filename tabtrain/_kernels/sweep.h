/* Events on a line: at t a row flips from one label to another.
 *
 * Events fall into buckets whose number grows with t, so that what happens up to a bucket is
 * known from sums over buckets, and only the events of a few buckets need ever be sorted. With
 * v = scale / (scale + |t|), computed in single precision, buckets are equally wide in v, which
 * fills them about evenly where t is a ratio of spread-out numbers. Each operation rounds
 * monotonically, so a larger t is never in an earlier bucket, whatever the values are.
 *
 * t is never NaN; infinity says that the row has no event.
 */
#ifndef TABTRAIN_SWEEP_H
#define TABTRAIN_SWEEP_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lanes.h"

typedef float vec_single __attribute__((vector_size(16)));
typedef int32_t vec_int __attribute__((vector_size(16)));
typedef uint16_t vec_shorts __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint16_t vec_short __attribute__((vector_size(8), aligned(2), may_alias));

/* The buckets of a tile; n_buckets where there is no event. */
FORCE_INLINE void find_buckets(const double *t, float scale, int n_buckets, uint16_t *bucket)
{
    int half = n_buckets / 2;
    const int32_t rest = 0x7fffffff;
    const vec_single zero = {0, 0, 0, 0}, s = {scale, scale, scale, scale};
    const vec_single steps = {(float)half, (float)half, (float)half, (float)half};
    const vec_int most = {half - 1, half - 1, half - 1, half - 1};
    const vec_int none = {n_buckets, n_buckets, n_buckets, n_buckets};
    for (int v = 0; v < 4; v++) {
        vec at = ((const vec *)t)[v];
        vec_single x = __builtin_convertvector(at, vec_single);
        vec_single size = (vec_single)((vec_int)x & (vec_int){rest, rest, rest, rest});
        vec_int from_end = __builtin_convertvector(s / (s + size) * steps, vec_int);
        vec_int too_many = from_end > most, negative = x < zero;
        vec_int is_event = __builtin_convertvector(at < broadcast(INFINITY), vec_int);
        from_end = (too_many & most) | (~too_many & from_end);
        vec_int found = (negative & from_end) | (~negative & (none - 1 - from_end));
        found = (is_event & found) | (~is_event & none);
        *(vec_short *)(bucket + 4 * v) = __builtin_convertvector(found, vec_short);
    }
}

/* Fills the buckets, and adds the weights of the events to sums[bucket, kind], which has room
 * for one bucket more. */
MULTIVERSION static void add_to_buckets(const double *t, const uint16_t *kind, ptrdiff_t n_rows,
                                        const double *weight, float scale, int n_buckets,
                                        ptrdiff_t n_kinds, uint16_t *bucket, double *sums)
{
    for (ptrdiff_t i = 0; i < n_rows; i += LANES) {
        find_buckets(t + i, scale, n_buckets, bucket + i);
        for (ptrdiff_t r = i; r < i + LANES; r++)
            sums[bucket[r] * n_kinds + kind[r]] += weight[r];
    }
}

/* What the events of a kind do: the entry of the tally that a row's weight leaves, the entry it
 * comes to, and the entry where it would best be. */
typedef struct {
    int32_t from, to, best;
} move;

/* Fills the tallies between buckets (at even places) and the best inside them (at odd ones) of
 * one line; entries of a tally are stride apart. now and best: room for n_tallies. */
static void fill_bucket_tallies(const double *sums, ptrdiff_t n_buckets, ptrdiff_t n_kinds,
                                const move *moves, const double *start, ptrdiff_t n_tallies,
                                double *tallies, ptrdiff_t stride, double *now, double *best)
{
    memcpy(now, start, n_tallies * sizeof(double));
    for (ptrdiff_t j = 0; j < n_tallies; j++) tallies[j * stride] = now[j];
    for (ptrdiff_t b = 0; b < n_buckets; b++, sums += n_kinds) {
        memcpy(best, now, n_tallies * sizeof(double));
        for (ptrdiff_t k = 0; k < n_kinds; k++) {
            double w = sums[k];
            best[moves[k].from] -= w;
            best[moves[k].best] += w;
            now[moves[k].from] -= w;
            now[moves[k].to] += w;
        }
        for (ptrdiff_t j = 0; j < n_tallies; j++) {
            tallies[j * stride + 2 * b + 1] = best[j];
            tallies[j * stride + 2 * b + 2] = now[j];
        }
    }
}

typedef struct {
    double t, weight;
    int32_t bucket;
    uint16_t kind, line;
} event;

#define CHUNK 4096

/* Appends the events of the buckets to keep, which are from first to last; returns how many there
 * are now, or -1 if there is no memory for them. */
MULTIVERSION static ptrdiff_t append_events(const double *t, const uint16_t *kind, ptrdiff_t n_rows,
                               const double *weight, const uint16_t *bucket,
                               const uint8_t *keep, int first, int last, uint16_t line,
                               event **events, ptrdiff_t n_events, ptrdiff_t *capacity)
{
    vec_shorts begin, length;
    for (int r = 0; r < LANES; r++) {
        begin[r] = (uint16_t)first;
        length[r] = (uint16_t)(last - first);
    }
    /* First which rows, then what they hold, so that the processor waits for many of these
     * numbers at once: they are far from each other in memory. */
    for (ptrdiff_t chunk = 0; chunk < n_rows; chunk += CHUNK) {
        uint16_t rows[CHUNK];
        ptrdiff_t n_here = 0, end = n_rows - chunk < CHUNK ? n_rows - chunk : CHUNK;
        for (ptrdiff_t i = 0; i < end; i += LANES) {
            /* Most tiles have none: below first, the difference wraps around. */
            const uint16_t *of_tile = bucket + chunk + i;
            vec_mask inside = (vec_mask)(*(const vec_shorts *)of_tile - begin <= length);
            if (!((inside[0] | inside[1]) | (inside[2] | inside[3]))) continue;
            for (int r = 0; r < LANES; r++) {
                rows[n_here] = (uint16_t)(i + r);
                n_here += keep[of_tile[r]];
            }
        }
        if (n_events + n_here > *capacity) {
            *capacity = 2 * *capacity + CHUNK;
            event *larger = (event *)realloc(*events, *capacity * sizeof(event));
            if (larger == NULL) return -1;
            *events = larger;
        }
        for (ptrdiff_t i = 0; i < n_here; i++) {
            ptrdiff_t r = chunk + rows[i];
            (*events)[n_events++] = (event){t[r], weight[r], bucket[r], kind[r], line};
        }
    }
    return n_events;
}

/* Appends all events to those there are; there must be room. */
MULTIVERSION static ptrdiff_t append_all_events(const double *t, const uint16_t *kind,
                                                ptrdiff_t n_rows, const double *weight,
                                                float scale, int n_buckets, uint16_t line,
                                                event *events, ptrdiff_t n_events)
{
    for (ptrdiff_t i = 0; i < n_rows; i += LANES) {
        uint16_t bucket[LANES];
        find_buckets(t + i, scale, n_buckets, bucket);
        for (int r = 0; r < LANES; r++)
            if (bucket[r] < n_buckets)
                events[n_events++] =
                    (event){t[i + r], weight[i + r], bucket[r], kind[i + r], line};
    }
    return n_events;
}

static int compare_events(const void *a, const void *b)
{
    double first = ((const event *)a)->t, second = ((const event *)b)->t;
    return (first > second) - (first < second);
}

/* By quicksort; what that cannot halve well, by the C library. */
static void sort_events(event *events, ptrdiff_t n, int depth)
{
    while (n > 24) {
        if (depth-- == 0) {
            qsort(events, n, sizeof(event), compare_events);
            return;
        }
        double a = events[0].t, b = events[n / 2].t, c = events[n - 1].t;
        double pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
        ptrdiff_t i = -1, j = n;
        for (;;) {
            do i++;
            while (events[i].t < pivot);
            do j--;
            while (events[j].t > pivot);
            if (i >= j) break;
            event swapped = events[i];
            events[i] = events[j];
            events[j] = swapped;
        }
        sort_events(events, j + 1, depth);
        events += j + 1;
        n -= j + 1;
    }
    for (ptrdiff_t i = 1; i < n; i++) {
        event moved = events[i];
        ptrdiff_t j = i;
        for (; j > 0 && events[j - 1].t > moved.t; j--) events[j] = events[j - 1];
        events[j] = moved;
    }
}

/* The middle of an open interval; NaN where no number lies inside. Where it has no end on one
 * side, it is taken to be as wide as twice its end on the other, and at least 2. */
static double middle(double low, double high)
{
    double between;
    if (low == -INFINITY && high == INFINITY) return 0.0;
    if (low == -INFINITY)
        between = fmax(high - fmax(1.0, fabs(high)), -DBL_MAX);
    else if (high == INFINITY)
        between = fmin(low + fmax(1.0, fabs(low)), DBL_MAX);
    else {
        between = low + (high - low) / 2;
        if (between == INFINITY) between = low / 2 + high / 2;
    }
    return low < between && between < high ? between : NAN;
}

static double width(double low, double high)
{
    if (low == -INFINITY && high == INFINITY) return INFINITY;
    if (low == -INFINITY) return 2 * fmax(1.0, fabs(high));
    if (high == INFINITY) return 2 * fmax(1.0, fabs(low));
    return high - low;
}

/* Whether a number lies inside an open interval. */
FORCE_INLINE int has_inside(double low, double high)
{
    return low < high && middle(low, high) < INFINITY;
}

/* Fills the tallies just before n sorted events; entries of a tally are stride apart. known are
 * those between the buckets of each line, known_stride apart, every second of n_known; or, if
 * n_known is 1, those at the beginnings of lines. now is the tally before the event before the
 * first, and then that of the last. */
static void fill_tallies_before(const event *events, ptrdiff_t n, int has_previous,
                                const move *moves, ptrdiff_t moves_stride,
                                const double *known, ptrdiff_t known_stride, ptrdiff_t n_known,
                                ptrdiff_t n_tallies, double *now, double *tallies,
                                ptrdiff_t stride)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const event *this = events + i, *previous = this - 1;
        if (i + has_previous == 0 || previous->line != this->line ||
            (n_known > 1 && previous->bucket != this->bucket)) {
            /* Events may have been left out between two buckets. */
            const double *found = known + this->line * n_known;
            if (n_known > 1) found += 2 * this->bucket;
            for (ptrdiff_t j = 0; j < n_tallies; j++) now[j] = found[j * known_stride];
        } else {
            const move *moved = moves + this->line * moves_stride + previous->kind;
            now[moved->from] -= previous->weight;
            now[moved->to] += previous->weight;
        }
        for (ptrdiff_t j = 0; j < n_tallies; j++) tallies[j * stride + i] = now[j];
    }
}

/* The middle of the widest interval with the best score; scores are those of the intervals that
 * end at the events. Returns the best score, minus infinity if there is none. */
static double find_best_step(const event *events, const double *scores, ptrdiff_t n,
                             double lowest, double *step)
{
    double best = -INFINITY, widest = -1.0, low = lowest, run_low = lowest;
    for (ptrdiff_t i = 0; i < n; low = events[i++].t)
        if (scores[i] > best && has_inside(low, events[i].t)) best = scores[i];
    if (best == -INFINITY) return best;
    ptrdiff_t first = 0, last = 0, run_first = 0, run_last = -1;
    low = lowest;
    for (ptrdiff_t i = 0; i < n; low = events[i++].t) {
        double high = events[i].t;
        int goes_on = scores[i] == best || !(low < high);
        if (goes_on && has_inside(low, high)) run_last = i;
        if (run_last >= 0 && (!goes_on || i == n - 1)) {
            /* Only now: what has no end may be less wide than a part that has one. */
            if (width(run_low, events[run_last].t) > widest) {
                widest = width(run_low, events[run_last].t);
                first = run_first;
                last = run_last;
            }
            run_last = -1;
        }
        if (!goes_on) {
            run_low = high;
            run_first = i + 1;
        }
    }
    /* The step must not be at an event in the midst of the interval. */
    double begin = first > 0 ? events[first - 1].t : lowest;
    double between = middle(begin, events[last].t);
    low = begin;
    for (ptrdiff_t i = first; i <= last; low = events[i++].t)
        if (has_inside(low, events[i].t)) {
            if (between < events[i].t) {
                *step = low < between ? between : middle(low, events[i].t);
                break;
            }
            *step = middle(low, events[i].t);
        }
    return best;
}

/* Where raw + t * slope > 0 flips, for t between low and high: fills t and kind (2 y + whether
 * the row becomes positive), adds the weights at low to start[class, predicted]. */
MULTIVERSION static void binary_flips(const double *raw, const double *slope, ptrdiff_t n_rows,
                                      const double *y, const double *weight, double low,
                                      double high, double *t, uint16_t *kind, double *start)
{
    const vec none = broadcast(0.0), one = broadcast(1.0), never = broadcast(INFINITY);
    vec all[2] = {none, none}, positive[2] = {none, none};
    for (ptrdiff_t i = 0; i < n_rows; i += 4) {
        vec s = *(const vec *)(raw + i), z = *(const vec *)(slope + i);
        vec label = *(const vec *)(y + i), w = *(const vec *)(weight + i);
        vec at = -s / z;
        vec_mask rises = z > none;
        vec_mask flips = (at > broadcast(low)) & (at < broadcast(high)) & (w > none);
        /* Neither 0 / 0 nor what overflows: such a row keeps its side. */
        vec_mask moves = (z != none) & (at == at);
        vec_mask is_positive =
            (moves & ~(rises ^ (at <= broadcast(low)))) | (~moves & (s > none));
        vec truly = w * label;
        vec counted = select_rows(is_positive, w, none);
        vec counted_truly = select_rows(is_positive, truly, none);
        all[0] += w - truly;
        all[1] += truly;
        positive[0] += counted - counted_truly;
        positive[1] += counted_truly;
        *(vec *)(t + i) = select_rows(flips & moves, at, never);
        vec code = label + label + select_rows(rises, one, none);
        *(vec_short *)(kind + i) =
            __builtin_convertvector(__builtin_convertvector(code, vec_int), vec_short);
    }
    for (int c = 0; c < 2; c++) {
        start[2 * c] += fmax(sum_of(all[c]) - sum_of(positive[c]), 0.0);
        start[2 * c + 1] += sum_of(positive[c]);
    }
}

/* The same for the class of the largest of n_outputs, the slope being that of one of them: a row
 * flips between that and the best of the others. kind: 2 (n_outputs y + best) + whether the row
 * becomes of the class moved. */
static void class_flips(const double *raw, ptrdiff_t n_outputs, ptrdiff_t moved,
                        const double *slope, ptrdiff_t n_rows, const double *y,
                        const double *weight, double low, double high, double *t,
                        uint16_t *kind, double *start)
{
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        ptrdiff_t best = moved == 0, label = (ptrdiff_t)y[i];
        for (ptrdiff_t c = best + 1; c < n_outputs; c++)
            if (c != moved && raw[c * n_rows + i] > raw[best * n_rows + i]) best = c;
        double z = slope[i], of_moved = raw[moved * n_rows + i], of_best = raw[best * n_rows + i];
        double at = (of_best - of_moved) / z;
        int wins;
        if (z != 0.0 && at == at)
            wins = (z > 0.0) == (at <= low);
        else
            wins = of_moved > of_best || (of_moved == of_best && moved < best);
        start[label * n_outputs + (wins ? moved : best)] += weight[i];
        t[i] = z != 0.0 && at > low && at < high && weight[i] > 0.0 ? at : INFINITY;
        kind[i] = (uint16_t)(2 * (label * n_outputs + best) + (z > 0.0));
    }
}

/* Where labels flip that are steps in value + t * unit: below and above are the labels on either
 * side of other. kind: (n_classes y + label before) n_classes + label after. valid is narrowed to
 * the steps at which all rows have a label. */
static void step_flips(const double *below, const double *above, const double *other,
                       double value, double unit, double shift, int rounds_up,
                       ptrdiff_t n_rows, const double *y, const double *weight, double low,
                       double high, ptrdiff_t n_classes, double *t, uint16_t *kind,
                       double *start, double *valid)
{
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        double at = other[i];
        /* Half way between the two whole numbers where it flips. */
        if (shift > 0) at = rounds_up ? floor(at) + shift : ceil(at) - shift;
        at = (at - value) / unit;
        ptrdiff_t label = (ptrdiff_t)y[i], wrong = label == 0;
        ptrdiff_t before = (ptrdiff_t)(unit > 0 ? below : above)[i];
        ptrdiff_t after = (ptrdiff_t)(unit > 0 ? above : below)[i];
        if ((before < 0 || after < 0) && weight[i] > 0.0) {
            /* Not compared, neither side is another: NaN is no limit, but there is none either. */
            if (before < 0) valid[0] = after < 0 ? INFINITY : fmax(valid[0], at);
            if (after < 0) valid[1] = fmin(valid[1], at);
        }
        if (before < 0) before = wrong;
        if (after < 0) after = wrong;
        start[label * n_classes + (at <= low ? after : before)] += weight[i];
        t[i] = before != after && at > low && at < high && weight[i] > 0.0 ? at : INFINITY;
        kind[i] = (uint16_t)((label * n_classes + before) * n_classes + after);
    }
}

#endif
