"""The linear estimators, as their users meet them."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_breast_cancer, make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import f1_score, get_scorer, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabtrain import (
    LBFGS,
    SGD,
    Cost,
    CountScore,
    FBeta,
    HillClimb,
    LinearClassifier,
    LinearRegressor,
    PassRate,
    RandomSearch,
    Soft,
)

QUICK = {"max_iter": 30, "random_state": 0}


@parametrize_with_checks(
    [
        LinearClassifier(),
        LinearClassifier("neg_log_loss", alpha=1e-3),
        LinearClassifier(optimizer="random_search"),
        LinearClassifier("neg_log_loss", optimizer=SGD(), alpha=0.1, tol=0.02, n_iter_no_change=5),
        LinearRegressor(),
        LinearRegressor(optimizer=SGD(), alpha=0.01),
        LinearRegressor(optimizer="hill_climb"),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


# What is learned


def test_agrees_with_logistic_regression(cancer):
    X, y = cancer
    X = StandardScaler().fit_transform(X)
    alpha = 1e-2
    ours = LinearClassifier("neg_log_loss", alpha=alpha, optimizer=LBFGS(gtol=1e-9)).fit(X, y)
    theirs = LogisticRegression(C=1 / (alpha * len(X)), tol=1e-10, max_iter=5000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(np.exp(ours.predict_log_proba(X)), ours.predict_proba(X), rtol=1e-9)


def test_agrees_with_multinomial_logistic_regression(iris):
    X, y = iris
    X = StandardScaler().fit_transform(X)
    weight = np.random.default_rng(0).random(len(y)) + 0.5
    alpha = 1e-2
    ours = LinearClassifier("neg_log_loss", alpha=alpha, optimizer=LBFGS(gtol=1e-9))
    ours.fit(X, y, sample_weight=weight)
    # The table is standardised by its weighted mean and deviation.
    Z = StandardScaler().fit(X, sample_weight=weight).transform(X)
    theirs = LogisticRegression(C=1 / (alpha * weight.sum()), tol=1e-10, max_iter=5000)
    theirs.fit(Z, y, sample_weight=weight)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(Z), atol=1e-6)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_agrees_with_ridge(diabetes, fit_intercept):
    X, y = diabetes
    X = StandardScaler().fit_transform(X)
    alpha = 0.1
    ours = LinearRegressor(
        "neg_mean_squared_error",
        alpha=alpha,
        fit_intercept=fit_intercept,
        optimizer=LBFGS(gtol=1e-10, ftol=0),
    ).fit(X, y)
    theirs = Ridge(alpha * len(X) / 2, fit_intercept=fit_intercept).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-6)
    assert ours.intercept_ == pytest.approx(theirs.intercept_)


def test_units_do_not_matter(diabetes):
    """Far from standardised, the least squares are found all the same."""
    X, y = diabetes
    X = X * np.logspace(-6, 6, X.shape[1]) + np.linspace(-1e3, 1e3, X.shape[1])
    ours = LinearRegressor(optimizer=LBFGS(gtol=1e-8)).fit(X, y * 1e9)
    theirs = LinearRegression().fit(StandardScaler().fit_transform(X), y * 1e9)
    assert ours.score(X, y * 1e9) == pytest.approx(
        theirs.score(StandardScaler().fit_transform(X), y * 1e9), abs=1e-7
    )


@pytest.mark.parametrize("objective", ["accuracy", "f1", "balanced_accuracy", FBeta(2)], ids=str)
def test_what_was_counted_is_what_is_predicted(cancer, objective):
    X, y = cancer
    clf = LinearClassifier(objective, **QUICK).fit(X, y)
    assert clf.score(X, y) == clf.best_score_
    assert clf.score(np.asfortranarray(X), y) == clf.best_score_
    assert (clf.decision_function(X) > 0).astype(int).tolist() == clf.predict(X).tolist()


@pytest.mark.parametrize("weights", [None, "some"])
def test_what_was_soft_in_training_is_soft_in_score(cancer, iris, weights, rng):
    for objective, (X, y) in [(Soft("f1", 0.3), cancer), (Soft("f1_macro"), iris)]:
        weight = None if weights is None else rng.integers(3, size=len(y))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            clf = LinearClassifier(objective, **QUICK).fit(X, y, weight)
        assert clf.score(X, y, weight) == pytest.approx(clf.best_score_, rel=1e-9)
        metric = LinearClassifier(objective.objective, max_iter=1).fit(X, y)
        metric.coef_, metric.intercept_ = clf.coef_, clf.intercept_
        assert clf.score(X, y, weight) < metric.score(X, y, weight)
    with pytest.raises(ValueError, match="not among the classes"):
        clf.score(X[:2], [0, 7])


def test_temperatures_in_a_grid_search(cancer):
    X, y = cancer
    search = GridSearchCV(
        LinearClassifier(Soft("f1"), alpha=0.1), {"objective__tau": [0.5, 5.0]}, cv=2
    ).fit(X, y)
    assert search.best_params_["objective__tau"] == search.best_estimator_.objective.tau
    assert len(set(search.cv_results_["mean_test_score"])) == 2


def test_trial_and_error_learns(cancer, iris):
    for X, y in (cancer, iris):
        clf = LinearClassifier(optimizer="exact_line_search", random_state=0).fit(X, y)
        assert clf.score(X, y) > 0.97
    assert (
        LinearClassifier("f1_macro", optimizer="random_search", **QUICK).fit(*iris).score(*iris)
        > 0.85
    )


def test_trains_for_the_metric():
    """With few positives, accuracy is content with none of them; F1 is not."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 3))
    y = (X[:, 0] + rng.logistic(size=2000) > 3).astype(int)
    by_accuracy = LinearClassifier("accuracy", random_state=0).fit(X, y)
    by_f1 = LinearClassifier("f1", random_state=0).fit(X, y)
    assert f1_score(y, by_f1.predict(X)) > f1_score(y, by_accuracy.predict(X)) + 0.05
    costly = LinearClassifier(Cost([[0, 1], [50, 0]]), random_state=0).fit(X, y)
    assert costly.predict(X).mean() > by_f1.predict(X).mean()


