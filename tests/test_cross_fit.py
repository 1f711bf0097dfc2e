"""Trained for the metric, and right on rows that were not trained on."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    TunedThresholdClassifierCV,
    cross_val_score,
)

from tabtrain import LBFGS, Cost, LinearClassifier
from tabtrain._folds import alike_together, folds
from tabtrain._thresholds import (
    HeldOut,
    best_offsets,
    calibrated,
    classes_of,
    expected_labels,
    tally_of,
)
from tabtrain.models import LinearModel
from tabtrain.objectives import get_objective
from tabtrain.optimizers.cross_fit import N_AVERAGED, PLAN
from tabtrain.problem import Problem, values_and_gradients
from tabtrain.table import Table

METRICS = ("accuracy", "f1", "balanced_accuracy", "matthews_corrcoef")


@pytest.fixture(scope="module")
def rare():
    return make_classification(600, 6, weights=[0.85], class_sep=0.7, flip_y=0.05, random_state=3)


@pytest.fixture(scope="module")
def three():
    return make_classification(
        400, 6, n_informative=4, n_classes=3, weights=[0.6, 0.3], random_state=5
    )


@pytest.fixture(scope="module")
def fitted(rare):
    return LinearClassifier("f1", random_state=0).fit(*rare)


# What is reported


@pytest.mark.parametrize("metric", METRICS)
def test_noise_is_not_learned(metric):
    """Of labels that have nothing to do with the features the score on held-out rows is that on
    new rows, to within its standard errors."""
    surplus = []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        X, new = rng.standard_normal((200, 5)), rng.standard_normal((20_000, 5))
        y, new_y = (rng.permutation(np.arange(len(each)) % 10 < 3) for each in (X, new))
        clf = LinearClassifier(metric, random_state=0).fit(X, y)
        above = clf.oof_score_ - get_scorer(metric)(clf, new, new_y)
        # Where all rows get one class, there may be no error.
        surplus.append(above / max(clf.oof_std_error_, 0.01))
    assert abs(np.mean(surplus)) < 1
    assert np.mean(np.abs(surplus) > 2) < 0.2


def test_what_was_tried_is_told(fitted):
    steps = [each.step for each in fitted.selection_]
    assert steps == ["no threshold", *(plan.kind for plan in PLAN), "result"]
    assert fitted.n_iter_ == len(PLAN)
    trained = fitted.selection_[1:-1]
    assert sum(each.share for each in trained) == pytest.approx(1)
    assert 1 <= sum(each.share > 0 for each in trained) <= N_AVERAGED + 1
    assert fitted.selection_[-1].oof_score == fitted.oof_score_
    assert fitted.selection_[-1].oof_std_error == fitted.oof_std_error_
    assert all(each.oof_std_error >= 0 for each in fitted.selection_)
    assert f"{fitted.selection_.gain:+.4f}" in str(fitted.selection_)


def test_selection_is_a_table(fitted):
    frame = fitted.selection_.to_frame()
    assert list(frame["oof_score"]) == [each.oof_score for each in fitted.selection_]
    again = pickle.loads(pickle.dumps(fitted.selection_))
    assert again == fitted.selection_
    assert str(again) == str(fitted.selection_)


def test_is_one_linear_function(rare, fitted):
    X, y = rare
    assert fitted.coef_.shape == (1, X.shape[1])
    raw = X @ fitted.coef_[0] + fitted.intercept_[0]
    np.testing.assert_allclose(fitted.decision_function(X), raw, atol=1e-12)
    np.testing.assert_array_equal(fitted.predict(X), raw > 0)
    assert fitted.best_score_ == get_scorer("f1")(fitted, X, y)


def test_the_surrogate_is_kept_where_the_metric_does_not_help(rng):
    """Where the labels follow the linear function of one feature, nothing is better."""
    kept = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((150, 12))
        y = X[:, 0] + 0.1 * rng.standard_normal(150) > 0
        selection = LinearClassifier(random_state=0).fit(X, y).selection_
        kept += selection.kept_surrogate
        assert selection.kept_surrogate == ("is kept" in str(selection))
    assert kept > 0


# What it is worth


def test_better_than_a_threshold_where_the_model_is_wrong():
    """One class lies in a ring around the other, but for some that lead a line astray."""
    ours, theirs = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((3000, 2))
        y = (X[:, 0] > 1) | ((X[:, 0] < -1.5) & (X[:, 1] > 0))
        train, test = slice(1000), slice(1000, None)
        tuned = TunedThresholdClassifierCV(LogisticRegression(), scoring="f1")
        for clf, scores in ((LinearClassifier("f1", random_state=0), ours), (tuned, theirs)):
            scores.append(get_scorer("f1")(clf.fit(X[train], y[train]), X[test], y[test]))
    assert np.mean(ours) > np.mean(theirs) + 0.03


@pytest.mark.parametrize("metric", ["f1_macro", "balanced_accuracy"])
def test_several_classes(metric, three):
    X, y = three
    ours = cross_val_score(LinearClassifier(metric, random_state=0), X, y, scoring=metric)
    plain = cross_val_score(LogisticRegression(), X, y, scoring=metric)
    assert ours.mean() > plain.mean()
    clf = LinearClassifier(metric, random_state=0).fit(X, y)
    assert clf.coef_.shape == (3, 6)
    assert abs(clf.oof_score_ - ours.mean()) < 3 * clf.oof_std_error_


def test_costs_move_the_threshold(rare):
    X, y = rare
    dear, cheap = (
        LinearClassifier(Cost([[0, 1], [cost, 0]]), random_state=0).fit(X, y) for cost in (20, 0.5)
    )
    assert dear.predict(X).mean() > cheap.predict(X).mean()


# Which rows are held out


def test_copies_of_rows_are_in_one_fold(rng):
    copied = rng.integers(100, size=300)
    X, codes = rng.standard_normal((100, 3))[copied], copied % 2
    fold = alike_together(X, codes, np.ones(300), 5, seed=1)
    for row in np.unique(copied):
        assert len(np.unique(fold[copied == row])) == 1
    even = np.bincount(alike_together(rng.random((300, 3)), codes, np.ones(300), 5, seed=1))
    assert np.ptp(even) <= 2


def test_rows_that_are_alike_by_chance_are_divided(rng):
    X, codes = rng.integers(3, size=(300, 4)).astype(float), rng.integers(2, size=300)
    fold = alike_together(X, codes, np.ones(300), 5, seed=1)
    of_class = np.array([np.bincount(fold[codes == code]) for code in (0, 1)])
    assert np.ptp(of_class, axis=1).max() <= 1
    assert (
        np.mean([(X[fold != i] == row).all(axis=1).any() for i in range(5) for row in X[fold == i]])
        > 0.8
    )


def test_layout_and_precision_of_a_table_do_not_matter_for_folds(rng):
    X = rng.standard_normal((40, 3)).astype(np.float32)
    codes, weight = np.arange(40) % 2, np.ones(40)
    of_each = [
        alike_together(each, codes, weight, 4, seed=2)
        for each in (X, X.astype(float), np.asfortranarray(X))
    ]
    np.testing.assert_array_equal(of_each[0], of_each[1])
    np.testing.assert_array_equal(of_each[0], of_each[2])


def test_features_of_few_values_tell_no_rows_apart():
    """What is true of a value is trained on, whichever rows are held out."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X, new = (np.eye(4)[rng.integers(4, size=n)] for n in (600, 20_000))
        y, new_y = (rng.random(len(each)) < each @ [0.1, 0.3, 0.6, 0.9] for each in (X, new))
        clf = LinearClassifier("matthews_corrcoef", random_state=0).fit(X, y)
        assert abs(clf.oof_score_ - clf.score(new, new_y)) < 3 * clf.oof_std_error_
        y = X[:, 0] + X[:, 2] > 0
        assert LinearClassifier(random_state=0).fit(X, y).oof_score_ == 1


