"""Lists of rules that are found."""

import datetime
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabtrain import (
    Cost,
    FunctionClassifier,
    HillClimb,
    LinearClassifier,
    PassRate,
    RandomSearch,
    RuleClassifier,
    RuleRegressor,
    RuleSearch,
)
from tabtrain import _conditions as conditions
from tabtrain.objectives import get_objective
from tests import reference

QUICK = RuleSearch(beam_width=1, n_kicks=2)
UNGUARDED = RuleSearch(beam_width=1, n_kicks=2, guard=False)


@parametrize_with_checks(
    [
        RuleClassifier(),
        RuleClassifier(2, 2, optimizer=QUICK, cv=2, random_state=0),
        RuleRegressor(),
        RuleRegressor(2, 1, optimizer=QUICK, cv=2, random_state=0),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


# Stumps


COST = np.array([[0.0, 1, 3], [5, 0, 2], [1, 4, 0]])


def objective_of(name, n_classes):
    return Cost(COST[:n_classes, :n_classes]) if name == "cost" else get_objective(name, "class")


def some_table(rng, n_rows, n_classes, kind):
    X = rng.standard_normal((n_rows, 3))
    if kind == "ties":
        X = np.round(X)
    if kind == "missing":
        X[rng.random(X.shape) < 0.2] = np.nan
    weight = rng.choice([0.0, 0.3, 1.0, 2.5], n_rows) if kind == "weights" else np.ones(n_rows)
    signal = np.nan_to_num(X[:, 0]) + rng.logistic(size=n_rows)
    y = np.digitize(signal, np.quantile(signal, np.linspace(0.5, 1, n_classes)[:-1]))
    y[:n_classes], weight[:n_classes] = np.arange(n_classes), 1
    return X, y, weight


@pytest.mark.parametrize("kind", ["plain", "ties", "missing", "weights"])
@pytest.mark.parametrize("n_codes", [2, 1000])
@pytest.mark.parametrize(
    ("name", "n_classes"),
    [
        ("accuracy", 2),
        ("f1", 2),
        ("matthews_corrcoef", 2),
        ("cost", 2),
        ("accuracy", 3),
        ("f1_macro", 3),
        ("matthews_corrcoef", 3),
        ("cost", 3),
    ],
)
def test_a_stump_is_the_best_there_is(name, n_classes, kind, n_codes, monkeypatch, rng):
    """Whether values have codes of their own or share them."""
    monkeypatch.setattr("tabtrain._codes.MIN_CODES", n_codes)
    for n_rows in (4, 12, 60):
        X, y, weight = some_table(rng, n_rows, n_classes, kind)
        objective = objective_of(name, n_classes)
        clf = RuleClassifier(objective=objective).fit(X, y, weight)
        expected = reference.best_stump(X, y, weight, objective.score_counts, n_classes)
        assert clf.best_score_ == pytest.approx(expected, abs=1e-12)
        assert clf.score(X, y, weight) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["accuracy", "f1", "matthews_corrcoef", "cost"])
def test_a_stump_of_a_real_table_is_the_best_there_is(name, cancer):
    X, y = cancer[0][:, [1, 7, 27]], cancer[1]
    objective = objective_of(name, 2)
    clf = RuleClassifier(objective=objective).fit(X, y)
    expected = reference.best_stump(X, y, np.ones(len(y)), objective.score_counts, 2)
    assert clf.best_score_ == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["r2", "neg_mean_squared_error"])
def test_a_stump_of_numbers_is_that_of_a_tree(name, diabetes):
    X, y = diabetes
    tree = DecisionTreeRegressor(max_depth=1).fit(X, y)
    reg = RuleRegressor(objective=name).fit(X, y)
    objective = get_objective(name, "number").bind(y, np.ones(len(y)))
    assert reg.best_score_ == pytest.approx(
        {"r2": tree.score(X, y), "neg_mean_squared_error": -np.mean((tree.predict(X) - y) ** 2)}[
            objective_name(objective)
        ]
    )
    assert_allclose(reg.predict(X), tree.predict(X))


def objective_name(objective):
    return {"R2": "r2"}.get(type(objective).__name__, "neg_mean_squared_error")


def test_the_threshold_is_in_the_middle_of_the_gap_with_few_digits():
    X = np.array([[1.0], [2.0], [2.875], [3.4], [5.0], [6.0]])
    clf = RuleClassifier().fit(X, [0, 0, 0, 1, 1, 1])
    assert str(clf.rules_) in (
        "if column 0 <= 3.1:\n    0\nelse:\n    1",
        "if column 0 > 3.1:\n    1\nelse:\n    0",
    )


