"""Which rows are held out, fold by fold."""

import reprlib
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_consistent_length, check_scalar, column_or_1d

N_FOLDS = 5
# Rows that are alike say something only where there are so many different ones, or such a share.
MIN_DIFFERENT, MIN_SHARE_DIFFERENT = 50, 0.2


def folds(X, codes, weight, groups, cv, classes, seed):
    """Masks of the rows trained on and of those held out, for each fold.

    Parameters
    ----------
    X : array of shape (n_rows, n_features), or a sparse one in CSR format without duplicates
    codes : int array of shape (n_rows,)
        The classes.
    weight : array of shape (n_rows,)
        Rows of weight 0 are none.
    groups : array-like of shape (n_rows,) or None
    cv : None, int, splitter or iterable
        As the user gave it; None is 5.
    classes : array of shape (n_classes,)
        The labels.
    seed : int

    Returns
    -------
    list of pairs of bool arrays of shape (n_rows,)

    Raises
    ------
    ValueError, TypeError
        If cv or groups is wrong.
    """
    if groups is None and is_number_of_folds(cv):
        n_folds = n_folds_of(cv)
        fold = alike_together(X, codes, weight, n_folds, seed)
        return [(fold != i, fold == i) for i in range(n_folds)]
    params = {} if groups is None else {"groups": groups}
    pairs = row_numbers(cv, X, codes, params, shuffle=True, random_state=seed)
    if not is_number_of_folds(cv):
        check_classes(pairs, codes, classes, cv)
    masks = np.zeros((len(pairs), 2, len(codes)), dtype=bool)
    for pair_of_masks, pair in zip(masks, pairs, strict=True):
        for mask, rows in zip(pair_of_masks, pair, strict=True):
            mask[rows] = True
    return [tuple(pair) for pair in masks]


def checked_groups(X, groups):
    """Groups as an array with an entry for each row; None if there are none."""
    if groups is None:
        return None
    groups = column_or_1d(groups)
    check_consistent_length(X, groups)
    if any(each is None or each != each for each in groups.tolist()):
        raise ValueError("groups must say of each row which it is in, got None or NaN")
    return groups


def is_number_of_folds(cv):
    return cv is None or isinstance(cv, Integral)


def n_folds_of(cv):
    """How many folds there are to be."""
    n_folds = N_FOLDS if cv is None else cv
    check_scalar(n_folds, "cv", Integral, min_val=2)
    return n_folds


def row_numbers(cv, X, y, params, **options):
    """Pairs of the numbers of rows trained on and of those held out, as a user wants them.

    Parameters
    ----------
    cv : None, int, splitter or iterable
    X, y
        What a splitter splits.
    params : dict
        What its `split` is given, such as groups.
    **options
        For the splitter that is made if ``cv`` is none.

    Returns
    -------
    list of pairs of int arrays

    Raises
    ------
    ValueError, TypeError
        If rows are held out twice, or where they are trained on, or there are none.
    """
    # Imported here: importing the package must stay cheap.
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv

    named = f"cv={reprlib.repr(cv)}"
    if is_number_of_folds(cv):
        n_folds, n_groups = n_folds_of(cv), len(set(params.get("groups", ())))
        if "groups" in params and n_groups < n_folds:
            raise ValueError(
                f"{named} makes {n_folds} folds of groups, of which there are {n_groups}"
            )
        splitter = (StratifiedGroupKFold if "groups" in params else StratifiedKFold)(
            n_folds, **options
        )
    else:
        splitter = check_cv(cv, y, classifier=True)
    numbers = np.arange(len(y))
    pairs = []
    for pair in splitter.split(X, y, **params):
        try:
            train, test = (numbers[rows] for rows in pair)
            pairs.append((np.atleast_1d(train), np.atleast_1d(test)))
        except (IndexError, TypeError, ValueError) as error:
            raise ValueError(
                f"{named} must yield pairs of arrays of the numbers of rows, of which there are "
                f"{len(y)}: {error}"
            ) from error
    if not pairs or any(len(rows) == 0 for pair in pairs for rows in pair):
        raise ValueError(f"{named} leaves no rows to train on, or holds none out")
    if any(np.isin(*pair).any() for pair in pairs):
        raise ValueError(f"{named} holds out rows that it also trains on")
    if np.bincount(np.concatenate([test for _, test in pairs])).max() > 1:
        raise ValueError(
            f"{named} holds out rows more than once: what is chosen for a fold would be chosen on "
            "its own rows. Use a splitter that does not repeat itself"
        )
    return pairs


def check_classes(pairs, codes, classes, cv):
    """Raise a ValueError if there are rows trained on that are not of all classes."""
    for train, _ in pairs:
        missing = np.setdiff1d(codes, codes[train])
        if missing.size:
            raise ValueError(
                f"cv={reprlib.repr(cv)} holds out all rows of class {classes[missing[0]]} at once, "
                f"of which there are {np.count_nonzero(codes == missing[0])}"
            )


def alike_together(X, codes, weight, n_folds, seed):
    """The fold of each row: stratified, and the same for rows that are alike.

    A row that is there twice, or has weight 2, then comes to the same; and nothing is known of
    a row that is held out because it is there a second time. Where features take few values,
    rows are alike by chance, and are divided as any others.
    """
    keys = row_keys(X, np.random.default_rng(seed))
    counts = np.flatnonzero(weight > 0)
    _, alike = np.unique(keys[counts], return_inverse=True)
    n_codes, n_different = codes.max() + 1, alike.max() + 1
    # Rows that have the same features by chance have different labels, too, or are many.
    has_one_label = np.bincount(np.unique(alike * n_codes + codes[counts]) // n_codes) == 1
    are_several = np.bincount(alike) > 1
    are_copies = (
        n_different >= min(MIN_DIFFERENT, MIN_SHARE_DIFFERENT * len(counts))
        and has_one_label[are_several].sum() > are_several.sum() / 2
    )
    fold = np.zeros(len(codes), dtype=np.intp)
    n_before = 0
    for code in np.unique(codes[counts]):
        rows = np.flatnonzero(codes[counts] == code)
        rows = rows[np.argsort(alike[rows], kind="stable")]
        is_next = np.ones(len(rows), dtype=bool)
        is_next[1:] = (np.diff(alike[rows]) > 0) | ~(are_copies & has_one_label[alike[rows[1:]]])
        place = n_before + np.cumsum(is_next)
        fold[counts[rows]] = place % n_folds
        n_before = place[-1]
    return fold


def row_keys(X, rng):
    """A number for each row, the same for rows that are alike, whether stored sparsely or not.

    Universal hashing: sums of the bits of the numbers times odd ones, drawn at random.
    """
    multipliers = 2 * rng.integers(2**63, size=X.shape[1], dtype=np.uint64) + 1

    def terms(values, multiplier):
        bits = (values.astype(np.float64) + 0.0).view(np.uint64)  # -0.0 is 0.0
        return (bits ^ (bits >> np.uint64(32))) * multiplier

    if issparse(X):  # 0 adds nothing, and sums are exact
        sums = np.zeros(X.nnz + 1, dtype=np.uint64)
        np.cumsum(terms(X.data, multipliers[X.indices]), out=sums[1:])
        keys = sums[X.indptr[1:]] - sums[X.indptr[:-1]]
    else:
        keys = np.zeros(len(X), dtype=np.uint64)
        for column, multiplier in zip(X.T, multipliers, strict=True):
            keys += terms(column, multiplier)
    return keys ^ (keys >> np.uint64(32))
