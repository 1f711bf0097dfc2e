"""Every optimizer has every property; a new optimizer is a new row in problems.py."""

import pickle
import time

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification

from tabtrain import (
    LBFGS,
    Budget,
    HillClimb,
    LinearClassifier,
    LinearRegressor,
    RandomSearch,
    Search,
)
from tabtrain.models import LinearModel
from tabtrain.objectives import Accuracy, CountScore, NegLogLoss
from tabtrain.problem import Problem
from tabtrain.table import Table
from tests.problems import OPTIMIZERS

optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda each: str(each))


def make_problem(optimizer, n_rows=200, objective=None, **table_options):
    X, y = make_classification(n_rows, 6, random_state=1)
    table = Table(X, y, **table_options)
    mean, deviation = table.mean_and_deviation()
    if objective is None:
        objective = NegLogLoss() if "gradient" in optimizer.needs else Accuracy()
    return Problem(LinearModel(1, mean, deviation), objective, table, alpha=1e-3)


def search(optimizer, problem, max_iter, seed=0, found=None, **options):
    found = found or Search(optimizer, np.random.default_rng(seed), np.zeros(problem.n_params))
    options = {"deadline": np.inf, "tol": 0.0, "n_iter_no_change": None} | options
    found.run(problem, Budget(max_iter=max_iter, **options))
    return found


def facts(found):
    """All that a search found, but for the times."""
    history = [(h.iteration, h.trial, h.score, h.newly_right, h.newly_wrong) for h in found.history]
    return found.theta.tobytes(), found.score, found.n_iter, found.n_trials, history


@optimizers
def test_improves(optimizer):
    found = search(optimizer, make_problem(optimizer), 20)
    scores = [each.score for each in found.history]
    assert scores[-1] > scores[0]
    assert np.all(np.diff(scores) > 0)
    assert found.score == scores[-1]
    assert found.score == make_problem(optimizer).scores(found.theta[np.newaxis])[0]


@optimizers
def test_same_seed_same_search(optimizer):
    first, second = (search(optimizer, make_problem(optimizer), 15, seed=3) for _ in range(2))
    assert facts(first) == facts(second)


@optimizers
def test_threads_change_nothing(optimizer, monkeypatch):
    monkeypatch.setattr("tabtrain.problem.THREADS_FROM", 0)
    one, three = (facts(search(optimizer, make_problem(optimizer, n_jobs=n), 15)) for n in (1, 3))
    assert one == three


@optimizers
@pytest.mark.parametrize("k", [1, 4, 11])
@pytest.mark.parametrize("tol", [0.0, 0.02])
def test_resumes_to_the_bit(optimizer, k, tol):
    in_one = search(optimizer, make_problem(optimizer), 15, tol=tol)
    part = search(optimizer, make_problem(optimizer), k, tol=tol)
    part = pickle.loads(pickle.dumps(part))
    in_two = search(optimizer, make_problem(optimizer), 15 - k, found=part, tol=tol)
    assert facts(in_two) == facts(in_one)


@optimizers
def test_keeps_the_better(optimizer):
    """A start that nothing near it beats is kept, to the bit."""
    problem = make_problem(optimizer)
    best = search(optimizer, problem, 60)
    again = Search(optimizer, np.random.default_rng(9), best.theta)
    search(optimizer, problem, 2, found=again)
    assert again.score >= best.score


@optimizers
def test_max_time_is_a_bound(optimizer):
    problem = make_problem(optimizer, n_rows=20_000)
    begun = time.monotonic()
    found = search(optimizer, problem, None, deadline=begun + 0.3)
    assert time.monotonic() - begun < 0.3 + 0.2
    if found.stop_reason != "no change":
        assert found.stop_reason == "time"
    assert np.isfinite(found.score)


@optimizers
def test_no_time_at_all_keeps_the_start(optimizer):
    problem = make_problem(optimizer)
    found = search(optimizer, problem, None, deadline=time.monotonic() - 1)
    assert found.stop_reason == "time"
    assert not found.theta.any()
    assert found.n_iter == 0
    assert np.isfinite(found.score)
    assert len(found.history) == 1


@optimizers
def test_constant_objective(optimizer):
    """There is nothing to find, and nothing to fall over."""
    if "gradient" in optimizer.needs:
        X, y = np.ones((40, 2)), np.arange(40) % 2
        table = Table(X, y)
        problem = Problem(LinearModel(1, np.ones(2), np.zeros(2)), NegLogLoss(), table)
    else:
        problem = make_problem(optimizer, objective=CountScore(lambda counts: 0.0))
    found = search(optimizer, problem, 30)
    assert found.n_iter <= 30
    assert len(found.history) == 1


@pytest.mark.parametrize(
    "optimizer", [each for each in OPTIMIZERS if not each.needs], ids=str
)
def test_worst_scores_everywhere(optimizer):
    problem = make_problem(optimizer, objective=CountScore(lambda counts: np.nan))
    found = search(optimizer, problem, 5)
    assert found.score == -np.inf
    assert np.isfinite(found.theta).all()


