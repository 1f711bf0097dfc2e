/* The gradient of a few rows, in single precision: of a network as mlp.h has it.
 *
 * A gradient of some rows stands for that of all, and is off by far more than rounding; so batches
 * are read, weighed and differentiated in floats, twice as fast, and what is counted is not. Rows
 * are standardised as they are read: [row][feature], filled up to whole vectors as all layers are.
 */
#ifndef TABTRAIN_MLP_BATCH_H
#define TABTRAIN_MLP_BATCH_H

#include <math.h>

#include "mlp.h"

#define FLOATS 16 /* rows of anything are filled up to so many */
/* So many rows go through all layers at a time, and stay in the cache. */
#define ROWS_AT_A_TIME 256
/* A standardised number that is farther out is of a row of next to no weight. */
#define FARTHEST 1e12f

enum { LOG_LOSS, BRIER, SQUARED };

static loss_kernel losses_of(int loss)
{
    return loss == LOG_LOSS ? add_log_loss : loss == BRIER ? add_brier : add_squared;
}

/* What a feature is in theta: (x - shift) * unit, if that is as small as offset = (center - shift)
 * * unit lets expect, or else far from 0: then shift is center, and zeros do not stay zeros. */
typedef struct {
    const double *unit, *shift, *offset;
    double output_center, output_scale;
} scales;

FORCE_INLINE ptrdiff_t filled_up(ptrdiff_t n) { return (n + FLOATS - 1) / FLOATS * FLOATS; }

/* Memory for a batch, of the layers as they are filled up. */
typedef struct {
    float *params, *grad;      /* weights[input][output] and constants, layer after layer */
    float *inputs;             /* [row][feature] */
    float *answers;            /* of the hidden layers, layer after layer: [row][unit] */
    float *deltas[2], *turned; /* the slopes of a layer, and its weights [output][input] */
    float *nothing;            /* as many zeros as there are outputs */
    double *raw, *slopes;      /* [output][row] */
    double *y, *weight;
    terms some, rows;
    ptrdiff_t n_params;
} batch_room;

/* How many bytes that takes; and what is where in them, if there are any. */
static ptrdiff_t lay_out(const network *net, char *bytes, batch_room *room)
{
    ptrdiff_t n_params = 0, n_answers = 0, widest = 0, at = 0, n_raw = net->widths[net->n_layers];
    for (int i = 0; i < net->n_layers; i++) {
        ptrdiff_t n_out = filled_up(net->widths[i + 1]);
        n_params += (net->widths[i] + 1) * n_out;
        if (n_out > widest) widest = n_out;
        if (i + 1 < net->n_layers) n_answers += n_out;
    }
    ptrdiff_t n_inputs = filled_up(net->widths[0]);
    ptrdiff_t n_terms = n_inputs + widest + ROWS_AT_A_TIME;
#define PLACE(member, n)                                          \
    room->member = (__typeof__(room->member))(bytes + at);        \
    at += ((ptrdiff_t)sizeof(*room->member) * (n) + 63) / 64 * 64;
    PLACE(params, n_params)
    PLACE(grad, n_params)
    PLACE(inputs, ROWS_AT_A_TIME * n_inputs)
    PLACE(answers, ROWS_AT_A_TIME * n_answers)
    PLACE(deltas[0], ROWS_AT_A_TIME * widest)
    PLACE(deltas[1], ROWS_AT_A_TIME * widest)
    PLACE(turned, widest * widest)
    PLACE(nothing, widest)
    PLACE(raw, ROWS_AT_A_TIME * n_raw)
    PLACE(slopes, ROWS_AT_A_TIME * n_raw)
    PLACE(y, ROWS_AT_A_TIME)
    PLACE(weight, ROWS_AT_A_TIME)
    PLACE(some.at_a, n_terms)
    PLACE(some.at_b, n_terms)
    PLACE(rows.at_a, n_terms)
    PLACE(rows.at_b, n_terms)
#undef PLACE
    room->n_params = n_params;
    return at;
}

