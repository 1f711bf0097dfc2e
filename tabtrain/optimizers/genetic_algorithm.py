"""Let the better of a population have children, which are mixed and mutated."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain._validation import check_number
from tabtrain.optimizers._base import Optimizer
from tabtrain.optimizers._population import first_population

# A child's mutations are drawn at one scale, between the mutation size and this share of it.
SMALLEST_MUTATION = 1e-3


class GeneticAlgorithm(Optimizer):
    """A genetic algorithm on real numbers.

    In every iteration the best members are kept, the others replaced by children. A parent is
    the best of some members drawn at random (tournament selection). A child is blended from
    two parents, parameter by parameter: drawn from the interval between them, widened on both
    sides (BLX-alpha, [1]_). Then some of its parameters are mutated: large mutations find new
    regions, small ones refine what was found, so each child has a scale of its own [2]_. If all
    members score the same, a new population is drawn.

    Parameters
    ----------
    population_size : int, default=128
        How many members there are.
    n_elite : int, default=8
        How many of the best members are kept; fewer than ``population_size``.
    tournament_size : int, default=3
        How many members are drawn for the choice of a parent.
    blend : float, default=0.5
        By what share of its length the interval between two parents is widened on each side.
    mutation_rate : float, default=0.1
        The probability that a parameter of a child is mutated.
    mutation_size : float, default=1.0
        The standard deviation of the largest mutations; 1 is the scale of the starting points.
        The scale of a child's is log-uniform between a thousandth of this and this.

    References
    ----------
    .. [1] L. J. Eshelman, J. D. Schaffer, "Real-Coded Genetic Algorithms and
       Interval-Schemata", Foundations of Genetic Algorithms 2, 1993.
    .. [2] H. Mühlenbein, D. Schlierkamp-Voosen, "Predictive Models for the Breeder Genetic
       Algorithm I. Continuous Parameter Optimization", Evolutionary Computation 1(1), 1993.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabtrain import GeneticAlgorithm, LinearClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> genetic = GeneticAlgorithm(population_size=64, n_elite=4)
    >>> clf = LinearClassifier(optimizer=genetic, random_state=0)
    >>> clf.fit(X, y).best_score_ > 0.95
    True
    """

    def __init__(
        self,
        population_size=128,
        n_elite=8,
        tournament_size=3,
        blend=0.5,
        mutation_rate=0.1,
        mutation_size=1.0,
    ):
        self.population_size = population_size
        self.n_elite = n_elite
        self.tournament_size = tournament_size
        self.blend = blend
        self.mutation_rate = mutation_rate
        self.mutation_size = mutation_size

    def check(self):
        check_scalar(self.population_size, "population_size", Integral, min_val=2)
        check_scalar(self.n_elite, "n_elite", Integral, min_val=0, max_val=self.population_size - 1)
        check_scalar(self.tournament_size, "tournament_size", Integral, min_val=1)
        check_number(self.blend, "blend", low=0)
        check_number(self.mutation_rate, "mutation_rate", low=0, high=1)
        check_number(self.mutation_size, "mutation_size", low=0, include_boundaries="neither")

    def start(self, problem, theta, rng):
        return first_population(problem, theta, rng, self.population_size)

    def step(self, problem, state):
        if state.is_flat:
            return state.renewed(problem)
        parents = state.members[self._select(state)]
        children = problem.project(self._mutated(self._blended(parents, state.rng), state.rng))
        scores = problem.scores(children)
        elite = np.argsort(-state.scores, kind="stable")[: self.n_elite]
        return state.with_members(
            np.concatenate([state.members[elite], children]),
            np.concatenate([state.scores[elite], scores]),
        )

    def _select(self, state):
        """Pairs of parents ``[2, n_children]``, as places in the population."""
        n_children = self.population_size - self.n_elite
        drawn = state.rng.integers(self.population_size, size=(2, n_children, self.tournament_size))
        winner = np.argmax(state.scores[drawn], axis=2, keepdims=True)
        return np.take_along_axis(drawn, winner, axis=2)[:, :, 0]

    def _blended(self, parents, rng):
        mother, father = parents
        return mother + rng.uniform(-self.blend, 1 + self.blend, mother.shape) * (father - mother)

    def _mutated(self, children, rng):
        scale = self.mutation_size * SMALLEST_MUTATION ** rng.random((len(children), 1))
        is_mutated = rng.random(children.shape) < self.mutation_rate
        return children + is_mutated * scale * rng.standard_normal(children.shape)
