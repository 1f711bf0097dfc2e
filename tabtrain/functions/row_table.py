"""The user's table as rows that a function can be given."""

import numpy as np

from tabtrain.functions.numbers import OTHER_STRING
from tabtrain.functions.signature import near


class RowTable:
    """A table of rows whose columns have places, and maybe names.

    Parameters
    ----------
    X : DataFrame or array of shape (n_rows, n_columns)
    """

    def __init__(self, X):
        self.X = X
        self.names = list(X.columns) if hasattr(X, "columns") else None
        self.n_rows, self.n_columns = X.shape
        self._kept = {}
        self._with_strings = {}

    def place(self, key):
        """Where a column stands.

        Parameters
        ----------
        key : tuple
            Of `tabtrain.functions.source.columns_read`.

        Raises
        ------
        ValueError
            If there is none.
        """
        kind, key = key
        if isinstance(key, int) and (self.names is None or key not in self.names):
            if not -self.n_columns <= key < self.n_columns:
                raise ValueError(
                    f"the function reads row[{key}], the table has {self.n_columns} columns"
                )
            return key % self.n_columns
        read = f"row.{key}" if kind == "attribute" else f"row[{key!r}]"
        if self.names is None:
            raise ValueError(
                f"the function reads {read}, but the table is no DataFrame and its columns have no "
                "names: read them by their places, as in row[0]"
            )
        if key not in self.names:
            raise ValueError(
                f"the function reads {read}, the table has no such column"
                f"{near(key, self.names) or f': it has {self.names}'}"
            )
        return self.names.index(key)

    def _column(self, place):
        if place not in self._kept:
            if self.names is None:
                column = self.X[:, place]
            elif hasattr(self.X, "iloc"):
                column = self.X.iloc[:, place]
            else:
                column = self.X[self.names[place]]
            self._kept[place] = column
        return self._kept[place]

    def holds_strings(self, place):
        """Whether a column has strings in it."""
        if place not in self._with_strings:
            column = np.asarray(self._column(place))
            self._with_strings[place] = column.dtype.kind not in "biuf" and any(
                isinstance(value, str) for value in column.tolist()
            )
        return self._with_strings[place]

    def numbers(self, places, strings):
        """Some columns as numbers.

        Parameters
        ----------
        places : list of int
        strings : dict of str to float
            What strings are; those that it has not are all the same.

        Returns
        -------
        float64 array of shape (n_rows, n_places)

        Raises
        ------
        ValueError
            If a column has neither numbers nor strings.
        """
        numbers = np.empty((self.n_rows, len(places)), order="F")
        for i, place in enumerate(places):
            if self.holds_strings(place):
                numbers[:, i] = [
                    strings.get(value, OTHER_STRING) if isinstance(value, str) else OTHER_STRING
                    for value in np.asarray(self._column(place)).tolist()
                ]
                continue
            try:
                numbers[:, i] = self._floats(place)
            except (TypeError, ValueError) as error:
                name = place if self.names is None else repr(self.names[place])
                raise ValueError(
                    f"column {name} has neither numbers nor strings in it: {error}"
                ) from error
        return numbers

    def _floats(self, place):
        """A column as floats; what is missing is NaN."""
        column = self._column(place)
        if hasattr(column, "to_numpy") and hasattr(self.X, "iloc"):
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(column, dtype=np.float64)

    def _values(self, place):
        """A column as the objects that a function is given: of strings, None if one is missing."""
        column = np.asarray(self._column(place))
        if self.holds_strings(place):
            kept = (str, int, bool)
            return [value if isinstance(value, kept) else None for value in column.tolist()]
        if column.dtype.kind == "O":
            try:
                return self._floats(place).tolist()
            except (TypeError, ValueError):
                pass  # Any objects.
        return column.tolist()

    def rows(self):
        """The rows, as a function of one row is given them."""
        columns = [self._values(place) for place in range(self.n_columns)]
        make = row_class(self.names)
        return [make(values) for values in zip(*columns, strict=True)]

    def some(self, n):
        """A table of at most so many of the rows, from all over it."""
        chosen = np.unique(np.linspace(0, self.n_rows - 1, min(n, self.n_rows)).astype(int))
        return self.take(chosen)

    def take(self, chosen):
        """A table of the rows with these numbers."""
        if self.names is None:
            return RowTable(self.X[chosen])
        return RowTable(self.X.iloc[chosen] if hasattr(self.X, "iloc") else self.X[chosen])


def row_class(names):
    """Tuples whose entries can be had by place and, if they have names, by name."""
    if names is None:
        return tuple
    places = {name: place for place, name in reversed(list(enumerate(names)))}

    def get(row, key):
        if type(key) is int and key not in places:
            return tuple.__getitem__(row, key)
        try:
            return tuple.__getitem__(row, places[key])
        except (KeyError, TypeError):
            raise KeyError(f"{key!r}{near(key, names)}") from None

    def missing(row, name):
        raise AttributeError(f"the row has no column {name!r}{near(name, names)}")

    attributes = {
        name: property(itemgetter_of(place))
        for name, place in places.items()
        if isinstance(name, str) and name.isidentifier()
    }
    return type(
        "Row", (tuple,), {**attributes, "__slots__": (), "__getitem__": get, "__getattr__": missing}
    )


def itemgetter_of(place):
    """Not `operator.itemgetter`, which would look the place up as a name."""
    return lambda row: tuple.__getitem__(row, place)
