"""No part without its row in problems.py and its place in the guide."""

import re
from pathlib import Path

import pytest

from tabtrain import models, objectives, optimizers
from tabtrain._parts import public_classes, snake_case
from tests.problems import MODELS, OBJECTIVE_CASES, OBJECTIVES, OPTIMIZERS, part_of

GUIDE = Path(__file__).parents[1] / "docs" / "guide.md"

PARTS = public_classes(objectives, objectives.Objective) | public_classes(
    optimizers, optimizers.Optimizer
)


def test_parts_are_found():
    assert {"F1", "Cost", "CountScore", "HillClimb", "LBFGS"} <= set(PARTS)
    assert set(objectives.__all__) | set(optimizers.__all__) >= set(PARTS)


@pytest.mark.parametrize("name", PARTS)
def test_every_part_has_a_row(name):
    tested = {part_of(row) for row in OBJECTIVES} | {type(each).__name__ for each in OPTIMIZERS}
    assert name in tested


def test_every_model_has_a_row():
    assert {part_of(row) for row in MODELS} == set(models.__all__)


def test_rows_are_named_after_their_part():
    for name, n_classes in OBJECTIVE_CASES:
        assert type(OBJECTIVES[name].make(n_classes)).__name__ == part_of(name)


@pytest.mark.parametrize("name", PARTS)
def test_every_part_is_in_the_guide(name):
    assert re.search(rf"\b({name}|{snake_case(name)})\b", GUIDE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PARTS)
def test_every_part_says_what_it_is(name):
    """A summary line, and an example that is run with the tests."""
    documentation = PARTS[name].__doc__
    assert documentation
    assert ">>> " in documentation
