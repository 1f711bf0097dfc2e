"""F1 of all classes' counts together."""

from tabtrain.objectives.accuracy import Accuracy


class F1Micro(Accuracy):
    """F1 of the classes' counts added up (``"f1_micro"``).

    With one label a row, every false positive of one class is a false negative of another,
    so this is the share of rows predicted right. Agrees with
    :func:`sklearn.metrics.f1_score` with ``average="micro"``.

    Examples
    --------
    >>> import numpy as np
    >>> from tabtrain.objectives import F1Micro
    >>> F1Micro().score_counts(np.array([[[3, 1], [0, 4]]]))
    array([0.875])
    """