def test_adjacent_floats_are_told_apart():
    low = 0.1
    X = np.array([[low], [np.nextafter(low, 1)]] * 3)
    y = [0, 1] * 3
    assert RuleClassifier().fit(X, y).score(X, y) == 1


# Lists


@pytest.fixture(scope="module")
def tumours():
    return load_breast_cancer(return_X_y=True, as_frame=True)


def test_larger_lists_score_higher(tumours):
    X, y = tumours
    scores = [
        RuleClassifier(
            *size, objective="f1", optimizer=RuleSearch(guard=False, n_kicks=2), random_state=0
        )
        .fit(X, y)
        .best_score_
        for size in ((1, 1), (2, 1), (2, 2), (3, 2))
    ]
    assert all(np.diff(scores) > 0)
    assert scores[-1] > 0.975


def test_a_conjunction_is_found_whose_parts_bring_nothing(rng):
    """A rare class: each condition alone leaves the majority wrong."""
    X = rng.random((2000, 6))
    y = (X[:, 1] > 0.8) & (X[:, 4] < 0.2)
    clf = RuleClassifier(1, 2, random_state=0).fit(X, y)
    assert clf.score(X, y) == 1
    assert {each.feature for each in clf.rules_[0].conditions} == {1, 4}


def test_a_wide_beam_finds_exclusive_or(rng):
    """No condition brings anything without the other."""
    X = rng.random((400, 3))
    y = (X[:, 0] > 0.5) ^ (X[:, 2] > 0.5)
    wide = RuleSearch(beam_width=8, guard=False)
    assert RuleClassifier(2, 2, optimizer=wide, random_state=0).fit(X, y).score(X, y) == 1


def test_sizes_are_limits(tumours):
    X, y = tumours
    clf = RuleClassifier(3, 2, optimizer=RuleSearch(guard=False, n_kicks=1)).fit(X, y)
    assert 1 <= len(clf.rules_) <= 3
    assert max(len(rule.conditions) for rule in clf.rules_) <= 2
    small = RuleClassifier(3, 2, optimizer=RuleSearch(max_size=2, guard=False)).fit(X, y)
    assert sum(len(rule.conditions) for rule in small.rules_) <= 2


def test_min_support(tumours):
    X, y = tumours[0].iloc[:, :6], tumours[1]
    for min_support, least in ((60, 60), (0.1, 56.9)):
        options = {"min_support": min_support, "optimizer": UNGUARDED, "random_state": 0}
        for model in (RuleClassifier(4, 2, **options), RuleRegressor(4, 2, **options)):
            caught = model.fit(X, y).report(X, y).to_frame()["rows"][:-1]
            assert len(caught) > 0
            assert (caught >= least).all()
    with pytest.raises(ValueError, match="min_support=5 is kept to by RuleSearch alone"):
        RuleClassifier(min_support=5, optimizer="hill_climb").fit(X, y)


def test_the_guard_keeps_noise_out(rng):
    """Labels that are noise: what is grown on them is worth nothing elsewhere."""
    X, y = rng.standard_normal((300, 4)), rng.random(300) < 0.3
    options = {"objective": "accuracy", "random_state": 0}
    free = RuleClassifier(4, 2, optimizer=RuleSearch(guard=False, n_kicks=0), **options).fit(X, y)
    guarded = RuleClassifier(4, 2, optimizer=RuleSearch(n_kicks=0), **options).fit(X, y)
    sizes = [sum(len(rule.conditions) for rule in clf.rules_) for clf in (free, guarded)]
    assert sizes[1] < sizes[0]
    # Without a guard nothing is held out: that there are too few groups for it does not matter.
    assert clone(free).fit(X, y, groups=np.arange(300) % 2).rules_ == free.rules_
    groups = np.arange(300) // 10
    by_groups = clone(guarded).fit(X, y, groups=groups)
    assert sum(len(rule.conditions) for rule in by_groups.rules_) < sizes[0]


def test_held_out_rows_decide(tumours):
    X, y = tumours[0].iloc[:, :6], tumours[1]
    clf = RuleClassifier(4, 2, optimizer=QUICK, random_state=0)
    clf.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    assert clf.best_validation_score_ == clf.score(X[300:], y[300:])
    assert clf.set_params(early_stopping=True).fit(X, y).best_validation_score_ > 0.8


