/* Networks: affine layers with a function of each unit between them.
 *
 * The parameters of a layer are weights[input][output] and a constant for each output, in rows
 * that are filled up with zeros to whole vectors. What hidden layers answer is [row][unit], filled
 * up likewise. So forward, the gradient of the weights and that of the inputs are one and the same
 * product, in which the outputs are the lanes: product() below, the only loop that matters.
 *
 * No BLAS: its products need not have the same bits for a row alone and among others, nor with
 * more threads, and it cannot leave out what is 0. Inputs that are 0 in all of eight rows (most of
 * those of pictures, and of categories that are one-hot) add nothing, and are passed over.
 */
#ifndef TABTRAIN_MLP_H
#define TABTRAIN_MLP_H

#include <stdlib.h>
#include <string.h>

#include "losses.h"
#include "product.h"

#define FILL 8 /* rows of parameters and of what units answer are filled up to so many */
#define GROUP 8 /* rows, or inputs, whose terms that are 0 are passed over together */
/* With fewer outputs than these, looking for what is 0 takes longer than it saves. */
#define SKIP_FROM 32
/* So many tiles go through all layers at a time, and stay in the cache. */
#define TILES_AT_A_TIME 32

enum { IDENTITY, RELU, TANH, LOGISTIC };

typedef struct {
    const ptrdiff_t *widths;        /* of the table, the hidden layers and the raw predictions */
    const ptrdiff_t *filled;        /* the same, filled up */
    ptrdiff_t widest, widest_layer; /* of filled; the latter without the table */
    int n_layers;                   /* of weights: one less */
    int activation;
    ptrdiff_t n_params;
    ptrdiff_t n_kept;
} network;

/* e**x - 1 for x <= 0 to full relative precision: e**r is kept without its 1. */
FORCE_INLINE vec expm1_negative(vec x)
{
    vec_mask exponent;
    vec r, series = exp_series(x, &r, &exponent);
    vec two_to_n = (vec)((vec_mask)broadcast(1.0) + exponent);
    return two_to_n * (series * r * r + r) + (two_to_n - broadcast(1.0));
}

/* tanh |x| = -m / (2 + m) with m = e**(-2 |x|) - 1 */
FORCE_INLINE vec tanh_of(vec x)
{
    vec m = expm1_negative(broadcast(-2.0) * absolute_value(x));
    vec size = -m / (broadcast(2.0) + m);
    return select_rows(x < broadcast(0.0), -size, size);
}

FORCE_INLINE vec relu_of(vec x)
{
    return select_rows(x < broadcast(0.0), broadcast(0.0), x);
}

FORCE_INLINE vec logistic_of(vec x)
{
    vec decay;
    return sigmoid(x, &decay);
}

#define EACH(expression)                     \
    for (ptrdiff_t i = 0; i < n; i += 4) {   \
        vec *at = (vec *)(values + i);       \
        *at = expression;                    \
    }                                        \
    break;

/* The function of each unit, in place. */
MULTIVERSION static void activate(int activation, double *values, ptrdiff_t n)
{
    switch (activation) {
    case RELU: EACH(relu_of(*at))
    case TANH: EACH(tanh_of(*at))
    case LOGISTIC: EACH(logistic_of(*at))
    }
}

/* values *= the slope of the function where it answered so. */
MULTIVERSION static void times_slopes(int activation, const double *answers, double *values,
                                      ptrdiff_t n)
{
#define ANSWER (*(const vec *)(answers + i))
    switch (activation) {
    case RELU: EACH(select_rows(ANSWER > broadcast(0.0), *at, broadcast(0.0)))
    case TANH: EACH(*at *(broadcast(1.0) - ANSWER * ANSWER))
    case LOGISTIC: EACH(*at *ANSWER *(broadcast(1.0) - ANSWER))
    }
#undef ANSWER
}

/* Of the features of each GROUP of rows of a tile, those that are not 0 in all of them. */
MULTIVERSION static void list_features(terms *first, terms *second, const double *tile,
                                       ptrdiff_t n_features, ptrdiff_t step_b)
{
    ptrdiff_t n[2] = {0, 0};
    terms *sums[2] = {first, second};
    for (ptrdiff_t k = 0; k < n_features; k++) {
        const vec_mask *x = (const vec_mask *)(tile + LANES * k);
        for (int g = 0; g < 2; g++) {
            vec_mask any = (x[2 * g] | x[2 * g + 1]) << 1; /* -0 is 0 */
            sums[g]->at_a[n[g]] = LANES * k + GROUP * g;
            sums[g]->at_b[n[g]] = step_b * k;
            n[g] += ((any[0] | any[1]) | (any[2] | any[3])) != 0;
        }
    }
    first->n = n[0];
    second->n = n[1];
}