def test_pass_rate(diabetes):
    X, y = diabetes
    reg = LinearRegressor(PassRate(40), random_state=0).fit(X, y)
    assert reg.score(X, y) == np.mean(np.abs(reg.predict(X) - y) <= 40)
    assert reg.score(X, y) > np.mean(np.abs(LinearRegression().fit(X, y).predict(X) - y) <= 40)


def test_callable_objective(cancer):
    X, y = cancer

    def youden(counts):
        (tn, fp), (fn, tp) = counts
        return tp / (tp + fn) + tn / (tn + fp) - 1

    clf = LinearClassifier(youden, **QUICK).fit(X, y)
    assert clf.best_score_ == pytest.approx(
        2 * get_scorer("balanced_accuracy")(clf, X, y) - 1, abs=1e-12
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tables_are_used_as_they_are(rng, dtype):
    X, y = make_classification(300, 5, random_state=0)
    X = X.astype(dtype)
    X.flags.writeable = False
    expected = LinearClassifier(**QUICK).fit(X, y)
    wide = np.zeros((600, 10), dtype)
    wide[::2, ::-2] = X
    for same in (np.asfortranarray(X), wide[::2, ::-2], pd.DataFrame(X)):
        clf = LinearClassifier(**QUICK).fit(same, y)
        assert clf.coef_.tobytes() == expected.coef_.tobytes()


def test_a_constant_feature_gets_no_weight(rng):
    X, y = make_classification(200, 4, random_state=0)
    X[:, 1] = 1e9 + 0.1
    for objective in ("accuracy", "neg_log_loss"):
        clf = LinearClassifier(objective, alpha=1e-3, random_state=0).fit(X, y)
        assert clf.coef_[0, 1] == 0
    no_intercept = LinearRegressor(fit_intercept=False).fit(X[:, 1:2], np.full(200, 3.0) + y)
    assert no_intercept.predict(X[:, 1:2]).mean() == pytest.approx((3 + y).mean())


def test_weights_equal_repetition(iris):
    X, y = iris
    repeats = np.random.default_rng(0).integers(0, 4, len(y))
    for objective in ("accuracy", "f1_macro", "matthews_corrcoef"):
        # Searches by gradient end near the same point only: each step adds to a rounding error.
        for optimizer, atol in (("hill_climb", 1e-9), ("cross_fit", 1e-4)):
            clf = LinearClassifier(objective, optimizer=optimizer, **QUICK)
            weighted = clone(clf).fit(X, y, sample_weight=repeats)
            repeated = clone(clf).fit(X.repeat(repeats, 0), y.repeat(repeats))
            assert weighted.best_score_ == pytest.approx(repeated.best_score_, abs=1e-12)
            np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=atol)


def test_class_weight(cancer):
    X, y = cancer
    balanced = LinearClassifier(class_weight="balanced", **QUICK).fit(X, y)
    assert balanced.best_score_ == pytest.approx(
        get_scorer("balanced_accuracy")(balanced, X, y), abs=1e-12
    )
    by_hand = LinearClassifier(**QUICK).fit(X, y, sample_weight=np.where(y == 1, 3.0, 1.0))
    by_class = LinearClassifier(class_weight={0: 1, 1: 3}, **QUICK).fit(X, y)
    assert by_class.coef_.tobytes() == by_hand.coef_.tobytes()


