/* A tile: LANES rows side by side, so that every loop over rows is a loop over vectors.
 *
 * A vector type instead of trust in the auto-vectoriser: the accumulators of a tile have to
 * stay in registers, which compilers do not manage from arrays. The same source becomes
 * SSE2, AVX2 + FMA or NEON; MULTIVERSION lets the loader pick at run time, so the binary
 * stays portable.
 */
#ifndef TABTRAIN_LANES_H
#define TABTRAIN_LANES_H

#include <stddef.h>

#define LANES 16 /* rows in a tile: four 32-byte vectors of doubles */

/* Compilers that can build one function for several processors; Clang says it can, but not by
 * this name. */
#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__) && __GNUC__ >= 12
#define HAS_V3 1
#define MULTIVERSION __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define MULTIVERSION
#endif

#define FORCE_INLINE static inline __attribute__((always_inline))

/* Four rows. Kernels get pointers to whole tiles: no loop has a remainder, as the rows that
 * fill up the last tile have weight 0. */
typedef double vec __attribute__((vector_size(32), aligned(8), may_alias));
typedef long long vec_mask __attribute__((vector_size(32), aligned(8), may_alias));

#define broadcast(x) ((vec){(x), (x), (x), (x)})

FORCE_INLINE vec select_rows(vec_mask where, vec yes, vec no)
{
    return (vec)((where & (vec_mask)yes) | (~where & (vec_mask)no));
}

FORCE_INLINE vec absolute_value(vec x)
{
    const long long rest = 0x7fffffffffffffffLL;
    return (vec)((vec_mask)x & (vec_mask){rest, rest, rest, rest});
}

/* Which of four rows, as bits. */
FORCE_INLINE unsigned set_of(vec_mask rows)
{
#ifdef __SSE2__
    typedef double half __attribute__((vector_size(16)));
    vec all = (vec)rows;
    half low = {all[0], all[1]}, high = {all[2], all[3]};
    return (unsigned)(__builtin_ia32_movmskpd(low) | __builtin_ia32_movmskpd(high) << 2);
#else
    vec_mask bits = rows & (vec_mask){1, 2, 4, 8};
    return (unsigned)((bits[0] | bits[1]) | (bits[2] | bits[3]));
#endif
}

FORCE_INLINE double sum_of(vec x) { return (x[0] + x[1]) + (x[2] + x[3]); }

#endif