# Categories and missing values


def mixed(rng, n=400):
    X = pd.DataFrame(
        {
            "size": rng.normal(10, 3, n).round(1),
            "colour": rng.choice(["red", "green", "blue", "grey"], n),
            "is new": rng.random(n) < 0.5,
            "grade": pd.Categorical(rng.choice(["a", "b", "c"], n)),
            "count": rng.integers(0, 5, n),
        }
    )
    X.loc[rng.random(n) < 0.15, "size"] = np.nan
    X.loc[rng.random(n) < 0.15, "colour"] = None
    X.loc[rng.random(n) < 0.15, "grade"] = np.nan
    return X


def test_sets_of_categories_are_found(rng):
    X = mixed(rng)
    for positive in (["red"], ["red", "blue"], ["green", "grey", "blue"]):
        y = X["colour"].isin(positive)
        clf = RuleClassifier().fit(X, y)
        assert clf.score(X, y) == 1
        (rule,) = clf.rules_
        (condition,) = rule.conditions
        assert condition.feature == "colour"
        assert condition.operator in ("in", "not in")


def test_a_set_is_the_best_there_is(rng):
    """Of two classes, whatever the metric: all sets are tried."""
    for name in ("accuracy", "f1", "cost"):
        objective = objective_of(name, 2)
        X = pd.DataFrame({"letter": rng.choice(list("abcdef"), 80)})
        X.loc[rng.random(80) < 0.2, "letter"] = None
        y = rng.integers(2, size=80)
        best = -np.inf
        for i in range(2**7):
            inside = X["letter"].map(
                lambda each, i=i: bool(i >> (6 if pd.isna(each) else "abcdef".index(each)) & 1)
            )
            counts = np.zeros((2, 2))
            np.add.at(counts, (y, inside.to_numpy(dtype=int)), 1)
            if not i >> 6:
                best = max(
                    best,
                    objective.score_counts(counts[np.newaxis])[0],
                    objective.score_counts(counts[np.newaxis, :, ::-1])[0],
                )
        assert RuleClassifier(objective=objective).fit(X, y).best_score_ == pytest.approx(best)


def test_missing_values_have_a_branch_of_their_own(rng):
    X = mixed(rng)
    for column in ("size", "colour", "grade"):
        y = X[column].isna()
        clf = RuleClassifier().fit(X, y)
        assert clf.score(X, y) == 1
        assert "is missing" in str(clf.rules_) or "is not missing" in str(clf.rules_)


def test_new_categories_are_in_no_set(rng):
    X = mixed(rng)
    y = X["colour"].isin(["red", "blue"]).to_numpy()
    clf = RuleClassifier().fit(X, y)
    new = X.head(4).assign(colour=["violet", "red", "violet", None])
    assert len({clf.predict(new)[i] for i in (0, 2)}) == 1
    assert clf.predict(new)[1]


def test_columns_that_cannot_be(rng):
    X = mixed(rng)
    y = X["count"] > 2
    clf = RuleClassifier().fit(X, y)
    with pytest.raises(ValueError, match="'size' held numbers when the estimator was fitted"):
        clf.predict(X.assign(size="large"))
    with pytest.raises(ValueError, match="column 'id' has 5000 categories"):
        RuleClassifier().fit(pd.DataFrame({"id": [f"n{i}" for i in range(5000)]}), [0, 1] * 2500)
    with pytest.raises(ValueError, match="'colour' cannot be sorted"):
        RuleClassifier().fit(X.assign(colour=[3, "red"] * 200), y)
    days = pd.Series(pd.date_range("2020-01-01", periods=len(X), freq="D"))
    for dates in (days, days.dt.as_unit("s"), days.dt.tz_localize("UTC"), days - days[0]):
        with pytest.raises(ValueError, match=r"column 'day' holds .*: make numbers of it"):
            RuleClassifier().fit(X.assign(day=dates), y)


@pytest.mark.filterwarnings("ignore:X .* feature names")
def test_arrays_and_frames_of_numbers_are_the_same(tumours, rng):
    X, y = np.asarray(tumours[0]), tumours[1]
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    of_array, of_frame = (RuleClassifier(2, 2, random_state=0).fit(each, y) for each in (X, frame))
    for clf in (of_array, of_frame):
        assert_array_equal(clf.predict(X), clf.predict(frame))
        assert str(clf.report(X, y)) == str(clf.report(frame, y))
    with pytest.raises(ValueError, match="column 'x3' held numbers"):
        of_array.predict(frame.assign(x3="a"))
    with pytest.raises(ValueError, match=r"'colour' held categories .* must be a DataFrame"):
        RuleClassifier().fit(mixed(rng), [0, 1] * 200).predict(np.zeros((2, 5)))


