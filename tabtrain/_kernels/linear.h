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

/* The rows of a tile where one linear function is above 0. */
FORCE_INLINE unsigned linear_positive(const double *own, ptrdiff_t n_features,
                                      const double *tile)
{
    const double *w[1] = {own}, intercept[1] = {own[n_features]};
    LINEAR_TILE(1)
    return predicted_positive(s[0]);
}

/* linear_forward_tile and add_predicted_positive in one, for one output: the raw predictions
 * never leave the registers. */
MULTIVERSION static void linear_confusion(const double *params, ptrdiff_t n_candidates,
                                          ptrdiff_t n_features, const double *tiles,
                                          ptrdiff_t n_tiles, const double *y,
                                          const double *weight, double *positive, double *all)
{
    for (ptrdiff_t t = 0; t < n_tiles; t++) {
        const double *tile = tiles + t * LANES * n_features;
        subset_sums sums;
        fill_subset_sums(y + t * LANES, weight + t * LANES, &sums);
        *(by_class *)all += sum_of_subset(&sums, 0xffff);
        for (ptrdiff_t p = 0; p < n_candidates; p++)
            ((by_class *)positive)[p] += sum_of_subset(
                &sums, linear_positive(params + p * (n_features + 1), n_features, tile));
    }
}

#ifdef HAS_V3
/* The same in single precision, at twice the speed and with the same result: a row counts as
 * settled only where the prediction is further from 0 than its rounding error can be; a tile
 * with any other row is computed again in double precision. (A filtered predicate, as
 * Shewchuk 1997 has it for geometry.) */
#include <float.h>
#include <immintrin.h>

#define V3 __attribute__((target("arch=x86-64-v3")))
#define FILTER_GROUP 6 /* candidates at a time, in 12 registers */
#define FILTER_TILES 8 /* tiles at a time, which stay in the cache for all candidates */

static int has_filter(void)
{
    return __builtin_cpu_supports("x86-64-v3") != 0;
}

/* A bound of |single - double precision result| for all rows. With u = 2**-24, A = |b| +
 * sum |w_k| max |x_k| and n = n_features + 1 terms, rounding the numbers, products and sums
 * costs at most gamma(n + 2) A (Higham 2002, section 3.1); one more u A covers what double
 * precision rounds. Results below the normal range, 2**-126, may all be flushed to 0. */
FORCE_INLINE float error_bound(const double *own, ptrdiff_t n_features, const double *largest)
{
    double size = __builtin_fabs(own[n_features]), tiny = 1.0, n = (double)n_features + 4.0;
    for (ptrdiff_t k = 0; k < n_features; k++) {
        size += __builtin_fabs(own[k]) * largest[k];
        tiny += __builtin_fabs(own[k]) + largest[k] + 2.0;
    }
    /* Anything that may overflow settles no row, nor does NaN. */
    if (!(size < 1e37 && tiny < 1e37)) return __builtin_inff();
    return (float)(1.001 * (n * 0x1p-24 / (1.0 - n * 0x1p-24) * size + tiny * 0x1p-126));
}

/* Sets of the rows of a tile that count, by class. */
typedef struct {
    unsigned of[2];
} counted_rows;

FORCE_INLINE counted_rows find_counted_rows(const double *y, const double *weight)
{
    counted_rows rows = {{0, 0}};
    for (int r = 0; r < LANES; r++)
        rows.of[y[r] != 0.0] |= (unsigned)(weight[r] != 0.0) << r;
    return rows;
}

/* scratch: n_candidates rounded up to a FILTER_GROUP, times n_features + 2 (the parameters and
 * the bound), then FILTER_TILES * LANES * n_features floats. largest: n_features doubles. */