def test_labels_of_any_type(cancer, iris):
    X, y = cancer
    names = np.array(["benign", "malign"], dtype=object)[y]
    clf = LinearClassifier(**QUICK).fit(X, names)
    assert clf.classes_.tolist() == ["benign", "malign"]
    assert np.mean(clf.predict(X) == names) == clf.score(X, names) == clf.best_score_
    assert LinearClassifier(**QUICK).fit(X, y == 1).classes_.tolist() == [False, True]
    clf = LinearClassifier(**QUICK).fit(iris[0], iris[1] * 10 - 5)
    assert clf.decision_function(iris[0]).shape == (150, 3)
    assert set(clf.predict(iris[0])) <= {-5, 5, 15}


def test_unseen_labels_count_as_wrong(iris):
    X, y = iris
    clf = LinearClassifier(**QUICK).fit(X[y < 2], y[y < 2])
    assert clf.score(X, y) == np.mean(clf.predict(X) == y)
    with pytest.raises(ValueError, match=r"labels \[2\] are not among the classes"):
        LinearClassifier("neg_log_loss").fit(X[y < 2], y[y < 2]).score(X, y)


# History, budget and stopping


def test_history(cancer):
    X, y = cancer
    clf = LinearClassifier(init="random", **QUICK).fit(X, y)
    frame = clf.history_.to_frame()
    assert list(frame) == ["time", "iteration", "trial", "score", "newly_right", "newly_wrong"]
    assert frame["score"].is_monotonic_increasing
    assert frame["score"].iloc[-1] == clf.best_score_
    assert frame["time"].is_monotonic_increasing
    assert frame["iteration"].iloc[0] == 0
    assert frame["trial"].iloc[-1] <= clf.n_trials_
    rows_right = (frame["newly_right"] - frame["newly_wrong"]).cumsum()
    np.testing.assert_array_equal(rows_right, (frame["score"] * len(y)).round())


def test_history_counts_only_rows_of_some_weight(cancer):
    X, y = cancer
    weight = (np.arange(len(y)) % 3 > 0).astype(float)
    clf = LinearClassifier(**QUICK).fit(X, y, sample_weight=weight)
    frame = clf.history_.to_frame()
    rows_right = (frame["newly_right"] - frame["newly_wrong"]).sum()
    assert rows_right == np.sum((clf.predict(X) == y) * weight)


@pytest.mark.parametrize("objective", ["neg_log_loss", "accuracy"])
def test_history_by_gradient_too(cancer, objective):
    X, y = cancer
    clf = LinearClassifier(objective, alpha=1e-2, **QUICK | {"max_iter": 500}).fit(X, y)
    frame = clf.history_.to_frame()
    assert (frame["newly_right"] - frame["newly_wrong"]).sum() == np.sum(clf.predict(X) == y)


def test_verbose(cancer, capsys):
    clf = LinearClassifier(optimizer="hill_climb", verbose=1, **QUICK).fit(*cancer)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(clf.history_)
    assert "score" in lines[-1]
    assert f"{clf.best_score_:.6g}" in lines[-1]


def test_stop_reasons(cancer, own_time):
    X, y = cancer
    assert LinearClassifier(max_iter=3).fit(X, y).stop_reason_ == "iterations"
    clf = LinearClassifier(n_iter_no_change=2, max_iter=None).fit(X, y)
    assert clf.stop_reason_ == "no change"
    endless = {"max_iter": None, "n_iter_no_change": None, "optimizer": "hill_climb"}
    begun = own_time()
    clf = LinearClassifier(**endless, max_time=0.2).fit(X, y)
    assert clf.stop_reason_ == "time"
    assert own_time() - begun < 1
    with pytest.raises(ValueError, match="never stop"):
        LinearClassifier(**endless).fit(X, y)


def test_not_converged_is_said(cancer):
    with pytest.warns(ConvergenceWarning, match="LBFGS has not converged after 2 iterations"):
        LinearClassifier("neg_log_loss", max_iter=2).fit(*cancer)