def test_many_classes_are_bounded_in_time_and_memory(monkeypatch, rng):
    """Looked at some at a time, conditions are the same as all at once."""
    y = rng.integers(7, size=300)
    X = rng.integers(9, size=(300, 5)) + y[:, np.newaxis]
    expected = RuleClassifier(objective="f1_macro").fit(X, y)
    for most in (1, 1000, 20000):
        monkeypatch.setattr(conditions, "MAX_NUMBERS", most)
        clf = RuleClassifier(objective="f1_macro").fit(X, y)
        assert str(clf.rules_) == str(expected.rules_)
        assert clf.best_score_ == expected.best_score_


# As text


def source_of(model):
    namespace: dict = {}
    exec(model.to_python(), namespace)
    return namespace["rules"]


def test_what_has_no_source_is_refused():
    days = [datetime.date(2020, 1, 1 + i % 2) for i in range(20)]
    clf = RuleClassifier().fit(pd.DataFrame({"day": days}), [0, 1] * 10)
    with pytest.raises(ValueError, match="column 'day' has the category datetime"):
        clf.to_python()


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 2), st.booleans())
def test_the_source_answers_as_predict_does(seed, max_rules, max_conditions, is_class):
    rng = np.random.default_rng(seed)
    X = mixed(rng, 60)
    cls, y = (
        (RuleClassifier, rng.choice(["x", "y", "z"], 60))
        if is_class
        else (RuleRegressor, rng.normal(size=60))
    )
    optimizer = RuleSearch(beam_width=1, n_kicks=0, guard=False)
    model = cls(max_rules, max_conditions, optimizer=optimizer).fit(X, y)
    other = mixed(np.random.default_rng(seed + 1), 60)
    rules = source_of(model)
    expected = model.predict(other)
    assert [rules(row) for row in other.to_dict("records")] == expected.tolist()
    assert [rules(row) for _, row in other.iterrows()] == expected.tolist()


def test_the_source_of_an_array_has_numbers_of_columns():
    X, y = load_breast_cancer(return_X_y=True)
    clf = RuleClassifier(3, 2, optimizer=RuleSearch(beam_width=1, guard=False), random_state=0).fit(
        X, y
    )
    rules = source_of(clf)
    assert [rules(row) for row in X.tolist()] == clf.predict(X).tolist()


def test_reads_as_it_answers(rng):
    X = np.arange(20.0)[:, np.newaxis]
    y = np.array(["low"] * 5 + ["mid"] * 9 + ["high"] * 6)
    clf = RuleClassifier(2).fit(X, y)
    assert clf.score(X, y) == 1
    lines = str(clf.rules_).splitlines()
    assert [line.split()[0] for line in lines[::2]] == ["if", "elif", "else:"]
    assert sorted(lines[1::2]) == ["    'high'", "    'low'", "    'mid'"]
    assert {clf.rules_.default, *(rule.answer for rule in clf.rules_)} == {"low", "mid", "high"}
    assert pickle.loads(pickle.dumps(clf.rules_)) == clf.rules_
    assert "default=" in repr(clf.rules_)
    nothing = RuleClassifier().fit(np.zeros((4, 1)), [0, 1, 1, 1])
    assert str(nothing.rules_) == "1"
    assert source_of(nothing)([0.0]) == 1


def test_report(tumours):
    X, y = tumours[0].iloc[:, :6], tumours[1]
    weight = np.arange(len(y)) % 3
    clf = RuleClassifier(3, 2, optimizer=QUICK, random_state=0).fit(X, y, weight)
    report = clf.report(X, y, weight)
    frame = report.to_frame()
    assert frame["rows"].sum() == weight.sum()
    assert frame["right"].sum() / frame["rows"].sum() == pytest.approx(clf.best_score_)
    assert_allclose(frame["share right"], frame["right"] / frame["rows"])
    assert str(report).splitlines()[0].split()[:2] == ["rule", "answer"]
    assert report._repr_html_().count("<tr>") == 1 + len(frame)
    assert "&gt;" in report._repr_html_() or "&lt;" in report._repr_html_()
    numbers = RuleRegressor(2, optimizer=QUICK, random_state=0).fit(X, y).report(X, y).to_frame()
    assert numbers["rows"].sum() == len(y)
    assert_allclose(numbers["mean"], numbers["answer"])
    empty = clf.report(X[:0].reindex([0]), y[:1]).to_frame()
    assert empty["rows"].sum() == 1


