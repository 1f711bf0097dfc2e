"""Checks of parameters that scikit-learn's `check_scalar` does not make alone."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import check_scalar


def check_number(value, name, *, low=None, high=None, include_boundaries="both"):
    """Raise a TypeError or ValueError if ``value`` is not a finite number within bounds.

    Parameters
    ----------
    value : object
    name : str
        What the user calls it.
    low, high : float, optional
    include_boundaries : {"both", "left", "right", "neither"}
    """
    check_scalar(
        value, name, Real, min_val=low, max_val=high, include_boundaries=include_boundaries
    )
    if not np.isfinite(float(value)):
        raise ValueError(f"{name} must be a finite number, got {value!r}")


def check_bool(value, name):
    """Raise a TypeError if ``value`` is not True or False."""
    check_scalar(value, name, (bool, np.bool_))
