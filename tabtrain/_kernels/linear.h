/* Linear functions of a tile, for many candidates at once.
 *
 * Every (row, function) pair is computed in one fixed order, whatever its neighbours are:
 * intercept first, then feature after feature. What is counted in training is therefore
 * what predict answers, to the bit.
 */
#ifndef TABTRAIN_LINEAR_H
#define TABTRAIN_LINEAR_H

#include "confusion.h"

/* FUNCTIONS linear functions of one tile, w[f] . x + intercept[f], in FUNCTIONS x 4 registers. */
#define LINEAR_TILE(FUNCTIONS)                                                           \
    vec s[FUNCTIONS][4];                                                                 \
    for (int f = 0; f < FUNCTIONS; f++)                                                  \
        for (int v = 0; v < 4; v++) s[f][v] = broadcast(intercept[f]);                   \
    for (ptrdiff_t k = 0; k < n_features; k++) {                                         \
        const vec *x = (const vec *)(tile + LANES * k);                                  \
        for (int f = 0; f < FUNCTIONS; f++)                                              \
            for (int v = 0; v < 4; v++) s[f][v] += broadcast(w[f][k]) * x[v];            \
    }

/* One candidate's parameters are n_outputs rows of weights, then n_outputs intercepts. */
#define LINEAR_POINTERS(FUNCTIONS, first)                                                \
    const double *w[FUNCTIONS];                                                          \
    double intercept[FUNCTIONS];                                                         \
    for (int f = 0; f < FUNCTIONS; f++) {                                                \
        ptrdiff_t candidate = ((first) + f) / n_outputs;                                 \
        ptrdiff_t output = ((first) + f) % n_outputs;                                    \
        const double *own = params + candidate * n_outputs * (n_features + 1);           \
        w[f] = own + output * n_features;                                                \
        intercept[f] = own[n_outputs * n_features + output];                             \
    }

#define FORWARD_TILE(FUNCTIONS)                                                          \
    {                                                                                    \
        LINEAR_POINTERS(FUNCTIONS, i)                                                    \
        LINEAR_TILE(FUNCTIONS)                                                           \
        for (int f = 0; f < FUNCTIONS; f++)                                              \
            for (int v = 0; v < 4; v++)                                                  \
                ((vec *)(raw + (i + f) * raw_stride))[v] = s[f][v];                      \
    }

/* raw[i * raw_stride + lane] of every (candidate, output) i. */
MULTIVERSION static void linear_forward_tile(const double *params, ptrdiff_t n_candidates,
                                             ptrdiff_t n_outputs, ptrdiff_t n_features,
                                             const double *tile, double *raw,
                                             ptrdiff_t raw_stride)
{
    ptrdiff_t i = 0, n_functions = n_candidates * n_outputs;
    for (; i + 3 <= n_functions; i += 3) FORWARD_TILE(3)
    for (; i < n_functions; i++) FORWARD_TILE(1)
}

#define LINEAR_CONFUSION_TILE(FUNCTIONS)                                                 \
    {                                                                                    \
        LINEAR_POINTERS(FUNCTIONS, i)                                                    \
        LINEAR_TILE(FUNCTIONS)                                                           \
        for (int f = 0; f < FUNCTIONS; f++)                                              \
            add_predicted_positive(s[f], (const vec *)negative, (const vec *)positive,   \
                                   (vec *)(sums + 8 * (i + f)));                         \
    }

/* linear_forward_tile and confusion_tile in one, the raw predictions never leaving the
 * registers: sums[8 * i] of candidate i, one output. */
MULTIVERSION static void linear_confusion_tile(const double *params, ptrdiff_t n_candidates,
                                               ptrdiff_t n_features, const double *tile,
                                               const double *negative,
                                               const double *positive, double *sums)
{
    const ptrdiff_t n_outputs = 1;
    ptrdiff_t i = 0;
    for (; i + 3 <= n_candidates; i += 3) LINEAR_CONFUSION_TILE(3)
    for (; i < n_candidates; i++) LINEAR_CONFUSION_TILE(1)
}

#define BACKWARD_TILES(FEATURES, OUTPUTS)                                                \
    {                                                                                    \
        vec sum[FEATURES][OUTPUTS];                                                      \
        for (int a = 0; a < FEATURES; a++)                                               \
            for (int b = 0; b < OUTPUTS; b++) sum[a][b] = broadcast(0.0);                \
        for (ptrdiff_t t = first; t < last; t++) {                                       \
            const vec *x = (const vec *)(tiles + LANES * (t * n_features + k));          \
            for (int v = 0; v < 4; v++)                                                  \
                for (int b = 0; b < OUTPUTS; b++) {                                      \
                    const vec *g = (const vec *)(raw_grad + (c + b) * LANES * n_tiles +  \
                                                 LANES * t);                             \
                    for (int a = 0; a < FEATURES; a++)                                   \
                        sum[a][b] += x[4 * a + v] * g[v];                                \
                }                                                                        \
        }                                                                                \
        for (int a = 0; a < FEATURES; a++)                                               \
            for (int b = 0; b < OUTPUTS; b++)                                            \
                grad[(c + b) * n_features + k + a] +=                                    \
                    sum_of(sum[a][b]);                                                   \
    }

/* grad[c, k] += sum over the rows of raw_grad[c, row] * x[row, k]: some tiles at a time,
 * few enough to stay in the cache while every group of features and outputs passes them. */
MULTIVERSION static void linear_backward_tiles(const double *raw_grad, ptrdiff_t n_outputs,
                                               const double *tiles, ptrdiff_t n_tiles,
                                               ptrdiff_t n_features, double *grad)
{
    ptrdiff_t at_a_time = 1024 / (n_features + 1) + 4, first, last, c, k;
    for (first = 0; first < n_tiles; first = last) {
        last = first + at_a_time < n_tiles ? first + at_a_time : n_tiles;
        for (c = 0; c + 3 <= n_outputs; c += 3) {
            for (k = 0; k + 4 <= n_features; k += 4) BACKWARD_TILES(4, 3)
            for (; k < n_features; k++) BACKWARD_TILES(1, 3)
        }
        for (; c < n_outputs; c++) {
            for (k = 0; k + 8 <= n_features; k += 8) BACKWARD_TILES(8, 1)
            for (; k + 4 <= n_features; k += 4) BACKWARD_TILES(4, 1)
            for (; k < n_features; k++) BACKWARD_TILES(1, 1)
        }
    }
}

#endif