def test_perfect_rows_are_no_reason_to_stop():
    X = np.concatenate([np.full((30, 1), -1.0), np.full((30, 1), 1.0)])
    X = X + 0.1 * np.random.default_rng(0).standard_normal((60, 1))
    clf = LinearClassifier(random_state=0).fit(X, np.arange(60) >= 30)
    assert clf.oof_score_ == 1
    assert clf.selection_[-1].step == "result"


def test_rows_without_weight_are_in_no_fold_of_their_own(rng):
    X, codes, weight = rng.standard_normal((30, 2)), np.arange(30) % 2, np.ones(30)
    more = np.concatenate([X, rng.standard_normal((5, 2))])
    alone = alike_together(X, codes, weight, 3, seed=0)
    among = alike_together(more, np.append(codes, [0] * 5), np.append(weight, [0] * 5), 3, seed=0)
    np.testing.assert_array_equal(among[:30], alone)


@pytest.mark.parametrize("cv", [None, 3, StratifiedGroupKFold(4), GroupKFold(3)], ids=str)
def test_groups_are_kept_together(cv, rng):
    X, codes, groups = rng.standard_normal((60, 2)), np.arange(60) % 2, np.arange(60) // 4
    splits = folds(X, codes, np.ones(60), groups, cv, np.arange(2), 0)
    assert sum(held_out.astype(int) for _, held_out in splits).tolist() == [1] * 60
    for train, held_out in splits:
        assert not (train & held_out).any()
        assert not np.isin(groups[train], groups[held_out]).any()