def test_interrupt_keeps_the_best(cancer, monkeypatch):
    calls = []
    scores = sys.modules["tabtrain.problem"].Problem.scores

    def interrupted(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 10:
            raise KeyboardInterrupt
        return scores(self, *args, **kwargs)

    monkeypatch.setattr("tabtrain.problem.Problem.scores", interrupted)
    with pytest.warns(UserWarning, match="interrupted after 8 iterations"):
        clf = LinearClassifier(optimizer="hill_climb", random_state=0).fit(*cancer)
    assert clf.stop_reason_ == "interrupted"
    assert clf.n_iter_ == 8
    monkeypatch.undo()
    assert clf.score(*cancer) == clf.best_score_


# Starting points


@pytest.mark.parametrize(
    "options",
    [
        {"objective": "accuracy"},
        {"objective": "neg_log_loss", "alpha": 1e-3},
        {"objective": "f1", "optimizer": "random_search", "n_jobs": 2},
        {"objective": "accuracy", "early_stopping": True, "n_iter_no_change": 20},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:LBFGS has not converged")
def test_warm_start_is_one_run(cancer, options):
    k, m = 7, 12
    in_one = LinearClassifier(max_iter=k + m, random_state=4, **options).fit(*cancer)
    in_two = LinearClassifier(max_iter=k, random_state=4, warm_start=True, **options).fit(*cancer)
    in_two = pickle.loads(pickle.dumps(in_two))
    in_two.set_params(max_iter=m).fit(*cancer)
    assert in_two.coef_.tobytes() == in_one.coef_.tobytes()
    assert in_two.intercept_.tobytes() == in_one.intercept_.tobytes()
    for name in ("best_score_", "best_validation_score_", "n_iter_", "n_trials_", "stop_reason_"):
        assert getattr(in_two, name) == getattr(in_one, name)
    for one, two in zip(in_one.history_, in_two.history_, strict=True):
        assert one[1:] == two[1:]


@pytest.mark.parametrize("nested", [True, False])
def test_warm_start_of_a_function_in_a_metric(cancer, nested):
    """Functions cannot always be pickled, wherever they are."""

    def right(counts):
        return np.trace(counts) / counts.sum()

    soft = Soft(CountScore(right) if nested else right)
    options = {"alpha": 0.1, "max_iter": 5, "optimizer": "random_search", "random_state": 0}
    clf = LinearClassifier(soft, warm_start=True, **options).fit(*cancer).fit(*cancer)
    assert clf.n_iter_ == 10


def test_warm_start_on_other_examples(cancer):
    X, y = cancer
    clf = LinearClassifier(warm_start=True, **QUICK).fit(X[::2], y[::2])
    before = clf.score(X[1::2], y[1::2])
    clf.fit(X[1::2], y[1::2])
    assert clf.history_[0].score == before
    assert clf.best_score_ >= before
    with pytest.raises(ValueError, match="features"):
        clf.fit(X[:, :3], y)
    with pytest.raises(ValueError, match="warm_start=True: y has the classes"):
        clf.fit(X, y + 1)


def test_warm_start_goes_on_only_with_the_same(cancer):
    """Whatever differs, even where all scores are alike, makes it another search."""
    X, y = cancer
    # A table that is separated at once: every objective below is 1.
    X, y = np.vstack([X[y == 0][:40] + 1e5, X[y == 1][:40]]), np.repeat([0, 1], 40)
    half = np.arange(80) % 2 == 0

    def goes_on(clf, *args, **kwargs):
        n_trials = clf.n_trials_
        clf.fit(*args, **kwargs)
        return clf.n_trials_ >= n_trials and clf.history_[0].score < 1

    def fitted(**kwargs):
        clf = LinearClassifier(optimizer="exact_line_search", warm_start=True, **QUICK)
        return clf.fit(X, y, **kwargs)

    assert goes_on(fitted(), X, y)
    assert goes_on(fitted(X_val=X[half], y_val=y[half]), X, y, X_val=X[half], y_val=y[half])
    assert not goes_on(fitted(), X[::-1], y[::-1])
    assert not goes_on(fitted(), X, y, sample_weight=np.full(80, 2.0))
    assert not goes_on(fitted().set_params(objective="f1"), X, y)
    assert not goes_on(fitted().set_params(optimizer=HillClimb(8)), X, y)
    assert not goes_on(fitted(), X, y, X_val=X[half], y_val=y[half])
    held_out = fitted(X_val=X[half], y_val=y[half])
    assert not goes_on(held_out, X, y, X_val=X[~half], y_val=1 - y[~half])
    assert held_out.best_validation_score_ == held_out.score(X[~half], 1 - y[~half])
    assert fitted(X_val=X[half], y_val=y[half]).fit(X, y).best_validation_score_ is None


def test_a_callback_that_raises_leaves_what_was_learned(cancer):
    class Raises(Recorder):
        def on_fit_task_end(self, estimator, context):
            raise RuntimeError("enough")

    options = {"warm_start": True, "max_iter": 4, "random_state": 0}
    clf = LinearClassifier(**options).fit(*cancer).set_callbacks(Raises())
    before = clf.coef_.copy()
    with pytest.raises(RuntimeError, match="enough"):
        clf.fit(*cancer)
    assert clf.n_iter_ == 4
    assert clf.coef_.tobytes() == before.tobytes()
    clf.set_callbacks().fit(*cancer)
    expected = LinearClassifier(**options | {"max_iter": 8}).fit(*cancer)
    assert clf.coef_.tobytes() == expected.coef_.tobytes()


def test_warm_start_with_another_objective(cancer):
    clf = LinearClassifier("neg_log_loss", alpha=1e-2, warm_start=True).fit(*cancer)
    before = np.mean(clf.predict(cancer[0]) == cancer[1])
    clf.set_params(objective="accuracy", alpha=0, optimizer="exact_line_search").fit(*cancer)
    assert clf.history_[0].score == before
    assert clf.best_score_ > before


def test_init_from_others(cancer, iris, diabetes):
    X, y = cancer
    theirs = LogisticRegression(max_iter=10_000).fit(X, y)
    clf = LinearClassifier(init=theirs, **QUICK).fit(X, y)
    assert clf.history_[0].score == theirs.score(X, y)
    assert clf.best_score_ >= theirs.score(X, y)
    for init in (
        clf,
        (clf.coef_, clf.intercept_),
        (clf.coef_[0], clf.intercept_[0]),
        FrozenEstimator(clf),
    ):
        again = LinearClassifier(init=init, **QUICK).fit(X, y)
        assert again.history_[0].score == pytest.approx(clf.best_score_, abs=1e-12)
    X, y = iris
    theirs = LogisticRegression(max_iter=1000).fit(X, y)
    assert LinearClassifier(init=theirs, **QUICK).fit(X, y).history_[0].score == theirs.score(X, y)
    X, y = diabetes
    theirs = LinearRegression().fit(X, y)
    reg = LinearRegressor(init=theirs).fit(X, y)
    assert reg.history_[0].score == pytest.approx(theirs.score(X, y))
    reg = LinearRegressor(PassRate(40), init=theirs.coef_, **QUICK).fit(X, y)
    assert reg.history_[0].score == np.mean(np.abs(X @ theirs.coef_ - y) <= 40)


def test_init_in_a_grid_search(cancer):
    X, y = cancer
    theirs = LogisticRegression(max_iter=10_000).fit(X, y)
    grid = {"init": [None, "random", FrozenEstimator(theirs)]}
    search = GridSearchCV(LinearClassifier(**QUICK), grid, cv=3, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.9
    with pytest.raises(NotFittedError, match="FrozenEstimator"):
        clone(LinearClassifier(init=theirs, **QUICK)).fit(X, y)


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ("zeros", "init must be None"),
        (np.ones(3), r"coef of shape \(1, 30\)"),
        ((np.ones((1, 30)), np.ones(2)), r"intercept of shape \(1,\)"),
        (np.full(30, np.nan), "finite"),
        ((1, 2, 3), "init must be None"),
        (object(), "init must be None"),
        (LogisticRegression(), "fitted"),
    ],
)
def test_bad_init(cancer, init, message):
    with pytest.raises(ValueError, match=message):
        LinearClassifier(init=init).fit(*cancer)


def test_init_of_other_classes(iris):
    X, y = iris
    theirs = LogisticRegression(max_iter=1000).fit(X, y)
    with pytest.raises(ValueError, match=r"init has the classes \[0 1 2\]"):
        LinearClassifier(init=theirs).fit(X, y + 1)
    with pytest.raises(ValueError, match="fit_intercept=False"):
        LinearClassifier(init=theirs, fit_intercept=False).fit(X, y)


# Held-out rows


def test_held_out_rows_decide(cancer):
    X, y = cancer
    train, val = np.arange(len(y)) % 2 == 0, np.arange(len(y)) % 2 == 1
    clf = LinearClassifier(max_iter=300, n_iter_no_change=None, random_state=0)
    clf.fit(X[train], y[train], X_val=X[val], y_val=y[val])
    assert clf.score(X[val], y[val]) == clf.best_validation_score_
    assert clf.score(X[train], y[train]) == clf.best_score_
    without = clone(clf).fit(X[train], y[train])
    assert without.best_validation_score_ is None
    assert clf.best_validation_score_ >= without.score(X[val], y[val])


def test_early_stopping_holds_rows_out(cancer):
    X, y = cancer
    clf = LinearClassifier(early_stopping=True, validation_fraction=0.25, random_state=0)
    clf.fit(X, y)
    assert clf.stop_reason_ == "no change"
    # 143 rows are held out: the two scores are of different rows, and make up the whole.
    right = clf.best_score_ * (len(y) - 143) + clf.best_validation_score_ * 143
    assert right == pytest.approx(np.sum(clf.predict(X) == y))


def test_class_weights_of_held_out_rows_are_those_of_training(cancer):
    X, y = cancer
    clf = LinearClassifier(class_weight="balanced", **QUICK)
    only_0 = y == 0
    clf.fit(X, y, X_val=X[only_0], y_val=y[only_0])
    assert clf.best_validation_score_ == pytest.approx(clf.score(X[only_0], y[only_0]))
    with pytest.raises(ValueError, match=r"classes \[1\] have no weight"):
        clf.fit(X, y, sample_weight=only_0.astype(float))


def test_early_stopping_of_numpy(cancer):
    clf = LinearClassifier(early_stopping=np.True_, **QUICK).fit(*cancer)
    assert clf.best_validation_score_ is not None


def test_held_out_arguments(cancer):
    X, y = cancer
    with pytest.raises(ValueError, match="X_val is given without y_val"):
        LinearClassifier().fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="early_stopping=False"):
        LinearClassifier(early_stopping=False).fit(X, y, X_val=X, y_val=y)
    with pytest.raises(ValueError, match="not among the classes"):
        LinearClassifier().fit(X, y, X_val=X, y_val=y + 5)
    with pytest.raises(ValueError, match="features"):
        LinearClassifier().fit(X, y, X_val=X[:, :2], y_val=y)


# With the rest of scikit-learn


def test_pipeline_grid_search(cancer):
    pipe = make_pipeline(StandardScaler(), LinearClassifier(optimizer=HillClimb(), **QUICK))
    grid = [
        {"linearclassifier__optimizer__n_candidates": [8, 32]},
        {"linearclassifier__optimizer": [RandomSearch(16), HillClimb(16, step_size=0.3), "auto"]},
        {"linearclassifier__objective": ["f1", FBeta(0.5)]},
    ]
    search = GridSearchCV(pipe, grid, cv=3, n_jobs=2, scoring="f1", error_score="raise").fit(
        *cancer
    )
    assert search.best_score_ > 0.9
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_cross_val_score_and_calibration(cancer):
    X, y = cancer
    clf = LinearClassifier("f1", **QUICK)
    assert not hasattr(clf, "predict_proba")
    scores = cross_val_score(clf, X, y, cv=3)
    assert scores.min() > 0.9
    np.testing.assert_allclose(scores, cross_val_score(clf, X, y, cv=3, scoring="f1"))
    calibrated = CalibratedClassifierCV(clf, cv=3, ensemble=False).fit(X, y)
    assert get_scorer("neg_log_loss")(calibrated, X, y) > -0.3
    assert hasattr(LinearClassifier("neg_brier_score"), "predict_proba")


def test_sample_weight_is_routed(cancer):
    X, y = cancer
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        clf = LinearClassifier(**QUICK).set_fit_request(sample_weight=True)
        clf.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipe = make_pipeline(scaler, clf)
        pipe.fit(X, y, sample_weight=weight)
        expected = LinearClassifier(**QUICK)
        expected.fit(StandardScaler().fit_transform(X), y, sample_weight=weight)
        assert pipe[-1].coef_.tobytes() == expected.coef_.tobytes()
        scoring = make_scorer(f1_score).set_score_request(sample_weight=True)
        scores = cross_val_score(clf, X, y, cv=3, scoring=scoring, params={"sample_weight": weight})
        assert scores.min() > 0.8


def test_set_output_and_names(cancer):
    frame = load_breast_cancer(as_frame=True)
    pipe = make_pipeline(StandardScaler(), LinearClassifier(**QUICK)).set_output(transform="pandas")
    pipe.fit(frame.data, frame.target)
    assert pipe[-1].feature_names_in_.tolist() == list(frame.data)
    with pytest.raises(ValueError, match="feature names"):
        pipe[-1].predict(frame.data.rename(columns=str.upper))


def test_pickle_in_a_fresh_process(cancer, tmp_path):
    X, y = cancer
    for clf in (
        LinearClassifier(FBeta(2), warm_start=True, **QUICK).fit(X, y),
        LinearClassifier("neg_log_loss", alpha=0.1).fit(X, y),
    ):
        (tmp_path / "clf.pkl").write_bytes(pickle.dumps(clf))
        np.save(tmp_path / "X.npy", X)
        code = (
            "import pickle, sys, numpy as np;"
            "clf = pickle.load(open('clf.pkl', 'rb'));"
            "sys.stdout.buffer.write(clf.decision_function(np.load('X.npy')).tobytes())"
        )
        out = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True
        )
        assert out.stdout == clf.decision_function(X).tobytes()


