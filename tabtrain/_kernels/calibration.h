/* The log-loss of a curve in a score, and its derivatives. */
#ifndef TABTRAIN_CALIBRATION_H
#define TABTRAIN_CALIBRATION_H

#include "losses.h"

/* Adds the loss of rows, three first derivatives and six second ones, row by row of the upper
 * triangle, to moments. */
MULTIVERSION static void add_curve_moments(const double *z, const double *y,
                                           const double *weight, ptrdiff_t n_rows,
                                           const double *coef, double *moments)
{
    const vec none = broadcast(0.0), one = broadcast(1.0);
    const vec a = broadcast(coef[0]), b = broadcast(coef[1]), c = broadcast(coef[2]);
    vec sums[10] = {none, none, none, none, none, none, none, none, none, none};
    double rest[3][4] = {{0.0}, {0.0}, {0.0}};
    for (ptrdiff_t i = 0; i < n_rows; i += 4) {
        const double *z4 = z + i, *y4 = y + i, *weight4 = weight + i;
        if (i + 4 > n_rows) { /* the arrays are not made of whole vectors */
            for (ptrdiff_t r = i; r < n_rows; r++) {
                rest[0][r - i] = z[r];
                rest[1][r - i] = y[r];
                rest[2][r - i] = weight[r];
            }
            z4 = rest[0], y4 = rest[1], weight4 = rest[2];
        }
        vec x = *(const vec *)z4, label = *(const vec *)y4, w = *(const vec *)weight4;
        vec eta = a + x * (b + x * c), decay, p = sigmoid(eta, &decay);
        vec above = select_rows(eta > none, eta, none);
        vec slope = w * (p - label), bend = w * decay / ((one + decay) * (one + decay));
        sums[0] += w * (log1p_unit(decay) + (above - label * eta));
        sums[1] += slope;
        sums[2] += slope * x;
        sums[3] += slope * x * x;
        sums[4] += bend;
        sums[5] += bend * x;
        sums[6] += bend * x * x;
        sums[8] += bend * x * x * x;
        sums[9] += bend * x * x * x * x;
    }
    sums[7] = sums[6];
    for (int k = 0; k < 10; k++) moments[k] += sum_of(sums[k]);
}

#endif