@optimizers
def test_is_a_parameter_object(optimizer):
    copy = clone(optimizer)
    assert type(copy) is type(optimizer)
    assert copy.get_params() == optimizer.get_params()
    assert repr(pickle.loads(pickle.dumps(optimizer))) == repr(optimizer)


@optimizers
def test_state_is_not_changed_by_a_step(optimizer):
    """So that an interrupted step leaves nothing half done."""
    problem = make_problem(optimizer)
    state = optimizer.start(problem, np.zeros(problem.n_params), np.random.default_rng(0))
    for _ in range(3):
        before = {k: v for k, v in pickle.loads(pickle.dumps(vars(state))).items() if k != "rng"}
        after = optimizer.step(problem, state)
        now = {k: v for k, v in pickle.loads(pickle.dumps(vars(state))).items() if k != "rng"}
        np.testing.assert_equal(now, before)
        state = after


@optimizers
def test_interrupt_keeps_the_best_and_can_be_gone_on_with(optimizer):
    in_one = search(optimizer, make_problem(optimizer), 12)
    problem = make_problem(optimizer)
    calls = 0

    def interrupt(method):
        def scores(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == 6:
                raise KeyboardInterrupt
            return method(*args, **kwargs)

        return scores

    problem.scores = interrupt(problem.scores)
    problem.value_and_gradient = interrupt(problem.value_and_gradient)
    found = Search(optimizer, np.random.default_rng(0), np.zeros(problem.n_params))
    with pytest.warns(UserWarning, match="interrupted after"):
        search(optimizer, problem, 12, found=found)
    assert found.stop_reason == "interrupted"
    assert found.score == found.history[-1].score
    search(optimizer, make_problem(optimizer), 12 - found.n_iter, found=found)
    assert found.theta.tobytes() == in_one.theta.tobytes()
    assert found.score == in_one.score


def test_restarts_differ():
    problem = make_problem(HillClimb(), objective=CountScore(lambda counts: 0.0))
    starts = []
    initial = problem.initial
    problem.initial = lambda rng, n: starts.append(initial(rng, n)) or starts[-1]
    search(HillClimb(8, min_step_size=0.5), problem, 60)
    starts = np.concatenate(starts)
    assert len(starts) > 3
    assert len(np.unique(starts, axis=0)) == len(starts)
    # At the data's scale: about 1 for standardised features.
    assert 0.3 < starts.std() < 3


def test_hill_climb_adapts_its_step():
    """Far from the goal steps grow; at the goal they shrink until the climb ends."""
    problem = make_problem(HillClimb(), objective=NegLogLoss())
    optimizer = HillClimb(16, step_size=0.01, min_step_size=1e-6)
    state = optimizer.start(problem, np.full(problem.n_params, -5.0), np.random.default_rng(0))
    for _ in range(15):
        state = optimizer.step(problem, state)
    assert state.step_size > 0.02
    for _ in range(200):
        state = optimizer.step(problem, state)
    assert state.step_size < 0.01


def test_lbfgs_finds_the_optimum():
    problem = make_problem(LBFGS(), n_rows=500)
    found = search(LBFGS(gtol=1e-10, ftol=0), problem, 500)
    _, gradient = problem.value_and_gradient(found.theta)
    assert np.abs(gradient).max() < 1e-8
    assert found.stop_reason == "no change"


def test_lbfgs_needs_few_evaluations():
    """Nearly every step of length 1 satisfies the Wolfe conditions, and costs one evaluation."""
    found = search(LBFGS(gtol=1e-6), make_problem(LBFGS(), n_rows=500), 500)
    assert found.n_trials < 2 * found.n_iter + 5


def test_asking_for_a_gradient_that_is_not_there(cancer, diabetes):
    with pytest.raises(ValueError, match=r"'lbfgs' needs.*'f1' has none.*'neg_log_loss'"):
        LinearClassifier("f1", optimizer="lbfgs").fit(*cancer)
    with pytest.raises(ValueError, match=r"'hill_climb'.*or an objective that has one"):
        LinearRegressor("neg_mean_absolute_error", optimizer=LBFGS()).fit(*diabetes)


@pytest.mark.parametrize(
    "bad",
    [
        RandomSearch(0),
        RandomSearch(2.5),
        HillClimb(n_candidates="many"),
        HillClimb(step_size=0),
        HillClimb(min_step_size=2),
        HillClimb(step_size=-1),
        LBFGS(memory=0),
        LBFGS(gtol=-1),
        LBFGS(gtol=np.nan),
        HillClimb(step_size=np.inf),
    ],
    ids=repr,
)
def test_bad_parameters(bad, cancer):
    with pytest.raises((ValueError, TypeError), match="|".join(bad.get_params())):
        LinearClassifier("neg_log_loss", optimizer=bad).fit(*cancer)


@pytest.mark.parametrize("bad", ["cmaes_or_so", 3, HillClimb, None])
def test_unknown_optimizer_lists_the_known(bad, cancer):
    with pytest.raises((ValueError, TypeError), match=r"'auto'.*'hill_climb'.*'lbfgs'"):
        LinearClassifier(optimizer=bad).fit(*cancer)