def test_import_is_light():
    code = (
        "import sklearn, sys; before = set(sys.modules); from tabtrain import *; LinearClassifier;"
        "heavy = {'numba', 'matplotlib', 'pandas', 'cmaes', 'sklearn.linear_model',"
        "'sklearn.metrics'};"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_threads_change_nothing(monkeypatch):
    monkeypatch.setattr("tabtrain.problem.THREADS_FROM", 0)
    X, y = make_classification(4000, 8, n_informative=6, n_classes=3, random_state=0)
    weight = np.random.default_rng(0).random(len(y))
    for objective in ("accuracy", "neg_log_loss", "f1_macro"):
        one, *others = (
            LinearClassifier(objective, alpha=1e-3, n_jobs=n, **QUICK).fit(X, y, weight)
            for n in (1, 2, 3)
        )
        for other in others:
            assert other.coef_.tobytes() == one.coef_.tobytes()
            assert other.best_score_ == one.best_score_


# Callbacks


class Recorder:
    """Counts what it is told and says stop at the given iteration."""

    def __init__(self, stop_at=None):
        self.stop_at = stop_at
        self.events = []
        self.scores = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.events.append("begin " + context.task_name)

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.events.append("end " + context.task_name)
        if context.task_name != "iteration":
            return False
        self.scores.append(fitted_estimator.score(X, y))
        return len(self.scores) == self.stop_at

    def teardown(self, estimator, context):
        self.events.append("teardown")


def test_callback_hears_everything(cancer):
    recorder = Recorder()
    clf = LinearClassifier(max_iter=5, random_state=0).set_callbacks(recorder).fit(*cancer)
    steps = ["begin iteration", "end iteration"] * 5
    assert recorder.events == ["setup", "begin fit", *steps, "end fit", "teardown"]
    assert recorder.scores[-1] == clf.best_score_
    assert np.all(np.diff(recorder.scores) >= 0)


def test_callback_says_stop(cancer):
    clf = LinearClassifier().set_callbacks(Recorder(stop_at=3)).fit(*cancer)
    assert clf.stop_reason_ == "callback"
    assert clf.n_iter_ == 3
    assert clf.score(*cancer) == clf.best_score_


@pytest.mark.parametrize("estimator", [LinearClassifier(), LinearRegressor()], ids=str)
def test_sklearn_callbacks(estimator, cancer, diabetes, capfd):
    X, y = cancer if isinstance(estimator, LinearClassifier) else diabetes
    scoring = "accuracy" if isinstance(estimator, LinearClassifier) else "r2"
    monitor = ScoringMonitor(scoring=scoring)
    estimator = clone(estimator).set_params(max_iter=6, optimizer=HillClimb(), random_state=0)
    estimator.set_callbacks(monitor, ProgressBar()).fit(X, y)
    data = monitor.get_logs().data_as_pandas
    assert len(data[data.task_name == "iteration"]) == 6
    assert data[scoring].iloc[-1] == pytest.approx(estimator.best_score_)
    assert "LinearClassifier" in capfd.readouterr().out or scoring == "r2"


def test_callbacks_change_nothing(cancer):
    with_callback = LinearClassifier(**QUICK).set_callbacks(Recorder()).fit(*cancer)
    without = LinearClassifier(**QUICK).fit(*cancer)
    assert with_callback.coef_.tobytes() == without.coef_.tobytes()


# Bad input

X_GOOD, Y_GOOD = np.arange(20.0).reshape(10, 2) % 7, np.arange(10) % 2


@pytest.mark.parametrize(
    ("X", "y", "options", "message"),
    [
        (np.where(X_GOOD == 3, np.nan, X_GOOD), Y_GOOD, {}, "NaN"),
        (np.where(X_GOOD == 3, np.inf, X_GOOD), Y_GOOD, {}, "infinity"),
        (X_GOOD, np.zeros(10), {}, "one class"),
        (X_GOOD[:0], Y_GOOD[:0], {}, "0 sample"),
        (X_GOOD[:, :0], Y_GOOD, {}, "0 feature"),
        (X_GOOD, Y_GOOD[:5], {}, "inconsistent numbers of samples"),
        (X_GOOD[0], Y_GOOD, {}, "2D array"),
        (X_GOOD, np.column_stack([Y_GOOD, Y_GOOD]), {}, "1d array"),
        (np.full((10, 2), "a"), Y_GOOD, {}, "could not convert string|dtype"),
        (X_GOOD, Y_GOOD + 0.5, {}, "continuous"),
        (X_GOOD, Y_GOOD, {"sample_weight": -np.ones(10)}, "[Nn]egative"),
        (X_GOOD, Y_GOOD, {"sample_weight": np.zeros(10)}, "[Ss]ample weights"),
        (X_GOOD, Y_GOOD, {"sample_weight": np.full(10, np.nan)}, "NaN"),
        (X_GOOD, Y_GOOD, {"sample_weight": np.ones(3)}, "sample_weight"),
    ],
)
def test_bad_examples(X, y, options, message):
    clf = LinearClassifier()
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y, **options)
    assert not hasattr(clf, "coef_")


