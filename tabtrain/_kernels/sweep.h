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

FORCE_INLINE void find_buckets(const double *t, float scale, int n_buckets, int32_t *bucket)
{
    int half = n_buckets / 2;
    vec_single s = {scale, scale, scale, scale};
    vec_single steps = {(float)half, (float)half, (float)half, (float)half};
    vec_int most = {half - 1, half - 1, half - 1, half - 1};
    vec_int last = {n_buckets - 1, n_buckets - 1, n_buckets - 1, n_buckets - 1};
    const int32_t rest = 0x7fffffff;
    for (int v = 0; v < 4; v++) {
        vec_single x = __builtin_convertvector(((const vec *)t)[v], vec_single);
        vec_single size = (vec_single)((vec_int)x & (vec_int){rest, rest, rest, rest});
        vec_int from_end = __builtin_convertvector(s / (s + size) * steps, vec_int);
        vec_int too_many = from_end > most;
        from_end = (too_many & most) | (~too_many & from_end);
        vec_int negative = x < (vec_single){0, 0, 0, 0};
        ((vec_int *)bucket)[v] = (negative & from_end) | (~negative & (last - from_end));
    }
}

/* Adds the weight of the events to sums[bucket, kind]. */
MULTIVERSION static void add_event_weights(const double *t, const uint16_t *kind,
                                           ptrdiff_t n_rows, const double *weight, float scale,
                                           int n_buckets, ptrdiff_t n_kinds, double *sums)
{
    for (ptrdiff_t i = 0; i < n_rows; i += LANES) {
        int32_t bucket[LANES] __attribute__((aligned(32)));
        find_buckets(t + i, scale, n_buckets, bucket);
        for (int r = 0; r < LANES; r++)
            sums[bucket[r] * n_kinds + kind[i + r]] +=
                t[i + r] < INFINITY ? weight[i + r] : 0.0;
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

/* Appends the events of the buckets to keep; returns how many there are now, or -1 if there is
 * no memory for them. */
MULTIVERSION static ptrdiff_t append_events(const double *t, const uint16_t *kind,
                                            ptrdiff_t n_rows, const double *weight,
                                            float scale, int n_buckets, const uint8_t *keep,
                                            uint16_t line, event **events, ptrdiff_t n_events,
                                            ptrdiff_t *capacity)
{
    for (ptrdiff_t i = 0; i < n_rows; i += LANES) {
        int32_t bucket[LANES] __attribute__((aligned(32)));
        find_buckets(t + i, scale, n_buckets, bucket);
        if (n_events + LANES > *capacity) {
            *capacity = 2 * *capacity + 64 * LANES;
            event *larger = (event *)realloc(*events, *capacity * sizeof(event));
            if (larger == NULL) return -1;
            *events = larger;
        }
        for (int r = 0; r < LANES; r++)
            if (keep[bucket[r]] && t[i + r] < INFINITY)
                (*events)[n_events++] =
                    (event){t[i + r], weight[i + r], bucket[r], kind[i + r], line};
    }
    return n_events;
}

static int compare_events(const void *a, const void *b)
{
    double first = ((const event *)a)->t, second = ((const event *)b)->t;
    return (first > second) - (first < second);
}

/* Buckets hold few events, or many alike. */
static void sort_events(event *events, ptrdiff_t n)
{
    if (n > 48) {
        qsort(events, n, sizeof(event), compare_events);
        return;
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
        for (int r = 0; r < 4; r++) kind[i + r] = (uint16_t)code[r];
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

#endif
