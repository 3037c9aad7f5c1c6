"""A learner finds out where it ends: of theory it may know the objective that it is given, and nothing else."""

import ast
from pathlib import Path

import pytest

LEARNERS = sorted((Path(__file__).parents[3] / "toysims" / "learners").glob("*.py"))


@pytest.mark.parametrize("file", LEARNERS, ids=lambda file: file.stem)
def test_a_learner_imports_no_answer_of_theory(file):
    imports = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    plain = [alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names]
    named = [(node.module, alias.name) for node in imports if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert not [name for name in plain if name.split(".")[0] == "theory"]
    assert {pair for pair in named if pair[0].split(".")[0] == "theory"} <= {("theory.objectives", "Objective")}


def test_there_are_learners_to_look_at():
    assert {"natural_gradient", "policy_gradient", "rloo", "trainer_steps"} <= {file.stem for file in LEARNERS}
