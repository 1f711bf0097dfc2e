/* Losses of four rows at a time, and their slopes with respect to the raw predictions.
 *
 * The mathematics of a row stands once, in a *_rows function; add_losses is compiled anew
 * around each of them. exp and log1p are written out because the C library's take one
 * number at a time (20 ns a row against 2); both keep full relative precision.
 */
#ifndef TABTRAIN_LOSSES_H
#define TABTRAIN_LOSSES_H

#include <math.h>

#include "lanes.h"

/* x <= 0 is n log(2) + r with |r| <= log(2) / 2; -708, which makes the smallest normal power, stands
 * for all below. Returns the Taylor series of (e**r - 1 - r) / r**2, of which the first term left
 * out is below 2**-57; exponent is n where numbers have their exponent. */
FORCE_INLINE vec exp_series(vec x, vec *r, vec_mask *exponent)
{
    const double magic = 0x1.8p52; /* adding it rounds to a whole number in the low bits */
    x = select_rows(x < broadcast(-708.0), broadcast(-708.0), x);
    vec shifted = x * broadcast(0x1.71547652b82fep0) + broadcast(magic);
    vec n = shifted - broadcast(magic);
    *exponent = (vec_mask)shifted << 52;
    *r = x - n * broadcast(0x1.62e42fefa3800p-1);
    *r = *r - n * broadcast(0x1.ef35793c76730p-45);
    vec series = broadcast(1.0 / 6227020800.0);
    series = series * *r + broadcast(1.0 / 479001600.0);
    series = series * *r + broadcast(1.0 / 39916800.0);
    series = series * *r + broadcast(1.0 / 3628800.0);
    series = series * *r + broadcast(1.0 / 362880.0);
    series = series * *r + broadcast(1.0 / 40320.0);
    series = series * *r + broadcast(1.0 / 5040.0);
    series = series * *r + broadcast(1.0 / 720.0);
    series = series * *r + broadcast(1.0 / 120.0);
    series = series * *r + broadcast(1.0 / 24.0);
    series = series * *r + broadcast(1.0 / 6.0);
    return series * *r + broadcast(0.5);
}

/* e**x for x <= 0. */
FORCE_INLINE vec exp_negative(vec x)
{
    vec_mask exponent;
    vec r, power = exp_series(x, &r, &exponent);
    power = power * r + broadcast(1.0);
    power = power * r + broadcast(1.0);
    return (vec)((vec_mask)power + exponent);
}

/* log(1 + x) for 0 <= x <= 1: 2 artanh(z), z = x / (2 + x) <= 1/3, by its series. */
FORCE_INLINE vec log1p_unit(vec x)
{
    vec z = x / (broadcast(2.0) + x), z2 = z * z;
    vec series = broadcast(1.0 / 33.0);
    series = series * z2 + broadcast(1.0 / 31.0);
    series = series * z2 + broadcast(1.0 / 29.0);
    series = series * z2 + broadcast(1.0 / 27.0);
    series = series * z2 + broadcast(1.0 / 25.0);
    series = series * z2 + broadcast(1.0 / 23.0);
    series = series * z2 + broadcast(1.0 / 21.0);
    series = series * z2 + broadcast(1.0 / 19.0);
    series = series * z2 + broadcast(1.0 / 17.0);
    series = series * z2 + broadcast(1.0 / 15.0);
    series = series * z2 + broadcast(1.0 / 13.0);
    series = series * z2 + broadcast(1.0 / 11.0);
    series = series * z2 + broadcast(1.0 / 9.0);
    series = series * z2 + broadcast(1.0 / 7.0);
    series = series * z2 + broadcast(1.0 / 5.0);
    series = series * z2 + broadcast(1.0 / 3.0);
    series = series * z2 + broadcast(1.0);
    return (z + z) * series;
}

/* 1 / (1 + e**-raw); decay is e**-|raw|, which cannot overflow. */
FORCE_INLINE vec sigmoid(vec raw, vec *decay)
{
    *decay = exp_negative(-absolute_value(raw));
    return select_rows(raw < broadcast(0.0), *decay, broadcast(1.0)) / (broadcast(1.0) + *decay);
}

/* raw and slope point at the first output of four rows; the next outputs follow at a stride. */
typedef vec (*row_loss)(const double *raw, ptrdiff_t stride, ptrdiff_t n_outputs, vec y,
                        double *slope, ptrdiff_t slope_stride);

#define RAW(c) (*(const vec *)(raw + (c) * stride))
#define SLOPE(c) (*(vec *)(slope + (c) * slope_stride))
#define IS_CLASS(c) ((vec)((y == broadcast((double)(c))) & (vec_mask)broadcast(1.0)))

/* Leaves the probabilities in SLOPE and the largest raw prediction in largest; returns
 * log(sum(exp(raw - largest))), of which the 1 of the largest itself is left to log1p. */
FORCE_INLINE vec softmax(const double *raw, ptrdiff_t stride, ptrdiff_t n_outputs,
                         double *slope, ptrdiff_t slope_stride, vec *largest)
{
    vec most = RAW(0), rest = broadcast(0.0);
    vec_mask left_out = {0, 0, 0, 0};
    for (ptrdiff_t c = 1; c < n_outputs; c++) most = select_rows(RAW(c) > most, RAW(c), most);
    for (ptrdiff_t c = 0; c < n_outputs; c++) {
        vec e = exp_negative(RAW(c) - most);
        vec_mask leave_out = (RAW(c) == most) & ~left_out;
        left_out |= leave_out;
        SLOPE(c) = e;
        rest += select_rows(leave_out, broadcast(0.0), e);
    }
    for (ptrdiff_t c = 0; c < n_outputs; c++) SLOPE(c) /= broadcast(1.0) + rest;
    *largest = most;
    return (vec){log1p(rest[0]), log1p(rest[1]), log1p(rest[2]), log1p(rest[3])};
}

