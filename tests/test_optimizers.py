"""Every optimizer has every property; a new optimizer is a new row in problems.py."""

import pickle
import time
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification

from tabtrain import (
    CMAES,
    LBFGS,
    SGD,
    Adam,
    AdamW,
    AskTell,
    Budget,
    Chain,
    DifferentialEvolution,
    GeneticAlgorithm,
    HillClimb,
    LinearClassifier,
    LinearRegressor,
    RandomSearch,
    Search,
    SimulatedAnnealing,
)
from tabtrain._columns import columns_of
from tabtrain.models import LinearModel, MLPModel, RulesModel
from tabtrain.objectives import Accuracy, CountScore, NegLogLoss
from tabtrain.optimizers.ask_tell import WORST_LOSS
from tabtrain.problem import Problem
from tabtrain.table import Table
from tests.problems import OPTIMIZERS, Outside

optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda each: str(each))
without_gradient = pytest.mark.parametrize(
    "optimizer", [each for each in OPTIMIZERS if not each.needs], ids=str
)


def holds_out(optimizer):
    return "held-out rows" in optimizer.needs


def make_problem(optimizer, n_rows=200, objective=None, model_options=None, **table_options):
    X, y = make_classification(n_rows, 6, random_state=1)
    table = Table(X, y, **table_options)
    mean, deviation = table.mean_and_deviation()
    if objective is None:
        objective = NegLogLoss() if "gradient" in optimizer.needs else Accuracy()
    if "hidden layers" in optimizer.needs:
        model = MLPModel(1, mean, deviation, hidden_layer_sizes=(5,))
    elif "rules" in optimizer.needs:
        model = RulesModel(2, 2, 2, columns_of(X), table=table)
    else:
        model = LinearModel(1, mean, deviation, **(model_options or {}))
    is_plain = not optimizer.needs & {"held-out rows", "rules"}
    problem = Problem(model, objective, table, alpha=1e-3 if is_plain else 0.0)
    if holds_out(optimizer):
        of_fold = [np.arange(n_rows) % 3 == i for i in range(3)]
        problem.splits = tuple(
            tuple(problem.beside(table=table.reweighted(1.0 * rows)) for rows in (~fold, fold))
            for fold in of_fold
        )
    return problem


def search(optimizer, problem, max_iter, seed=0, found=None, **options):
    start = problem.project(np.zeros(problem.n_params))
    found = found or Search(optimizer, np.random.default_rng(seed), start)
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
    assert found.score == scores[-1]
    if holds_out(optimizer):
        return  # Each answer rests on more than the last, and is scored on held-out rows.
    assert np.all(np.diff(scores) > 0)
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
def test_max_time_is_a_bound(optimizer, own_time):
    problem = make_problem(optimizer, n_rows=20_000)
    begun = own_time()
    found = search(optimizer, problem, None, deadline=begun + 0.3)
    assert own_time() - begun < 0.3 + 0.2
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
    assert {each.score for each in found.history} == {found.score}
    assert len(found.history) == 1 or holds_out(optimizer)


@without_gradient
def test_worst_scores_everywhere(optimizer):
    problem = make_problem(optimizer, objective=CountScore(lambda counts: np.nan))
    found = search(optimizer, problem, 5)
    assert found.score == -np.inf
    assert np.isfinite(found.theta).all()


@optimizers
def test_is_a_parameter_object(optimizer):
    copy = clone(optimizer)
    assert type(copy) is type(optimizer)
    assert copy is not optimizer
    assert repr(copy) == repr(optimizer)
    assert (
        copy.set_params(**optimizer.get_params(deep=False)).get_params() == optimizer.get_params()
    )
    assert repr(pickle.loads(pickle.dumps(optimizer))) == repr(optimizer)


def all_but_chance(value):
    """What a state holds, objects of other libraries as what they hold."""
    if not hasattr(value, "__dict__"):
        return value
    return {k: all_but_chance(v) for k, v in vars(value).items() if k not in ("rng", "_rng")}


@optimizers
def test_state_is_not_changed_by_a_step(optimizer):
    """So that an interrupted step leaves nothing half done."""
    problem = make_problem(optimizer)
    state = optimizer.start(problem, np.zeros(problem.n_params), np.random.default_rng(0))
    for _ in range(3):
        before = all_but_chance(pickle.loads(pickle.dumps(state)))
        after = optimizer.step(problem, state)
        np.testing.assert_equal(all_but_chance(pickle.loads(pickle.dumps(state))), before)
        state = after