/* theta as params of floats; the constants take in what standardised rows are off. */
MULTIVERSION static void fold_floats(const network *net, const double *theta, const scales *units,
                                     const batch_room *room)
{
    float *params = room->params;
    double *constants = (double *)room->deltas[0]; /* not used yet */
    for (int i = 0; i < net->n_layers; i++) {
        ptrdiff_t n_in = net->widths[i], n_out = net->widths[i + 1], filled = filled_up(n_out);
        for (ptrdiff_t o = 0; o < n_out; o++) constants[o] = theta[n_in * n_out + o];
        for (ptrdiff_t k = 0; k < n_in; k++) {
            const double *restrict from = theta + k * n_out;
            float *restrict to = params + k * filled;
            for (ptrdiff_t o = 0; o < n_out; o++) to[o] = (float)from[o];
            if (i == 0 && units->offset[k] != 0.0)
                for (ptrdiff_t o = 0; o < n_out; o++) constants[o] -= from[o] * units->offset[k];
        }
        for (ptrdiff_t o = 0; o < n_out; o++) params[n_in * filled + o] = (float)constants[o];
        for (ptrdiff_t k = 0; k <= n_in; k++)
            for (ptrdiff_t o = n_out; o < filled; o++) params[k * filled + o] = 0.0f;
        theta += (n_in + 1) * n_out;
        params += (n_in + 1) * filled;
    }
}

/* The chain rule through fold_floats: adds to the gradient, or fills it with the first rows. */
MULTIVERSION static void unfold_floats(const network *net, const batch_room *room,
                                       const scales *units, double scale, int is_first,
                                       double *restrict gradient)
{
#define ADD(k, value) gradient[k] = (is_first ? 0.0 : gradient[k]) + scale * (value)
    const float *grad = room->grad;
    for (int i = 0; i < net->n_layers; i++) {
        ptrdiff_t n_in = net->widths[i], n_out = net->widths[i + 1], filled = filled_up(n_out);
        const float *constants = grad + n_in * filled;
        for (ptrdiff_t k = 0; k < n_in; k++) {
            double offset = i == 0 ? units->offset[k] : 0.0;
            for (ptrdiff_t o = 0; o < n_out; o++)
                ADD(k * n_out + o, grad[k * filled + o] - offset * constants[o]);
        }
        for (ptrdiff_t o = 0; o < n_out; o++) ADD(n_in * n_out + o, constants[o]);
        grad += (n_in + 1) * filled;
        gradient += (n_in + 1) * n_out;
    }
}
#undef ADD

/* A row of a table, standardised. */
#define READ_ROW(name, real)                                                                  \
    MULTIVERSION static void name(const real *restrict x, const scales *units, ptrdiff_t n,   \
                                  float *restrict to)                                         \
    {                                                                                         \
        const double *restrict shift = units->shift, *restrict unit = units->unit;            \
        for (ptrdiff_t k = 0; k < n; k++) {                                                   \
            float z = (float)((x[k] - shift[k]) * unit[k]);                                   \
            z = z > FARTHEST ? FARTHEST : z;                                                  \
            to[k] = z < -FARTHEST ? -FARTHEST : z;                                            \
        }                                                                                     \
    }
READ_ROW(read_doubles, double)
READ_ROW(read_floats, float)

/* What will be read soon. */
FORCE_INLINE void fetch(const void *row, ptrdiff_t n_bytes)
{
    for (ptrdiff_t i = 0; i < n_bytes; i += 64)
        __builtin_prefetch((const char *)row + i);
}

typedef int ints __attribute__((vector_size(32), aligned(4), may_alias));
typedef long long pairs __attribute__((vector_size(32), aligned(4), may_alias));

/* The sizes of floats, of which 0 and -0 are 0. */
#define SIZES(at) ((*(const pairs *)(at)) & (pairs)(ints){M31, M31, M31, M31, M31, M31, M31, M31})
#define M31 0x7fffffff