# As an estimator


def test_what_was_counted_is_what_is_predicted(tumours):
    X, y = tumours
    for objective in ("accuracy", "f1", Cost([[0, 3], [1, 0]]), "matthews_corrcoef", share_right):
        clf = RuleClassifier(2, 1, objective, optimizer=RuleSearch(guard=False, n_kicks=0))
        clf.fit(X.iloc[:, :5], y)
        assert clf.score(X.iloc[:, :5], y) == clf.best_score_
        signs = clf.decision_function(X.iloc[:, :5])
        assert_array_equal(signs > 0, clf.predict(X.iloc[:, :5]) == 1)
    reg = RuleRegressor(2, 1, PassRate(0.3), optimizer=QUICK, random_state=0)
    reg.fit(X.iloc[:, :5], y)
    assert reg.best_score_ == np.mean(np.abs(reg.predict(X.iloc[:, :5]) - y) <= 0.3)


def share_right(counts):
    return np.trace(counts) / counts.sum()


@pytest.mark.parametrize("name", ["neg_mean_absolute_error", PassRate(20.0), "r2"], ids=str)
def test_answers_are_the_best_for_the_objective(name, diabetes):
    """No other number for the rows of a leaf scores higher."""
    X, y = diabetes
    reg = RuleRegressor(1, 1, name).fit(X, y)
    objective = get_objective(name, "number").bind(y, np.ones(len(y)))
    got = reg.predict(X)
    weight = np.ones(448)
    truth = np.append(y, np.zeros(6))
    weight[442:] = 0
    for leaf in np.unique(got):
        for other in np.unique(y[got == leaf]):
            tallies = np.zeros((1, objective.n_tallies(1)))
            raw = np.append(np.where(got == leaf, other, got), np.zeros(6))
            objective.tally(raw[np.newaxis, np.newaxis], truth, weight, tallies)
            assert objective.score(tallies)[0] <= reg.best_score_ + 1e-12


def test_weights_equal_repetition(iris):
    X, y = iris
    repeats = np.random.default_rng(0).integers(0, 4, len(y))
    for model, target in (
        (RuleClassifier(2, 2, "f1_macro", optimizer=QUICK, random_state=0), y),
        (RuleRegressor(2, 1, optimizer=QUICK, random_state=0), X[:, 0] * 1.1),
    ):
        weighted = clone(model).fit(X, target, sample_weight=repeats)
        repeated = clone(model).fit(X.repeat(repeats, 0), target.repeat(repeats))
        assert_allclose(weighted.predict(X), repeated.predict(X))


def test_results_do_not_depend_on_threads(tumours):
    X, y = (
        np.tile(each, (n, 1)) if each.ndim > 1 else np.tile(each, n)
        for each, n in ((tumours[0].to_numpy()[:, :8], 20), (tumours[1].to_numpy(), 20))
    )
    for model in (
        RuleClassifier(2, 2, "f1", optimizer=QUICK, random_state=0),
        RuleRegressor(2, 1, optimizer=QUICK, random_state=0),
    ):
        one, two = (clone(model).set_params(n_jobs=n).fit(X, y) for n in (1, 2))
        assert str(one.rules_) == str(two.rules_)
        assert [h[1:] for h in one.history_] == [h[1:] for h in two.history_]


def test_warm_start_is_one_run(tumours):
    X, y = tumours[0].iloc[:, :6], tumours[1]
    options = {"optimizer": RuleSearch(n_kicks=3), "random_state": 0}
    whole = RuleClassifier(2, 2, max_iter=6, **options).fit(X, y)
    parts = RuleClassifier(2, 2, max_iter=2, warm_start=True, **options).fit(X, y)
    parts = pickle.loads(pickle.dumps(parts)).set_params(max_iter=4).fit(X, y)
    assert parts.rules_ == whole.rules_
    assert parts.n_iter_ == whole.n_iter_
    other = parts.fit(X[::2], y[::2])
    assert other.history_[0].score == whole.score(X[::2], y[::2])
    with pytest.raises(ValueError, match="more than max_rules=1"):
        other.set_params(max_rules=1, max_conditions=1).fit(X, y)
    frame = pd.DataFrame({"c": ["a", "b"] * 10})
    named = RuleClassifier(warm_start=True).fit(frame, [0, 1] * 10)
    with pytest.raises(ValueError, match="other categories than the last fit had"):
        named.fit(frame.replace("b", "d"), [0, 1] * 10)