@optimizers
def test_interrupt_keeps_the_best_and_can_be_gone_on_with(optimizer, monkeypatch):
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

    for name in ("scores", "value_and_gradient", "line_search"):
        monkeypatch.setattr(Problem, name, interrupt(getattr(Problem, name)))
    found = Search(optimizer, np.random.default_rng(0), np.zeros(problem.n_params))
    with pytest.warns(UserWarning, match="interrupted after"):
        search(optimizer, problem, 12, found=found)
    monkeypatch.undo()
    assert found.stop_reason == "interrupted"
    assert found.score == found.history[-1].score
    search(optimizer, make_problem(optimizer), 12 - found.n_iter, found=found)
    assert found.theta.tobytes() == in_one.theta.tobytes()
    assert found.score == in_one.score


def watch(monkeypatch):
    """Lists that every candidate and every score will be added to."""
    thetas, scores = [], []
    of_many, of_one = Problem.scores, Problem.value_and_gradient

    def watched_scores(problem, candidates, **arguments):
        thetas.extend(candidates.copy())
        scores.extend(of_many(problem, candidates, **arguments))
        return np.array(scores[-len(candidates) :])

    def watched_value_and_gradient(problem, theta):
        thetas.append(theta.copy())
        score, gradient = of_one(problem, theta)
        scores.append(score)
        return score, gradient

    monkeypatch.setattr(Problem, "scores", watched_scores)
    monkeypatch.setattr(Problem, "value_and_gradient", watched_value_and_gradient)
    return thetas, scores


@without_gradient
def test_the_best_of_all_is_kept(optimizer, monkeypatch):
    problem = make_problem(optimizer)
    thetas, scores = watch(monkeypatch)
    state = optimizer.start(problem, np.zeros(problem.n_params), np.random.default_rng(0))
    for _ in range(12):
        state = optimizer.step(problem, state)
        assert state.score == max(scores)
        best = [theta for theta, score in zip(thetas, scores, strict=True) if score == max(scores)]
        assert any(np.array_equal(state.theta, each) for each in best)


LOW = np.array([-0.5, 0.0, -np.inf, 0.25, -1.0, -3.0, -np.inf])
HIGH = np.array([0.5, np.inf, 0.0, 0.25, 2.0, 2.0, np.inf])
WHOLE = np.array([False, False, False, False, True, True, True])


@optimizers
@pytest.mark.parametrize("integer", [False, WHOLE], ids=["real", "integer"])
def test_keeps_within_bounds(optimizer, integer, monkeypatch):
    if integer is WHOLE and optimizer.needs & {"gradient", "soft gradient"}:
        pytest.skip("whole numbers have no gradient")
    if holds_out(optimizer):
        pytest.skip("rows are held out for functions without bounds only")
    if "rules" in optimizer.needs:
        pytest.skip("rules have bounds of their own")
    problem = make_problem(optimizer, model_options={"bounds": (LOW, HIGH), "integer": integer})
    thetas, _ = watch(monkeypatch)
    found = search(optimizer, problem, 30)
    thetas = np.array(thetas)
    assert len(thetas) > 30
    assert np.all((thetas >= LOW) & (thetas <= HIGH))
    whole = thetas[:, problem.grid > 0]
    np.testing.assert_array_equal(whole, np.round(whole))
    assert found.history[-1].score > found.history[0].score
    # All that may move does.
    assert np.all((np.ptp(thetas, axis=0) > 0) == (LOW < HIGH))


@without_gradient
@pytest.mark.parametrize("n_free", [0, 1])
def test_few_free_parameters(optimizer, n_free):
    low, high = np.full((2, 7), 0.5)
    low[:n_free] = -np.inf
    problem = make_problem(optimizer, model_options={"bounds": (low, high)})
    found = search(optimizer, problem, 40)
    assert np.isfinite(found.score)
    np.testing.assert_array_equal(found.theta[n_free:], 0.5)


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