/* Of the features of some rows, those that are not 0 in all of them. */
MULTIVERSION static void list_features_of_floats(terms *sum, const float *rows, ptrdiff_t stride,
                                                 ptrdiff_t n_rows, ptrdiff_t n_features,
                                                 ptrdiff_t step_b)
{
    ptrdiff_t n = 0;
    for (ptrdiff_t k = 0; k < n_features; k += 8) {
        pairs any = SIZES(rows + k);
        for (ptrdiff_t m = 1; m < n_rows; m++) any |= SIZES(rows + m * stride + k);
        if (((any[0] | any[1]) | (any[2] | any[3])) == 0) continue;
        for (ptrdiff_t j = k; j < k + 8 && j < n_features; j++) {
            sum->at_a[n] = j;
            sum->at_b[n] = j * step_b;
            n += ((ints)any)[j - k] != 0;
        }
    }
    sum->n = n;
}

/* Of the rows, those where one of 8 features is not 0. */
MULTIVERSION static void list_rows_of_floats(terms *sum, const float *inputs, ptrdiff_t stride,
                                             ptrdiff_t n_rows, ptrdiff_t step_b)
{
    ptrdiff_t n = 0;
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        pairs any = SIZES(inputs + r * stride);
        sum->at_a[n] = r * stride;
        sum->at_b[n] = r * step_b;
        n += ((any[0] | any[1]) | (any[2] | any[3])) != 0;
    }
    sum->n = n;
}

/* Two halves of eight floats through a function of four doubles. */
#define EACH_FLOAT(expression)                                                                \
    for (ptrdiff_t i = 0; i < n; i += 4) {                                                    \
        typedef float quarter __attribute__((vector_size(16), aligned(4), may_alias));        \
        vec at = __builtin_convertvector(*(quarter *)(values + i), vec);                      \
        *(quarter *)(values + i) = __builtin_convertvector((vec)(expression), quarter);       \
    }                                                                                         \
    break;

MULTIVERSION static void activate_floats(int activation, float *values, ptrdiff_t n)
{
    switch (activation) {
    case RELU:
        for (ptrdiff_t i = 0; i < n; i++) values[i] = values[i] < 0.0f ? 0.0f : values[i];
        break;
    case TANH: EACH_FLOAT(tanh_of(at))
    case LOGISTIC: EACH_FLOAT(logistic_of(at))
    }
}

MULTIVERSION static void times_slopes_of_floats(int activation, const float *restrict answers,
                                                float *restrict values, ptrdiff_t n)
{
    switch (activation) {
    case RELU:
        for (ptrdiff_t i = 0; i < n; i++) values[i] = answers[i] > 0.0f ? values[i] : 0.0f;
        break;
    case TANH:
        for (ptrdiff_t i = 0; i < n; i++) values[i] *= 1.0f - answers[i] * answers[i];
        break;
    case LOGISTIC:
        for (ptrdiff_t i = 0; i < n; i++) values[i] *= answers[i] * (1.0f - answers[i]);
        break;
    }
}

/* What a layer answers: out[row][output]. The first skips what is 0. */
static void layer_of_floats(const float *weights, ptrdiff_t n_in, ptrdiff_t n_out,
                            const float *input, ptrdiff_t n_rows, int is_first, float *out,
                            batch_room *room)
{
    ptrdiff_t stride = filled_up(n_in);
    int skips = is_first && n_out >= SKIP_FROM;
    ptrdiff_t at_a_time = skips ? GROUP : n_rows;
    if (!skips) list_all(&room->some, n_in, 1, n_out);
    for (ptrdiff_t r = 0; r < n_rows; r += at_a_time) {
        ptrdiff_t here = n_rows - r < at_a_time ? n_rows - r : at_a_time;
        const float *rows = input + r * stride;
        if (skips) list_features_of_floats(&room->some, rows, stride, here, n_in, n_out);
        product_of_floats(rows, stride, here, weights, n_out, &room->some, out + r * n_out, n_out,
                          weights + n_in * n_out);
    }
}

