/* What functions answer: the counts of two labels, and rows without an answer. */
#ifndef TABTRAIN_ANSWERS_H
#define TABTRAIN_ANSWERS_H

#include <stdint.h>

#include "confusion.h"

/* One row a byte. */
typedef uint8_t bytes __attribute__((vector_size(LANES), aligned(1), may_alias));

/* More rows do not fit in a byte of their sum. */
#define MOST_TILES 255

FORCE_INLINE double sum_of_bytes(bytes x)
{
    unsigned sum = 0;
    for (int r = 0; r < LANES; r++) sum += x[r];
    return (double)sum;
}

/* The set of the rows of a tile that have a bit. */
FORCE_INLINE unsigned rows_with(bytes classes, int bit)
{
#ifdef __SSE2__
    typedef char signed_bytes __attribute__((vector_size(LANES)));
    return (unsigned)__builtin_ia32_pmovmskb128((signed_bytes)(classes << (7 - bit)));
#else
    unsigned rows = 0;
    for (int r = 0; r < LANES; r++) rows |= (unsigned)(classes[r] >> bit & 1) << r;
    return rows;
#endif
}

/* Adds to positive[candidate] the rows of class 1, to *all all rows; says of candidates whether a
 * row of positive weight has class 2, which is none. */
MULTIVERSION static void add_answers(const uint8_t *classes, ptrdiff_t n_candidates,
                                     ptrdiff_t n_rows, const double *y, const double *weight,
                                     double *positive, double *all, uint8_t *failed)
{
    const vec none = broadcast(0.0);
    for (ptrdiff_t i = 0; i < n_rows; i += LANES) {
        subset_sums sums;
        unsigned counts = 0;
        fill_subset_sums(y + i, weight + i, &sums);
        for (int v = 0; v < 4; v++)
            counts |= set_of(((const vec *)(weight + i))[v] > none) << 4 * v;
        *(by_class *)all += sum_of_subset(&sums, 0xffff);
        for (ptrdiff_t p = 0; p < n_candidates; p++) {
            bytes of_tile = *(const bytes *)(classes + p * n_rows + i);
            ((by_class *)positive)[p] += sum_of_subset(&sums, rows_with(of_tile, 0));
            failed[p] |= (counts & rows_with(of_tile, 1)) != 0;
        }
    }
}

/* The same for at most MOST_TILES tiles and weights that are all 0 or 1: such sums are exact, in
 * whatever order. */
MULTIVERSION static void count_answers(const uint8_t *classes, ptrdiff_t n_candidates,
                                       ptrdiff_t n_rows, const double *y, const double *weight,
                                       double *positive, double *all, uint8_t *failed)
{
    const ptrdiff_t n_tiles = n_rows / LANES;
    const bytes none = {0};
    bytes of_class[2][MOST_TILES];
    for (int label = 0; label < 2; label++) {
        bytes rows = none;
        for (ptrdiff_t i = 0; i < n_rows; i++)
            ((uint8_t *)of_class[label])[i] = weight[i] != 0.0 && (y[i] != 0.0) == label;
        for (ptrdiff_t t = 0; t < n_tiles; t++) rows += of_class[label][t];
        all[label] += sum_of_bytes(rows);
    }
    for (ptrdiff_t p = 0; p < n_candidates; p++) {
        const bytes *of_candidate = (const bytes *)(classes + p * n_rows);
        bytes negative = none, found = none, failing = none;
        for (ptrdiff_t t = 0; t < n_tiles; t++) {
            bytes counting = of_class[0][t] + of_class[1][t];
            negative += of_candidate[t] & of_class[0][t];
            found += of_candidate[t] & of_class[1][t];
            failing |= of_candidate[t] & counting << 1;
        }
        ((by_class *)positive)[p] += (by_class){sum_of_bytes(negative), sum_of_bytes(found)};
        failed[p] |= sum_of_bytes(failing) != 0.0;
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