/* -log(probability of the true class) */
FORCE_INLINE vec log_loss_rows(const double *raw, ptrdiff_t stride, ptrdiff_t n_outputs, vec y,
                               double *slope, ptrdiff_t slope_stride)
{
    if (n_outputs == 1) {
        vec decay, p = sigmoid(RAW(0), &decay);
        vec above = select_rows(RAW(0) > broadcast(0.0), RAW(0), broadcast(0.0));
        SLOPE(0) = p - y;
        return log1p_unit(decay) + (above - y * RAW(0));
    }
    vec largest, loss = softmax(raw, stride, n_outputs, slope, slope_stride, &largest);
    for (ptrdiff_t c = 0; c < n_outputs; c++) {
        loss += select_rows(y == broadcast((double)c), largest - RAW(c), broadcast(0.0));
        SLOPE(c) -= IS_CLASS(c);
    }
    return loss;
}

/* (p - y)**2 of class 1; of several classes, its sum over them (as scikit-learn). */
FORCE_INLINE vec brier_rows(const double *raw, ptrdiff_t stride, ptrdiff_t n_outputs, vec y,
                            double *slope, ptrdiff_t slope_stride)
{
    if (n_outputs == 1) {
        vec decay, p = sigmoid(RAW(0), &decay);
        SLOPE(0) = broadcast(2.0) * (p - y) * p * (broadcast(1.0) - p);
        return (p - y) * (p - y);
    }
    vec loss = broadcast(0.0), mean = broadcast(0.0), largest;
    softmax(raw, stride, n_outputs, slope, slope_stride, &largest);
    for (ptrdiff_t c = 0; c < n_outputs; c++) {
        vec error = SLOPE(c) - IS_CLASS(c);
        loss += error * error;
        mean += SLOPE(c) * error;
    }
    /* d p_j / d raw_c = p_c ((j == c) - p_j) */
    for (ptrdiff_t c = 0; c < n_outputs; c++)
        SLOPE(c) = broadcast(2.0) * SLOPE(c) * (SLOPE(c) - IS_CLASS(c) - mean);
    return loss;
}

FORCE_INLINE vec squared_rows(const double *raw, ptrdiff_t stride, ptrdiff_t n_outputs, vec y,
                              double *slope, ptrdiff_t slope_stride)
{
    vec error = RAW(0) - y;
    SLOPE(0) = error + error;
    return error * error;
}

/* No slope: there is none at 0. */
FORCE_INLINE vec absolute_rows(const double *raw, ptrdiff_t stride, ptrdiff_t n_outputs, vec y,
                               double *slope, ptrdiff_t slope_stride)
{
    return absolute_value(RAW(0) - y);
}

/* Adds {sum of the weights, sum of weight * loss} of one candidate to tally. slope has room
 * for four rows, or (keep_slope) for all, then scaled by weight * dscore. */
FORCE_INLINE void add_losses(row_loss loss, const double *raw, ptrdiff_t n_rows,
                             ptrdiff_t n_outputs, const double *y, const double *weight,
                             double *tally, double dscore, double *slope, int keep_slope)
{
    vec weights = broadcast(0.0), losses = broadcast(0.0);
    ptrdiff_t slope_stride = keep_slope ? n_rows : 4;
    for (ptrdiff_t i = 0; i < n_rows; i += 4) {
        vec w = *(const vec *)(weight + i), none = broadcast(0.0);
        vec_mask counts = w > none; /* a row of weight 0 is none, not 0 times infinity */
        vec of_row = loss(raw + i, n_rows, n_outputs, *(const vec *)(y + i), slope, slope_stride);
        weights += w;
        losses += select_rows(counts, w * of_row, none);
        if (keep_slope) {
            for (ptrdiff_t c = 0; c < n_outputs; c++)
                SLOPE(c) = select_rows(counts, w * broadcast(dscore) * SLOPE(c), none);
            slope += 4;
        }
    }
    tally[0] += sum_of(weights);
    tally[1] += sum_of(losses);
}

typedef void (*loss_kernel)(const double *raw, ptrdiff_t n_rows, ptrdiff_t n_outputs,
                            const double *y, const double *weight, double *tally,
                            double dscore, double *slope, int keep_slope);

#define LOSS(name)                                                                         \
    MULTIVERSION static void add_##name(const double *raw, ptrdiff_t n_rows,               \
                                         ptrdiff_t n_outputs, const double *y,             \
                                         const double *weight, double *tally,              \
                                         double dscore, double *slope, int keep_slope)     \
    {                                                                                      \
        add_losses(name##_rows, raw, n_rows, n_outputs, y, weight, tally, dscore, slope,   \
                   keep_slope);                                                            \
    }

LOSS(log_loss)
LOSS(brier)
LOSS(squared)
LOSS(absolute)

/* Adds {sum of the weights, weight of the rows with |raw - y| <= absolute + relative |y|}. */
MULTIVERSION static void within_tolerance(const double *raw, ptrdiff_t n_rows, const double *y,
                                          const double *weight, double absolute,
                                          double relative, double *tally)
{
    vec weights = broadcast(0.0), passed = broadcast(0.0);
    for (ptrdiff_t i = 0; i < n_rows; i += 4) {
        vec w = *(const vec *)(weight + i), truth = *(const vec *)(y + i);
        vec limit = broadcast(absolute) + broadcast(relative) * absolute_value(truth);
        vec_mask pass = absolute_value(*(const vec *)(raw + i) - truth) <= limit;
        weights += w;
        passed += (vec)(pass & (vec_mask)w);
    }
    tally[0] += sum_of(weights);
    tally[1] += sum_of(passed);
}

#endif