def test_max_time_is_kept(own_time, rng):
    X = rng.standard_normal((20_000, 10))
    y = (X[:, 0] * X[:, 1] + rng.standard_normal(20_000)) > 0
    begun = own_time()
    clf = RuleClassifier(10, 3, max_time=0.3, random_state=0).fit(X, y)
    assert own_time() - begun < 0.3 + 0.5
    assert clf.stop_reason_ == "time"
    assert np.isfinite(clf.best_score_)


def test_other_optimizers_know_how_to_move(tumours):
    X, y = tumours[0].iloc[:, :6], tumours[1]
    for optimizer in (HillClimb(16), RandomSearch()):
        clf = RuleClassifier(2, 2, optimizer=optimizer, max_iter=40, random_state=0).fit(X, y)
        assert clf.score(X, y) == clf.best_score_ > 0.75
        reg = RuleRegressor(2, 2, optimizer=optimizer, max_iter=40, random_state=0).fit(X, y)
        assert reg.score(X, y) == reg.best_score_ > 0.2


def test_with_the_rest_of_sklearn(iris):
    X, y = iris
    clf = RuleClassifier(2, 1, optimizer=UNGUARDED, random_state=0)
    assert cross_val_score(make_pipeline(StandardScaler(), clf), X, y, cv=3).min() > 0.8
    search = GridSearchCV(clf, {"max_rules": [1, 2]}, cv=3, n_jobs=2).fit(X, y)
    assert search.best_params_ == {"max_rules": 2}
    assert CalibratedClassifierCV(clf, cv=3).fit(X, y).predict_proba(X).shape == (150, 3)
    monitor = ScoringMonitor(scoring="accuracy")
    clf.set_callbacks(monitor).fit(X, y)
    assert clf.classes_.tolist() == [0, 1, 2]
    balanced = RuleClassifier(class_weight={0: 1, 1: 1, 2: 9}).fit(X, y)
    assert 2 in balanced.predict(X)


def test_a_written_function_can_be_made_of_the_rules(rng):
    """And its thresholds trained further."""
    X = mixed(rng)[["size", "count"]].fillna(0.0)
    y = (X["size"] > 9) & (X["count"] < 4)
    clf = RuleClassifier(1, 2, random_state=0).fit(X, y)
    size, count = (
        next(c.value for c in clf.rules_[0].conditions if c.feature == name)
        for name in ("size", "count")
    )

    def written(row, *, size=size, count=count):
        return row["size"] > size and row["count"] <= count

    again = FunctionClassifier(written, max_iter=3, random_state=0).fit(X, y)
    assert again.history_[0].score == clf.best_score_ == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_rules": 0}, "max_rules == 0, must be >= 1"),
        ({"max_conditions": 1.5}, "max_conditions must be an instance of int"),
        ({"min_support": -1}, "min_support == -1, must be >= 0"),
        ({"min_support": 1.5}, "min_support == 1.5, must be < 1"),
        ({"objective": "neg_log_loss"}, "is no metric of counts"),
        ({"objective": "r2"}, "is for numbers"),
        ({"optimizer": "lbfgs"}, "needs a gradient"),
        ({"optimizer": RuleSearch(beam_width=0)}, "beam_width == 0, must be >= 1"),
        ({"optimizer": RuleSearch(max_size=0)}, "max_size == 0, must be >= 1"),
        ({"cv": 1, "max_rules": 2}, "cv == 1, must be >= 2"),
    ],
    ids=str,
)
def test_bad_parameters(options, message, iris):
    with pytest.raises((ValueError, TypeError), match=message):
        RuleClassifier(**options).fit(*iris)


def test_bad_input(iris):
    X, y = iris
    with pytest.raises(NotFittedError):
        RuleClassifier().predict(X)
    with pytest.raises(NotFittedError):
        RuleClassifier().to_python()
    with pytest.raises(ValueError, match="needs lists of rules"):
        LinearClassifier(optimizer="rule_search").fit(X, y)
    with pytest.raises(ValueError, match="at least 2 classes"):
        RuleClassifier().fit(X, np.zeros(150))
    with pytest.raises(ValueError, match="X_val is given without y_val"):
        RuleClassifier().fit(X, y, X_val=X)
