/* What functions answer: the counts of two labels, and rows without an answer. */
#ifndef TABTRAIN_ANSWERS_H
#define TABTRAIN_ANSWERS_H

#include <stdint.h>

#include "confusion.h"

/* The set of the rows of a tile for which value is the label. */
FORCE_INLINE unsigned rows_with(const vec *value, vec label)
{
    unsigned rows = 0;
    for (int v = 0; v < 4; v++) rows |= set_of(value[v] == label) << 4 * v;
    return rows;
}

/* Adds to positive[candidate] the rows answered with high, to *all all rows; says of candidates
 * whether a row of positive weight is answered with neither label. */
MULTIVERSION static void add_answers(const double *values, ptrdiff_t n_candidates,
                                     ptrdiff_t n_rows, const double *y, const double *weight,
                                     double low, double high, double *positive, double *all,
                                     uint8_t *failed)
{
    const vec first = broadcast(low), second = broadcast(high), none = broadcast(0.0);
    for (ptrdiff_t i = 0; i < n_rows; i += LANES) {
        subset_sums sums;
        unsigned counts = 0;
        fill_subset_sums(y + i, weight + i, &sums);
        for (int v = 0; v < 4; v++)
            counts |= set_of(((const vec *)(weight + i))[v] > none) << 4 * v;
        *(by_class *)all += sum_of_subset(&sums, 0xffff);
        for (ptrdiff_t p = 0; p < n_candidates; p++) {
            const vec *of_tile = (const vec *)(values + p * n_rows + i);
            unsigned rows = rows_with(of_tile, second);
            ((by_class *)positive)[p] += sum_of_subset(&sums, rows);
            failed[p] |= (counts & ~(rows | rows_with(of_tile, first))) != 0;
        }
    }
}

/* Puts 0 in the place of NaN; returns whether there was one in a row of positive weight. */
MULTIVERSION static uint8_t settle_row(double *values, ptrdiff_t n_rows, const double *weight)
{
    const vec none = broadcast(0.0);
    vec_mask missing = {0, 0, 0, 0};
    for (ptrdiff_t i = 0; i < n_rows; i += 4) {
        vec value = *(vec *)(values + i);
        vec_mask is_missing = value != value;
        missing |= is_missing & (*(const vec *)(weight + i) > none);
        *(vec *)(values + i) = select_rows(is_missing, none, value);
    }
    return ((missing[0] | missing[1]) | (missing[2] | missing[3])) != 0;
}

#endif
