"""`partial_fit`: training that goes on with rows as they come."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning

from tabtrain import (
    LBFGS,
    SGD,
    Adam,
    AdamW,
    Chain,
    FunctionClassifier,
    HillClimb,
    LinearClassifier,
    LinearRegressor,
)

OPTIMIZERS = [SGD(0.05, 32), SGD(0.05, 32, average=True), Adam(0.02, 32), AdamW(0.02, 32)]
each = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
# So small a rate moves nothing.
NONE = SGD(1e-300)


def classifier(optimizer="auto", **options):
    return LinearClassifier("neg_log_loss", optimizer=optimizer, random_state=0, **options)


def regressor(optimizer="auto", objective="r2", **options):
    return LinearRegressor(objective, optimizer=optimizer, random_state=0, **options)


def stream(estimator, X, y, size, n_passes=1, **more):
    """Chunk after chunk of the rows, each pass in another order."""
    rng = np.random.default_rng(0)
    for _ in range(n_passes):
        order = rng.permutation(len(X))
        for first in range(0, len(X), size):
            chunk = order[first : first + size]
            estimator.partial_fit(X[chunk], y[chunk], **more)
    return estimator


def learned(estimator):
    return estimator.coef_.tobytes(), np.asarray(estimator.intercept_).tobytes()


@each
def test_a_call_is_an_epoch_of_fit(optimizer, cancer, diabetes):
    for make, (X, y), more in (
        (classifier, cancer, {"classes": [0, 1]}),
        (regressor, diabetes, {}),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = make(optimizer, max_iter=1).fit(X, y)
        assert fitted.history_[-1].iteration == 1
        streamed = make(optimizer).partial_fit(X, y, **more)
        np.testing.assert_allclose(streamed.coef_, fitted.coef_, rtol=1e-9)
        np.testing.assert_allclose(streamed.intercept_, fitted.intercept_, rtol=1e-9)
        assert streamed.n_iter_ == 1


@each
@pytest.mark.parametrize("size", [1, 10, 100])
def test_streams_need_no_scaler(optimizer, size, cancer, diabetes):
    """Features and labels in wild units, from single rows on."""
    optimizer = clone(optimizer).set_params(learning_rate=0.002 if size == 1 else 0.02)
    X, y = cancer
    units = np.logspace(-8, 8, X.shape[1])
    n_passes = {1: 1, 10: 5, 100: 30}[size]
    clf = stream(classifier(optimizer), X * units, y, size, n_passes, classes=[0, 1])
    assert clf.score(X * units, y) > -0.25
    assert np.mean(clf.predict(X * units) == y) > 0.93
    X, y = diabetes
    units = np.logspace(6, -6, X.shape[1])
    for factor in (1e-9,) if size == 1 else (1e-9, 1e9):
        reg = stream(regressor(optimizer), X * units, y * factor, size, n_passes)
        assert reg.score(X * units, y * factor) > (0.25 if size == 1 else 0.4)


def test_units_of_the_objective_make_no_difference(diabetes):
    X, y = diabetes
    r2 = stream(regressor(), X, y, 50, 3)
    squares = stream(regressor(objective="neg_mean_squared_error"), X, y, 50, 3)
    np.testing.assert_allclose(squares.coef_, r2.coef_, rtol=1e-6)


def test_the_scale_is_that_of_all_rows(diabetes, rng):
    """Chunks far from each other: what is known of both is what is known of all of them."""
    X, y = diabetes
    X = X * 1e3 + np.where(np.arange(len(X)) < 100, 50, 0)[:, np.newaxis]
    weight = rng.integers(4, size=len(y)).astype(float)
    reg = regressor(NONE)
    for rows in (slice(0, 1), slice(1, 100), slice(100, None)):
        reg.partial_fit(X[rows], y[rows], weight[rows] + (rows.stop == 1))
    weight[0] += 1
    seen = reg._stream.seen
    mean = np.average(X, axis=0, weights=weight)
    np.testing.assert_allclose(seen.features[0], mean)
    deviation = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))
    np.testing.assert_allclose(seen.features[1], deviation)
    center = np.average(y, weights=weight)
    np.testing.assert_allclose(seen.labels[0], center)
    np.testing.assert_allclose(
        seen.labels[1], np.sqrt(np.average((y - center) ** 2, weights=weight))
    )
    assert (seen.n_rows, seen.weight) == (np.count_nonzero(weight), weight.sum())


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_goes_on_from_fit(fit_intercept, cancer, diabetes):
    """What was learned stays, whatever the new rows look like: here, all alike but for one."""
    for make, (X, y) in ((classifier, cancer), (regressor, diabetes)):
        fitted = make(alpha=0.01, fit_intercept=fit_intercept).fit(X, y)
        before = fitted._raw_predictions(X)
        fitted.set_params(optimizer=NONE).partial_fit(np.repeat(X[:1], 3, axis=0), y[:3])
        np.testing.assert_allclose(fitted._raw_predictions(X), before, rtol=1e-6, atol=1e-8)
        fitted.partial_fit(X[5:6] * 1e3, y[5:6])
        np.testing.assert_allclose(fitted._raw_predictions(X), before, rtol=1e-6, atol=1e-8)
        assert fitted.n_iter_ > 2
        assert fitted.best_score_ is not None


def test_goes_on_learning_after_fit(cancer):
    X, y = cancer
    clf = classifier(alpha=1e-3).fit(X[:60], y[:60])
    before = clf.score(X, y)
    assert stream(clf.set_params(optimizer=Adam(0.01)), X, y, 50, 20).score(X, y) > before + 0.01


def test_fit_begins_anew_or_goes_on(cancer):
    X, y = cancer
    expected = learned(classifier(alpha=0.1).fit(X, y))
    clf = stream(classifier(Adam(0.05), alpha=0.1), X, y, 100, classes=[0, 1])
    score = clf.score(X, y)
    again = pickle.loads(pickle.dumps(clf)).set_params(optimizer="auto")
    assert learned(again.fit(X, y)) == expected
    clf.set_params(optimizer="auto", warm_start=True, alpha=0).fit(X[:, :], y)
    assert clf.history_[0].score == pytest.approx(score)
    # A search that was left is not taken up again where rows have come in between.
    clf.set_params(optimizer=SGD()).partial_fit(X[:50], y[:50])
    score = clf.score(X, y)
    assert clf.set_params(optimizer="auto").fit(X, y).history_[0].score == pytest.approx(score)


@each
def test_several_classes_which_come_late(optimizer, iris):
    """Labels are strings, in order: at first there is but one."""
    X, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    clf = classifier(optimizer)
    for _ in range(3):
        for first in range(0, 150, 30):
            rows = slice(first, first + 30)
            clf.partial_fit(X[rows], names[rows], classes=["virginica", "setosa", "versicolor"])
    assert clf.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert clf.coef_.shape == (3, 4)
    stream(clf, X, names, 30, 30)
    assert np.mean(clf.predict(X) == names) > 0.85
    np.testing.assert_allclose(clf.predict_proba(X).sum(axis=1), 1)


@each
def test_reproducible_and_resumes_to_the_bit(optimizer, cancer):
    X, y = cancer
    whole = stream(classifier(optimizer), X, y, 100, 2, classes=[0, 1])
    again = stream(classifier(optimizer, n_jobs=2), X, y, 100, 2, classes=[0, 1])
    assert learned(again) == learned(whole)
    part = stream(classifier(optimizer), X[:300], y[:300], 100, classes=[0, 1])
    copy = pickle.loads(pickle.dumps(part))
    part.partial_fit(X[300:], y[300:])
    copy.partial_fit(X[300:], y[300:])
    assert learned(part) == learned(copy)
    other = stream(classifier(optimizer).set_params(random_state=1), X, y, 100, 2, classes=[0, 1])
    assert learned(other) != learned(whole)


def test_weights(cancer):
    X, y = cancer
    X, y = X[:120], y[:120]
    times = np.random.default_rng(0).integers(3, size=120)
    weighted = classifier(SGD(batch_size=1000)).partial_fit(X, y, [0, 1], sample_weight=times)
    repeated = classifier(SGD(batch_size=1000)).partial_fit(
        X.repeat(times, 0), y.repeat(times), [0, 1]
    )
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-6)
    by_class = classifier(SGD(), class_weight={0: 3, 1: 1}).partial_fit(X, y, [0, 1])
    by_hand = classifier(SGD()).partial_fit(X, y, [0, 1], sample_weight=np.where(y == 0, 3, 1))
    assert learned(by_class) == learned(by_hand)
    # Beside all rows so far, one of little weight moves little.
    moves = []
    for weight in (1.0, 1e-6):
        clf = classifier(SGD(momentum=0)).partial_fit(X, y, [0, 1])
        before = clf.decision_function(X)
        clf.partial_fit(X[:1], y[:1], sample_weight=[weight])
        moves.append(np.abs(clf.decision_function(X) - before).max())
    assert moves[1] < 1e-4 * moves[0]


def test_parameters_may_change_on_the_way(cancer):
    X, y = cancer
    clf = classifier(SGD(0.1)).partial_fit(X, y, [0, 1])
    before = clf.coef_.copy()
    clf.set_params(optimizer__learning_rate=1e-300, optimizer__momentum=0).partial_fit(X, y)
    np.testing.assert_allclose(clf.coef_, before, rtol=1e-9)
    clf.set_params(optimizer=Adam(0.05))
    score = clf.score(X, y)
    assert stream(clf, X, y, 200, 10).score(X, y) > score


def test_a_penalty(cancer):
    X, y = cancer
    free, penalized = (
        stream(classifier(SGD(), alpha=alpha), X, y, 200, 10, classes=[0, 1]) for alpha in (0, 1.0)
    )
    spread = X.std(axis=0)
    assert np.linalg.norm(penalized.coef_ * spread) < 0.5 * np.linalg.norm(free.coef_ * spread)


def test_frames_and_names():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    clf = classifier().partial_fit(X[:100], y[:100], classes=[0, 1])
    assert clf.feature_names_in_.tolist() == list(X)
    with pytest.raises(ValueError, match="feature names"):
        clf.partial_fit(X[100:].rename(columns=str.upper), y[100:])


def test_who_has_it(cancer):
    for estimator in (classifier(), classifier("sgd"), classifier(AdamW()), regressor()):
        assert hasattr(estimator, "partial_fit")
    for optimizer in (LBFGS(), "lbfgs", "no such", Chain(SGD(), HillClimb()), None):
        assert not hasattr(classifier(optimizer), "partial_fit")
        with pytest.raises(AttributeError) as raised:
            classifier(optimizer).partial_fit(*cancer, classes=[0, 1])
        message = str(raised.value.__cause__)
        assert "'adam', 'adamw', 'sgd'" in message
        assert repr(optimizer) in message
    with pytest.raises(AttributeError) as raised:
        LinearClassifier("f1").partial_fit(*cancer, classes=[0, 1])
    assert "objective='f1' has none" in str(raised.value.__cause__)
    assert not hasattr(FunctionClassifier(lambda row, *, limit=0: row[0] > limit), "partial_fit")


X_GOOD, Y_GOOD = np.arange(20.0).reshape(10, 2) % 7, np.arange(10) % 2


@pytest.mark.parametrize("begins", [True, False])
@pytest.mark.parametrize(
    ("X", "y", "more", "message"),
    [
        (X_GOOD, Y_GOOD, {"classes": [0]}, "at least 2 classes"),
        (X_GOOD, Y_GOOD + 1, {"classes": [0, 1]}, r"labels \[2\] are not among the classes"),
        (X_GOOD, Y_GOOD, {"classes": [0, 1], "sample_weight": -np.ones(10)}, "[Nn]egative"),
        (X_GOOD, Y_GOOD, {"classes": [0, 1], "sample_weight": np.zeros(10)}, "[Ss]ample weights"),
        (X_GOOD, Y_GOOD[:3], {"classes": [0, 1]}, "inconsistent"),
        (np.where(X_GOOD == 3, np.nan, X_GOOD), Y_GOOD, {"classes": [0, 1]}, "NaN"),
        (X_GOOD[:0], Y_GOOD[:0], {"classes": [0, 1]}, "0 sample"),
        (X_GOOD * 1e200, Y_GOOD, {"classes": [0, 1]}, "too large"),
    ],
)
def test_bad_examples(X, y, more, message, begins):
    clf = classifier()
    if not begins:
        clf.partial_fit(X_GOOD, Y_GOOD, classes=[0, 1])
        before = learned(clf)
        with pytest.raises(ValueError, match="in earlier calls they were"):
            clf.partial_fit(X_GOOD, Y_GOOD, classes=[0, 1, 2])
        with pytest.raises(ValueError, match="features"):
            clf.partial_fit(X_GOOD[:, :1], Y_GOOD)
    with pytest.raises(ValueError, match=f"{message}|in earlier calls they were"):
        clf.partial_fit(X, y, **more)
    if begins:
        assert not hasattr(clf, "coef_")
        with pytest.raises(ValueError, match="classes must be passed on the first call"):
            clf.partial_fit(X_GOOD, Y_GOOD)
    else:
        assert learned(clf) == before
        assert clf.n_iter_ == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_weight": "balanced"}, "class_weight='balanced' takes all rows at once"),
        ({"alpha": -1}, "alpha"),
        ({"optimizer": SGD(learning_rate=-1)}, "learning_rate"),
        ({"random_state": "seed"}, "seed"),
    ],
    ids=str,
)
def test_bad_parameters(options, message):
    clf = classifier().set_params(**options)
    with pytest.raises((ValueError, TypeError), match=message):
        clf.partial_fit(X_GOOD, Y_GOOD, classes=[0, 1])
    assert not hasattr(clf, "coef_")


def test_beyond_all_numbers(diabetes):
    X, y = diabetes
    reg = regressor(SGD(0.01)).partial_fit(X, y)
    before = learned(reg)
    reg.set_params(optimizer__learning_rate=1e200)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"leaves the range of numbers.*max_norm"):
            reg.partial_fit(X, y)
        assert learned(reg) == before
        assert reg.n_iter_ == 1
    reg.set_params(optimizer__learning_rate=0.01)
    assert stream(reg, X, y, 100, 20).score(X, y) > 0.4


def test_constant_features_that_begin_to_vary(rng):
    X = rng.standard_normal((400, 2))
    y = (X[:, 1] > 0).astype(int)
    early = X[:100].copy()
    early[:, 1] = 3.0
    clf = classifier(Adam(0.05, 20)).partial_fit(early, y[:100], classes=[0, 1])
    assert clf.coef_[0, 1] == 0
    assert np.mean(stream(clf, X, y, 100, 10).predict(X) == y) > 0.95


def test_a_constant_target():
    reg = regressor()
    for _ in range(3):
        reg.partial_fit(X_GOOD, np.full(10, 5.0))
    np.testing.assert_allclose(reg.predict(X_GOOD), 5.0)


def test_data_frames_of_numbers_lie_column_by_column():
    frame = pd.DataFrame(np.random.default_rng(0).standard_normal((50, 3)))
    y = (frame[0] > 0).astype(int)
    by_frame = classifier().partial_fit(frame, y, classes=[0, 1])
    by_array = classifier().partial_fit(np.ascontiguousarray(frame), y, classes=[0, 1])
    assert learned(by_frame) == learned(by_array)