@pytest.mark.parametrize(
    ("schedule", "decay", "temperatures"),
    [
        ("geometric", 0.5, [2, 1, 0.5, 0.25, 0.2, 0.2]),
        ("exponential", 1.0, [2, 2 / np.e, 2 / np.e**2, 0.2, 0.2, 0.2]),
        ("arithmetic", 0.6, [2, 1.4, 0.8, 0.2, 0.2, 0.2]),
    ],
)
def test_schedules(schedule, decay, temperatures):
    given = SimulatedAnnealing(schedule=schedule, temperature=2, min_temperature=0.2, decay=decay)
    np.testing.assert_allclose([given._temperature(i) for i in range(6)], temperatures)
    default = SimulatedAnnealing(schedule=schedule)
    assert default._temperature(0) == default.temperature
    assert default._temperature(499) > default.min_temperature
    assert default._temperature(501) == default.min_temperature


@pytest.mark.parametrize(("temperature", "gets_worse"), [(1e-9, False), (10.0, True)])
def test_annealing_accepts_worse_while_it_is_hot(temperature, gets_worse):
    optimizer = SimulatedAnnealing(32, temperature=temperature, min_temperature=1e-9, decay=1.0)
    problem = make_problem(optimizer)
    state = optimizer.start(problem, np.zeros(problem.n_params), np.random.default_rng(0))
    changes = []
    for _ in range(10):
        before, state = state, optimizer.step(problem, state)
        changes.append(state.scores - before.scores)
    assert np.any(np.array(changes) < 0) == gets_worse


def test_annealing_accepts_as_metropolis_says():
    """What is worse by the temperature is accepted with probability 1 / e."""
    optimizer = SimulatedAnnealing(20_000, temperature=0.25, decay=1.0)
    problem = make_problem(optimizer)
    problem.scores = lambda candidates, at_least=-np.inf: np.full(len(candidates), 0.5)
    state = optimizer.start(problem, np.zeros(problem.n_params), np.random.default_rng(0))
    state.scores[:] = 0.75
    share = np.mean(optimizer.step(problem, state).scores == 0.5)
    assert abs(share - np.exp(-1)) < 0.02


def test_genetic_algorithm_selects_the_better():
    optimizer = GeneticAlgorithm(200, n_elite=10, tournament_size=3)
    problem = make_problem(optimizer)
    state = optimizer.start(problem, np.zeros(problem.n_params), np.random.default_rng(0))
    state.scores[:] = np.random.default_rng(1).permutation(200)
    parents = optimizer._select(state)
    assert parents.shape == (2, 190)
    # Of three drawn from 0 to 199, the highest is about 150.
    assert 140 < state.scores[parents].mean() < 160
    after = optimizer.step(problem, state)
    np.testing.assert_array_equal(after.scores[:10], np.arange(199, 189, -1))
    np.testing.assert_array_equal(after.members[0], state.members[np.argmax(state.scores)])


def test_genetic_algorithm_improves_its_population():
    optimizer = GeneticAlgorithm(64, n_elite=4)
    problem = make_problem(optimizer)
    state = optimizer.start(problem, np.zeros(problem.n_params), np.random.default_rng(0))
    first = optimizer.step(problem, state)
    state = first
    for _ in range(20):
        state = optimizer.step(problem, state)
    assert state.scores.mean() > first.scores[np.isfinite(first.scores)].mean() + 0.1


def test_differential_evolution_replaces_by_what_is_no_worse():
    optimizer = DifferentialEvolution(16)
    problem = make_problem(optimizer)
    state = optimizer.start(problem, np.zeros(problem.n_params), np.random.default_rng(0))
    for _ in range(10):
        before, state = state, optimizer.step(problem, state)
        assert np.all(state.scores >= before.scores)
        np.testing.assert_array_equal(state.scores, problem.scores(state.members))


@pytest.mark.parametrize("size", [3, 4, 9])
def test_differential_evolution_moves_along_two_others(size):
    """With members on different axes it can be seen which took part."""
    optimizer = DifferentialEvolution(size, best_share=0)
    members = np.eye(size)
    scores = np.arange(size)
    for seed in range(20):
        state = SimpleNamespace(members=members, scores=scores, rng=np.random.default_rng(seed))
        moves = optimizer._moved(state, np.full((size, 1), 0.5)) - members
        # Without the way to the best, which is the last member.
        moves -= 0.5 * (members[-1] - members)
        np.testing.assert_array_equal(np.sort(moves, axis=1)[:, [0, -1]], [[-0.5, 0.5]] * size)
        np.testing.assert_array_equal(np.abs(moves).sum(axis=1), 1)
        np.testing.assert_array_equal(np.diag(moves), 0)