def test_sparse_is_refused(cancer):
    from scipy.sparse import csr_array

    with pytest.raises(TypeError, match=r"[Ss]parse"):
        LinearClassifier().fit(csr_array(cancer[0]), cancer[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "acuracy"}, "objective must be one of 'accuracy', .*got 'acuracy'"),
        ({"objective": 7}, "objective must be one of .*got 7"),
        ({"objective": "r2"}, "objective='r2' is for numbers"),
        ({"objective": Cost([[0, 1, 2], [1, 0, 2], [1, 1, 0]])}, "matrix of Cost must be 2 x 2"),
        ({"objective": FBeta(-1)}, "beta of FBeta"),
        ({"alpha": -1}, "alpha"),
        ({"fit_intercept": "yes"}, "fit_intercept"),
        ({"max_iter": 0}, "max_iter"),
        ({"max_iter": 2.5}, "max_iter"),
        ({"max_time": 0}, "max_time"),
        ({"max_time": "long"}, "max_time"),
        ({"tol": -1e-3}, "tol"),
        ({"tol": np.nan}, "tol must be a finite number"),
        ({"alpha": np.inf}, "alpha must be a finite number"),
        ({"max_time": np.inf, "max_iter": None}, "max_time must be a finite number"),
        ({"early_stopping": 1}, "early_stopping"),
        ({"class_weight": {0: -1, 1: 1}}, "class_weight must be finite and not negative"),
        ({"class_weight": {0: np.nan, 1: 1}}, "class_weight must be finite and not negative"),
        ({"class_weight": {0: 0, 1: 0}}, "sample_weight and class_weight"),
        ({"n_iter_no_change": 0}, "n_iter_no_change"),
        ({"early_stopping": "maybe"}, "early_stopping"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"class_weight": "unbalanced"}, "class_weight"),
        ({"verbose": -1}, "verbose"),
        ({"warm_start": 1}, "warm_start"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"random_state": "seed"}, "seed"),
    ],
    ids=str,
)
def test_bad_parameters(options, message):
    clf = LinearClassifier(**options)
    with pytest.raises((ValueError, TypeError), match=message):
        clf.fit(X_GOOD, Y_GOOD)
    assert not hasattr(clf, "coef_")