/* Of some rows, those where one of up to GROUP features is not 0. */
MULTIVERSION static void list_rows(terms *sum, const terms *rows, const double *tiles,
                                   ptrdiff_t n_features)
{
    ptrdiff_t n = 0, looked_at = -1;
    long long any[LANES];
    for (ptrdiff_t i = 0; i < rows->n; i++) {
        ptrdiff_t lane = rows->at_a[i] % LANES, tile = rows->at_a[i] - lane;
        if (tile != looked_at) {
            const vec_mask *x = (const vec_mask *)(tiles + tile);
            vec_mask of_tile[4] = {x[0], x[1], x[2], x[3]};
            for (ptrdiff_t k = 1; k < n_features; k++)
                for (int v = 0; v < 4; v++) of_tile[v] |= x[4 * k + v];
            for (int v = 0; v < 4; v++) ((vec_mask *)any)[v] = of_tile[v] << 1; /* -0 is 0 */
            looked_at = tile;
        }
        sum->at_a[n] = rows->at_a[i];
        sum->at_b[n] = rows->at_b[i];
        n += any[lane] != 0;
    }
    sum->n = n;
}

/* Memory to work in. */
typedef struct {
    void *all;
    double *answers[2], *deltas[2], *turned;
    terms some, rows;
    ptrdiff_t n_counting, *counting; /* the rows of which there are slopes */
} work;

static int make_room(const network *net, work *room)
{
    ptrdiff_t n_rows = LANES * TILES_AT_A_TIME;
    ptrdiff_t n_terms = net->widest > n_rows ? net->widest : n_rows;
    ptrdiff_t n_layer = n_rows * net->widest_layer;
    ptrdiff_t n_turned = net->widest_layer * net->widest_layer;
    room->all = malloc(sizeof(double) * (size_t)(2 * n_layer + n_turned) +
                       sizeof(ptrdiff_t) * (size_t)(5 * n_terms));
    if (room->all == NULL) return 0;
    for (int i = 0; i < 2; i++)
        room->answers[i] = room->deltas[i] = (double *)room->all + i * n_layer;
    room->turned = room->answers[1] + n_layer;
    room->some.at_a = (ptrdiff_t *)(room->turned + n_turned);
    room->some.at_b = room->some.at_a + n_terms;
    room->rows.at_a = room->some.at_b + n_terms;
    room->rows.at_b = room->rows.at_a + n_terms;
    room->counting = room->rows.at_b + n_terms;
    return 1;
}

/* What a layer answers for some tiles, before its function: out[row][output]. */
static void affine_layer(const double *weights, ptrdiff_t n_in, ptrdiff_t n_out,
                         const double *input, ptrdiff_t n_tiles, int of_table, double *out,
                         work *room)
{
    const double *constants = weights + n_in * n_out;
    if (!of_table) {
        ptrdiff_t in_stride = (n_in + FILL - 1) / FILL * FILL;
        list_all(&room->some, n_in, 1, n_out);
        product(input, in_stride, LANES * n_tiles, weights, n_out, &room->some, out, n_out,
                constants);
        return;
    }
    int skips = n_out >= SKIP_FROM;
    if (!skips) list_all(&room->some, n_in, LANES, n_out);
    for (ptrdiff_t t = 0; t < n_tiles; t++) {
        const double *tile = input + LANES * n_in * t;
        double *to = out + LANES * t * n_out;
        if (!skips) {
            product(tile, 1, LANES, weights, n_out, &room->some, to, n_out, constants);
            continue;
        }
        list_features(&room->some, &room->rows, tile, n_in, n_out);
        product(tile, 1, GROUP, weights, n_out, &room->some, to, n_out, constants);
        product(tile, 1, GROUP, weights, n_out, &room->rows, to + GROUP * n_out, n_out, constants);
    }
}

/* grad += the gradient of the weights and constants of a layer, given that of its outputs,
 * delta[row][output]. */
