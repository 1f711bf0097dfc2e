"""What was chosen on rows that were not trained on."""

from typing import Any, NamedTuple


class Candidate(NamedTuple):
    """One function that was trained, or what was made of several.

    Attributes
    ----------
    step : str
        "log-loss", "weighted log-loss", "soft metric" or "exact lines" is what it was trained for;
        "no threshold" is the best for the log-loss as it is, without a threshold chosen for the
        metric, "result" what was made of all.
    alpha : float or None
        The penalty.
    tau : float or None
        The temperature of the soft metric, in deviations of the score.
    oof_score : float
        The metric on rows that were not trained on, each fold with what is chosen, such as the
        threshold, chosen on the others.
    oof_std_error : float
        Its standard error.
    share : float
        How much of it is in the result; together 1.
    """

    step: str
    alpha: float | None
    tau: float | None
    oof_score: float
    oof_std_error: float
    share: float


class Selection(tuple):
    """A tuple of `Candidate`, in the order in which they were trained.

    Attributes
    ----------
    gain : float
        By how much the result scored higher than the best for the log-loss with a threshold,
        on rows that were not trained on.
    gain_std_error : float
        Its standard error.
    kept_surrogate : bool
        Whether direct training did not help, and that is what was kept.
    """

    gain: Any
    gain_std_error: Any
    kept_surrogate: Any

    def __new__(cls, candidates=(), gain=None, gain_std_error=None, kept_surrogate=False):
        selection = super().__new__(cls, candidates)
        selection.gain = gain
        selection.gain_std_error = gain_std_error
        selection.kept_surrogate = kept_surrogate
        return selection

    def __reduce__(self):
        arguments = (tuple(self), self.gain, self.gain_std_error, self.kept_surrogate)
        return type(self), arguments

    def __str__(self):
        if self.gain is None:
            return "training was stopped before all candidates were compared"
        if self.kept_surrogate:
            return "training for the metric did not help: the log-loss with a threshold is kept"
        worth = f"{self.gain:+.4f} (standard error {self.gain_std_error:.4f})"
        helped = "is worth" if self.gain > 0 else "did not help, it is worth"
        return f"training for the metric {helped} {worth} on rows that were not trained on"

    def to_frame(self):
        """A DataFrame with a row for each candidate; needs pandas.

        Returns
        -------
        pandas.DataFrame
            With columns ``step``, ``alpha``, ``tau``, ``oof_score``, ``oof_std_error`` and
            ``share``.
        """
        import pandas as pd

        return pd.DataFrame(list(self), columns=Candidate._fields)
