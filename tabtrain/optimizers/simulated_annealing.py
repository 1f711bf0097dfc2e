"""Wander from candidate to candidate, and put up with worse ones less and less."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_scalar

from tabtrain._validation import check_number
from tabtrain.optimizers._base import Optimizer
from tabtrain.optimizers._population import first_population

SCHEDULES = ("geometric", "exponential", "arithmetic")
# Without a decay given, the lowest temperature is reached after so many iterations.
N_COOLING = 500


class SimulatedAnnealing(Optimizer):
    """Independent chains of small random moves, each accepted or not by its score.

    In every iteration each chain proposes one normally distributed move. A candidate that is
    better by ``d``, which may be negative, is accepted with probability
    ``min(1, exp(d / temperature))`` [1]_ [2]_. All chains have the same temperature, which
    falls until it is ``min_temperature``.

    Parameters
    ----------
    n_candidates : int, default=64
        How many chains there are. One begins at the start, the others at random points.
    step_size : float, default=0.1
        The standard deviation of a move; 1 is the scale of the starting points.
    schedule : {"geometric", "exponential", "arithmetic"}, default="geometric"
        The temperature of iteration i, from 0: ``temperature * decay**i``,
        ``temperature * exp(-decay * i)`` or ``temperature - decay * i``.
    temperature : float, default=0.01
        The first temperature, in units of the score.
    min_temperature : float, default=1e-5
        The lowest temperature.
    decay : float, optional
        How fast the temperature falls: for the geometric schedule by which factor, at most 1;
        else as the formula says. Unless given, the temperature is at its lowest after 500
        iterations.

    References
    ----------
    .. [1] S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, "Optimization by Simulated Annealing",
       Science 220(4598), 1983.
    .. [2] N. Metropolis et al., "Equation of State Calculations by Fast Computing Machines",
       The Journal of Chemical Physics 21(6), 1953.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabtrain import LinearClassifier, SimulatedAnnealing
    >>> X, y = load_iris(return_X_y=True)
    >>> annealing = SimulatedAnnealing(n_candidates=32, schedule="arithmetic")
    >>> clf = LinearClassifier(optimizer=annealing, random_state=0)
    >>> clf.fit(X, y).best_score_ > 0.95
    True
    """

    def __init__(
        self,
        n_candidates=64,
        step_size=0.1,
        schedule="geometric",
        temperature=0.01,
        min_temperature=1e-5,
        decay=None,
    ):
        self.n_candidates = n_candidates
        self.step_size = step_size
        self.schedule = schedule
        self.temperature = temperature
        self.min_temperature = min_temperature
        self.decay = decay

    def check(self):
        check_scalar(self.n_candidates, "n_candidates", Integral, min_val=1)
        for name in ("step_size", "temperature", "min_temperature"):
            check_number(getattr(self, name), name, low=0, include_boundaries="neither")
        if self.min_temperature > self.temperature:
            raise ValueError(
                f"min_temperature must be at most temperature ({self.temperature}), "
                f"got {self.min_temperature}"
            )
        if self.schedule not in SCHEDULES:
            raise ValueError(
                f"schedule must be one of {', '.join(map(repr, SCHEDULES))}, got {self.schedule!r}"
            )
        if self.decay is not None:
            high, included = (1, "right") if self.schedule == "geometric" else (None, "neither")
            check_number(self.decay, "decay", low=0, high=high, include_boundaries=included)

    def start(self, problem, theta, rng):
        return first_population(problem, theta, rng, self.n_candidates)

    def step(self, problem, state):
        moves = self.step_size * state.rng.standard_normal(state.members.shape)
        candidates = problem.project(state.members + moves)
        # To be accepted with probability exp(d / temperature) is to have d above the
        # temperature times the logarithm of a uniform number: minus an exponential one.
        patience = self._temperature(state.n_steps) * state.rng.standard_exponential(len(moves))
        least = state.scores - patience
        scores = problem.scores(candidates, at_least=least.min())
        return state.with_replaced(candidates, scores, scores >= least)

    def _temperature(self, n_steps):
        first, last, decay = self.temperature, self.min_temperature, self.decay
        if self.schedule == "geometric":
            factor = (last / first) ** (1 / N_COOLING) if decay is None else decay
            temperature = first * factor**n_steps
        elif self.schedule == "exponential":
            rate = np.log(first / last) / N_COOLING if decay is None else decay
            temperature = first * np.exp(-rate * n_steps)
        else:
            fall = (first - last) / N_COOLING if decay is None else decay
            temperature = first - fall * n_steps
        return max(temperature, last)
