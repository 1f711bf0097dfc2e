"""Slow, obvious twins of the kernels: plain NumPy and loops, to be seen to be right.

They take rows, not tiles, and compute in long double: what differs is the kernel's error.
"""

import itertools

import numpy as np

LANES = 16
Long = np.longdouble
MAX = np.finfo(np.float64).max


def round_up(n_rows):
    """So many rows fill the tiles that these need."""
    return -(-n_rows // LANES) * LANES


def padded(values):
    """The values, then zeros up to a whole number of tiles."""
    result = np.zeros(round_up(len(values)))
    result[: len(values)] = values
    return result


def pack(X):
    n_rows, n_features = X.shape
    tiles = np.zeros((round_up(n_rows) // LANES, n_features, LANES))
    for i in range(n_rows):
        for k in range(n_features):
            tiles[i // LANES, k, i % LANES] = X[i, k]
    return tiles


def unpack(tiles):
    """The rows of some tiles, those that fill up the last one included."""
    return tiles.transpose(0, 2, 1).reshape(-1, tiles.shape[1])


def moments(X, weight, center):
    """``sums[2, k]``; a row of weight 0 is no row."""
    sums = np.zeros((2, X.shape[1]), Long)
    for x, w in zip(X.astype(Long), weight.astype(Long), strict=True):
        if w > 0:
            sums += w * np.array([x - center, (x - center) ** 2])
    return sums


# Linear functions


def split_params(params, n_features, n_outputs):
    """``weights[C, k]`` and ``intercepts[C]`` of one candidate."""
    n_weights = n_outputs * n_features
    return params[:n_weights].reshape(n_outputs, n_features), params[n_weights:]


def forward(params, X, n_outputs):
    raw = np.zeros((len(params), n_outputs, len(X)), Long)
    for p, own in enumerate(params.astype(Long)):
        weights, intercepts = split_params(own, X.shape[1], n_outputs)
        for i, x in enumerate(X.astype(Long)):
            raw[p, :, i] = (weights * x).sum(axis=1) + intercepts
    return raw


def forward_error(params, X, n_outputs):
    """What rounding may do to `forward`, in whatever order it adds (Higham 2002, section 3.1)."""
    size = forward(np.abs(params), np.abs(X), n_outputs)
    return (X.shape[1] + 2) * np.finfo(np.float64).eps * size + 5e-324 * (X.shape[1] + 1)


def backward(X, raw_grad):
    weights = np.zeros((len(raw_grad), X.shape[1]), Long)
    for c in range(len(raw_grad)):
        for k in range(X.shape[1]):
            weights[c, k] = (raw_grad[c].astype(Long) * X[:, k]).sum()
    return np.concatenate([weights.ravel(), raw_grad.astype(Long).sum(axis=1)])


def fold(thetas, unit, center, output_center, output_scale, n_outputs):
    """Parameters of ``output_center + output_scale * constant + (unit * theta) . (x - center)``."""
    n_features = len(unit)
    has_constants = thetas.shape[1] == n_outputs * (n_features + 1)
    params = np.zeros((len(thetas), n_outputs * (n_features + 1)), Long)
    for p, theta in enumerate(thetas.astype(Long)):
        weights, constants = split_params(theta, n_features, n_outputs)
        weights = weights * unit
        if has_constants:
            intercepts = output_center + output_scale * constants - (weights * center).sum(axis=1)
        else:
            intercepts = np.zeros(n_outputs)
        params[p] = np.concatenate([weights.ravel(), intercepts])
    return params


def unfold(grad, unit, center, output_scale, n_outputs, has_constants):
    """How much the score differs with each entry of theta, by the Jacobian of `fold`."""
    n_features = len(unit)
    directions = np.eye(n_outputs * (n_features + has_constants))
    moved = fold(directions, unit, center, 0.0, output_scale, n_outputs)
    return moved @ grad.astype(Long)


# Classes


def predict(raw):
    """``labels[P, n]``"""
    if raw.shape[1] == 1:
        return (raw[:, 0] > 0).astype(int)
    return raw.argmax(axis=1)


def confusion(raw, y, weight):
    """``counts[P, true class, predicted class]``"""
    n_classes = max(raw.shape[1], 2)
    counts = np.zeros((len(raw), n_classes, n_classes))
    for p, labels in enumerate(predict(raw)):
        for true, predicted, w in zip(y.astype(int), labels, weight, strict=True):
            counts[p, true, predicted] += w
    return counts


def probabilities(raw):
    """``[class, row]`` of ``raw[C, n]``: the softmax, or the sigmoid of one."""
    raw = raw.astype(Long)
    if len(raw) == 1:
        raw = np.concatenate([np.zeros_like(raw), raw])
    powers = np.exp(raw - raw.max(axis=0))
    return powers / powers.sum(axis=0)


# Networks: layers are pairs of weights ``[input, output]`` and constants ``[output]``

ACTIVATIONS = {
    "identity": (lambda z: z, lambda h: np.ones_like(h)),
    "logistic": (lambda z: 1 / (1 + np.exp(-z)), lambda h: h * (1 - h)),
    "relu": (lambda z: np.maximum(z, 0), lambda h: (h > 0).astype(Long)),
    "tanh": (np.tanh, lambda h: 1 - h**2),
}


def network(X, layers, activation):
    """What each layer answers ``[n, units]``, the raw predictions last."""
    answers = [X.astype(Long)]
    for i, (coefs, intercepts) in enumerate(layers):
        z = answers[-1] @ coefs.astype(Long) + intercepts
        answers.append(z if i == len(layers) - 1 else ACTIVATIONS[activation][0](z))
    return answers[1:]


def network_gradient(X, layers, activation, raw_grad):
    """The gradient with respect to the layers, given that to the raw predictions ``[C, n]``."""
    inputs = [X.astype(Long), *network(X, layers, activation)[:-1]]
    delta, gradient = raw_grad.T.astype(Long), []
    for h, (coefs, _) in zip(inputs[::-1], layers[::-1], strict=True):
        gradient.insert(0, (h.T @ delta, delta.sum(axis=0)))
        delta = delta @ coefs.T.astype(Long) * ACTIVATIONS[activation][1](h)
    return gradient


# Losses of the rows of ``raw[C, n]``, and their slopes ``[C, n]``


def _is_class(raw, y):
    return y == np.arange(max(len(raw), 2))[:, np.newaxis]


def log_loss(raw, y):
    if len(raw) == 1:
        wrong_way = np.where(y == 1, -raw[0].astype(Long), raw[0].astype(Long))
        return np.maximum(wrong_way, 0) + np.log1p(np.exp(-np.abs(wrong_way)))
    raw = raw.astype(Long)
    over_truth = raw - raw[y.astype(int), np.arange(len(y))]
    largest = over_truth.max(axis=0)
    # The largest power is 1: left to log1p, which keeps the digits of the others.
    others = np.sort(np.exp(over_truth - largest), axis=0)[:-1]
    return largest + np.log1p(others.sum(axis=0))


def log_loss_slope(raw, y):
    return (probabilities(raw) - _is_class(raw, y))[-len(raw) :]


def brier(raw, y):
    squares = (probabilities(raw) - _is_class(raw, y)) ** 2
    return squares[1] if len(raw) == 1 else squares.sum(axis=0)


def brier_slope(raw, y):
    p = probabilities(raw)
    outward = 2 * (p - _is_class(raw, y))  # d loss / d p
    if len(raw) == 1:
        return (outward * p * (1 - p))[1:]
    slope = np.zeros_like(p)
    for c in range(len(p)):
        for j in range(len(p)):
            slope[c] += outward[j] * p[j] * ((c == j) - p[c])
    return slope


def squared(raw, y):
    return (raw[0].astype(Long) - y) ** 2


def squared_slope(raw, y):
    return 2 * (raw.astype(Long) - y)


def absolute(raw, y):
    return np.abs(raw[0].astype(Long) - y)


def within(raw, y, absolute, relative):
    return np.abs(raw[0] - y) <= absolute + relative * np.abs(y)


def loss_tally(losses, weight):
    """(sum of the weights, sum of the weighted losses); a row of weight 0 is no row."""
    counts = weight > 0
    w = weight[counts].astype(Long)
    return np.array([w.sum(), (w * losses[counts]).sum()])


# Soft counts


def soft_confusion(raw, y, weight, tau):
    """``counts[true class, predicted class]`` of ``raw[C, n]``, shared out by `probabilities`."""
    n_classes = max(len(raw), 2)
    counts = np.zeros((n_classes, n_classes), Long)
    for i in range(len(y)):
        if weight[i] > 0:
            share = probabilities(raw[:, i : i + 1].astype(Long) / Long(tau))[:, 0]
            counts[int(y[i])] += Long(weight[i]) * share
    return counts


def soft_slope(raw, y, weight, tau, dscore):
    """The derivative ``[C, n]`` of a score whose own is ``dscore[true, predicted]``."""
    slope = np.zeros(raw.shape, Long)
    for i in range(len(y)):
        if weight[i] > 0:
            p = probabilities(raw[:, i : i + 1].astype(Long) / Long(tau))[:, 0]
            own = dscore[int(y[i])].astype(Long)
            of_class = Long(weight[i]) / Long(tau) * p * (own - (p * own).sum())
            slope[:, i] = of_class[-len(raw) :]
    return slope


# Lines. An interval is open, and begins and ends where rows flip or at the limits.


def flips(raw, moved, slope, low, high):
    """Of each row of ``raw[C, n]``: where it flips, or infinity; its labels before and after."""
    n_rows = raw.shape[1]
    t = np.full(n_rows, np.inf)
    labels = np.zeros((2, n_rows), int)
    for i in range(n_rows):
        if len(raw) == 1:
            own, other, of_own, of_other = 1, 0, raw[0, i], 0.0
        else:
            other = max((c for c in range(len(raw)) if c != moved), key=lambda c: raw[c, i])
            own, of_own, of_other = moved, raw[moved, i], raw[other, i]
        with np.errstate(all="ignore"):
            at = np.divide(of_other - of_own, slope[i])
        if slope[i] == 0 or np.isnan(at):
            labels[:, i] = predict(raw[np.newaxis, :, i : i + 1])[0, 0]
            continue
        before, after = (other, own) if slope[i] > 0 else (own, other)
        if low < at < high:
            t[i] = at
        elif at <= low:
            before = after
        else:
            after = before
        labels[:, i] = before, after
    return t, labels[0], labels[1]


def counts_on_line(raw, moved, slope, y, weight, t):
    """The confusion counts ``[K * K]`` at one ``t``, where none of the others is as large."""
    others = raw.copy()
    others[moved] = -np.inf
    best = others.argmax(axis=0)
    of_best = others.max(axis=0) if len(raw) > 1 else np.zeros(raw.shape[1])
    # Not the sum, in which a small step would be lost.
    rise, gap = Long(t) * slope.astype(Long), of_best - raw[moved]
    if len(raw) == 1:
        labels = (rise > gap).astype(int)
    else:
        labels = np.where((rise > gap) | ((rise == gap) & (moved < best)), moved, best)
    counts = np.zeros((max(len(raw), 2),) * 2)
    np.add.at(counts, (y.astype(int), labels), weight)
    return counts.ravel()


def tallies_of_intervals(points, t, kind, weight, moves, start):
    """``[len(points) + 1, T]``: one before the first point, one after each."""
    tallies = np.tile(start.astype(float), (len(points) + 1, 1))
    for at, (before, after, _), w in zip(t, moves[kind], weight, strict=True):
        if at < np.inf:
            passed = np.append(False, points >= at)
            tallies[passed, before] -= w
            tallies[passed, after] += w
    return tallies


def has_number(low, high):
    with np.errstate(over="ignore"):
        return np.nextafter(low, np.inf) < high


def width(low, high):
    """Without an end on one side it is twice as wide as the other end is large, at least 2."""
    with np.errstate(over="ignore"):
        if np.isinf(low) and np.isinf(high):
            return np.inf
        if np.isinf(low) or np.isinf(high):
            return 2 * max(1.0, abs(high if np.isinf(low) else low))
        return high - low


def middle(low, high):
    with np.errstate(over="ignore"):
        if np.isinf(low) and np.isinf(high):
            return 0.0
        if np.isinf(low):
            return max(high - max(1.0, abs(high)), -MAX)
        if np.isinf(high):
            return min(low + max(1.0, abs(low)), MAX)
        return (Long(low) + Long(high)) / 2


def best_intervals(edges, scores):
    """The best score there is a number for; intervals with it, joined where they touch."""
    with_number = [has_number(*edges[i : i + 2]) for i in range(len(scores))]
    best = max((s for s, has in zip(scores, with_number, strict=True) if has), default=-np.inf)
    joined, begin = [], 0
    while begin < len(scores):
        end = begin
        while end < len(scores) and scores[end] == best:
            end += 1
        if any(with_number[begin:end]):
            joined.append((edges[begin], edges[end]))
        begin = end + 1
    return best, joined


def classes(answers, labels):
    """Raw predictions ``[C, n]`` of what functions answer ``[n]``."""
    is_label = answers == np.reshape(labels, (-1, 1))
    raw = is_label.astype(float) if len(labels) > 2 else 2.0 * is_label[1:] - 1.0
    return np.where(is_label.any(axis=0), raw, np.nan)


def steps(below, above, other, value, unit, rounding, y, weight, low, high):
    """The t, the kinds, the tally at ``low`` and the steps with labels, of step functions."""
    n_classes = 3
    t, kind = np.full(len(y), np.inf), np.zeros(len(y), dtype=int)
    start, valid = np.zeros((n_classes, n_classes)), [low, high]
    for i, label in enumerate(y.astype(int)):
        at = other[i]
        if rounding == 1:
            at = np.floor(at) + 0.5
        elif rounding == -1:
            at = np.ceil(at) - 0.5
        at = (at - value) / unit
        sides = [below[i], above[i]] if unit > 0 else [above[i], below[i]]
        if weight[i] > 0 and sides[0] < 0:
            valid[0] = np.inf if sides[1] < 0 else max(valid[0], at)
        if weight[i] > 0 and sides[1] < 0:
            valid[1] = min(valid[1], at)
        before, after = (int(side) if side >= 0 else int(label == 0) for side in sides)
        start[label, after if at <= low else before] += weight[i]
        kind[i] = (label * n_classes + before) * n_classes + after
        if before != after and low < at < high and weight[i] > 0:
            t[i] = at
    return t, kind, start.ravel(), valid


# Searches


def curve_moments(z, y, weight, coef):
    """The log-loss with log-odds ``coef @ (1, z, z**2)``, its gradient and upper triangle of the
    Hessian, in a row."""
    moments = np.zeros(10, Long)
    for score, label, w in zip(z.astype(Long), y, weight.astype(Long), strict=True):
        powers = score ** np.arange(3)
        log_odds = powers @ coef.astype(Long)
        p = 1 / (1 + np.exp(-log_odds))
        moments[0] += w * (np.logaddexp(Long(0), log_odds) - label * log_odds)
        moments[1:4] += w * (p - label) * powers
        moments[4:] += w * p * (1 - p) * np.outer(powers, powers)[np.triu_indices(3)]
    return moments


def bend(steps, changes, rho, direction):
    """The inverse Hessian of BFGS, formula 6.17 of Nocedal and Wright, as a matrix."""
    inverse = np.eye(len(direction))
    if len(rho):
        inverse /= rho[-1] * (changes[-1] @ changes[-1])
    for step, change, factor in zip(steps, changes, rho, strict=True):
        away = np.eye(len(direction)) - factor * np.outer(step, change)
        inverse = away @ inverse @ away.T + factor * np.outer(step, step)
    return inverse @ direction


def sgd(gradient, rate, momentum, nesterov, velocity, theta):
    """The next velocity and theta, as scikit-learn's SGDOptimizer says it, uphill."""
    following = momentum * velocity.astype(Long) + rate * gradient
    step = momentum * following + rate * gradient if nesterov else following
    return following, theta + step


def adam(gradient, t, rate, beta1, beta2, epsilon, mean, square, theta):
    """The moments and theta after step ``t``: algorithm 1 of Kingma and Ba, uphill.

    With its efficient order, in which epsilon is added to the root that is not corrected.
    """
    gradient = gradient.astype(Long)
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient**2
    rate = rate * np.sqrt(1 - Long(beta2) ** t) / (1 - Long(beta1) ** t)
    return mean, square, theta + rate * mean / (np.sqrt(square) + epsilon)


# Lists of rules


def holds(condition, n_categories, x):
    """Whether a condition ``[3 + n_categories]`` holds for a value."""
    test, _, threshold = condition[:3]
    if test == 3:
        return np.isnan(x)
    if test == 4:
        return not np.isnan(x)
    if not np.isnan(threshold):
        return x <= threshold if test == 1 else x > threshold
    is_member = 0 <= x < n_categories and condition[3 + int(x)] == 1
    return is_member if test == 1 else not is_member


def rules_forward(conditions, answers, X):
    """The answers ``[P, C, n]`` of ``conditions[P, R, M, 3 + n]`` and ``answers[P, R + 1, C]``."""
    n_categories = conditions.shape[3] - 3
    raw = np.empty((len(conditions), answers.shape[2], len(X)))
    for p, rules in enumerate(conditions):
        for i, row in enumerate(X):
            leaf = len(rules)
            for r, rule in reversed(list(enumerate(rules))):
                real = [c for c in rule if c[0] in (1, 2, 3, 4) and 0 <= c[1] < len(row)]
                if real and all(holds(c, n_categories, row[int(c[1])]) for c in real):
                    leaf = r
            raw[p, :, i] = answers[p, leaf]
    return raw


def best_stump(X, y, weight, score_counts, n_classes):
    """The best score of all stumps there are, of which each is counted."""
    sides = [np.zeros(len(y), dtype=bool)]
    for x in X.T:
        values = np.unique(x[(weight > 0) & ~np.isnan(x)])
        sides += [np.isnan(x), ~np.isnan(x)]
        for threshold in values[:-1]:
            sides += [x <= threshold, x > threshold]
    counts = []
    for side in sides:
        for inside in range(n_classes):
            for outside in range(n_classes):
                predicted = np.where(side, inside, outside)
                flat = np.bincount(y * n_classes + predicted, weight, n_classes**2)
                counts.append(flat.reshape(n_classes, n_classes))
    return score_counts(np.array(counts)).max()


def codes(X, cuts, missing):
    """``[n_features, n_rows]``: how many cuts are below each value."""
    found = np.array([np.searchsorted(cuts[f], x, side="left") for f, x in enumerate(X.T)])
    return np.where(np.isnan(X.T), missing[:, np.newaxis], found)


def by_code(codes, first, rows, kind, weight, n_codes, n_kinds):
    sums = np.zeros((n_codes, n_kinds), dtype=Long)
    for f, of_feature in enumerate(codes):
        for row, k, w in zip(rows, kind, weight, strict=True):
            sums[first[f] + of_feature[row], k] += w
    return sums


def tallies_of_conditions(sums, first, orders, base, moves, leaf, of_leaf, min_support, inside):
    """What `splits.fill_tallies` fills: ``tallies`` and ``bounds``, by place."""
    tallies, bounds = {}, {}
    is_weight = leaf >= 0

    def changed(moves, held, column):
        tally = base.astype(Long)
        np.subtract.at(tally, moves[:, 0], held)
        np.add.at(tally, moves[:, column], held)
        return tally

    for a, (order, of_answer) in enumerate(zip(orders, moves, strict=True)):
        for begin, end in itertools.pairwise(first):
            present = order[begin : end - 1]
            for b in range(begin, end):
                k = b - begin
                here = sums[order[b]]
                if not here[is_weight].any():
                    continue
                # The codes that it holds for on either side, and all but the code itself.
                sides = (present[: k + 1], present[k + 1 :]) if b < end - 1 else ([b], present)
                for side, codes in enumerate(sides):
                    place = 2 * (a * len(sums) + b) + side
                    held = sums[codes].sum(axis=0)
                    without = held - here if side == 0 else held
                    if b in inside:
                        gains = of_answer[:, 0] != of_answer[:, 1]
                        inner = changed(of_answer, here * gains, 2) - base
                        bounds[place] = changed(of_answer, without, 1) + inner
                    left = of_leaf - np.bincount(
                        leaf[is_weight], held[is_weight].astype(float), len(of_leaf)
                    )
                    rest = sums[present].sum(axis=0) - held
                    is_all = b < end - 1 and not rest[is_weight].any()
                    if min(held[is_weight].sum(), left.min()) >= min_support and not is_all:
                        tallies[place] = changed(of_answer, held, 1)
    return tallies, bounds
