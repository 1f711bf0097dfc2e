"""What all tests share."""

import time

import numpy as np
import pytest
from hypothesis import settings
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

# The machine's speed is not what is tested.
settings.register_profile("tabtrain", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("tabtrain")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def own_time(monkeypatch):
    """A clock that stands still while other processes have the processor: limits in seconds hold
    by it on the busiest of machines."""
    monkeypatch.setattr(time, "monotonic", time.process_time)
    return time.process_time


@pytest.fixture(scope="session")
def cancer():
    return load_breast_cancer(return_X_y=True)


@pytest.fixture(scope="session")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="session")
def diabetes():
    return load_diabetes(return_X_y=True)
