/* What the gradient of a batch does to the parameters, one after the other. */
#ifndef TABTRAIN_UPDATES_H
#define TABTRAIN_UPDATES_H

#include <math.h>

#include "lanes.h"

MULTIVERSION static void sgd_update(const double *restrict gradient, double scale, double rate,
                                    double momentum, int nesterov, ptrdiff_t n_params,
                                    double *restrict velocity, double *restrict theta)
{
    for (ptrdiff_t k = 0; k < n_params; k++) {
        double step = rate * (scale * gradient[k]);
        velocity[k] = momentum * velocity[k] + step;
        theta[k] += nesterov ? momentum * velocity[k] + step : velocity[k];
    }
}

MULTIVERSION static void adam_update(const double *restrict gradient, double scale, double rate,
                                     double beta1, double beta2, double epsilon,
                                     ptrdiff_t n_params, double *restrict mean,
                                     double *restrict square, double *restrict theta)
{
    for (ptrdiff_t k = 0; k < n_params; k++) {
        double slope = scale * gradient[k];
        mean[k] = beta1 * mean[k] + (1.0 - beta1) * slope;
        square[k] = beta2 * square[k] + (1.0 - beta2) * slope * slope;
        theta[k] += rate * mean[k] / (sqrt(square[k]) + epsilon);
    }
}

#endif
