"""The one loop that drives every optimizer."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tabtrain.history import Improvement
from tabtrain.optimizers._base import Optimizer, is_higher
from tabtrain.problem import TimeUpError


@dataclass(frozen=True)
class Budget:
    """When a search stops.

    Attributes
    ----------
    max_iter : int or None
        Iterations of this call.
    deadline : float
        The `time.monotonic` at which it ends, in the middle of an iteration if need be. The
        start is scored in any case.
    tol : float
        A score that is higher by less than this share of its size is no improvement.
    n_iter_no_change : int or None
        Stop after so many iterations without an improvement.
    """

    max_iter: int | None
    deadline: float
    tol: float
    n_iter_no_change: int | None


@dataclass
class Search:
    """A search under way: pickle it, and it can be gone on with later.

    Attributes
    ----------
    optimizer : Optimizer
    rng : numpy.random.Generator
    theta : array of shape (n_params,)
        The start, then the best candidate: by the held-out rows if there are any, else by
        the training rows.
    score : float
        The training score of ``theta``.
    validation_score : float or None
        The score of ``theta`` on held-out rows.
    state : State or None
        The optimizer's; None before the start.
    history : list of Improvement
    stop_reason : str
        "iterations", "time", "no change", "callback" or "interrupted".
    """

    optimizer: Optimizer
    rng: "np.random.Generator"
    theta: np.ndarray
    score: float = -np.inf
    validation_score: float | None = None
    state: Any = None
    history: list[Improvement] = field(default_factory=list)
    n_iter: int = 0
    n_trials: int = 0
    seconds: float = 0.0
    stop_reason: str = ""
    _n_without_improvement: int = 0
    _last_noted: np.ndarray | None = None

    def run(
        self,
        problem,
        budget: Budget,
        *,
        validation=None,
        on_improvement: Callable[[Improvement], None] = lambda improvement: None,
        around_step=None,
    ):
        """Search until the budget is spent.

        Parameters
        ----------
        problem : Problem
        budget : Budget
        validation : Problem, optional
            The same problem on held-out rows, which then decide what is best.
        on_improvement : callable
            Called with each improvement.
        around_step : callable, optional
            Called with this search before each iteration; what it returns is called with
            this search after it, and stops the search by returning True.
        """
        begun = time.monotonic() - self.seconds
        trials_before = self.n_trials - problem.n_trials
        n_iter_before = self.n_iter
        errors = None if self._last_noted is None else problem.row_errors(self._last_noted)

        def note_improvement():
            nonlocal errors
            before, errors = errors, problem.row_errors(self.state.theta)
            self._keep_if_best(validation, budget.tol)
            self._last_noted = self.state.theta
            self.seconds = time.monotonic() - begun
            self.n_trials = trials_before + problem.n_trials
            self.history.append(
                Improvement(
                    self.seconds,
                    self.n_iter,
                    self.n_trials,
                    float(self.state.score),
                    int(np.sum(errors == 0) if before is None else np.sum(errors < before)),
                    int(0 if before is None else np.sum(errors > before)),
                )
            )
            on_improvement(self.history[-1])

        try:
            if self.state is None:
                self.state = self.optimizer.start(problem, self.theta, self.rng)
                note_improvement()
            # Not before the start has its score, which takes a pass or two over the table.
            problem.deadline = budget.deadline
            # What is trained on these rows and scored on others is not at its end with the latter.
            on_others = "held-out rows" in self.optimizer.needs
            highest = np.inf if on_others else problem.highest
            while True:
                if (
                    self.state.converged
                    or self.state.score >= highest
                    or (
                        budget.n_iter_no_change is not None
                        and self._n_without_improvement >= budget.n_iter_no_change
                    )
                ):
                    self.stop_reason = "no change"
                    break
                if budget.max_iter is not None and self.n_iter - n_iter_before >= budget.max_iter:
                    self.stop_reason = "iterations"
                    break
                after_step = around_step(self) if around_step is not None else None
                self.state = self._step(problem)
                self.n_iter += 1
                self._n_without_improvement += 1
                # What a search ends with, as it has converged, is worth any difference.
                ends = self.state.converged or self.state.score >= highest
                tol = 0.0 if ends else budget.tol
                if self.state.improves(self.history[-1].score, tol):
                    note_improvement()
                if after_step is not None and after_step(self):
                    self.stop_reason = "callback"
                    break
        except TimeUpError:
            self.stop_reason = "time"
        except KeyboardInterrupt:
            if not self.history:
                raise  # there is nothing yet to keep
            self.stop_reason = "interrupted"
            warnings.warn(
                f"interrupted after {self.n_iter} iterations: keeping the best so far "
                f"(score {self.score:.6g})",
                stacklevel=6,  # whoever called fit
            )
        self.seconds = time.monotonic() - begun
        self.n_trials = trials_before + problem.n_trials

    def _step(self, problem):
        before = self.rng.bit_generator.state
        try:
            return self.optimizer.step(problem, self.state)
        except BaseException:
            # As if the iteration had not begun, so that the search can be gone on with.
            self.rng.bit_generator.state = before
            raise

    def _keep_if_best(self, validation, tol):
        if validation is not None:
            score = float(validation.scores(self.state.theta[np.newaxis])[0])
            if self.validation_score is not None and not is_higher(
                score, self.validation_score, tol
            ):
                return
            self.validation_score = score
        self.theta, self.score = self.state.theta, float(self.state.score)
        self._n_without_improvement = 0