def test_objectives_that_are_no_score(cancer):
    with pytest.raises(ValueError, match=r"none of .* candidates has a score"):
        LinearClassifier(lambda counts: np.nan, max_iter=3).fit(*cancer)
    with pytest.raises(TypeError, match=r"a number of the confusion counts.*missing"):
        LinearClassifier(f1_score).fit(*cancer)
    with pytest.raises(ValueError, match="such as Cost or CountScore or FBeta"):
        LinearClassifier("fbeta").fit(*cancer)


def test_init_must_predict_the_same_kind(cancer, diabetes):
    with pytest.raises(ValueError, match="must predict what LinearClassifier predicts"):
        LinearClassifier(init=LinearRegression().fit(*cancer)).fit(*cancer)
    with pytest.raises(ValueError, match="must predict what LinearRegressor predicts"):
        LinearRegressor(init=LinearClassifier(**QUICK).fit(*cancer)).fit(*cancer)
    pipe = make_pipeline(StandardScaler(), LinearClassifier(**QUICK)).fit(*cancer)
    with pytest.raises(NotFittedError, match="give the last step"):
        LinearClassifier(init=pipe).fit(*cancer)


def test_a_perfect_score_ends_the_search():
    X = np.arange(20.0).reshape(-1, 1)
    clf = LinearClassifier(random_state=0).fit(X, X[:, 0] > 9)
    assert clf.best_score_ == 1
    assert clf.stop_reason_ == "no change"
    assert clf.n_iter_ == clf.history_[-1].iteration


