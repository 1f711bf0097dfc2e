/* Binary confusion counts of a tile: class 1 is predicted where the raw prediction is above 0. */
#ifndef TABTRAIN_CONFUSION_H
#define TABTRAIN_CONFUSION_H

#include "lanes.h"

/* Partial sums of four rows each: sums[0:4] of the rows predicted positive but truly
 * negative, sums[4:8] of those predicted and truly positive. */
FORCE_INLINE void add_predicted_positive(const vec *s, const vec *negative,
                                         const vec *positive, vec *sums)
{
    vec false_positive = sums[0], true_positive = sums[1];
    for (int v = 0; v < 4; v++) {
        vec_mask predicted = s[v] > broadcast(0.0);
        false_positive += (vec)(predicted & (vec_mask)negative[v]);
        true_positive += (vec)(predicted & (vec_mask)positive[v]);
    }
    sums[0] = false_positive;
    sums[1] = true_positive;
}

MULTIVERSION static void confusion_tile(const double *raw, const double *negative,
                                        const double *positive, double *sums)
{
    add_predicted_positive((const vec *)raw, (const vec *)negative, (const vec *)positive,
                           (vec *)sums);
}

#endif