V3 static void linear_confusion_filtered(const double *params, ptrdiff_t n_candidates,
                                           ptrdiff_t n_features, const double *tiles,
                                           ptrdiff_t n_tiles, const double *y,
                                           const double *weight, double *positive,
                                           double *all, double *largest, float *scratch)
{
    ptrdiff_t stride = n_features + 2;
    ptrdiff_t n_groups = (n_candidates + FILTER_GROUP - 1) / FILTER_GROUP;
    /* Whole numbers add up exactly in any order, so they need not be looked up. */
    int only_units = 1;
    for (ptrdiff_t i = 0; i < n_tiles * LANES; i++)
        only_units &= weight[i] == 0.0 || weight[i] == 1.0;
    float *x_single = scratch + n_groups * FILTER_GROUP * stride;
    for (ptrdiff_t k = 0; k < n_features; k++) {
        vec most = broadcast(0.0);
        vec_mask numbers = ~(vec_mask){0, 0, 0, 0};
        for (ptrdiff_t t = 0; t < n_tiles; t++)
            for (int v = 0; v < 4; v++) {
                vec x = absolute_value(((const vec *)(tiles + (t * n_features + k) * LANES))[v]);
                most = select_rows(x > most, x, most);
                numbers &= x == x;
            }
        double a = most[0] > most[1] ? most[0] : most[1];
        double b = most[2] > most[3] ? most[2] : most[3];
        int no_nan = (numbers[0] & numbers[1] & numbers[2] & numbers[3]) != 0;
        largest[k] = !no_nan ? __builtin_inf() : a > b ? a : b;
    }
    for (ptrdiff_t p = 0; p < n_groups * FILTER_GROUP; p++) {
        /* The last group is filled up with copies, which are not counted. */
        const double *own = params + (p < n_candidates ? p : n_candidates - 1) * (n_features + 1);
        for (ptrdiff_t k = 0; k <= n_features; k++) scratch[p * stride + k] = (float)own[k];
        scratch[p * stride + n_features + 1] = error_bound(own, n_features, largest);
    }
    for (ptrdiff_t first = 0; first < n_tiles; first += FILTER_TILES) {
        ptrdiff_t here = n_tiles - first < FILTER_TILES ? n_tiles - first : FILTER_TILES;
        const double *x_double = tiles + first * LANES * n_features;
        subset_sums sums[FILTER_TILES];
        counted_rows counted[FILTER_TILES];
        for (ptrdiff_t i = 0; i < here * LANES * n_features; i++) x_single[i] = (float)x_double[i];
        for (ptrdiff_t t = 0; t < here; t++) {
            const double *y_tile = y + (first + t) * LANES;
            const double *weight_tile = weight + (first + t) * LANES;
            fill_subset_sums(y_tile, weight_tile, &sums[t]);
            *(by_class *)all += sum_of_subset(&sums[t], 0xffff);
            counted[t] = find_counted_rows(y_tile, weight_tile);
        }
        for (ptrdiff_t p = 0; p < n_candidates; p += FILTER_GROUP) {
            const float *w = scratch + p * stride;
            unsigned n_false[FILTER_GROUP] = {0}, n_true[FILTER_GROUP] = {0};
            by_class counts[FILTER_GROUP];
            float bound = 0.0f; /* the largest of the group's serves them all */
            for (int f = 0; f < FILTER_GROUP; f++)
                if (w[f * stride + n_features + 1] > bound) bound = w[f * stride + n_features + 1];
            for (int f = 0; f < FILTER_GROUP; f++)
                counts[f] = p + f < n_candidates ? ((by_class *)positive)[p + f]
                                                 : (by_class){0.0, 0.0};
            for (ptrdiff_t t = 0; t < here; t++) {
                const float *tile = x_single + t * LANES * n_features;
                __m256 s[FILTER_GROUP][2];
                for (int f = 0; f < FILTER_GROUP; f++)
                    s[f][0] = s[f][1] = _mm256_set1_ps(w[f * stride + n_features]);
                for (ptrdiff_t k = 0; k < n_features; k++) {
                    __m256 x0 = _mm256_loadu_ps(tile + LANES * k);
                    __m256 x1 = _mm256_loadu_ps(tile + LANES * k + 8);
                    for (int f = 0; f < FILTER_GROUP; f++) {
                        __m256 wk = _mm256_set1_ps(w[f * stride + k]);
                        s[f][0] = _mm256_fmadd_ps(wk, x0, s[f][0]);
                        s[f][1] = _mm256_fmadd_ps(wk, x1, s[f][1]);
                    }
                }
                /* Straight through for all six, so that s need not leave the registers. */
                unsigned negative[FILTER_GROUP];
                __m256 sign = _mm256_set1_ps(-0.0f), closest = _mm256_set1_ps(FLT_MAX);
#pragma GCC unroll 6
                for (int f = 0; f < FILTER_GROUP; f++) {
                    closest = _mm256_min_ps(closest, _mm256_andnot_ps(sign, s[f][0]));
                    closest = _mm256_min_ps(closest, _mm256_andnot_ps(sign, s[f][1]));
                    negative[f] = (unsigned)_mm256_movemask_ps(s[f][0]) |
                                  (unsigned)_mm256_movemask_ps(s[f][1]) << 8;
                }
                __m256 settled = _mm256_cmp_ps(closest, _mm256_set1_ps(bound), _CMP_GT_OQ);
                if (__builtin_expect(_mm256_movemask_ps(settled) != 0xff, 0))
                    for (int f = 0; f < FILTER_GROUP && p + f < n_candidates; f++)
                        negative[f] =
                            0xffff ^ linear_positive(params + (p + f) * (n_features + 1),
                                                     n_features, x_double + t * LANES * n_features);
                if (only_units)
                    for (int f = 0; f < FILTER_GROUP; f++) {
                        n_false[f] += __builtin_popcount(counted[t].of[0] & ~negative[f]);
                        n_true[f] += __builtin_popcount(counted[t].of[1] & ~negative[f]);
                    }
                else
                    for (int f = 0; f < FILTER_GROUP; f++)
                        counts[f] += sum_of_subset(&sums[t], 0xffff ^ negative[f]);
            }
            for (int f = 0; f < FILTER_GROUP && p + f < n_candidates; f++)
                ((by_class *)positive)[p + f] =
                    counts[f] + (by_class){n_false[f], n_true[f]};
        }
    }
}
#else
#define FILTER_GROUP 1
#define FILTER_TILES 1
static int has_filter(void) { return 0; }
#define linear_confusion_filtered(params, n_candidates, n_features, tiles, n_tiles, y, weight, \
                                  positive, all, largest, scratch)                             \
    linear_confusion(params, n_candidates, n_features, tiles, n_tiles, y, weight, positive, all)
