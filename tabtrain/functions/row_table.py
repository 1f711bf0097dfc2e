"""The user's table as rows that a function can be given."""

import numpy as np

from tabtrain.functions.numbers import OTHER_STRING
from tabtrain.functions.signature import near


class RowTable:
    """A table of rows whose columns have places, and maybe names.

    Parameters
    ----------
    X : DataFrame or array of shape (n_rows, n_columns)
    kinds : dict of int to str, optional
        What columns held when the function was fitted: their `kind` stays what it was, so that a
        row is the same whatever other rows there are.

    Attributes
    ----------
    kinds : dict of int to str
        Of columns that were asked for.
    """

    def __init__(self, X, kinds=None):
        self.X = X
        self.names = list(X.columns) if hasattr(X, "columns") else None
        self.n_rows, self.n_columns = X.shape
        self.kinds = {} if kinds is None else dict(kinds)
        # The table that this one was taken from.
        self._whole = self
        self._kept = {}
        self._now = {}

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

    def kind(self, place):
        """What a column holds apart from what is missing.

        Returns
        -------
        {"numbers", "strings", "strings and others", "objects"}
            "objects" are no strings, and not all of them numbers.
        """
        if place not in self.kinds:
            self.kinds[place] = self._whole._kind_now(place)
        return self.kinds[place]

    def holds_strings(self, place):
        """Whether a column has strings in it."""
        return self.kind(place) in ("strings", "strings and others")

    def _kind_now(self, place):
        if place not in self._now:
            self._now[place] = self._found_kind(place)
        return self._now[place]

    def _found_kind(self, place):
        values = np.asarray(self._column(place))
        if values.dtype.kind in "biuf":
            return "numbers"
        are_strings = [isinstance(value, str) for value in values[~self._missing(place)].tolist()]
        if any(are_strings):
            return "strings" if all(are_strings) else "strings and others"
        if values.dtype.kind != "O":
            return "objects"
        try:
            self._floats(place)
        except (TypeError, ValueError):
            return "objects"
        return "numbers"

    def _missing(self, place):
        """Which cells of a column are missing."""
        column = self._column(place)
        if hasattr(column, "isna"):
            return column.isna().to_numpy()
        return np.array([value is None or value != value for value in np.asarray(column).tolist()])

    def _check_kind(self, place):
        """Raise an exception if a column of numbers or strings holds others now."""
        before, now = self.kind(place), self._kind_now(place)
        if before == "numbers" != now or (
            before == "strings" and now == "numbers" and not self._missing(place).all()
        ):
            name = place if self.names is None else repr(self.names[place])
            raise ValueError(
                f"column {name} holds {now}, where it held {before} when the function was fitted"
            )

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
            If a column has not what it had when the function was fitted.
        """
        numbers = np.empty((self.n_rows, len(places)), order="F")
        for i, place in enumerate(places):
            self._check_kind(place)
            if self.holds_strings(place):
                numbers[:, i] = [
                    strings.get(value, OTHER_STRING) if isinstance(value, str) else OTHER_STRING
                    for value in np.asarray(self._column(place)).tolist()
                ]
            else:
                numbers[:, i] = self._floats(place)
        return numbers

    def _floats(self, place):
        """A column as floats; what is missing is NaN."""
        column = self._column(place)
        if hasattr(column, "to_numpy") and hasattr(self.X, "iloc"):
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(column, dtype=np.float64)

    def _values(self, place):
        """A column as the objects that a function is given.

        What is missing is None among strings, and NaN among numbers.
        """
        values = np.asarray(self._column(place))
        if self.holds_strings(place):
            cells = zip(list(self._column(place)), self._missing(place), strict=True)
            return [None if is_missing else value for value, is_missing in cells]
        if values.dtype.kind in "biuf":
            return values.tolist()
        if self.kind(place) == self._kind_now(place) == "numbers":
            return self._floats(place).tolist()
        return list(self._column(place))

    def rows(self, places=None):
        """The rows, as a function of one row is given them.

        Parameters
        ----------
        places : list of int, optional
            The columns that it reads, where that is known; all others are None.
        """
        for place in places or []:
            self._check_kind(place)
        nothing = [None] * self.n_rows
        columns = [
            self._values(place) if places is None or place in places else nothing
            for place in range(self.n_columns)
        ]
        make = row_class(self.names)
        return [make(values) for values in zip(*columns, strict=True)]

    def spread(self, n):
        """The numbers of at most so many rows, from all over the table."""
        return np.unique(np.linspace(0, self.n_rows - 1, min(n, self.n_rows)).astype(int))

    def take(self, chosen):
        """A table of the rows with these numbers."""
        by_place = self.names is not None and hasattr(self.X, "iloc")
        taken = RowTable(self.X.iloc[chosen] if by_place else self.X[chosen])
        taken.kinds, taken._whole = self.kinds, self._whole
        return taken


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