static void add_gradient(const double *input, const double *delta, ptrdiff_t n_in, ptrdiff_t n_out,
                         int of_table, double *grad, work *room)
{
    static const double one = 1.0;
    terms *rows = &room->rows;
    ptrdiff_t in_stride = (n_in + FILL - 1) / FILL * FILL;
    rows->n = room->n_counting;
    for (ptrdiff_t i = 0; i < rows->n; i++) {
        rows->at_a[i] = 0;
        rows->at_b[i] = room->counting[i] * n_out;
    }
    product(&one, 0, 1, delta, n_out, rows, grad + n_in * n_out, n_out, NULL);
    for (ptrdiff_t i = 0; i < rows->n; i++) {
        ptrdiff_t row = room->counting[i];
        rows->at_a[i] = of_table ? row / LANES * LANES * n_in + row % LANES : row * in_stride;
    }
    if (!of_table || n_out < SKIP_FROM) {
        product(input, of_table ? LANES : 1, n_in, delta, n_out, rows, grad, n_out, NULL);
        return;
    }
    for (ptrdiff_t k = 0; k < n_in; k += GROUP) {
        ptrdiff_t here = n_in - k < GROUP ? n_in - k : GROUP;
        list_rows(&room->some, rows, input + LANES * k, here);
        product(input + LANES * k, LANES, here, delta, n_out, &room->some, grad + k * n_out, n_out,
                NULL);
    }
}

static void network_forward(const network *net, const double *params, ptrdiff_t n_candidates,
                            const double *tiles, ptrdiff_t n_tiles, double *raw, double *kept,
                            work *room)
{
    ptrdiff_t n_rows = LANES * n_tiles, n_raw = net->widths[net->n_layers];
    for (ptrdiff_t p = 0; p < n_candidates; p++) {
        for (ptrdiff_t first = 0; first < n_tiles; first += TILES_AT_A_TIME) {
            ptrdiff_t here = n_tiles - first < TILES_AT_A_TIME ? n_tiles - first : TILES_AT_A_TIME;
            const double *input = tiles + LANES * net->widths[0] * first, *own = params;
            double *layer = kept, *out = NULL;
            for (int i = 0; i < net->n_layers; i++) {
                ptrdiff_t n_in = net->widths[i], n_out = net->filled[i + 1];
                int is_last = i == net->n_layers - 1;
                out = kept == NULL || is_last ? room->answers[i % 2] : layer + LANES * first * n_out;
                affine_layer(own, n_in, n_out, input, here, i == 0, out, room);
                if (!is_last) activate(net->activation, out, LANES * here * n_out);
                input = out;
                layer += n_rows * n_out;
                own += (n_in + 1) * n_out;
            }
            for (ptrdiff_t c = 0; c < n_raw; c++)
                for (ptrdiff_t r = 0; r < LANES * here; r++)
                    raw[c * n_rows + LANES * first + r] = out[r * net->filled[net->n_layers] + c];
        }
        params += net->n_params;
        raw += n_raw * n_rows;
        if (kept != NULL) kept += net->n_kept * n_rows;
    }
}

/* The slopes of some rows as delta[row][output], and which rows have any. Of others nothing else
 * is looked at: what units answer for a row that does not count need not be finite. */
static void turn_slopes(const double *slopes, ptrdiff_t stride, ptrdiff_t n_rows, ptrdiff_t n_raw,
                        ptrdiff_t n_out, double *delta, work *room)
{
    room->n_counting = 0;
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        int any = 0;
        for (ptrdiff_t c = 0; c < n_out; c++) {
            delta[r * n_out + c] = c < n_raw ? slopes[c * stride + r] : 0.0;
            any |= delta[r * n_out + c] != 0.0;
        }
        room->counting[room->n_counting] = r;
        room->n_counting += any;
    }
}

