"""Thresholds for anybody's model."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score, f1_score, get_scorer, matthews_corrcoef
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabtrain import Cost, LinearClassifier, ThresholdClassifier


@parametrize_with_checks(
    [
        ThresholdClassifier(LogisticRegression()),
        ThresholdClassifier(RidgeClassifier(), "accuracy", cv=3, prior_count=0),
        ThresholdClassifier(LinearClassifier("neg_log_loss", alpha=0.01)),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def rare():
    return make_classification(
        800, 6, n_informative=4, weights=[0.88], class_sep=0.6, flip_y=0.04, random_state=2
    )


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return X + np.random.default_rng(0).normal(0, 0.6, X.shape), y


MODELS = [
    LogisticRegression(),
    RidgeClassifier(),
    GaussianNB(),
    RandomForestClassifier(20, random_state=0),
    KNeighborsClassifier(),
    make_pipeline(StandardScaler(), SVC()),
    LinearClassifier("neg_log_loss", alpha=0.01),
]
models = pytest.mark.parametrize("model", MODELS, ids=lambda each: type(each).__name__)


@models
def test_gains_of_rare_classes(model, rare):
    X, y = rare
    ours = cross_val_score(ThresholdClassifier(model, "balanced_accuracy"), X, y, scoring="f1")
    scores = {
        name: cross_val_score(each, X, y, scoring="balanced_accuracy").mean()
        for name, each in (("tuned", ThresholdClassifier(model)), ("plain", model))
    }
    assert scores["tuned"] > scores["plain"] + 0.02
    assert ours.mean() > 0.2


@models
@pytest.mark.parametrize("table", ["rare", "iris"])
def test_predicts_what_it_says(model, table, request):
    X, y = request.getfixturevalue(table)
    names = np.array(["a", "b", "c"])[y]
    clf = ThresholdClassifier(model, "f1_macro").fit(X, names)
    decision = clf.decision_function(X)
    if table == "rare":
        np.testing.assert_array_equal(clf.predict(X), clf.classes_[(decision > 0).astype(int)])
        assert clf.offsets_.shape == (1,)
        response = getattr(clf.estimator_, clf.response_method_)(X)
        response = response[:, 1] if response.ndim == 2 else response
        clear = np.abs(response - clf.threshold_) > 1e-9
        np.testing.assert_array_equal(
            (clf.predict(X) == "b")[clear], (response > clf.threshold_)[clear]
        )
    else:
        np.testing.assert_array_equal(clf.predict(X), clf.classes_[decision.argmax(axis=1)])
        assert clf.offsets_.shape == (3,)
        assert not hasattr(clf, "threshold_")
    assert clf.score(X, names) == pytest.approx(get_scorer("f1_macro")(clf, X, names))


@pytest.mark.parametrize("objective", ["accuracy", "f1", "matthews_corrcoef"])
def test_no_threshold_is_better(objective, rare):
    """With the labels as they are, on the scores of rows that were not trained on."""
    X, y = rare
    model, cv = LogisticRegression(), StratifiedKFold(5)
    clf = ThresholdClassifier(model, objective, cv=cv, prior_count=0).fit(X, y)
    scores = cross_val_predict(model, X, y, cv=cv, method="decision_function")

    metric = {"accuracy": accuracy_score, "f1": f1_score, "matthews_corrcoef": matthews_corrcoef}
    found = metric[objective](y, scores > clf.threshold_)
    cuts = np.sort(scores)
    all_of_them = [metric[objective](y, scores > cut) for cut in (cuts[1:] + cuts[:-1]) / 2]
    assert found == pytest.approx(max(all_of_them))


def test_a_prior_makes_thresholds_of_few_rows_steadier(rare):
    X, y = rare
    spread = {}
    for prior_count in (0, 300):
        clf = ThresholdClassifier(LogisticRegression(), "f1", prior_count=prior_count)
        found = [clone(clf).fit(X[i::8], y[i::8]).threshold_ for i in range(8)]
        spread[prior_count] = np.std(found)
    assert spread[300] < 0.95 * spread[0]


def test_what_is_reported(rare):
    X, y = rare
    clf = ThresholdClassifier(LogisticRegression(), "f1", cv=4).fit(X, y)
    assert clf.fold_offsets_.shape == (4, 1)
    assert np.ptp(clf.fold_offsets_) > 0
    assert clf.fold_scores_.shape == (4,)
    assert clf.fold_scores_.mean() == pytest.approx(clf.oof_score_, abs=0.05)
    plain = cross_val_predict(LogisticRegression(), X, y, cv=4)
    assert clf.oof_score_ - clf.gain_ == pytest.approx(f1_score(y, plain))
    assert clf.gain_ > clf.gain_std_error_ > 0
    new = [ThresholdClassifier(LogisticRegression(), "f1").fit(X[i::2], y[i::2]) for i in (0, 1)]
    on_others = np.mean([new[i].score(X[1 - i :: 2], y[1 - i :: 2]) for i in (0, 1)])
    assert abs(on_others - clf.oof_score_) < 2 * clf.oof_std_error_


def test_noise_has_no_gain():
    gains = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((300, 4)), rng.permutation(np.arange(300) % 10 < 3)
        clf = ThresholdClassifier(LogisticRegression(), "balanced_accuracy").fit(X, y)
        gains.append((clf.oof_score_ - 0.5) / clf.oof_std_error_)
    assert abs(np.mean(gains)) < 1
    assert np.max(np.abs(gains)) < 3.5


def test_costs(rare):
    X, y = rare
    dear, cheap = (
        ThresholdClassifier(LogisticRegression(), Cost([[0, 1], [cost, 0]])).fit(X, y).threshold_
        for cost in (20, 0.5)
    )
    assert dear < cheap


@pytest.mark.parametrize("wrap", [False, True], ids=["prefit", "frozen"])
def test_fitted_models(wrap, rare):
    X, y = rare
    model = RandomForestClassifier(20, random_state=0).fit(X[:400], y[:400])
    if wrap:
        clf = ThresholdClassifier(FrozenEstimator(model), "f1")
    else:
        clf = ThresholdClassifier(model, "f1", cv="prefit")
    before = pickle.dumps(model)
    clf.fit(X[400:], y[400:])
    assert pickle.dumps(model) == before
    np.testing.assert_array_equal(
        clf.estimator_.predict_proba(X[400:]), model.predict_proba(X[400:])
    )
    assert clf.threshold_ < 0.5
    assert clf.score(X[400:], y[400:]) > get_scorer("f1")(model, X[400:], y[400:])


def test_probabilities_of_0_and_1(rng):
    """Trees are certain of many rows; these, too, can be told from others."""
    X = rng.integers(3, size=(300, 2)).astype(float)
    y = ((X[:, 0] == 2) & (rng.random(300) < 0.3)).astype(int)
    clf = ThresholdClassifier(RandomForestClassifier(30, random_state=0), "f1").fit(X, y)
    assert np.isfinite(clf.decision_function(X)).all()
    np.testing.assert_array_equal(clf.predict(X), X[:, 0] == 2)


def test_response_method(rare):
    X, y = rare
    of_each = [
        ThresholdClassifier(LogisticRegression(), "f1", response_method=method).fit(X, y)
        for method in ("auto", "decision_function", "predict_proba")
    ]
    assert [each.response_method_ for each in of_each] == [
        "decision_function",
        "decision_function",
        "predict_proba",
    ]
    np.testing.assert_array_equal(of_each[0].predict(X), of_each[2].predict(X))
    assert of_each[2].threshold_ == pytest.approx(1 / (1 + np.exp(-of_each[0].threshold_)))


def test_weights_count_as_rows(rare):
    X, y = rare
    groups = np.arange(len(y)) % 5
    repeats = np.random.default_rng(0).integers(0, 3, len(y))
    rows = np.repeat(np.arange(len(y)), repeats)
    clf = ThresholdClassifier(LogisticRegression(tol=1e-10), "f1", cv=GroupKFold(5))
    weighted = clone(clf).fit(X, y, sample_weight=repeats, groups=groups)
    repeated = clone(clf).fit(X[rows], y[rows], groups=groups[rows])
    assert weighted.threshold_ == pytest.approx(repeated.threshold_, abs=1e-5)
    assert weighted.oof_score_ == pytest.approx(repeated.oof_score_)
    assert weighted.oof_std_error_ == pytest.approx(repeated.oof_std_error_)


def test_folds_without_weight_are_none(rare):
    X, y = rare
    clf = ThresholdClassifier(LogisticRegression(), "f1", cv=GroupKFold(4))
    groups, weight = np.arange(len(y)) % 4, (np.arange(len(y)) % 4 > 0).astype(float)
    assert len(clone(clf).fit(X, y, sample_weight=weight, groups=groups).fold_scores_) == 3
    with pytest.raises(ValueError, match="at least one non-zero"):
        clf.fit(X, y, sample_weight=np.zeros(len(y)))


def test_weights_that_the_estimator_does_not_take(rare):
    X, y = rare
    weight = np.where(y == 1, 5.0, 1.0)
    clf = ThresholdClassifier(KNeighborsClassifier(), "accuracy")
    plain = clone(clf).fit(X, y)
    with pytest.warns(UserWarning, match="takes no sample_weight") as caught:
        weighted = clone(clf).fit(X, y, sample_weight=weight)
    assert caught[0].filename == __file__
    assert weighted.threshold_ < plain.threshold_


def test_groups_are_kept_together():
    rng = np.random.default_rng(0)
    X = np.tile(rng.standard_normal((60, 5)), (8, 1))
    y = np.tile(rng.integers(2, size=60), 8)
    clf = ThresholdClassifier(KNeighborsClassifier(1, metric="manhattan"), "accuracy")
    assert clone(clf).fit(X, y).oof_score_ > 0.9
    assert clone(clf).fit(X, y, groups=np.tile(np.arange(60), 8)).oof_score_ < 0.7


def test_metadata_is_routed(rare):
    X, y = rare
    groups, weight = np.arange(len(y)) // 4, np.where(y == 1, 3.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = LinearClassifier("neg_log_loss", alpha=0.01).set_fit_request(
            sample_weight=True, groups=True
        )
        routed = ThresholdClassifier(inner, "f1").fit(X, y, sample_weight=weight, groups=groups)
    by_hand = ThresholdClassifier(clone(inner), "f1").fit(X, y, sample_weight=weight, groups=groups)
    assert routed.threshold_ == by_hand.threshold_
    with pytest.raises(ValueError, match="enable_metadata_routing"):
        ThresholdClassifier(inner).fit(X, y, thing=1)


@pytest.mark.parametrize("table", ["rare", "iris"])
def test_jobs_change_nothing(table, request):
    X, y = request.getfixturevalue(table)
    clf = ThresholdClassifier(RandomForestClassifier(10, random_state=0), "f1_macro")
    one, two = (clone(clf).set_params(n_jobs=n).fit(X, y) for n in (1, 2))
    assert one.offsets_.tobytes() == two.offsets_.tobytes()
    assert one.fold_offsets_.tobytes() == two.fold_offsets_.tobytes()


def test_in_other_estimators(rare):
    X, y = rare
    clf = ThresholdClassifier(LogisticRegression(), "f1")
    grid = GridSearchCV(clf, {"estimator__C": [0.1, 1], "cv": [3, 5]}, n_jobs=2).fit(X, y)
    assert grid.best_score_ > 0.2
    piped = make_pipeline(StandardScaler(), clf).fit(X, y)
    assert piped.score(X, y) > 0.2
    calibrated = CalibratedClassifierCV(clf, cv=3).fit(X, y)
    assert calibrated.predict_proba(X).shape == (len(y), 2)
    again = pickle.loads(pickle.dumps(clf.fit(X, y)))
    np.testing.assert_array_equal(again.predict(X), clf.predict(X))


def test_tables_of_other_kinds(rare):
    X, y = rare
    clf = ThresholdClassifier(LogisticRegression(), "f1")
    frame = pd.DataFrame(X, columns=[*"abcdef"])
    of_frame = clone(clf).fit(frame, pd.Series(y))
    assert list(of_frame.feature_names_in_) == [*"abcdef"]
    of_sparse = clone(clf).fit(sparse.csr_matrix(X), y)
    assert of_sparse.n_features_in_ == 6
    np.testing.assert_array_equal(of_frame.predict(frame), clone(clf).fit(X, y).predict(X))
    np.testing.assert_allclose(of_sparse.threshold_, of_frame.threshold_, atol=1e-4)


def test_strings_are_for_the_estimator(rare):
    """What the estimator reads is none of our business."""
    from sklearn.feature_extraction.text import CountVectorizer

    texts = ["good fine", "bad poor", "good", "poor", "fine", "bad"] * 10
    clf = ThresholdClassifier(make_pipeline(CountVectorizer(), LogisticRegression()), "f1")
    assert clf.fit(texts, [1, 0] * 30).score(texts, [1, 0] * 30) > 0.5


def test_callbacks_reach_the_estimator(rare, capfd):
    X, y = rare
    clf = ThresholdClassifier(LinearClassifier("neg_log_loss", alpha=0.01), "f1", cv=3)
    plain = clone(clf).fit(X, y)
    clf.set_callbacks(ProgressBar()).fit(X, y)
    assert clf.threshold_ == plain.threshold_
    assert "fold" in capfd.readouterr().out


class Odd(ClassifierMixin, BaseEstimator):
    """Says what it is told to."""

    def __init__(self, value=0.0, n_columns=0):
        self.value = value
        self.n_columns = n_columns

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[0], len(X))

    def decision_function(self, X):
        shape = (len(X), self.n_columns) if self.n_columns else len(X)
        return np.full(shape, self.value)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"objective": "neg_log_loss"}, ValueError, "metrics of counts"),
        ({"objective": "r2"}, ValueError, "objective must be|predicts classes"),
        ({"objective": "nonsense"}, ValueError, "objective must be"),
        ({"prior_count": -1}, ValueError, "prior_count"),
        ({"prior_count": "many"}, TypeError, "prior_count"),
        ({"response_method": "predict"}, ValueError, "response_method must be"),
        ({"response_method": "predict_proba", "estimator": Odd()}, TypeError, "has none"),
        ({"estimator": None}, TypeError, "estimator must be a classifier"),
        ({"estimator": "lr"}, TypeError, "estimator must be a classifier"),
        ({"cv": []}, ValueError, "no rows to train on"),
        ({"cv": 1}, ValueError, "cv == 1"),
        ({"cv": RepeatedStratifiedKFold(n_splits=2)}, ValueError, "more than once"),
        ({"cv": "prefit"}, NotFittedError, "not fitted"),
        ({"estimator": Odd(np.nan)}, ValueError, "must be finite"),
        ({"estimator": Odd(n_columns=3)}, ValueError, "one column for each class"),
    ],
)
def test_what_is_wrong_is_said(arguments, error, message, rare):
    clf = ThresholdClassifier(**({"estimator": LogisticRegression()} | arguments))
    with pytest.raises(error, match=message):
        clf.fit(*rare)
    assert not hasattr(clf, "estimator_")
    assert not hasattr(clf, "offsets_")


def test_classes_that_are_too_rare(iris):
    X, y = iris
    few = np.r_[0:101]
    with pytest.raises(ValueError, match="all rows of class 2 at once"):
        ThresholdClassifier(LogisticRegression(), cv=[(few[:100], few[100:])]).fit(X[few], y[few])


def test_other_classes_than_those_of_a_fitted_model(iris, rare):
    X, y = iris
    model = FrozenEstimator(LogisticRegression().fit(X, y))
    with pytest.raises(ValueError, match="estimator has the classes"):
        ThresholdClassifier(model).fit(X[:100], y[:100])


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), SVC(decision_function_shape="ovo")),
        GridSearchCV(SVC(), {"decision_function_shape": ["ovo"]}),
    ],
    ids=["pipeline", "search"],
)
def test_scores_of_pairs_of_classes(model, iris):
    with pytest.raises(ValueError, match="must be 'ovr'"):
        ThresholdClassifier(model).fit(*iris)


def test_all_rows_positive(rare):
    """Even those with a probability of 0."""
    X, y = rare
    clf = ThresholdClassifier(KNeighborsClassifier(), "recall").fit(X, y)
    probabilities = clf.estimator_.predict_proba(X)[:, 1]
    assert (probabilities == 0).any()
    np.testing.assert_array_equal(clf.predict(X), probabilities > clf.threshold_)


def test_a_fitted_model_needs_no_rows_of_each_class_in_each_fold(rare):
    X, y = rare
    model = LogisticRegression().fit(X, y)
    few = np.r_[np.flatnonzero(y == 0)[:40], np.flatnonzero(y == 1)[:1]]
    clf = ThresholdClassifier(model, cv="prefit").fit(X[few], y[few])
    assert np.isfinite(clf.threshold_)


def test_constant_scores(rare):
    """Nothing can be told apart: all rows get one class."""
    X, y = rare
    clf = ThresholdClassifier(Odd(), "accuracy").fit(X, y)
    assert clf.score(X, y) == max(np.bincount(y)) / len(y)