def test_binary_metric_of_three_classes(iris):
    with pytest.raises(ValueError, match="metric of two classes, got 3 classes"):
        LinearClassifier("f1").fit(*iris)


@pytest.mark.parametrize("objective", ["f1", lambda counts: 1.0], ids=["f1", "callable"])
def test_regressor_takes_no_counts(diabetes, objective):
    with pytest.raises((ValueError, TypeError), match="objective"):
        LinearRegressor(objective).fit(*diabetes)


def test_constant_target():
    reg = LinearRegressor().fit(X_GOOD, np.full(10, 5.0))
    np.testing.assert_allclose(reg.predict(X_GOOD), 5.0)
    assert reg.score(X_GOOD, np.full(10, 5.0)) == 1.0


def test_huge_and_tiny_values():
    X, y = make_regression(100, 3, random_state=0)
    for factor in (1e-140, 1e140):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            reg = LinearRegressor().fit(X * factor, y)
        assert reg.score(X * factor, y) > 0.99
    with pytest.raises(ValueError, match="too large"):
        LinearRegressor().fit(X * 1e200, y)


@pytest.mark.parametrize("objective", ["f1", "neg_log_loss"])
def test_frames_are_scored_without_a_warning(objective):
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    clf = LinearClassifier(objective, alpha=0.01, max_iter=50, random_state=0).fit(X, y)
    assert np.isfinite(clf.score(X, y))