@pytest.mark.parametrize("optimizer", [DifferentialEvolution(16), GeneticAlgorithm(16, 2)], ids=str)
@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_flat_population_is_drawn_anew(optimizer, value):
    """Where nothing is better, it would spread without end."""
    problem = make_problem(optimizer, objective=CountScore(lambda counts: value))
    problem.alpha = 0.0
    state = search(optimizer, problem, 1500).state
    assert 0.5 < np.std(state.members) < 2
    assert not np.isin(optimizer.step(problem, state).members, state.members).any()


@pytest.mark.parametrize("separable", [False, True])
def test_cmaes_restarts_differ(separable):
    optimizer = CMAES(4, separable=separable, population_growth=1.5)
    problem = make_problem(optimizer, objective=CountScore(lambda counts: 0.0))
    problem.alpha = 0.0
    state = optimizer.start(problem, np.zeros(problem.n_params), np.random.default_rng(0))
    means, sizes = [], []
    for _ in range(250):
        if not means or state.n_restarts == len(means):
            means.append(state.outside.mean)
            sizes.append(state.outside.population_size)
        state = optimizer.step(problem, state)
    assert sizes[:4] == [4, 6, 9, 13]
    assert len(np.unique(means, axis=0)) == len(means)
    assert 0.3 < np.std(means[1:]) < 3


def test_cmaes_converges_and_restarts():
    """On a smooth function without noise it finds the maximum, then begins anew."""
    optimizer = CMAES()
    problem = make_problem(optimizer, objective=NegLogLoss())
    best = search(LBFGS(gtol=1e-8), problem, 500)
    found = search(optimizer, problem, 600)
    assert found.score == pytest.approx(best.score, abs=1e-6)
    assert found.state.n_restarts > 0


@pytest.mark.parametrize(
    ("separable", "n_features", "expected"),
    [("auto", 6, "CMA"), ("auto", 150, "SepCMA"), (True, 6, "SepCMA"), (False, 150, "CMA")],
)
def test_cmaes_is_separable_for_many_parameters(separable, n_features, expected):
    X, y = make_classification(50, n_features, random_state=0)
    model = LinearModel(1, X.mean(axis=0), X.std(axis=0))
    problem = Problem(model, Accuracy(), Table(X, y))
    theta = np.zeros(problem.n_params)
    state = CMAES(separable=separable).start(problem, theta, np.random.default_rng(0))
    assert type(state.outside).__name__ == expected


class AsCma(Outside):
    def ask(self):
        return [super(AsCma, self).ask() for _ in range(5)]

    def tell(self, vectors, losses):
        assert len(vectors) == len(losses) == 5
        self.told += zip(vectors, losses, strict=True)


class AsCmaes(Outside):
    population_size = 6

    def tell(self, solutions):
        assert len(solutions) == 6
        self.told += solutions


class AsNevergrad(Outside):
    def ask(self):
        return SimpleNamespace(value=super().ask())

    def tell(self, candidate, loss):
        super().tell(candidate.value, loss)


class Trial:
    def __init__(self):
        self.suggested = []

    def suggest_float(self, name, low, high):
        assert name == f"theta_{len(self.suggested)}"
        assert -100 < low < high < 100
        self.suggested.append((low + high) / 2)
        return self.suggested[-1]


class AsOptuna(Outside):
    def ask(self):
        return Trial()

    def tell(self, trial, loss):
        super().tell(np.array(trial.suggested), loss)


@pytest.mark.parametrize(
    ("make", "n"), [(Outside, 3), (AsCma, 5), (AsCmaes, 6), (AsNevergrad, 3), (AsOptuna, 3)]
)
def test_ask_tell_conventions(make, n):
    """An object is given what is free, and told of all that it asked for."""
    free = np.flatnonzero(LOW < HIGH)
    problem = make_problem(AskTell(make), model_options={"bounds": (LOW, HIGH), "integer": WHOLE})
    optimizer = AskTell(make, n_candidates=3)
    state = optimizer.start(problem, problem.project(np.ones(7)), np.random.default_rng(0))
    np.testing.assert_array_equal(state.outside.start, problem.project(np.ones(7))[free])
    np.testing.assert_array_equal(state.outside.bounds, [LOW[free], HIGH[free]])
    for i in range(4):
        state = optimizer.step(problem, state)
        assert len(state.outside.told) == (i + 1) * n
    vectors, losses = zip(*state.outside.told, strict=True)
    thetas = np.full((len(vectors), 7), 0.25)
    thetas[:, free] = vectors
    np.testing.assert_array_equal(losses, -problem.scores(problem.project(thetas)))


