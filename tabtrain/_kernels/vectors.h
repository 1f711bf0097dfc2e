/* Products and sums of long vectors. */
#ifndef TABTRAIN_VECTORS_H
#define TABTRAIN_VECTORS_H

#include "lanes.h"

/* Four sums side by side: one alone would wait for each of its terms. */
MULTIVERSION static double dot(const double *a, const double *b, ptrdiff_t n)
{
    vec sums[4] = {{0.0}};
    ptrdiff_t k = 0;
    for (; k + 16 <= n; k += 16)
        for (int v = 0; v < 4; v++)
            sums[v] += ((const vec *)(a + k))[v] * ((const vec *)(b + k))[v];
    double total = sum_of((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; k < n; k++) total += a[k] * b[k];
    return total;
}

MULTIVERSION static void add_multiple(double *to, double factor, const double *of, ptrdiff_t n)
{
    for (ptrdiff_t k = 0; k < n; k++) to[k] += factor * of[k];
}

#endif
