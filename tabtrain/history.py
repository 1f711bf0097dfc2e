"""What a search found, improvement by improvement."""

from typing import Any, NamedTuple


class Improvement(NamedTuple):
    """One improvement.

    Attributes
    ----------
    time : float
        Seconds of searching until then.
    iteration : int
        0 is the start.
    trial : int
        How many candidates had been tried.
    score : float
        The score on the training rows, penalty included.
    newly_right, newly_wrong : int
        How many rows came out right that had been wrong at the last improvement, and the
        reverse; at the start, how many are right, and 0. Where rows are off by a number,
        how many came closer and how many went further off.
    """

    time: float
    iteration: int
    trial: int
    score: float
    newly_right: int
    newly_wrong: int

    def __str__(self):
        return (
            f"iteration {self.iteration:6d}  trial {self.trial:9d}  score {self.score:12.6g}  "
            f"rows +{self.newly_right} -{self.newly_wrong}  {self.time:8.3f} s"
        )


class History(tuple):
    """A tuple of `Improvement`, oldest first.

    Attributes
    ----------
    optimizer : Optimizer
        What searched; with ``optimizer="auto"``, what was chosen.
    """

    optimizer: Any = None

    def __new__(cls, improvements=(), optimizer=None):
        history = super().__new__(cls, improvements)
        history.optimizer = optimizer
        return history

    def to_frame(self):
        """A DataFrame with a row for each improvement; needs pandas.

        Returns
        -------
        pandas.DataFrame
            With columns ``time``, ``iteration``, ``trial``, ``score``, ``newly_right`` and
            ``newly_wrong``.
        """
        import pandas as pd

        return pd.DataFrame(list(self), columns=Improvement._fields)
