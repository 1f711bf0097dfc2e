"""Lists of rules that are found."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabtrain import Cost, RuleClassifier, RuleSearch
from tabtrain.objectives import get_objective
from tests import reference

QUICK = RuleSearch(beam_width=2, n_kicks=2)


@parametrize_with_checks(
    [RuleClassifier(), RuleClassifier(2, 2, optimizer=QUICK, cv=2, random_state=0)]
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
    monkeypatch.setattr("tabtrain._conditions.MIN_CODES", n_codes)
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
