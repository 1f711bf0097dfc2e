/* Confusion counts where a row is shared out among the classes by sigmoid(raw / tau), of several
 * outputs softmax, and their slopes. */
#ifndef TABTRAIN_SOFT_H
#define TABTRAIN_SOFT_H

#include "losses.h"

/* of_entry[y[r], c] of four rows */
FORCE_INLINE vec look_up(const double *of_entry, ptrdiff_t n_classes, vec y, ptrdiff_t c)
{
    vec found;
    for (int r = 0; r < 4; r++) found[r] = of_entry[(ptrdiff_t)y[r] * n_classes + c];
    return found;
}

/* Adds the counts of one candidate to tally[class, predicted]. slope has room for four rows, or
 * (dscore) for all, and is filled with the derivative of a score whose own is dscore. */
MULTIVERSION static void add_soft_counts(const double *raw, ptrdiff_t n_rows,
                                         ptrdiff_t n_outputs, const double *y,
                                         const double *weight, double tau, double *tally,
                                         const double *dscore, double *slope)
{
    const vec none = broadcast(0.0), one = broadcast(1.0), sharpness = broadcast(1.0 / tau);
    vec by_label[2][2] = {{none, none}, {none, none}};
    ptrdiff_t stride = n_rows, slope_stride = dscore ? n_rows : 4;
    for (ptrdiff_t i = 0; i < n_rows; i += 4, raw += 4) {
        vec w = *(const vec *)(weight + i), label = *(const vec *)(y + i);
        /* A row of weight 0 is none, not 0 times NaN. */
        vec_mask counts = w > none;
        if (n_outputs == 1) {
            vec decay, p = sigmoid(RAW(0) * sharpness, &decay);
            /* 1 - p would lose what is small. */
            vec rest = select_rows(RAW(0) < none, one, decay) / (one + decay);
            vec is_true = w * label, is_false = w - is_true;
            by_label[0][0] += select_rows(counts, is_false * rest, none);
            by_label[0][1] += select_rows(counts, is_false * p, none);
            by_label[1][0] += select_rows(counts, is_true * rest, none);
            by_label[1][1] += select_rows(counts, is_true * p, none);
            if (dscore) {
                vec of_true = broadcast(dscore[3] - dscore[2]);
                vec of_false = broadcast(dscore[1] - dscore[0]);
                SLOPE(0) = select_rows(
                    counts, p * rest * sharpness * (is_true * of_true + is_false * of_false),
                    none);
            }
        } else {
            vec largest = RAW(0), mean = none;
            /* Else what is large would be infinite, and its differences none. */
            for (ptrdiff_t c = 1; c < n_outputs; c++)
                largest = select_rows(RAW(c) > largest, RAW(c), largest);
            for (ptrdiff_t c = 0; c < n_outputs; c++) SLOPE(c) = (RAW(c) - largest) * sharpness;
            softmax(slope, slope_stride, n_outputs, slope, slope_stride, &largest);
            for (ptrdiff_t c = 0; c < n_outputs; c++) {
                vec share = select_rows(counts, w * SLOPE(c), none);
                for (int r = 0; r < 4; r++)
                    tally[(ptrdiff_t)label[r] * n_outputs + c] += share[r];
                if (dscore) mean += SLOPE(c) * look_up(dscore, n_outputs, label, c);
            }
            if (dscore)
                for (ptrdiff_t c = 0; c < n_outputs; c++)
                    SLOPE(c) = select_rows(counts,
                                           w * sharpness * SLOPE(c) *
                                               (look_up(dscore, n_outputs, label, c) - mean),
                                           none);
        }
        if (dscore) slope += 4;
    }
    if (n_outputs == 1)
        for (int c = 0; c < 4; c++) tally[c] += sum_of(by_label[c / 2][c % 2]);
}

#endif
