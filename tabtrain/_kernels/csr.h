/* Linear functions and moments of sparse rows: of each row the numbers that are not 0.
 *
 * A (row, function) pair is computed as in linear.h, intercept first, then feature after feature.
 * What is left out there would add 0, so that the result is that of the dense row, to the bit.
 */
#ifndef TABTRAIN_CSR_H
#define TABTRAIN_CSR_H

#include "lanes.h"

/* Row r has values[j] at features indices[j], which rise, for starts[r] <= j < starts[r + 1]. */
typedef struct {
    const ptrdiff_t *starts;
    const int *indices;
    const double *values;
    ptrdiff_t n_rows, n_features;
} csr_rows;

/* So many functions at a time, if there are several: their weights of a feature lie side by side,
 * [feature][CSR_WIDTH], in one line of the cache. */
#define CSR_WIDTH 8
/* Of fewer functions, or with fewer numbers for each feature, that costs more than it saves. */
#define CSR_WIDE_FROM 4

/* Where the line of the cache begins that is in scratch, which is a line longer than need be. */
FORCE_INLINE double *csr_side_by_side(double *scratch)
{
    return scratch + (64 - (size_t)scratch % 64) % 64 / sizeof(double);
}

/* The place of the weights of a (candidate, output) among all parameters, and of its intercept. */
FORCE_INLINE ptrdiff_t csr_weights(ptrdiff_t i, ptrdiff_t n_outputs, ptrdiff_t n_features)
{
    return i / n_outputs * n_outputs * (n_features + 1) + i % n_outputs * n_features;
}

FORCE_INLINE ptrdiff_t csr_intercept(ptrdiff_t i, ptrdiff_t n_outputs, ptrdiff_t n_features)
{
    return (i / n_outputs + 1) * n_outputs * n_features + i;
}

/* raw[row] of one function. */
FORCE_INLINE void csr_forward_one(const csr_rows *rows, const double *weights, double intercept,
                                  double *raw)
{
    const int *indices = rows->indices;
    const double *values = rows->values;
    for (ptrdiff_t row = 0; row < rows->n_rows; row++) {
        double sum = intercept;
        for (ptrdiff_t j = rows->starts[row]; j < rows->starts[row + 1]; j++)
            sum += weights[indices[j]] * values[j];
        raw[row] = sum;
    }
}

/* raw[f * n_rows + row] of n <= CSR_WIDTH functions, whose intercepts come after all features. */
FORCE_INLINE void csr_forward_wide(const csr_rows *rows, const double *side_by_side, ptrdiff_t n,
                                   double *raw)
{
    const vec *weights = (const vec *)side_by_side;
    for (ptrdiff_t row = 0; row < rows->n_rows; row++) {
        vec s[2] = {weights[2 * rows->n_features], weights[2 * rows->n_features + 1]};
        for (ptrdiff_t j = rows->starts[row]; j < rows->starts[row + 1]; j++) {
            const vec *w = weights + 2 * (ptrdiff_t)rows->indices[j];
            for (int v = 0; v < 2; v++) s[v] += w[v] * broadcast(rows->values[j]);
        }
        for (ptrdiff_t f = 0; f < n; f++) raw[f * rows->n_rows + row] = s[f / 4][f % 4];
    }
}

/* raw[i * n_rows + row] of every (candidate, output) i. */
MULTIVERSION static void csr_forward(const csr_rows *rows, const double *params,
                                     ptrdiff_t n_candidates, ptrdiff_t n_outputs, double *raw,
                                     double *scratch)
{
    ptrdiff_t n_functions = n_candidates * n_outputs, n_features = rows->n_features, i = 0, n;
    double *side_by_side = csr_side_by_side(scratch);
    ptrdiff_t n_values = rows->starts[rows->n_rows] - rows->starts[0];
    for (; n_functions - i >= CSR_WIDE_FROM && n_values >= n_features; i += n) {
        n = n_functions - i < CSR_WIDTH ? n_functions - i : CSR_WIDTH;
        const double *own[CSR_WIDTH];
        for (ptrdiff_t f = 0; f < CSR_WIDTH; f++) {
            /* Those that are missing are copies of the first. */
            ptrdiff_t function = f < n ? i + f : i;
            own[f] = params + csr_weights(function, n_outputs, n_features);
            side_by_side[n_features * CSR_WIDTH + f] =
                params[csr_intercept(function, n_outputs, n_features)];
        }
        for (ptrdiff_t k = 0; k < n_features; k++)
            for (ptrdiff_t f = 0; f < CSR_WIDTH; f++) side_by_side[k * CSR_WIDTH + f] = own[f][k];
        csr_forward_wide(rows, side_by_side, n, raw + i * rows->n_rows);
    }
    for (; i < n_functions; i++)
        csr_forward_one(rows, params + csr_weights(i, n_outputs, n_features),
                        params[csr_intercept(i, n_outputs, n_features)], raw + i * rows->n_rows);
}

/* grad += the sum over the rows of raw_grad[i, row] * x[row, k], for every (candidate, output) i;
 * nothing is added for the intercepts. One after the other: gradients side by side would have to
 * be moved there and back, which is not worth it for the few numbers of a block. */
MULTIVERSION static void csr_backward(const csr_rows *rows, const double *raw_grad,
                                      ptrdiff_t n_candidates, ptrdiff_t n_outputs, double *grad)
{
    for (ptrdiff_t i = 0; i < n_candidates * n_outputs; i++) {
        double *own = grad + csr_weights(i, n_outputs, rows->n_features);
        for (ptrdiff_t row = 0; row < rows->n_rows; row++) {
            double g = raw_grad[i * rows->n_rows + row];
            if (g == 0.0) continue;
            for (ptrdiff_t j = rows->starts[row]; j < rows->starts[row + 1]; j++)
                own[rows->indices[j]] += g * rows->values[j];
        }
    }
}

/* first[k] and second[k] += the weighted moments of each feature about center[k].
 * found: zeros[feature][4]. */
MULTIVERSION static void csr_moments(const csr_rows *rows, const double *weight,
                                     const double *center, double *first, double *second,
                                     double *found)
{
    double total = 0.0, n_counting = 0.0;
    for (ptrdiff_t row = 0; row < rows->n_rows; row++) {
        double w = weight[row];
        /* A row of weight 0 is no row: it may lie far from the center. */
        if (!(w > 0.0)) continue;
        total += w;
        n_counting++;
        for (ptrdiff_t j = rows->starts[row]; j < rows->starts[row + 1]; j++) {
            ptrdiff_t k = rows->indices[j];
            double shifted = rows->values[j] - center[k];
            ((vec *)found)[k] += (vec){w * shifted, w * shifted * shifted, w, 1.0};
        }
    }
    for (ptrdiff_t k = 0; k < rows->n_features; k++) {
        const double *of = found + 4 * k;
        /* Of a feature that is in all rows, no rounding error is to count as rows without it. */
        double others = of[3] == n_counting ? 0.0 : total - of[2];
        first[k] += of[0] - others * center[k];
        second[k] += of[1] + others * center[k] * center[k];
    }
}

#endif
