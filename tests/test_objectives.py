"""Every objective has every property; a new objective is a new row in problems.py."""

import itertools
import pickle
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import get_scorer_names

from tabtrain._parts import snake_case
from tabtrain.objectives import (
    R2,
    Accuracy,
    Cost,
    CountScore,
    F1Macro,
    FBeta,
    MatthewsCorrcoef,
    PassRate,
    Soft,
    get_objective,
    objective_names,
)
from tabtrain.objectives._count_metric import CountMetric
from tests.problems import (
    OBJECTIVE_CASES,
    OBJECTIVES,
    expected_score,
    n_outputs_of,
    share_right,
)
from tests.reference import padded, predict, round_up

cases = pytest.mark.parametrize(("name", "n_classes"), OBJECTIVE_CASES)
OF_CLASSES = [case for case in OBJECTIVE_CASES if case[1] > 1]
OF_COUNTS = [
    (name, n) for name, n in OF_CLASSES if isinstance(OBJECTIVES[name].make(n), CountMetric)
]
WITH_GRADIENT = [case for case in OBJECTIVE_CASES if OBJECTIVES[case[0]].has_gradient]
NAMES = objective_names("class") + objective_names("number")
BOUNDED = [(name, n) for name, n in OBJECTIVE_CASES if n in OBJECTIVES[name].bounded_for]

WEIGHTS = {
    "ones": [1.0],
    "whole": [0.0, 1.0, 2.0, 3.0],
    "fractions": [0.0, 0.1, 0.3, 0.7, 1.0, 1.9, 3.3],
}


def tally(objective, raw, y, weight):
    """The tally ``[T]`` of ``raw[C, n]``."""
    n_classes = max(len(raw), 2) if objective.target == "class" else 1
    full = np.full((1, len(raw), round_up(len(y))), 0.5)
    full[0, :, : len(y)] = raw
    tallies = np.zeros((1, objective.n_tallies(n_classes)))
    objective.tally(full, padded(y), padded(weight), tallies)
    return tallies[0]


def score(objective, raw, y, weight):
    objective = objective.bind(y, weight)
    return objective.score(tally(objective, raw, y, weight)[np.newaxis])[0]


