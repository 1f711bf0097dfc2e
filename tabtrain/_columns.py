"""The columns of a table as numbers: categories are their codes, what is missing is NaN."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

# Of more, a column says who a row is, and not what.
MAX_CATEGORIES = 2**12
# The code of what was not among the categories.
UNKNOWN = -1.0


@dataclass(frozen=True)
class Columns:
    """What the columns of a table held when an estimator was fitted.

    Attributes
    ----------
    names : tuple or None
        None if they have none.
    categories : tuple
        Of each column its categories, sorted, or None if it holds numbers.
    """

    names: tuple | None
    categories: tuple
    threads: ClassVar[bool] = True
    whole_table: ClassVar[bool] = False

    @property
    def n_categories(self):
        return np.array([0 if c is None else len(c) for c in self.categories], dtype=np.intp)

    def rows(self, X):
        """The rows as numbers: ``[n_rows, n_features]``.

        Columns that have names are not asked for them: scikit-learn has compared these.

        Raises
        ------
        ValueError
            If a column of numbers holds others now, or an array comes where there were categories.
        """
        if not hasattr(X, "columns"):
            for name, categories in zip(self.names or (), self.categories, strict=False):
                if categories is not None:
                    raise ValueError(
                        f"column {name!r} held categories when the estimator was fitted: "
                        "X must be a DataFrame, got an array"
                    )
            return X
        numbers = np.empty(X.shape, order="F")
        for f, categories in enumerate(self.categories):
            values, name = _column(X, f), X.columns[f]
            if categories is None:
                numbers[:, f] = _as_numbers(values, name)
                continue
            codes = {category: float(code) for code, category in enumerate(categories)}
            is_missing = _missing(values)
            numbers[:, f] = np.nan
            numbers[~is_missing, f] = [
                codes.get(each, UNKNOWN) for each in np.asarray(values)[~is_missing].tolist()
            ]
        return numbers


def columns_of(X):
    """What the columns of a table hold.

    Those of a DataFrame that are not of numbers hold categories, as do those of its type
    "category" and of True and False. Arrays hold numbers.

    Raises
    ------
    ValueError
        If a column has too many categories, or they cannot be sorted, or if it holds points in time
        or durations, of which there is no one way to make numbers.
    """
    if not hasattr(X, "columns"):
        return Columns(None, (None,) * X.shape[1])
    names = tuple(X.columns)
    return Columns(names, tuple(_categories(_column(X, f), names[f]) for f in range(len(names))))


def _column(X, f):
    return X.iloc[:, f] if hasattr(X, "iloc") else X[X.columns[f]]


def _missing(values):
    """Which values of a column are missing."""
    if hasattr(values, "isna"):
        return np.asarray(values.isna(), dtype=bool)
    return np.array([each is None or each != each for each in np.asarray(values).tolist()], bool)


def _as_numbers(values, name):
    try:
        if hasattr(values, "isna"):
            return values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"column {name!r} held numbers when the estimator was fitted, and now others: {error}"
        ) from error


def _categories(values, name):
    """The categories of a column that occur, sorted; None if it holds numbers."""
    if str(getattr(values, "dtype", "")).startswith(
        ("datetime", "timedelta", "Datetime", "Duration")
    ):
        raise ValueError(
            f"column {name!r} holds {values.dtype}: make numbers of it, such as days since a date"
        )
    is_category = str(getattr(values, "dtype", "")).lower().startswith("categor")
    if not is_category and np.asarray(values).dtype.kind in "iuf":
        return None
    kept = np.asarray(values)[~_missing(values)]
    types = {type(each) for each in kept.tolist()}
    # True and False are categories, too.
    if not is_category and types != {bool} and types <= {int, float, bool}:
        return None
    try:
        found = sorted(set(kept.tolist()))
    except TypeError as error:
        raise ValueError(f"the categories of column {name!r} cannot be sorted: {error}") from error
    if len(found) > MAX_CATEGORIES:
        raise ValueError(
            f"column {name!r} has {len(found)} categories: at most {MAX_CATEGORIES} are taken"
        )
    return tuple(found)