/* grad = the gradient of the weights and constants of a layer, given that of its outputs. */
static void gradient_of_floats(const float *input, const float *delta, ptrdiff_t n_in,
                               ptrdiff_t n_out, ptrdiff_t n_rows, int is_first, float *grad,
                               batch_room *room)
{
    static const float one = 1.0f;
    ptrdiff_t stride = filled_up(n_in);
    int skips = is_first && n_out >= SKIP_FROM;
    list_all(&room->rows, n_rows, 0, n_out);
    product_of_floats(&one, 0, 1, delta, n_out, &room->rows, grad + n_in * n_out, n_out,
                      room->nothing);
    if (!skips) {
        list_all(&room->rows, n_rows, stride, n_out);
        product_of_floats(input, 1, n_in, delta, n_out, &room->rows, grad, n_out, room->nothing);
        return;
    }
    for (ptrdiff_t k = 0; k < n_in; k += GROUP) {
        ptrdiff_t here = n_in - k < GROUP ? n_in - k : GROUP;
        list_rows_of_floats(&room->rows, input + k, stride, n_rows, n_out);
        product_of_floats(input + k, 1, here, delta, n_out, &room->rows, grad + k * n_out, n_out,
                          room->nothing);
    }
}

/* The rows that are in room: their slopes go into room->grad. */
static void differentiate(const network *net, ptrdiff_t n_rows, int loss, double dscore,
                          double slope_scale, const scales *units, batch_room *room)
{
    ptrdiff_t n_raw = net->widths[net->n_layers], n_last = filled_up(n_raw);
    const float *input = room->inputs, *own = room->params;
    float *out = room->answers;
    for (int i = 0; i < net->n_layers; i++) {
        ptrdiff_t n_in = net->widths[i], n_out = filled_up(net->widths[i + 1]);
        int is_last = i == net->n_layers - 1;
        if (is_last) out = room->deltas[0];
        layer_of_floats(own, n_in, n_out, input, n_rows, i == 0, out, room);
        if (!is_last) activate_floats(net->activation, out, n_rows * n_out);
        input = out;
        out += ROWS_AT_A_TIME * n_out;
        own += (n_in + 1) * n_out;
    }
    float *delta = room->deltas[0], *below = room->deltas[1];
    for (ptrdiff_t c = 0; c < n_raw; c++)
        for (ptrdiff_t r = 0; r < n_rows; r++)
            room->raw[c * n_rows + r] =
                units->output_center + units->output_scale * delta[r * n_last + c];
    double tally[2] = {0.0, 0.0};
    losses_of(loss)(room->raw, n_rows, n_raw, room->y, room->weight, tally, dscore, room->slopes, 1);
    for (ptrdiff_t r = 0; r < n_rows; r++)
        for (ptrdiff_t c = 0; c < n_last; c++)
            delta[r * n_last + c] =
                c < n_raw ? (float)(slope_scale * room->slopes[c * n_rows + r]) : 0.0f;

    own = room->params + room->n_params;
    float *grad = room->grad + room->n_params, *answers = room->answers;
    for (int i = 0; i < net->n_layers - 1; i++)
        answers += ROWS_AT_A_TIME * filled_up(net->widths[i + 1]);
    for (int i = net->n_layers - 1; i >= 0; i--) {
        ptrdiff_t n_in = net->widths[i], stride = filled_up(n_in);
        ptrdiff_t n_used = net->widths[i + 1], n_out = filled_up(n_used);
        own -= (n_in + 1) * n_out;
        grad -= (n_in + 1) * n_out;
        if (i > 0) answers -= ROWS_AT_A_TIME * stride;
        gradient_of_floats(i > 0 ? answers : room->inputs, delta, n_in, n_out, n_rows, i == 0, grad,
                           room);
        if (i == 0) break;
        for (ptrdiff_t o = 0; o < n_used; o++)
            for (ptrdiff_t k = 0; k < stride; k++)
                room->turned[o * stride + k] = k < n_in ? own[k * n_out + o] : 0.0f;
        list_all(&room->some, n_used, 1, stride);
        product_of_floats(delta, n_out, n_rows, room->turned, stride, &room->some, below, stride,
                          room->nothing);
        times_slopes_of_floats(net->activation, answers, below, n_rows * stride);
        float *other = delta;
        delta = below;
        below = other;
    }
}

#endif