@st.composite
def tables(draw, n_classes, weights=None, min_rows=1):
    """``raw[C, n]``, ``y`` and ``weight``, with classes that do not occur or are not predicted."""
    n_rows = draw(st.integers(min_rows, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weight = rng.choice(WEIGHTS[weights or draw(st.sampled_from(list(WEIGHTS)))], n_rows)
    weight[:min_rows] = 1
    if n_classes == 1:
        # Halves, so that rows may be right, or off by just the tolerance.
        y, raw = rng.integers(-6, 7, (2, n_rows)) / 2
        if draw(st.booleans()):
            y, raw = y + rng.standard_normal(n_rows), raw + rng.standard_normal(n_rows)
        return raw[np.newaxis], y, weight
    some_classes = st.integers(1, 2**n_classes - 1).map(
        lambda bits: [k for k in range(n_classes) if bits >> k & 1]
    )
    occurring, predicted = draw(some_classes), draw(some_classes)
    y = rng.choice(occurring, n_rows).astype(float)
    raw = rng.integers(-3, 4, (n_outputs_of(n_classes), n_rows)) * rng.choice([1, 1.7])
    if len(raw) > 1:
        raw[np.setdiff1d(range(n_classes), predicted)] -= 8
    elif predicted in ([0], [1]):
        raw = np.abs(raw) * (2 * predicted[0] - 1)
    return raw, y, weight


# Agreement with scikit-learn


@cases
@settings(max_examples=15)
@given(st.data())
def test_agrees_with_the_metric(name, n_classes, data):
    raw, y, weight = data.draw(tables(n_classes, min_rows=2 if n_classes == 1 else 1))
    if name == "R2":  # of a constant: below
        assume(np.ptp(y[weight > 0]) > 0)
    found = score(OBJECTIVES[name].make(n_classes), raw, y, weight)
    assert_allclose(found, expected_score(name, raw, y, weight), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3, 4, 5, 7])
@pytest.mark.parametrize("of_truth", [True, False])
def test_no_correlation_with_a_constant(n_classes, of_truth, rng):
    """Not even one that is only a rounding error, divided by another."""
    weights = rng.random((1000, n_classes))
    counts = np.zeros((1000, n_classes, n_classes))
    constant = rng.integers(n_classes, size=1000)
    counts[np.arange(1000), :, constant] = weights
    if of_truth:
        counts = counts.transpose(0, 2, 1).copy()
    assert_allclose(MatthewsCorrcoef().score_counts(counts), 0, atol=1e-12)


@pytest.mark.parametrize("constant", [0.0, 2.0, -7.5, 1e8])
def test_r2_of_a_constant(constant):
    y = np.full(20, constant)
    assert score(R2(), y[np.newaxis], y, np.ones(20)) == 1
    assert score(R2(), y[np.newaxis] + 1, y, np.ones(20)) == 0


def test_r2_far_from_zero(rng):
    """Squares about 0 would leave no digit."""
    y = 1e9 + rng.standard_normal(500)
    raw = y + 0.1 * rng.standard_normal(500)
    found = score(R2(), raw[np.newaxis], y, np.ones(500))
    y, raw = (y - 1e9).astype(np.longdouble), (raw - 1e9).astype(np.longdouble)
    assert_allclose(found, float(1 - ((raw - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()), 1e-12)


def test_log_loss_is_not_cut_off():
    objective = OBJECTIVES["NegLogLoss"].make(2)
    assert_allclose(score(objective, np.array([[-500.0]]), np.ones(1), np.ones(1)), -500)


# Tallies


@cases
@settings(max_examples=15)
@given(st.data())
def test_tallies_add(name, n_classes, data):
    """Over any parts of the table, in any order."""
    raw, y, weight = data.draw(tables(n_classes))
    objective = OBJECTIVES[name].make(n_classes).bind(y, weight)
    whole = tally(objective, raw, y, weight)
    order = np.random.default_rng(len(y)).permutation(len(y))
    cut = data.draw(st.integers(0, len(y)))
    parts = [
        tally(objective, raw[:, some], y[some], weight[some]) for some in np.split(order, [cut])
    ]
    assert_allclose(parts[0] + parts[1], whole, rtol=1e-12, atol=1e-12)
    if (name, n_classes) in OF_COUNTS and np.array_equal(weight, weight.round()):
        assert_array_equal(parts[0] + parts[1], whole)


@cases
@settings(max_examples=15)
@given(st.data())
def test_weights_are_repetitions(name, n_classes, data):
    raw, y, weight = data.draw(tables(n_classes, "whole", min_rows=2))
    objective = OBJECTIVES[name].make(n_classes)
    times = weight.astype(int)
    repeated = score(objective, raw.repeat(times, axis=1), y.repeat(times), np.ones(times.sum()))
    assert_allclose(score(objective, raw, y, weight), repeated, rtol=1e-11, atol=1e-11)


@cases
def test_candidates_are_scored_one_by_one(name, n_classes, rng):
    y, weight = rng.integers(n_classes, size=64).astype(float), rng.random(64)
    if n_classes == 1:
        y = rng.standard_normal(64)
    objective = OBJECTIVES[name].make(n_classes).bind(y, weight)
    raw = rng.standard_normal((7, n_outputs_of(n_classes), 64))
    tallies = np.stack([tally(objective, each, y, weight) for each in raw])
    together = objective.score(tallies)
    assert together.shape == (7,)
    assert together.tolist() == [objective.score(tallies[i : i + 1])[0] for i in range(7)]
    assert len(np.unique(together)) > 1


@cases
def test_bind_leaves_the_objective_as_it_was(name, n_classes, rng):
    objective = OBJECTIVES[name].make(n_classes)
    before = dict(vars(objective))
    objective.bind(5 + rng.random(20), np.ones(20))
    assert vars(objective) == before


# Early giving-up: perfect answers for the rest bound whatever the rest may bring


def all_predictions(n_classes, n_rows):
    return np.array(list(itertools.product(range(n_classes), repeat=n_rows)))


def all_counts(predictions, y, weight, n_classes):
    """``counts[prediction, true class, predicted class]``"""
    counts = np.zeros((len(predictions), n_classes, n_classes))
    for i in range(len(y)):
        counts[np.arange(len(predictions)), int(y[i]), predictions[:, i]] += weight[i]
    return counts


@pytest.mark.parametrize(("name", "n_classes"), [case for case in BOUNDED if case in OF_COUNTS])
@settings(max_examples=20)
@given(st.data())
def test_no_completion_beats_the_bound(name, n_classes, data):
    """Of all there are, for all that can have come before; and the best one reaches it."""
    n_rows = {2: 7, 3: 5, 5: 3}[n_classes]
    y = np.array(
        data.draw(st.lists(st.integers(0, n_classes - 1), min_size=n_rows, max_size=n_rows))
    )
    weights = st.sampled_from([1.0, 1.0, 2.0, 0.3, 10.0])
    weight = np.array(data.draw(st.lists(weights, min_size=n_rows, max_size=n_rows)))
    objective = OBJECTIVES[name].make(n_classes)
    predictions = all_predictions(n_classes, n_rows)

    def tallies(rows):
        counts = all_counts(predictions[:, rows], y[rows], weight[rows], n_classes)
        return counts.reshape(len(predictions), -1)

    scores = objective.score(tallies(slice(None)))
    for seen in range(n_rows):
        perfect = objective.perfect(y[seen:].astype(float), weight[seen:], n_classes)
        bounds = objective.score(tallies(slice(seen)) + perfect)
        assert np.all(scores <= bounds + 1e-12)
        if seen == 0:
            assert_allclose(bounds, scores.max(), atol=1e-12)


@pytest.mark.parametrize(("name", "n_classes"), [case for case in BOUNDED if case not in OF_COUNTS])
@settings(max_examples=20)
@given(st.data())
def test_no_completion_of_numbers_beats_the_bound(name, n_classes, data):
    raw, y, weight = data.draw(tables(n_classes))
    objective = OBJECTIVES[name].make(n_classes).bind(y, weight)
    seen = data.draw(st.integers(0, len(y)))
    so_far = tally(objective, raw[:, :seen], y[:seen], weight[:seen])
    perfect = objective.perfect(y[seen:], weight[seen:], n_classes)
    bound = objective.score((so_far + perfect)[np.newaxis])[0]
    if n_classes == 1:
        right = y[np.newaxis]
    else:  # as sure of the truth as it gets
        right = 400 * np.where(y == np.arange(max(n_classes, 2))[:, np.newaxis], 1.0, -1.0)
        right = right[-len(raw) :] if len(raw) == 1 else right
    for rest in (raw, right, right / 3, -raw, right + 1e-3):
        completed = np.concatenate([raw[:, :seen], rest[:, seen:]], axis=1)
        whole = objective.score(tally(objective, completed, y, weight)[np.newaxis])[0]
        assert whole <= bound + 1e-12 * (1 + abs(bound))
        if rest is right:
            assert_allclose(whole, bound, atol=1e-12)


@pytest.mark.parametrize(("name", "n_classes"), OBJECTIVE_CASES)
def test_who_gives_a_bound(name, n_classes):
    objective = OBJECTIVES[name].make(n_classes).bind(np.zeros(3), np.ones(3))
    perfect = objective.perfect(np.zeros(3), np.ones(3), n_classes)
    assert (perfect is not None) == ((name, n_classes) in BOUNDED)


# Gradients


@cases
def test_who_has_a_gradient(name, n_classes):
    has_gradient = OBJECTIVES[name].make(n_classes).tally_gradient is not None
    assert has_gradient == OBJECTIVES[name].has_gradient


@pytest.mark.parametrize(("name", "n_classes"), WITH_GRADIENT)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_gradient_is_that_of_the_score(name, n_classes, weights, rng):
    n_rows, n_outputs, h = 16, n_outputs_of(n_classes), 1e-5
    y = rng.standard_normal(n_rows) if n_classes == 1 else rng.integers(n_classes, size=n_rows)
    y, weight = y.astype(float), rng.choice(WEIGHTS[weights], n_rows)
    raw = rng.standard_normal((n_outputs, n_rows))
    objective = OBJECTIVES[name].make(n_classes).bind(y, weight)
    at = objective.perfect(y, weight, n_classes) if objective.is_affine else None
    dscore = objective.score_gradient(tally(objective, raw, y, weight) if at is None else at)
    tallies = np.zeros((1, objective.n_tallies(n_classes)))
    gradient = np.full_like(raw, np.nan)
    objective.tally_gradient(raw[np.newaxis], y, weight, dscore, tallies, gradient)
    assert_array_equal(tallies[0], tally(objective, raw, y, weight))
    differences = np.empty_like(raw)
    for c, i in np.ndindex(raw.shape):
        step = np.zeros_like(raw)
        step[c, i] = h
        above, below = (score(objective, raw + s, y, weight) for s in (step, -step))
        differences[c, i] = (above - below) / (2 * h)
    assert_allclose(gradient, differences, atol=1e-8)
    assert np.any(gradient)
    assert not gradient[:, weight == 0].any()


# Soft counts


@pytest.mark.parametrize(("name", "n_classes"), OF_COUNTS)
@pytest.mark.parametrize("tau", [1e-3, 0.3, 40.0])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_soft_gradient_of_any_metric(name, n_classes, tau, weights, rng):
    """By differences, over steps that are small for tau."""
    raw = tau * rng.standard_normal((n_outputs_of(n_classes), 32))
    y = rng.permutation(np.arange(32) % n_classes).astype(float)
    weight = rng.choice(WEIGHTS[weights], 32)
    objective = OBJECTIVES[name].make(n_classes).softened(tau)
    tallies = np.zeros((1, n_classes**2))
    gradient = np.full_like(raw, np.nan)
    dscore = objective.score_gradient(tally(objective, raw, y, weight))
    objective.tally_gradient(raw[np.newaxis], y, weight, dscore, tallies, gradient)
    direction, h = rng.standard_normal(raw.shape), 1e-4 * tau
    above, below = (score(objective, raw + s * direction, y, weight) for s in (h, -h))
    slope = (above - below) / (2 * h)
    assert_allclose((gradient * direction).sum(), slope, rtol=1e-5, atol=1e-7 / tau)
    assert np.any(gradient)
    assert not gradient[:, weight == 0].any()


@pytest.mark.parametrize(("name", "n_classes"), OF_COUNTS)
def test_the_cooler_the_nearer_to_the_counts(name, n_classes, rng):
    """Where no row is near the border, down to rounding."""
    objective = OBJECTIVES[name].make(n_classes)
    y, weight = rng.integers(n_classes, size=64).astype(float), rng.random(64)
    raw = rng.permuted(np.arange(1.0, 65 * n_outputs_of(n_classes) - 1e-9)[np.newaxis])
    raw = raw[0, : 64 * n_outputs_of(n_classes)].reshape(-1, 64) - (n_classes == 2) * 32.5
    hard = score(objective, raw, y, weight)
    off = [abs(score(objective.softened(tau), raw, y, weight) - hard) for tau in (10, 0.1, 0.01)]
    assert off[0] > off[1]
    assert off[2] < 1e-12


def test_slopes_of_many_counts(monkeypatch, rng):
    """A part at a time, the same."""
    counts = rng.random(25)
    expected = Soft("f1_macro").score_gradient(counts)
    monkeypatch.setattr("tabtrain.objectives.soft.ENTRIES_AT_A_TIME", 75)
    assert_allclose(Soft("f1_macro").score_gradient(counts), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "objective", [Accuracy(), "accuracy", share_right], ids=["objective", "name", "function"]
)
def test_soft_of_what_a_user_may_give(objective, rng):
    raw, y = rng.standard_normal((3, 50)), rng.integers(3, size=50).astype(float)
    found = score(Soft(objective, 0.3), raw, y, np.ones(50))
    assert_allclose(found, score(Soft("accuracy", 0.3), raw, y, np.ones(50)), rtol=1e-14)


# What is wrong with a row


@cases
def test_row_errors_are_0_where_rows_are_right(name, n_classes, rng):
    n_outputs = n_outputs_of(n_classes)
    raw = rng.integers(-4, 5, (1, n_outputs, 48)) / 2
    y = (rng.integers(-4, 5, 48) / 2) if n_classes == 1 else rng.integers(n_classes, size=48)
    objective = OBJECTIVES[name].make(n_classes)
    errors = objective.row_errors(raw, y.astype(float))
    assert errors.shape == (48,)
    if name.startswith("PassRate"):
        right = [score(objective, raw[0, :, [i]].T, y[[i]], np.ones(1)) == 1 for i in range(48)]
    elif n_classes == 1:
        right = raw[0, 0] == y
        assert_array_equal(errors, np.abs(raw[0, 0] - y))
    else:
        right = predict(raw)[0] == y
    assert_array_equal(errors == 0, right)
    assert 0 < np.sum(right) < 48


# Names and parameters


@pytest.mark.parametrize("target", ["class", "number"])
def test_by_name(target):
    for name in objective_names(target):
        found = get_objective(name, target)
        assert found.target == target
        assert repr(found) == f"{type(found).__name__}()"
    assert objective_names(target)


def test_names_are_of_every_objective_without_arguments():
    assert {"f1", "neg_log_loss", "r2", "matthews_corrcoef"} <= set(NAMES)
    assert not {"cost", "fbeta", "pass_rate", "count_score"} & set(NAMES)


def test_names_with_a_gradient():
    names = {name for name, row in OBJECTIVES.items() if row.has_gradient}
    found = [objective_names(each, with_gradient=True) for each in ("class", "number")]
    assert {*found[0], *found[1]} == {snake_case(name) for name in names}.intersection(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_those_of_scikit_learns_scorers(name):
    assert name in get_scorer_names()


def test_by_instance_and_by_function():
    objective = Cost([[0, 1], [5, 0]])
    assert get_objective(objective, "class") is objective
    found = get_objective(share_right, "class")
    assert isinstance(found, CountScore)
    assert found.function is share_right
    found.check(2)
    assert get_objective(partial(share_right), "class").score(np.eye(2).reshape(1, 4)) == 1


@pytest.mark.parametrize("target", ["class", "number"])
@pytest.mark.parametrize("wrong", ["F1", "no_such", "", 3, None, Accuracy, ["f1"]])
def test_what_is_none_is_an_error_that_lists_the_names(wrong, target):
    with pytest.raises((ValueError, TypeError), match="objective must be one of") as error:
        get_objective(wrong, target)
    assert isinstance(error.value, ValueError if isinstance(wrong, str) else TypeError)
    for name in objective_names(target):
        assert repr(name) in str(error.value)
    assert repr(wrong) in str(error.value)


@cases
def test_the_wrong_target_is_an_error(name, n_classes):
    objective = OBJECTIVES[name].make(n_classes)
    other = {"class": "number", "number": "class"}[objective.target]
    for given_as in [objective, *{snake_case(name)}.intersection(NAMES)]:
        with pytest.raises(ValueError, match=r"is for .*, this estimator predicts"):
            get_objective(given_as, other)


@pytest.mark.parametrize("function", [lambda counts: "much", lambda: 1.0, lambda c: c[9, 9]])
def test_functions_that_make_no_number_of_the_counts_are_errors(function):
    with pytest.raises(TypeError, match="must be a function that makes a number"):
        CountScore(function).check(2)


def test_a_function_of_counts_is_not_for_numbers():
    with pytest.raises(ValueError, match="this estimator predicts numbers"):
        get_objective(share_right, "number")


@cases
def test_right_parameters_pass(name, n_classes):
    OBJECTIVES[name].make(n_classes).check(n_classes)


@pytest.mark.parametrize("name", [name for name, n in OF_CLASSES if n == 2])
def test_metrics_of_two_classes_say_so(name):
    objective = OBJECTIVES[name].make(3)
    if 3 in OBJECTIVES[name].n_classes:
        objective.check(3)
    else:
        with pytest.raises(ValueError, match=r"two classes, got 3 classes.*f1_macro"):
            objective.check(3)


@pytest.mark.parametrize(
    ("objective", "n_classes", "message"),
    [
        (FBeta(0), 2, "beta of FBeta.* must be"),
        (FBeta(-1.0), 2, "beta of FBeta.* must be"),
        (FBeta(np.nan), 2, "beta of FBeta.* must be"),
        (FBeta(np.inf), 2, "beta of FBeta.* must be"),
        (FBeta("2"), 2, "beta of FBeta.* must be"),
        (FBeta(None), 2, "beta of FBeta.* must be"),
        (Cost([[0, 1], [1, 0]]), 3, "matrix of Cost must be 3 x 3 finite numbers"),
        (Cost([[0, 1, 2], [1, 0, 2]]), 2, "matrix of Cost must be 2 x 2 finite numbers"),
        (Cost([[0, 1], [1]]), 2, "matrix of Cost must be"),
        (Cost([[0, np.nan], [1, 0]]), 2, "matrix of Cost must be"),
        (Cost([[0, np.inf], [1, 0]]), 2, "matrix of Cost must be"),
        (Cost([["a", "b"], ["c", "d"]]), 2, "matrix of Cost must be"),
        (Cost(None), 2, "matrix of Cost must be"),
        (Soft("f1", tau=0), 2, "tau of Soft"),
        (Soft("f1", tau=-1.0), 2, "tau of Soft"),
        (Soft("f1", tau=np.nan), 2, "tau of Soft"),
        (Soft("f1", tau=np.inf), 2, "tau of Soft"),
        (Soft("f1", tau="1"), 2, "tau of Soft"),
        (Soft("f1", tau=None), 2, "tau of Soft"),
        (Soft(Soft("f1")), 2, "objective of Soft must be a metric of counts, got Soft"),
        (Soft("neg_log_loss"), 2, "objective of Soft must be .*, got NegLogLoss"),
        (Soft("f1"), 3, r"objective=F1\(\) is a metric of two classes, got 3"),
        (Soft("r2"), 2, "this estimator predicts classes"),
        (Soft("no_such"), 2, "objective must be one of"),
        (Soft(3), 2, "objective must be one of"),
        (Soft(FBeta(-1.0)), 2, "beta of FBeta.* must be"),
        (Soft(lambda counts: "much"), 2, "must be a function that makes a number"),
        (PassRate(-0.1), 1, "tolerance of PassRate.* must be"),
        (PassRate(np.nan), 1, "tolerance of PassRate.* must be"),
        (PassRate(np.inf), 1, "tolerance of PassRate.* must be"),
        (PassRate("0.1"), 1, "tolerance of PassRate.* must be"),
        (PassRate(None), 1, "tolerance of PassRate.* must be"),
        (PassRate(0.1, relative="no"), 1, "relative of PassRate must be"),
    ],
)
def test_wrong_parameters_are_errors(objective, n_classes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        objective.check(n_classes)


@cases
def test_is_a_parameter_object(name, n_classes, rng):
    objective = OBJECTIVES[name].make(n_classes)
    assert type(objective).__name__ in repr(objective)
    copies = [
        clone(objective),
        pickle.loads(pickle.dumps(objective)),
        type(objective)(**objective.get_params(deep=False)),
    ]
    y = rng.integers(max(n_classes, 2), size=32).astype(float)
    raw = rng.standard_normal((n_outputs_of(n_classes), 32))
    for copy in copies:
        assert type(copy) is type(objective)
        assert copy.get_params().keys() == objective.get_params().keys()
        assert repr(copy) == repr(objective)
        assert score(copy, raw, y, np.ones(32)) == score(objective, raw, y, np.ones(32))


def test_macro_averages_do_not_need_all_classes():
    """A class that neither occurs nor is predicted takes no part, as in scikit-learn."""
    counts = np.zeros((1, 4, 4))
    counts[0, :2, :2] = [[3, 1], [1, 3]]
    assert_allclose(F1Macro().score_counts(counts), 0.75)