def test_groups_reach_the_folds(rare):
    """Ten copies of each row are no news, if they are said to be one group."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.standard_normal((40, 8)), 10, axis=0) + 1e-9 * rng.standard_normal((400, 8))
    y = np.repeat(rng.integers(2, size=40), 10)
    clf = LinearClassifier(random_state=0)
    told = clone(clf).fit(X, y, groups=np.repeat(np.arange(40), 10)).oof_score_
    assert told < clone(clf).fit(X, y).oof_score_ - 0.05


@pytest.mark.parametrize("optimizer", ["auto", "hill_climb"])
def test_groups_are_held_out_whole(optimizer):
    """Ten copies of each row: what is held out is as new as it should be."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.standard_normal((40, 30)), 10, axis=0)
    y = np.repeat(rng.integers(2, size=40), 10)
    clf = LinearClassifier(
        optimizer=optimizer,
        early_stopping=True,
        validation_fraction=0.25,
        max_iter=100,
        random_state=0,
    )
    told = clone(clf).fit(X, y, groups=np.repeat(np.arange(40), 10))
    assert told.best_validation_score_ < clone(clf).fit(X, y).best_validation_score_ - 0.05
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clf.fit(X, y, groups=np.arange(40))


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (1, "cv == 1, must be >= 2"),
        (RepeatedStratifiedKFold(n_splits=2, n_repeats=2), "more than once"),
        ([(np.arange(600), np.arange(300))], "also trains on"),
        ([(np.arange(300), np.arange(0))], "(?s)cv=.*holds none out"),
        ([], "cv=.*no rows to train on"),
        ([(np.arange(600), np.arange(600, 601))], "(?s)cv=.*must yield pairs"),
    ],
)
def test_wrong_cv(cv, message, rare):
    with pytest.raises(ValueError, match=message):
        LinearClassifier(cv=cv).fit(*rare)


def test_splits_without_a_class(rare):
    X, y = rare
    order = np.argsort(y, kind="stable")
    with pytest.raises(ValueError, match="all rows of class 1 at once"):
        LinearClassifier(cv=KFold(6)).fit(X[order], y[order])


def test_masks_are_splits(rare):
    fold = np.arange(600) % 3
    numbers, masks = (
        [(which(fold != i), which(fold == i)) for i in range(3)]
        for which in (np.flatnonzero, lambda mask: mask)
    )
    of_each = [LinearClassifier(cv=cv, random_state=0).fit(*rare).coef_ for cv in (numbers, masks)]
    assert of_each[0].tobytes() == of_each[1].tobytes()


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1] * 600, "folds of groups, of which there are 1"),
        ([None] * 600, "groups must say"),
        (np.ones((600, 2)), "1d"),
    ],
)
def test_wrong_groups(groups, message, rare):
    with pytest.raises(ValueError, match=message):
        LinearClassifier().fit(*rare, groups=groups)


def test_too_few_held_out_rows(rare):
    X, y = rare
    with pytest.raises(ValueError, match="too few to decide on"):
        LinearClassifier("f1").fit(X, y, X_val=X[:1], y_val=y[:1])