static void network_backward(const network *net, const double *params, ptrdiff_t n_candidates,
                             const double *tiles, ptrdiff_t n_tiles, const double *kept,
                             const double *raw_grad, double *grad, work *room)
{
    ptrdiff_t n_rows = LANES * n_tiles, n_raw = net->widths[net->n_layers];
    for (ptrdiff_t p = 0; p < n_candidates; p++) {
        for (ptrdiff_t first = 0; first < n_tiles; first += TILES_AT_A_TIME) {
            ptrdiff_t here = n_tiles - first < TILES_AT_A_TIME ? n_tiles - first : TILES_AT_A_TIME;
            double *delta = room->deltas[0], *below = room->deltas[1];
            turn_slopes(raw_grad + LANES * first, n_rows, LANES * here, n_raw,
                        net->filled[net->n_layers], delta, room);
            const double *layer = kept + net->n_kept * n_rows, *own = params + net->n_params;
            double *own_grad = grad + net->n_params;
            for (int i = net->n_layers - 1; i >= 0; i--) {
                ptrdiff_t n_in = net->widths[i], in_stride = net->filled[i];
                ptrdiff_t n_out = net->filled[i + 1], n_used = net->widths[i + 1];
                own -= (n_in + 1) * n_out;
                own_grad -= (n_in + 1) * n_out;
                const double *input = tiles + LANES * first * n_in;
                if (i > 0) {
                    layer -= n_rows * in_stride;
                    input = layer + LANES * first * in_stride;
                }
                add_gradient(input, delta, n_in, n_out, i == 0, own_grad, room);
                if (i == 0) break;
                double *turned = room->turned;
                for (ptrdiff_t o = 0; o < n_used; o++)
                    for (ptrdiff_t k = 0; k < in_stride; k++)
                        turned[o * in_stride + k] = k < n_in ? own[k * n_out + o] : 0.0;
                list_all(&room->some, n_used, 1, in_stride);
                memset(below, 0, sizeof(double) * (size_t)(LANES * here * in_stride));
                product(delta, n_out, LANES * here, turned, in_stride, &room->some, below,
                        in_stride, NULL);
                times_slopes(net->activation, input, below, LANES * here * in_stride);
                double *other = delta;
                delta = below;
                below = other;
            }
        }
        params += net->n_params;
        grad += net->n_params;
        kept += net->n_kept * n_rows;
        raw_grad += n_raw * n_rows;
    }
}

/* theta is of standardised features and outputs, and not filled up: params, in the user's units,
 * are. unit is what the weights of a feature in theta are multiplied by, center its 0. */
MULTIVERSION static void fold_network(const network *net, const double *theta,
                                      const double *unit, const double *center,
                                      double output_center, double output_scale, double *params)
{
    for (int i = 0; i < net->n_layers; i++) {
        ptrdiff_t n_in = net->widths[i], n_out = net->widths[i + 1], filled = net->filled[i + 1];
        int is_last = i == net->n_layers - 1;
        double scale = is_last ? output_scale : 1.0, *restrict constants = params + n_in * filled;
        for (ptrdiff_t o = 0; o < n_out; o++)
            constants[o] = theta[n_in * n_out + o] * scale + (is_last ? output_center : 0.0);
        for (ptrdiff_t k = 0; k < n_in; k++) {
            const double *restrict from = theta + k * n_out;
            double *restrict to = params + k * filled;
            double of_input = i == 0 ? unit[k] * scale : scale;
            for (ptrdiff_t o = 0; o < n_out; o++) to[o] = from[o] * of_input;
            if (i == 0)
                for (ptrdiff_t o = 0; o < n_out; o++) constants[o] -= to[o] * center[k];
        }
        for (ptrdiff_t k = 0; k <= n_in; k++)
            for (ptrdiff_t o = n_out; o < filled; o++) params[k * filled + o] = 0.0;
        theta += (n_in + 1) * n_out;
        params += (n_in + 1) * filled;
    }
}

/* The chain rule through fold_network. */
MULTIVERSION static void unfold_gradient(const network *net, const double *grad,
                                         const double *unit, const double *center,
                                         double output_scale, double *restrict theta_grad)
{
    for (int i = 0; i < net->n_layers; i++) {
        ptrdiff_t n_in = net->widths[i], n_out = net->widths[i + 1], filled = net->filled[i + 1];
        double scale = i == net->n_layers - 1 ? output_scale : 1.0;
        const double *constants = grad + n_in * filled;
        for (ptrdiff_t k = 0; k < n_in; k++) {
            double of_input = i == 0 ? unit[k] * scale : scale;
            double shift = i == 0 ? center[k] : 0.0;
            for (ptrdiff_t o = 0; o < n_out; o++)
                theta_grad[k * n_out + o] =
                    (grad[k * filled + o] - shift * constants[o]) * of_input;
        }
        for (ptrdiff_t o = 0; o < n_out; o++) theta_grad[n_in * n_out + o] = constants[o] * scale;
        grad += (n_in + 1) * filled;
        theta_grad += (n_in + 1) * n_out;
    }
}

#endif
