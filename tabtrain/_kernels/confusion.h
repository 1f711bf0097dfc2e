/* Binary confusion counts: class 1 is predicted where the raw prediction is above 0.
 *
 * The rows of a tile that are predicted positive are a set of 16 bits. What such rows weigh
 * is looked up, four bits at a time, in a table of the sums of all subsets, which is made
 * once a tile for all candidates: with or without weights, it is the same few additions.
 */
#ifndef TABTRAIN_CONFUSION_H
#define TABTRAIN_CONFUSION_H

#include "lanes.h"

/* {weight of rows of class 0, of class 1} */
typedef double by_class __attribute__((vector_size(16), aligned(8), may_alias));

typedef struct {
    by_class of[LANES / 4][16];
} subset_sums;

FORCE_INLINE void fill_subset_sums(const double *y, const double *weight, subset_sums *sums)
{
    for (int group = 0; group < LANES / 4; group++) {
        by_class *of = sums->of[group];
        of[0] = (by_class){0.0, 0.0};
        for (int r = 0; r < 4; r++) {
            /* Exact, as y is 0 or 1. */
            double w = weight[4 * group + r], positive = w * y[4 * group + r];
            for (int set = 0; set < 1 << r; set++)
                of[(1 << r) + set] = of[set] + (by_class){w - positive, positive};
        }
    }
}

FORCE_INLINE by_class sum_of_subset(const subset_sums *sums, unsigned rows)
{
    return (sums->of[0][rows & 15] + sums->of[1][rows >> 4 & 15]) +
           (sums->of[2][rows >> 8 & 15] + sums->of[3][rows >> 12]);
}

/* The set of the rows where raw is above 0. */
FORCE_INLINE unsigned predicted_positive(const vec *raw)
{
    unsigned rows = 0;
    for (int v = 0; v < 4; v++) rows |= set_of(raw[v] > broadcast(0.0)) << 4 * v;
    return rows;
}

/* Adds to positive[candidate] the rows predicted positive, to *all all rows. */
MULTIVERSION static void add_predicted_positive(const double *raw, ptrdiff_t n_candidates,
                                                ptrdiff_t n_rows, const double *y,
                                                const double *weight, double *positive,
                                                double *all)
{
    for (ptrdiff_t i = 0; i < n_rows; i += LANES) {
        subset_sums sums;
        fill_subset_sums(y + i, weight + i, &sums);
        *(by_class *)all += sum_of_subset(&sums, 0xffff);
        for (ptrdiff_t p = 0; p < n_candidates; p++)
            ((by_class *)positive)[p] +=
                sum_of_subset(&sums, predicted_positive((const vec *)(raw + p * n_rows + i)));
    }
}

#endif