def test_own_held_out_rows_decide(rare):
    """Where these want another threshold, they get it."""
    X, y = rare
    thirds = np.arange(len(y)) % 3
    options = {"objective": "accuracy", "random_state": 0}
    X_val, y_val = X[thirds == 0], y[thirds == 0]
    mostly_true = np.random.default_rng(0).random(len(y_val)) < 0.9
    as_is, other = (
        LinearClassifier(**options).fit(X[thirds > 0], y[thirds > 0], X_val=X_val, y_val=labels)
        for labels in (y_val, np.where(mostly_true, 1, y_val))
    )
    assert other.predict(X).mean() > 0.8 > as_is.predict(X).mean()
    assert as_is.best_validation_score_ == as_is.score(X_val, y_val)


def test_early_stopping_holds_rows_out(rare):
    X, y = rare
    clf = LinearClassifier("f1", early_stopping=True, validation_fraction=0.3, random_state=0)
    clf.fit(X, y)
    assert clf.best_validation_score_ is not None
    assert clf.selection_[-1].oof_score == clf.oof_score_


# That it is as good a citizen as the others


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_intercept(fit_intercept, rare):
    clf = LinearClassifier("f1", fit_intercept=fit_intercept, random_state=0).fit(*rare)
    assert bool(clf.intercept_[0]) == fit_intercept


def test_threads_change_nothing(rare, monkeypatch):
    monkeypatch.setattr("tabtrain.problem.THREADS_FROM", 0)
    one, two = (LinearClassifier("f1", n_jobs=n, random_state=0).fit(*rare) for n in (1, 2))
    assert one.coef_.tobytes() == two.coef_.tobytes()
    assert one.selection_ == two.selection_


def test_max_time_ends_it(rare, own_time):
    X, y = make_classification(20_000, 20, random_state=0)
    LinearClassifier("f1", max_iter=2).fit(*rare)  # what is loaded late
    begun = own_time()
    clf = LinearClassifier("f1", max_time=0.2, random_state=0).fit(X, y)
    assert own_time() - begun < 1
    assert clf.stop_reason_ == "time"
    assert np.isnan(clf.oof_score_)
    assert "stopped" in str(clf.selection_)
    assert clf.score(X, y) > 0


def test_goes_on_where_it_was_left(rare):
    X, y = rare
    at_once = LinearClassifier("f1", random_state=0).fit(X, y)
    in_two = LinearClassifier("f1", max_iter=7, warm_start=True, random_state=0).fit(X, y)
    in_two.set_params(max_iter=1000).fit(X, y)
    assert in_two.coef_.tobytes() == at_once.coef_.tobytes()
    assert in_two.selection_ == at_once.selection_


def test_starts_from_what_is_trained(rare):
    """Of few rows, it is not forgotten: the penalties are on the distance from it."""
    X, y = rare
    trained = LogisticRegression().fit(X, y)
    few = np.concatenate([np.flatnonzero(y == label)[:12] for label in (0, 1)])
    coefs = [
        LinearClassifier("f1", init=init, random_state=0).fit(X[few], y[few]).coef_[0]
        for init in (trained, None)
    ]
    near, far = (each @ trained.coef_[0] / np.linalg.norm(each) for each in coefs)
    assert near > far


@pytest.mark.parametrize(
    ("options", "optimizer"),
    [
        ({"alpha": 0.1}, "ExactLineSearch"),
        ({"init": "random"}, "ExactLineSearch"),
        ({"objective": "neg_log_loss"}, "LBFGS"),
        ({}, "CrossFit"),
    ],
)
def test_auto(options, optimizer, rare):
    clf = LinearClassifier(**options, max_iter=50, random_state=0).fit(*rare)
    assert type(clf.history_.optimizer).__name__ == optimizer


def test_progress_knows_how_long_it_takes(rare):
    class Watch:
        def setup(self, estimator, context):
            self.max_subtasks = context.max_subtasks

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

    watch = Watch()
    LinearClassifier("f1", random_state=0).set_callbacks(watch).fit(*rare)
    assert watch.max_subtasks == len(PLAN)


def test_where_it_cannot_be_is_said(rare):
    with pytest.raises(ValueError, match="alpha=0"):
        LinearClassifier(optimizer="cross_fit", alpha=0.1).fit(*rare)


