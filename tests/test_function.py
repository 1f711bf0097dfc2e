"""The estimators of functions that users wrote."""

import math
import pickle
import subprocess
import sys
import textwrap
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import EfficiencyWarning
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabtrain import (
    CMAES,
    DifferentialEvolution,
    FunctionClassifier,
    FunctionRegressor,
    HillClimb,
    Interval,
    PassRate,
    RandomSearch,
)


def weighted(row, *, weight=1.0, limit=0.0):
    return -1.0 if row[0] != row[0] else row[0] * weight - limit


def line(row, *, weight=1.0, base=0.0):
    return base if row[0] != row[0] else row[0] * weight + base


@parametrize_with_checks(
    [
        FunctionClassifier(weighted, returns="score", max_iter=30, random_state=0),
        FunctionRegressor(line, max_iter=30, random_state=0),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def tumours():
    return load_breast_cancer(return_X_y=True, as_frame=True)


def is_benign(tumour, *, max_area=500.0, max_points=0.2, max_texture=10.0):
    if tumour["worst area"] > max_area:
        return False
    return tumour["worst concave points"] < max_points or tumour["worst texture"] < max_texture


def test_a_function_is_trained_for_its_metric(tumours):
    X, y = tumours
    clf = FunctionClassifier(is_benign, objective="f1", random_state=0).fit(X, y)
    assert clf.compiled_
    assert clf.exact_ == ("max_area", "max_points", "max_texture")
    assert clf.best_score_ == clf.score(X, y) == pytest.approx(f1_score(y, clf.predict(X)))
    assert clf.score(X, y) > 0.94
    by_hand = [is_benign(row, **clf.parameters_) for _, row in X.iterrows()]
    assert_array_equal(clf.predict(X), by_hand)
    assert list(clf.parameters_) == ["max_area", "max_points", "max_texture"]
    assert all(type(value) is float for value in clf.parameters_.values())


def test_the_source_that_is_found_predicts_the_same(tumours):
    X, y = tumours
    clf = FunctionClassifier(is_benign, objective="f1", random_state=0).fit(X, y)
    module: dict = {}
    exec(clf.to_python(), module)
    by_hand = [module["is_benign"](row) for _, row in X.iterrows()]
    assert_array_equal(clf.predict(X), by_hand)


def test_thresholds_are_in_the_middle_of_the_gap_with_few_digits():
    X = np.array([[1.0], [2.0], [2.875], [3.4], [5.0], [6.0]])
    y = np.array([0, 0, 0, 1, 1, 1])

    def rule(row, *, limit=0.0):
        return row[0] > limit

    clf = FunctionClassifier(rule, random_state=0).fit(X, y)
    assert clf.parameters_ == {"limit": 3.1}  # of 3.1375, and 3 is nearer to an end
    assert clf.score(X, y) == 1


def test_labels_of_any_kind():
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]

    def flower(row, *, short=1.0, long=6.0):
        if row["petal length (cm)"] < short:
            return "setosa"
        return "virginica" if row["petal length (cm)"] > long else "versicolor"

    def number(row, *, short=1.0, long=6.0):
        return 10 + 10 * (row["petal length (cm)"] > short) + 10 * (row[2] > long)

    for function, labels in ((flower, names), (number, 10 * (1 + y))):
        clf = FunctionClassifier(function, "balanced_accuracy", random_state=0).fit(X, labels)
        assert clf.score(X, labels) > 0.94
        assert clf.decision_function(X).shape == (150, 3)
        assert set(clf.predict(X)) == set(labels)


def test_bools_are_the_second_and_the_first_of_two_classes():
    X = np.arange(10.0)[:, np.newaxis]
    for labels in (["bad", "good"], [1, 2], [-1, 1], [False, True], [0.0, 1.0]):
        y = np.array(labels)[(X[:, 0] > 6).astype(int)]
        clf = FunctionClassifier(rule_of_one, random_state=0).fit(X, y)
        assert clf.score(X, y) == 1
        assert_array_equal(clf.predict(X), y)
        assert_array_equal(clf.decision_function(X) > 0, X[:, 0] > 6)


def rule_of_one(row, *, limit=0.0):
    return row[0] > limit


def test_types_bounds_and_fixed_parameters_are_kept(tumours):
    X, y = tumours

    def rule(
        row,
        *,
        n: Annotated[int, Interval(1, 4)] = 2,
        upper=False,
        which: Literal["worst area", "mean area"] = "mean area",
        limit=700.0,
        factor=1.0,
    ):
        value = row["worst area"] if which == "worst area" else row["mean area"]
        return (value * n * factor < limit) != upper

    for optimizer in ("auto", HillClimb(16), CMAES(), DifferentialEvolution(16), RandomSearch()):
        clf = FunctionClassifier(
            rule,
            bounds={"limit": (100, 5000)},
            fixed=["factor"],
            optimizer=optimizer,
            max_iter=40,
            random_state=0,
        ).fit(X, y)
        found = clf.parameters_
        assert [type(value) for value in found.values()] == [int, bool, str, float, float]
        assert 1 <= found["n"] <= 4
        assert 100 <= found["limit"] <= 5000
        assert found["factor"] == 1.0
        assert clf.score(X, y) > 0.85


def test_training_starts_at_the_defaults_or_where_init_says(tumours):
    X, y = tumours
    clf = FunctionClassifier(is_benign, max_iter=1, random_state=0, optimizer=HillClimb(1))
    by_default = clf.fit(X, y).history_[0].score
    assert by_default == np.mean([is_benign(row) for _, row in X.iterrows()] == y)
    there = {"max_area": 800.0, "max_points": 0.15}
    clf.set_params(init=there).fit(X, y)
    by_hand = np.mean([is_benign(row, **there) for _, row in X.iterrows()] == y)
    assert clf.history_[0].score == by_hand != by_default
    starts = {
        clf.set_params(init="random", random_state=seed).fit(X, y).history_[0].score
        for seed in range(5)
    }
    assert len(starts) > 2


def test_results_do_not_depend_on_threads_and_warm_starts_go_on(tumours):
    X, y = tumours
    big = pd.concat([X] * 40, ignore_index=True)
    big_y = pd.concat([y] * 40, ignore_index=True)
    one, two = (
        FunctionClassifier(is_benign, max_iter=5, random_state=0, n_jobs=n).fit(big, big_y)
        for n in (1, 2)
    )
    assert one.parameters_ == two.parameters_
    assert [i.score for i in one.history_] == [i.score for i in two.history_]
    in_parts = FunctionClassifier(is_benign, max_iter=5, random_state=0, warm_start=True)
    in_parts.fit(X, y).fit(X, y)
    whole = clone(in_parts).set_params(max_iter=10).fit(X, y)
    assert in_parts.parameters_ == whole.parameters_
    assert in_parts.n_iter_ == whole.n_iter_ == 10


def test_max_time_is_kept(tumours, own_time):
    X, y = tumours
    clf = FunctionClassifier(
        is_benign, max_time=0.3, n_iter_no_change=None, max_iter=None, tol=0, random_state=0
    )
    clf.fit(X, y)  # compiles
    begun = own_time()
    clf.fit(X, y)
    assert own_time() - begun < 0.3 + 0.2
    assert clf.stop_reason_ in ("time", "no change")


# With the rest of scikit-learn


def test_pickles_though_it_cannot_be_imported(tumours):
    X, y = tumours
    factor = 2.0

    def local(row, *, limit=500.0):
        return row["worst area"] * factor < limit

    clf = FunctionClassifier(local, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    assert_array_equal(again.predict(X), clf.predict(X))
    assert again.to_python() == clf.to_python()
    assert clone(clf).function is local
    refitted = clone(again).fit(X, y)
    assert refitted.parameters_ == clf.parameters_
    assert refitted.compiled_


def test_pickles_of_a_script_are_read_elsewhere(tmp_path):
    script = """
        import pickle, sys
        import numpy as np
        from tabtrain import FunctionClassifier
        def rule(row, *, limit=0.0):
            return row[0] > limit
        X = np.arange(10.0)[:, None]
        clf = FunctionClassifier(rule, random_state=0).fit(X, X[:, 0] > 6)
        pickle.dump(clf, open(sys.argv[1], "wb"))
    """
    path = tmp_path / "clf.pickle"
    file = tmp_path / "script.py"
    file.write_text(textwrap.dedent(script), encoding="utf-8")
    subprocess.run([sys.executable, file, path], check=True)
    clf = pickle.loads(path.read_bytes())
    assert_array_equal(clf.predict([[6.0], [7.0]]), [False, True])
    assert clf.to_python() == "def rule(row, *, limit=6.5):\n    return row[0] > limit\n"
    X = np.arange(10.0)[:, np.newaxis]
    assert clone(clf).fit(X, X[:, 0] > 3).parameters_ == {"limit": 3.5}


def test_grid_search_in_other_processes(tumours):
    X, y = tumours

    def local(row, *, limit=500.0, points=0.1):
        return row["worst area"] < limit and row["worst concave points"] < points

    clf = FunctionClassifier(local, "f1", optimizer=HillClimb(8), max_iter=10, random_state=0)
    grid = {"fixed": [(), ("points",)], "optimizer__n_candidates": [4, 8]}
    search = GridSearchCV(clf, grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_score_ > 0.9
    assert search.best_estimator_.compiled_


def test_in_pipelines_and_calibrated(tumours):
    X, y = tumours
    clf = FunctionClassifier(rule_of_one, max_iter=10, random_state=0)
    pipeline = make_pipeline(StandardScaler(), clf)
    assert cross_val_score(pipeline, -X, y, cv=3).min() > 0.8
    calibrated = CalibratedClassifierCV(clf, cv=2).fit(-X, y)
    assert calibrated.predict_proba(-X).shape == (len(X), 2)


def test_sample_weights_count_as_repeated_rows(tumours):
    X, y = tumours
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    rows = np.repeat(np.arange(len(y)), weight)
    clf = FunctionClassifier(is_benign, "f1", max_iter=20, random_state=0)
    weighted_fit = clone(clf).fit(X, y, sample_weight=weight)
    repeated = clone(clf).fit(X.iloc[rows], y.iloc[rows])
    assert weighted_fit.best_score_ == pytest.approx(repeated.best_score_, abs=1e-12)


def test_held_out_rows_decide(tumours):
    X, y = tumours
    clf = FunctionClassifier(is_benign, "f1", random_state=0, max_iter=30)
    clf.fit(X[:400], y[:400], X_val=X[400:], y_val=y[400:])
    assert clf.best_validation_score_ == clf.score(X[400:], y[400:])
    clf.set_params(early_stopping=True).fit(X, y)
    assert 0.9 < clf.best_validation_score_ <= 1


# Regression


def test_a_regressor_finds_what_made_the_numbers(rng):
    X = pd.DataFrame(rng.uniform(0, 2, (400, 2)), columns=["size", "age"])

    def price(flat, *, per_size=1.0, power=1.0, old=1.0, discount=0.0):
        found = per_size * flat.size**power if False else per_size * flat["size"] ** power
        return found - discount if flat.age > old else found

    y = 3 * X["size"] ** 1.5 - 0.5 * (X.age > 1.3)
    reg = FunctionRegressor(price, random_state=0, max_iter=400, n_iter_no_change=None).fit(X, y)
    assert reg.score(X, y) > 0.99
    assert reg.best_score_ == reg.score(X, y)
    near = FunctionRegressor(price, PassRate(0.1), random_state=0).fit(X, y)
    passed = np.abs(near.predict(X) - y) <= 0.1
    assert near.score(X, y) == pytest.approx(passed.mean())
    assert near.score(X, y) > near.history_[0].score


def test_numbers_are_rounded_where_that_costs_nothing():
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)

    def progression(patient, *, base=100.0, per_bmi=1.0):
        return base + per_bmi * patient.bmi

    reg = FunctionRegressor(progression, "neg_mean_absolute_error", random_state=0).fit(X, y)
    assert all(len(repr(value)) < 12 for value in reg.parameters_.values())


def test_whole_tables_are_black_boxes(tumours):
    X, y = tumours

    def ranks(table, *, share=0.5):
        assert len(table) == len(X)
        return table["worst area"].rank(pct=True) < share

    clf = FunctionClassifier(ranks, vectorized=True, random_state=0, n_jobs=2).fit(X, y)
    assert not clf.compiled_
    assert clf.score(X, y) > 0.9
    with pytest.raises(AssertionError):
        ranks(X[:10])

    def predictions(table, *, a=0.0, b=0.0):
        return a + b * table[:, 0]

    numbers = np.arange(20.0)[:, np.newaxis]
    reg = FunctionRegressor(predictions, vectorized=True, random_state=0)
    assert reg.fit(numbers, 3 + 2 * numbers[:, 0]).score(numbers, 3 + 2 * numbers[:, 0]) > 0.99


# The report


def test_the_report_says_what_came_out_of_each_row(tumours):
    X, y = tumours
    X = X.set_index(X.index + 1000)
    y = y.set_axis(X.index)
    clf = FunctionClassifier(is_benign, random_state=0).fit(X, y)
    report = clf.report(X, y)
    assert_array_equal(report.rows["expected"], y)
    assert_array_equal(report.rows["got"], clf.predict(X))
    assert report.rows["passed"].mean() == clf.score(X, y)
    assert_array_equal(report.rows.index, X.index)
    assert report.by_class["rows"].tolist() == np.bincount(y).tolist()
    assert report.by_class["passed"].sum() == report.rows["passed"].sum()
    hints = report.rows[report.rows["would_pass"] != ""]
    assert not hints["passed"].any()
    assert len(hints) > 5
    for i, hint in hints["would_pass"].items():
        name, sign, value = hint.split()
        value = float(value) * (1 + (1e-4 if sign == ">" else -1e-4))
        assert is_benign(X.loc[i], **(clf.parameters_ | {name: value})) == y[i]
    assert f"{report.rows['passed'].sum()} of 569 rows pass" in str(report)


def test_the_report_on_numbers(rng):
    X = rng.uniform(0, 2, (50, 1))
    y = 2 * X[:, 0]
    reg = FunctionRegressor(line, PassRate(0.5), max_iter=3, random_state=0).fit(X, y)
    report = reg.report(X, y)
    assert report.by_class is None
    assert report.rows["passed"].mean() == reg.score(X, y)
    assert_array_equal(report.rows["error"], reg.predict(X) - y)
    assert "passed" not in reg.set_params(objective="r2").fit(X, y).report(X, y).rows


# New rows


def divided(x, y):
    return x / y


def doubled(x):
    return x * 2


def summed(x):
    return sum([divided(x, each) for each in (1, 1)])


def itself(x):
    return 2 * x if isinstance(x, float) else [doubled(x)]


def test_pickles_hold_the_source_of_what_is_called(tmp_path):
    text = """
        import pickle, sys
        import numba
        import numpy as np
        from tabtrain import FunctionClassifier
        def halved(x):
            return whole(x) / 2
        @numba.njit
        def whole(x):
            return int(x)
        def rule(row, *, limit=0.0):
            return halved(row[0]) > limit
        X = np.arange(10.0)[:, None]
        clf = FunctionClassifier(rule, random_state=0).fit(X, X[:, 0] > 6)
        assert clf.compiled_
        pickle.dump(clf, open(sys.argv[1], "wb"))
    """
    path, file = tmp_path / "clf.pickle", tmp_path / "script.py"
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    subprocess.run([sys.executable, file, path], check=True)
    file.unlink()
    clf = pickle.loads(path.read_bytes())
    X = np.arange(10.0)[:, np.newaxis]
    assert_array_equal(clf.predict(X), X[:, 0] > 6)
    again = pickle.loads(pickle.dumps(clf))
    assert clone(again).fit(X, X[:, 0] > 3).compiled_


def test_what_is_called_may_change_into_what_is_not_compiled():
    called = doubled

    def rule(row, *, limit=0.0):
        return called(row[0]) > limit

    X = np.arange(10.0)[:, np.newaxis]
    clf = FunctionClassifier(rule, random_state=0).fit(X, X[:, 0] > 6)
    assert clf.compiled_
    for called in (summed, itself):  # noqa: B007
        assert_array_equal(clf.predict(X), X[:, 0] > 6)


def test_failures_in_what_is_called_are_found_in_any_row(rng):
    def rule(row, *, limit=1.0):
        return divided(row.a, row.b) > limit

    X = pd.DataFrame({"a": rng.uniform(1, 2, 4000), "b": rng.uniform(1, 2, 4000)})
    y = X.a / X.b > 1.2
    clf = FunctionClassifier(rule, random_state=0).fit(X, y)
    assert clf.compiled_
    assert clf.score(X, y) == 1
    X.loc[3001, "b"] = 0.0
    for use in (clf.predict, lambda X: clone(clf).fit(X, y)):
        with pytest.raises(ValueError, match=r"for row 3001 .* raises ZeroDivisionError"):
            use(X)


def test_what_python_answers_for_new_rows_is_predicted(rng):
    """Though what is compiled has no answer, having met no such rows."""

    def rule(row, *, limit=1.0):
        return np.log(row.a) / row.b > limit

    def number(row, *, limit=1.0):
        return limit * np.log(row.a) / row.b

    X = pd.DataFrame({"a": rng.uniform(1, 9, 300), "b": rng.uniform(1, 2, 300)})
    y = np.log(X.a) / X.b > 0.7
    clf = FunctionClassifier(rule, random_state=0).fit(X, y)
    reg = FunctionRegressor(number, "neg_mean_absolute_error", random_state=0).fit(X, X.a)
    assert clf.compiled_
    assert reg.compiled_
    X.loc[[3, 8], "b"] = 0.0
    with np.errstate(divide="ignore"):
        by_hand = [rule(row, **clf.parameters_) for _, row in X.iterrows()]
        assert_array_equal(clf.predict(X), by_hand)
        assert clf.report(X, y).rows["got"].tolist() == by_hand
        assert clf.score(X, y) == np.mean(by_hand == y)
        assert np.isposinf(reg.predict(X)[[3, 8]]).all()


def test_strings_that_are_missing_or_numbers_in_new_rows():
    X = pd.DataFrame({"s": ["red", "blue"] * 10, "a": np.arange(20.0)})

    def rule(row, *, limit=3.0):
        return row.s == "red" or row.a > limit

    y = (X.s == "red") | (X.a > 12)
    clf = FunctionClassifier(rule, random_state=0).fit(X, y)
    assert clf.compiled_
    assert_array_equal(clf.predict(X.assign(s=None)), X.a > 12)
    with pytest.raises(ValueError, match="column 'a' holds strings, where it held numbers"):
        clf.predict(X.assign(a=X.a.astype(str)))
    with pytest.raises(ValueError, match="column 's' holds numbers, where it held strings"):
        clf.predict(X.assign(s=1.0))


def test_what_is_said_of_rows_of_columns_of_strings_and_numbers():
    def rule(row, *, limit=1.0):
        if row.mixed == "unknown":
            return False
        return row.mixed > limit

    mixed = pd.Series(["unknown", 1.0, 2.0, 3.0] * 5, dtype=object)
    y = mixed.isin([2.0, 3.0])
    X = pd.DataFrame({"mixed": mixed})
    with pytest.warns(EfficiencyWarning):
        clf = FunctionClassifier(rule, max_iter=3, random_state=0).fit(X, y)
    assert_array_equal(clf.predict(X), y)
    assert_array_equal(clf.predict(X[1:2]), [False])
    X.loc[7] = None
    with pytest.raises(ValueError, match=r"row 7 \(mixed=None\) raises TypeError"):
        clf.predict(X)
    with pytest.raises(ValueError, match=r"row 0 \(mixed=None\) raises TypeError"):
        clf.predict(X[7:8])
    with (
        pytest.warns(EfficiencyWarning),
        pytest.raises(ValueError, match=r"row 7 \(mixed=None\) raises TypeError"),
    ):
        clone(clf).fit(X, y)


# Bad input


def fine(row, *, n=2, kind: Literal["x", "y"] = "x"):
    return row[0] > n


def fails_at(value):
    def rule(row, *, limit=3.0):
        return 1 / (row.b - value) > 0 or row.a > limit

    return rule


@pytest.mark.parametrize("vectorized", [False, True])
def test_strings_are_no_scores(vectorized):
    def of_row(row, *, limit=1.0):
        return "high" if row[0] > limit else "low"

    def of_table(X, *, limit=1.0):
        return np.where(X[:, 0] > limit, "high", "low")

    function = of_table if vectorized else of_row
    clf = FunctionClassifier(function, returns="score", vectorized=vectorized)
    X = np.arange(5.0)[:, np.newaxis]
    with pytest.raises(ValueError, match=r"'low'.*, which is no number"):
        clf.fit(X, X[:, 0] > 2)
    assert not hasattr(clf, "parameters_")


def test_defaults_that_fail_for_a_row_do_not_matter_where_it_starts_elsewhere():
    def rule(row, *, limit=1.0, power=-1.0):
        return row.z**power > limit

    X = pd.DataFrame({"z": [0.0, 1, 2, 3, 4]})
    y = np.where(X.z > 1, "yes", "no")
    clf = FunctionClassifier(rule, init={"power": 2.0}, random_state=0).fit(X, y)
    assert clf.score(X, y) == 1
    with pytest.raises(ValueError, match=r"for row 0 \(z=0.0\) raises ZeroDivisionError"):
        clf.set_params(init=None).fit(X, y)


def test_infinite_numbers_are_refused_where_it_starts():
    def number(row, *, factor=1.0):
        return math.inf if row[0] == 2 else factor * row[0]

    def score(row, *, limit=1.0):
        return math.copysign(math.inf, row[0] - limit)

    X = np.arange(5.0)[:, np.newaxis]
    with pytest.raises(ValueError, match=r"row 2 .* answers inf, which is no finite number"):
        FunctionRegressor(number).fit(X, X[:, 0])
    FunctionRegressor(number, max_iter=2).fit(X, X[:, 0], sample_weight=X[:, 0] != 2)
    # Of scores, only what is above 0 counts.
    clf = FunctionClassifier(score, returns="score", random_state=0).fit(X, X[:, 0] > 2)
    assert_array_equal(clf.decision_function(X), [-np.inf] * 3 + [np.inf] * 2)


def test_failing_rows_are_named():
    X = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [0.0, 1, 7, 3]}, index=list("wxyz"))
    y = [0, 1, 0, 1]
    clf = FunctionClassifier(fails_at(7))
    with pytest.raises(ValueError, match=r"limit=3.0 for row 2 \(a=3.0, b=7.0\) raises ZeroDiv"):
        clf.fit(X, y)
    assert not hasattr(clf, "parameters_")
    clf = FunctionClassifier(fails_at(5), random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"for row 1 .*raises ZeroDivisionError"):
        clf.predict(X.assign(b=[1.0, 5, 5, 1]))
    # A row of weight 0 is no row.
    FunctionClassifier(fails_at(7)).fit(X, y, sample_weight=[1, 1, 0, 1])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("None", "answers None, which is no label of y"),
        ("'good'", r"answers 'good', which is no label of y: \[0 1\]"),
        ("row[0] * float('nan')", "answers nan, which is no label"),
        ("7", "answers 7, which is no label"),
    ],
)
def test_what_is_no_label_is_refused(answer, message):
    text = f"def rule(row, *, limit=0.0):\n    return {answer} if row[0] > limit else 0\n"
    module: dict = {}
    exec(text, module)
    module["rule"].__tabtrain_source__ = text
    X = np.array([[-1.0], [1.0], [2.0]])
    with pytest.raises(ValueError, match=f"for row 1 .*{message}"):
        FunctionClassifier(module["rule"]).fit(X, [0, 1, 0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"function": None}, TypeError, "function must be callable"),
        ({"returns": "both"}, ValueError, "returns must be 'label' or 'score', got 'both'"),
        ({"vectorized": 1}, TypeError, "vectorized"),
        ({"bounds": {"limi": (0, 1)}}, ValueError, "did you mean 'limit'"),
        ({"fixed": ["limit"]}, ValueError, "no parameter to train"),
        ({"init": {"limt": 1.0}}, ValueError, "did you mean 'limit'"),
        ({"init": {"limit": "x"}}, ValueError, "init has limit='x', which is no finite number"),
        (
            {"init": {"limit": 3}, "bounds": {"limit": (-1, 2)}},
            ValueError,
            "init has limit=3, which is not within its bounds -1.0 to 2.0",
        ),
        ({"function": fine, "init": {"n": 1.5}}, ValueError, "n=1.5, which is no whole number"),
        ({"function": fine, "init": {"kind": "z"}}, ValueError, r"its choices \('x', 'y'\)"),
        (
            {"function": fine, "init": {"n": 5}, "fixed": ["n"]},
            ValueError,
            "init has n=5, but the parameter is fixed at 2",
        ),
        ({"init": [1.0]}, ValueError, 'init must be None, "random" or a dict'),
        ({"optimizer": "lbfgs"}, ValueError, "needs a gradient"),
        ({"objective": "r2"}, ValueError, "objective"),
        ({"max_iter": 0}, ValueError, "max_iter"),
    ],
)
def test_bad_parameters_are_refused(options, error, message):
    X = np.arange(6.0)[:, np.newaxis]
    clf = FunctionClassifier(**{"function": rule_of_one} | options)
    with pytest.raises(error, match=message):
        clf.fit(X, X[:, 0] > 3)
    assert not hasattr(clf, "parameters_")


