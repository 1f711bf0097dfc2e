"""What optimizers with a population have in common."""

from dataclasses import dataclass, replace

import numpy as np

from tabtrain.optimizers._base import State


@dataclass(kw_only=True)
class Population(State):
    """``members`` are candidates ``[n, n_params]``; ``n_steps`` is how many steps were made."""

    members: np.ndarray
    scores: np.ndarray
    n_steps: int = 0

    @property
    def is_flat(self):
        """Whether all members score the same, so that nothing shows where to go."""
        return self.scores.min() == self.scores.max()

    def renewed(self, problem):
        """A population of random points."""
        members = problem.initial(self.rng, len(self.members))
        return self.with_members(members, problem.scores(members))

    def with_members(self, members, scores):
        """The next population."""
        state = replace(self, members=members, scores=scores, n_steps=self.n_steps + 1)
        return state.with_best(members, scores)

    def with_replaced(self, candidates, scores, accepted):
        """The next population: each candidate that is accepted replaces its member."""
        return self.with_members(
            np.where(accepted[:, np.newaxis], candidates, self.members),
            np.where(accepted, scores, self.scores),
        )


def first_population(problem, theta, rng, size, make=Population, **more):
    """The start and random points.

    Only the start is scored: this must be done before the time is kept. The others have the
    worst of scores, so that whatever is tried in their place is better.
    """
    members = np.concatenate([theta[np.newaxis], problem.initial(rng, size - 1)])
    score = problem.scores(members[:1])[0]
    scores = np.full(size, -np.inf)
    scores[0] = score
    return make(theta=theta, score=score, rng=rng, members=members, scores=scores, **more)
