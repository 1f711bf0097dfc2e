"""At which scale training takes place, and where it starts."""

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import NotFittedError

from tabtrain.models.linear import center_and_scale


def output_scale(table, centered):
    """What standardises the numbers that are to come out, as arguments of models."""
    mean, deviation = table.mean_and_deviation_of_y()
    center, scale = center_and_scale(mean, deviation, centered)
    return {"output_center": center[0], "output_scale": scale[0] or 1.0}


def fitted_parts(init, names, estimator, classes):
    """What a fitted estimator has learned, if ``estimator`` can start from it.

    Parameters
    ----------
    init : estimator
    names : tuple of str
        The attributes that are asked for.
    estimator : TrainedEstimator
    classes : array or None

    Returns
    -------
    tuple
        The attributes.
    """
    if not hasattr(init, names[0]):
        raise NotFittedError(
            f"init must be a fitted estimator with {' and '.join(names)}, got {init!r}, "
            "which has none. Of a pipeline, give the last step. Meta-estimators clone "
            "what they are given: there, wrap it in sklearn.frozen.FrozenEstimator"
        )
    if (is_regressor if is_classifier(estimator) else is_classifier)(init):
        raise ValueError(
            f"init must predict what {type(estimator).__name__} predicts, got {init!r}"
        )
    of_init = getattr(init, "classes_", None)
    if classes is not None and of_init is not None and not np.array_equal(classes, of_init):
        raise ValueError(f"init has the classes {of_init}, y has {classes}")
    return tuple(getattr(init, name) for name in names)