def test_missing_columns_are_named(tumours):
    X, y = tumours
    with pytest.raises(ValueError, match=r"'worst area'.*did you mean"):
        FunctionClassifier(is_benign).fit(X.rename(columns={"worst area": "worst aera"}), y)
    with pytest.raises(ValueError, match="no DataFrame"):
        FunctionClassifier(is_benign).fit(X.to_numpy(), y)


def test_strings_and_missing_values_are_for_the_function(rng):
    X = pd.DataFrame({"kind": ["x", "y", None, "x"] * 5, "size": [1.0, np.nan, 3.0, 4.0] * 5})

    def rule(row, *, limit=0.0):
        return row.kind == "x" and row["size"] > limit

    y = np.array([0, 0, 0, 1] * 5)
    clf = FunctionClassifier(rule, random_state=0).fit(X, y)
    assert clf.compiled_
    assert clf.score(X, y) == 1
    X["kind"] = X["kind"].astype("category")
    assert clone(clf).fit(X, y).score(X, y) == 1


def test_other_columns_may_be_anything(tumours):
    X, y = tumours
    X = X.assign(when=pd.Timestamp("2020-01-01"), what=[object()] * len(X))
    clf = FunctionClassifier(is_benign, max_iter=2, random_state=0).fit(X, y)
    assert clf.predict(X).shape == y.shape


def test_slow_functions_warn_once(tumours):
    X, y = tumours

    def total(row, *, limit=100.0):
        return sum(row) < limit

    clf = FunctionClassifier(total, optimizer=RandomSearch(2), max_iter=2, random_state=0)
    with pytest.warns(EfficiencyWarning, match="total runs as plain Python") as caught:
        clf.fit(X, y)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert not clf.compiled_
    assert clf.score(X, y) == clf.best_score_
