/* Products of matrices of which the terms are listed, so that what is 0 can be passed over. */
#ifndef TABTRAIN_PRODUCT_H
#define TABTRAIN_PRODUCT_H

#include "lanes.h"

/* Which terms a sum has: a[at_a[i]] * b[at_b[i]]. */
typedef struct {
    ptrdiff_t n, *at_a, *at_b;
} terms;

/* All of n terms, evenly apart. */
static void list_all(terms *sum, ptrdiff_t n, ptrdiff_t step_a, ptrdiff_t step_b)
{
    sum->n = n;
    for (ptrdiff_t i = 0; i < n; i++) {
        sum->at_a[i] = step_a * i;
        sum->at_b[i] = step_b * i;
    }
}

#define PRODUCT_ARGUMENTS(real)                                                            \
    const real *a, ptrdiff_t a_stride, ptrdiff_t n_rows, const real *b,                    \
        ptrdiff_t n_columns, const terms *sum, real *c, ptrdiff_t c_stride,                \
        const real *start

/* c[m][n] = start[n] (of NULL, c[m][n]) + the sum of a[m * a_stride + at_a[i]] * b[at_b[i] + n],
 * added term after term, for M rows and V vectors of columns: they stay in registers. */
#define PRODUCT_OF(name, vector, real)                                                       \
    FORCE_INLINE void name(const int M, const int V, const real *a, ptrdiff_t a_stride,      \
                           const real *b, const terms *sum, real *c, ptrdiff_t c_stride,     \
                           const real *start)                                                \
    {                                                                                        \
        vector s[8][3];                                                                      \
        _Pragma("GCC unroll 8") for (int m = 0; m < M; m++)                                  \
            _Pragma("GCC unroll 3") for (int v = 0; v < V; v++)                              \
                s[m][v] = ((const vector *)(start == NULL ? c + m * c_stride : start))[v];   \
        for (ptrdiff_t i = 0; i < sum->n; i++) {                                             \
            const vector *row = (const vector *)(b + sum->at_b[i]);                          \
            /* Two rows that all others are near to: addresses, too, stay in registers. */     \
            const real *x[2] = {a + sum->at_a[i], a + sum->at_a[i] + 4 * a_stride};                                                      \
            _Pragma("GCC unroll 8") for (int m = 0; m < M; m++)                              \
                _Pragma("GCC unroll 3") for (int v = 0; v < V; v++)                          \
                    s[m][v] += (x[m / 4][m % 4 * a_stride] - (vector){0}) * row[v];          \
        }                                                                                    \
        _Pragma("GCC unroll 8") for (int m = 0; m < M; m++)                                  \
            _Pragma("GCC unroll 3") for (int v = 0; v < V; v++)                              \
                ((vector *)(c + m * c_stride))[v] = s[m][v];                                 \
    }

/* As many rows at a time as there are registers for: 16 of them, or 32 of AVX-512. */
#define LARGEST(vector) (sizeof(vector) == 64 ? 8 : 4)

/* The product of any number of rows, V vectors of columns at a time. */
#define COLUMNS(of, vector, V)                                                               \
    for (ptrdiff_t many = V * (ptrdiff_t)(sizeof(vector) / sizeof(*c));                      \
         n + many <= n_columns; n += many) {                                                 \
        const __typeof__(*a) *from = start == NULL ? NULL : start + n;                       \
        ptrdiff_t m = 0;                                                                     \
        for (; m + LARGEST(vector) <= n_rows; m += LARGEST(vector))                          \
            of(LARGEST(vector), V, a + m * a_stride, a_stride, b + n, sum,                   \
               c + m * c_stride + n, c_stride, from);                                        \
        for (; m + 4 <= n_rows; m += 4)                                                      \
            of(4, V, a + m * a_stride, a_stride, b + n, sum, c + m * c_stride + n, c_stride, \
               from);                                                                        \
        for (; m < n_rows; m++)                                                              \
            of(1, V, a + m * a_stride, a_stride, b + n, sum, c + m * c_stride + n, c_stride, \
               from);                                                                        \
    }

/* `name`, of numbers of 32-byte vectors, and of 64-byte ones where the processor has them; columns
 * are a multiple of 64 bytes. */
#ifdef HAS_V3
#define PRODUCT(name, real, narrow, wide)                                                  \
    PRODUCT_OF(name##_of_narrow, narrow, real)                                             \
    PRODUCT_OF(name##_of_wide, wide, real)                                                 \
    MULTIVERSION static void name##_narrow(PRODUCT_ARGUMENTS(real))                        \
    {                                                                                      \
        ptrdiff_t n = 0;                                                                   \
        COLUMNS(name##_of_narrow, narrow, 2)                                               \
    }                                                                                      \
    __attribute__((target("arch=x86-64-v4"))) static void name##_wide(                     \
        PRODUCT_ARGUMENTS(real))                                                           \
    {                                                                                      \
        ptrdiff_t n = 0;                                                                   \
        COLUMNS(name##_of_wide, wide, 3)                                                   \
        COLUMNS(name##_of_wide, wide, 2)                                                   \
        COLUMNS(name##_of_wide, wide, 1)                                                   \
    }                                                                                      \
    static void name(PRODUCT_ARGUMENTS(real))                                              \
    {                                                                                      \
        (__builtin_cpu_supports("x86-64-v4") ? name##_wide : name##_narrow)(               \
            a, a_stride, n_rows, b, n_columns, sum, c, c_stride, start);                   \
    }
#else
#define PRODUCT(name, real, narrow, wide)                                                  \
    PRODUCT_OF(name##_of_narrow, narrow, real)                                             \
    static void name(PRODUCT_ARGUMENTS(real))                                              \
    {                                                                                      \
        ptrdiff_t n = 0;                                                                   \
        COLUMNS(name##_of_narrow, narrow, 2)                                               \
    }
#endif

typedef double vec_512 __attribute__((vector_size(64), aligned(8), may_alias));
typedef float floats __attribute__((vector_size(32), aligned(4), may_alias));
typedef float floats_512 __attribute__((vector_size(64), aligned(4), may_alias));

PRODUCT(product, double, vec, vec_512)
PRODUCT(product_of_floats, float, floats, floats_512)

#endif