#endif

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
                grad[LINEAR_WEIGHTS(c + b) + k + a] += sum_of(sum[a][b]);                \
    }

/* Where the weights of a (candidate, output) begin. */
#define LINEAR_WEIGHTS(i) \
    ((i) / n_outputs * n_outputs * (n_features + 1) + (i) % n_outputs * n_features)

/* grad += the sums over the rows of raw_grad[c, row], for the intercepts. */
MULTIVERSION static void linear_backward_constants(const double *raw_grad,
                                                   ptrdiff_t n_candidates, ptrdiff_t n_outputs,
                                                   ptrdiff_t n_rows, ptrdiff_t n_features,
                                                   double *grad)
{
    for (ptrdiff_t c = 0; c < n_candidates * n_outputs; c++) {
        vec sum = broadcast(0.0);
        for (ptrdiff_t i = 0; i < n_rows / 4; i++)
            sum += ((const vec *)(raw_grad + c * n_rows))[i];
        grad[(c / n_outputs + 1) * n_outputs * n_features + c] += sum_of(sum);
    }
}

/* grad += the sum over the rows of raw_grad[c, row] * x[row, k], for every (candidate, output) c:
 * some tiles at a time, few enough to stay in the cache while every group of features and outputs
 * passes them. */
MULTIVERSION static void linear_backward_tiles(const double *raw_grad, ptrdiff_t n_candidates,
                                               ptrdiff_t n_outputs, const double *tiles,
                                               ptrdiff_t n_tiles, ptrdiff_t n_features,
                                               double *grad)
{
    ptrdiff_t at_a_time = 1024 / (n_features + 1) + 4, first, last, c, k;
    ptrdiff_t n_functions = n_candidates * n_outputs;
    for (first = 0; first < n_tiles; first = last) {
        last = first + at_a_time < n_tiles ? first + at_a_time : n_tiles;
        for (c = 0; c + 3 <= n_functions; c += 3) {
            for (k = 0; k + 4 <= n_features; k += 4) BACKWARD_TILES(4, 3)
            for (; k < n_features; k++) BACKWARD_TILES(1, 3)
        }
        for (; c < n_functions; c++) {
            for (k = 0; k + 8 <= n_features; k += 8) BACKWARD_TILES(8, 1)
            for (; k + 4 <= n_features; k += 4) BACKWARD_TILES(4, 1)
            for (; k < n_features; k++) BACKWARD_TILES(1, 1)
        }
    }
}

#endif