def test_ask_tell_is_told_finite_losses():
    optimizer = AskTell(AsCma)
    problem = make_problem(optimizer, objective=CountScore(lambda counts: np.nan))
    found = search(optimizer, problem, 2)
    assert {loss for _, loss in found.state.outside.told} == {WORST_LOSS}


def test_ask_tell_says_what_it_cannot_use():
    class Wrong(Outside):
        def ask(self):
            return "a candidate"

    with pytest.raises(TypeError, match=r"vector of 7 numbers.*'a candidate'"):
        search(AskTell(Wrong), make_problem(AskTell(Wrong)), 1)


def make_cma(theta, bounds, seed):
    cma = pytest.importorskip("cma")
    # Of the generator that is numpy's global one, a copy is not another.
    randn = np.random.RandomState(seed).randn
    return cma.CMAEvolutionStrategy(theta, 0.5, {"randn": randn, "verbose": -9})


def make_cmaes(theta, bounds, seed):
    return pytest.importorskip("cmaes").CMA(theta, 0.5, seed=seed)


def make_nevergrad(theta, bounds, seed):
    ng = pytest.importorskip("nevergrad")
    vector = ng.p.Array(init=theta)
    vector.random_state.seed(seed)
    return ng.optimizers.TwoPointsDE(vector, num_workers=16)


def make_optuna(theta, bounds, seed):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))


@pytest.mark.filterwarnings("ignore")  # what other libraries warn of
@pytest.mark.parametrize("make", [make_cma, make_cmaes, make_nevergrad, make_optuna])
def test_ask_tell_drives_other_libraries(make):
    optimizer = AskTell(make)
    in_one = search(optimizer, make_problem(optimizer), 12)
    assert in_one.score > in_one.history[0].score
    part = search(optimizer, make_problem(optimizer), 5)
    part = pickle.loads(pickle.dumps(part))
    assert facts(search(optimizer, make_problem(optimizer), 7, found=part)) == facts(in_one)


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
    told = r"'lbfgs' needs.*'f1' with this model has none.*'neg_log_loss'"
    with pytest.raises(ValueError, match=told):
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
        SimulatedAnnealing(0),
        SimulatedAnnealing(step_size=0),
        SimulatedAnnealing(schedule="linear"),
        SimulatedAnnealing(temperature=0),
        SimulatedAnnealing(min_temperature=0),
        SimulatedAnnealing(temperature=0.1, min_temperature=0.2),
        SimulatedAnnealing(decay=1.5),
        SimulatedAnnealing(schedule="arithmetic", decay=-1),
        GeneticAlgorithm(1),
        GeneticAlgorithm(n_elite=128),
        GeneticAlgorithm(tournament_size=0),
        GeneticAlgorithm(blend=-0.1),
        GeneticAlgorithm(mutation_rate=1.1),
        GeneticAlgorithm(mutation_size=0),
        DifferentialEvolution(2),
        DifferentialEvolution(best_share=2),
        CMAES(3),
        CMAES(sigma=0),
        CMAES(separable="yes"),
        CMAES(population_growth=0.5),
        AskTell("cma"),
        AskTell(Outside, n_candidates=0),
        Chain(HillClimb, HillClimb()),
        SGD(learning_rate=0),
        SGD(learning_rate=np.inf),
        SGD(batch_size=0),
        SGD(batch_size=2.5),
        SGD(momentum=1),
        SGD(momentum=-0.1),
        SGD(nesterov="yes"),
        SGD(schedule="cosine"),
        SGD(power_t=-1),
        SGD(patience=0),
        SGD(max_norm=0),
        SGD(average=2),
        Adam(beta1=1),
        Adam(beta2=-0.1),
        Adam(epsilon=0),
        AdamW(weight_decay=-1),
        AdamW(learning_rate="fast"),
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