def test_objective_that_is_never_a_number(rare):
    with pytest.raises(ValueError, match="finite number"):
        LinearClassifier(lambda counts: np.nan).fit(*rare)


def test_more_features_than_rows(rng):
    X, y = rng.standard_normal((30, 80)), np.arange(30) % 2
    X[:, 0] += 4 * y
    clf = LinearClassifier(random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.9


def test_frames_and_labels(rare):
    X, y = rare
    names = np.array(["no", "yes"])[y]
    frame = pd.DataFrame(X, columns=[*"abcdef"])
    clf = LinearClassifier("balanced_accuracy", random_state=0).fit(frame, names)
    assert set(clf.predict(frame)) == {"no", "yes"}


# Its pieces


def make_problems(objective, rng, n_outputs=1, n_problems=3):
    X = rng.standard_normal((90, 4))
    y = rng.integers(max(n_outputs, 2), size=90)
    table = Table(X, y)
    model = LinearModel(n_outputs, np.zeros(4), np.ones(4))
    return [
        Problem(model, get_objective(objective, "class"), table.reweighted(rng.random(90)))
        for _ in range(n_problems)
    ]


@pytest.mark.parametrize("objective", ["neg_log_loss", "f1_macro"])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_several_problems_in_one_pass(objective, n_outputs, rng):
    problems = make_problems(objective, rng, n_outputs)
    if objective == "f1_macro":
        problems = [each.softened(0.5) for each in problems]
    thetas = rng.standard_normal((3, problems[0].n_params))
    scores, gradients = values_and_gradients(problems, thetas)
    for problem, theta, score, gradient in zip(problems, thetas, scores, gradients, strict=True):
        alone = problem.value_and_gradient(theta)
        assert alone[0] == score
        np.testing.assert_array_equal(alone[1], gradient)


def test_searches_side_by_side_are_those_alone(rng):
    problems = make_problems("neg_log_loss", rng)
    starts = rng.standard_normal((3, problems[0].n_params))

    def evaluate(which, thetas):
        return [
            (theta, *problems[i].value_and_gradient(theta))
            for i, theta in zip(which, thetas, strict=True)
        ]

    together = LBFGS().ascended(evaluate, starts, 8)
    for i, start in enumerate(starts):
        (alone,) = LBFGS().ascended(lambda which, thetas, i=i: evaluate([i], thetas), [start], 8)
        np.testing.assert_array_equal(alone, together[i])
        assert problems[i].value_and_gradient(alone)[0] > problems[i].value_and_gradient(start)[0]


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_calibrated_probabilities(n_classes, rng):
    """They are as often right as they say."""
    raw = 2 * rng.standard_normal((1 if n_classes == 2 else n_classes, 4000))
    log_odds = np.concatenate([np.zeros((1, 4000)), raw]) if n_classes == 2 else raw
    p = np.exp(log_odds) / np.exp(log_odds).sum(axis=0)
    codes = (p.cumsum(axis=0) < rng.random(4000)).sum(axis=0)
    found = calibrated(3 * raw + 1, codes, np.ones(4000), n_classes)
    np.testing.assert_allclose(found.sum(axis=0), 1)
    for code in range(n_classes):
        for low in (0.1, 0.3, 0.6):
            some = (found[code] > low) & (found[code] < low + 0.2)
            assert abs(np.mean(codes[some] == code) - found[code][some].mean()) < 0.08


def test_labels_are_drawn_to_probabilities_the_less_the_more_rows(rng):
    def own_share(n_rows):
        raw, codes = rng.standard_normal((1, n_rows)), np.arange(n_rows) % 2
        row, code, part_weight = expected_labels(raw, codes, np.ones(n_rows), 2)
        np.testing.assert_allclose(np.bincount(row, part_weight), 1, atol=1e-2)
        return part_weight[code == codes[row]].sum() / n_rows

    assert own_share(40) < own_share(400) < own_share(40_000)
    assert own_share(40_000) > 0.98


def test_without_a_prior_labels_are_as_they_are(rng):
    codes, weight = rng.integers(2, size=50), rng.random(50)
    row, code, part_weight = expected_labels(rng.standard_normal((1, 50)), codes, weight, 2, 0)
    np.testing.assert_array_equal(row, np.arange(50))
    np.testing.assert_array_equal(code, codes)
    np.testing.assert_array_equal(part_weight, weight)


@pytest.mark.parametrize("metric", METRICS)
def test_best_threshold_is_that_of_all(metric, rng):
    raw = np.round(rng.standard_normal((1, 120)), 1)
    codes = (raw[0] + rng.standard_normal(120) > 0.5).astype(int)
    weight = rng.random(120)
    objective = get_objective(metric, "class")

    def score(offset):
        tally = tally_of(codes, classes_of(raw + offset), weight, 2)
        return objective.score(tally[np.newaxis])[0]

    (offset,), best = best_offsets(raw, codes, weight, objective, 2)
    cuts = np.unique(raw)
    all_scores = [score(-cut) for cut in (*(cuts[1:] + cuts[:-1]) / 2, cuts[0] - 1, cuts[-1] + 1)]
    assert best == pytest.approx(max(all_scores), abs=1e-9)
    assert score(offset) == pytest.approx(best, abs=1e-9)


def test_best_offsets_of_several_classes_are_no_worse_than_any_change(rng):
    raw, codes = rng.standard_normal((3, 200)), rng.integers(3, size=200)
    raw[0] += 1
    objective = get_objective("f1_macro", "class")

    def score(offsets):
        tally = tally_of(codes, classes_of(raw + offsets[:, np.newaxis]), np.ones(200), 3)
        return objective.score(tally[np.newaxis])[0]

    offsets, best = best_offsets(raw, codes, np.ones(200), objective, 3)
    assert score(offsets) == pytest.approx(best)
    assert best > score(np.zeros(3))
    for k in range(3):
        for change in rng.standard_normal(50):
            assert score(offsets + change * np.eye(3)[k]) <= best + 1e-12


@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_of_a_part_have_no_say_in_it(n_classes, rng):
    raw = rng.standard_normal((1 if n_classes == 2 else n_classes, 90))
    codes, fold = rng.integers(n_classes, size=90), np.arange(90) % 3
    other = np.where(fold == 1, 0, codes)
    of_each = [
        HeldOut(each, np.ones(90), fold, get_objective("f1_macro", "class"), n_classes)
        for each in (codes, other)
    ]
    first, second = (rows.offsets(raw, rows.without_each_part()[1]) for rows in of_each)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("metric", METRICS)
def test_standard_errors(metric, rng):
    """Those of the score and of a difference are about those of tables drawn anew."""
    scores, gains, errors, gain_errors = [], [], [], []
    objective = get_objective(metric, "class")
    for _ in range(400):
        y = (rng.random(300) < 0.3).astype(int)
        found, other = (np.where(rng.random(300) < share, y, 1 - y) for share in (0.8, 0.75))
        rows = HeldOut(y, np.ones(300), np.arange(300) % 5, objective, 2)
        scores.append(rows.score(found))
        errors.append(rows.error(found))
        gain, error = rows.gain(found, other)
        gains.append(gain)
        gain_errors.append(error)
    assert np.mean(errors) == pytest.approx(np.std(scores), rel=0.15)
    assert np.mean(gain_errors) == pytest.approx(np.std(gains), rel=0.15)


def test_a_row_of_weight_two_is_two_rows_in_standard_errors(rng):
    y, found = rng.integers(2, size=(2, 80))
    objective = get_objective("f1", "class")
    weight = 1.0 + np.arange(80) % 2
    repeats = weight.astype(int)
    weighted = HeldOut(y, weight, np.arange(80) % 5, objective, 2)
    repeated = HeldOut(
        y.repeat(repeats), np.ones(repeats.sum()), np.zeros(repeats.sum(), int), objective, 2
    )
    assert weighted.error(found) == pytest.approx(repeated.error(found.repeat(repeats)))


def test_one_fold_is_divided(rng):
    y = rng.integers(2, size=50)
    rows = HeldOut(y, np.ones(50), np.zeros(50, int), get_objective("f1", "class"), 2)
    assert sorted(np.bincount(rows.part)) == [10] * 5
    assert len(rows.without_each_part()) == 6
    assert KFold(5).get_n_splits() == rows.n_parts
