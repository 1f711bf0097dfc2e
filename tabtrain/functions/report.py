"""The table test of a trained function, row by row."""

import numpy as np


class Report:
    """What came out of each row, and what should have.

    Attributes
    ----------
    rows : pandas.DataFrame
        With the index of the table and the columns ``expected``, ``got`` and ``passed`` or, of
        numbers, ``error``, how far off they are; ``passed`` only where the objective says what
        that is. Of labels also ``would_pass``: the nearest change of one threshold with which a
        row that failed would pass, as ``"max_bmi < 31.2"``; empty where there is none.
    by_class : pandas.DataFrame or None
        Of labels, for each class how many ``rows`` there are, how many ``passed``, their
        ``share``, and how many rows were ``predicted`` so.
    """

    def __init__(self, rows, by_class=None):
        self.rows = rows
        self.by_class = by_class

    def __str__(self):
        parts = []
        if "passed" in self.rows:
            n_passed = int(self.rows["passed"].sum())
            parts.append(f"{n_passed} of {len(self.rows)} rows pass")
        if self.by_class is not None:
            parts.append(self.by_class.to_string())
        if "passed" in self.rows:
            failed = self.rows[~self.rows["passed"]]
            parts.append(f"{len(failed)} rows fail:")
            parts.append(failed.drop(columns="passed").to_string(max_rows=20))
        else:
            parts.append(self.rows.to_string(max_rows=20))
        return "\n\n".join(parts)

    __repr__ = __str__


def report_of_labels(index, expected, got, classes, would_pass):
    """The report on labels."""
    import pandas as pd

    passed = expected == got
    rows = pd.DataFrame(
        {"expected": expected, "got": got, "passed": passed, "would_pass": would_pass}, index=index
    )
    by_class = pd.DataFrame(
        {
            "rows": [np.count_nonzero(expected == each) for each in classes],
            "passed": [np.count_nonzero(passed & (expected == each)) for each in classes],
            "predicted": [np.count_nonzero(got == each) for each in classes],
        },
        index=pd.Index(classes, name="class"),
    )
    by_class.insert(2, "share", by_class["passed"] / by_class["rows"])
    return Report(rows, by_class)


def report_of_numbers(index, expected, got, passed):
    """The report on numbers; ``passed`` is None where nothing says what that is."""
    import pandas as pd

    rows = pd.DataFrame({"expected": expected, "got": got, "error": got - expected}, index=index)
    if passed is not None:
        rows["passed"] = passed
    return Report(rows)


def nearest_changes(model, theta, table, codes, wrong):
    """For each row that is wrong the nearest change of one threshold that would put it right.

    Parameters
    ----------
    model : FunctionModel
    theta : array of shape (n_params,)
    table : Table
    codes, wrong : arrays of shape (n_rows,)
        The classes that the rows should have, and which rows have others.

    Returns
    -------
    list of str
        ``"limit > 3.5"``; empty for rows that are right, or that no one change puts right.
    """
    nearest = np.full(len(codes), np.inf)
    changes = [""] * len(codes)
    for name, value, scale, other, below, above in model.sides(theta, table):
        for labels, sign, leads_there in (
            (below, "<", other <= value),
            (above, ">", other >= value),
        ):
            distance = np.abs(other - value) / scale
            better = wrong & (labels == codes) & leads_there & (distance < nearest)
            nearest[better] = distance[better]
            for i in np.flatnonzero(better):
                changes[i] = f"{name} {sign} {other[i]:.6g}"
    return changes
