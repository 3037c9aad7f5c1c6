"""The command line of llm.sample with Reasoning Gym: what is wrong with it is one line, and nothing is written."""

import pytest

from llm.prompts.config import PromptConfig
from llm.prompts.form import INSTRUCTION, prompt_form
from llm.rewards.dataset import Dataset
from llm.sample import main
from llm.sampling.config import SampleConfig


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--dataset", "reasoning-gym:chainsum"], "has no task chainsum; the nearest names are chain_sum"),
        (["--dataset", "reasoning-gym:countdown"], "the task countdown is refused"),
        (["--dataset", "reasoning-gym:chain_sum?size=0"], "size must be a whole number"),
        (["--dataset", "addition", "--reward", "dataset"], "--reward dataset needs data with verifiers of its own"),
    ],
)
def test_what_cannot_be_had_is_one_line_and_nothing_is_written(library, arguments, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--output-dir", str(tmp_path / "run")])
    assert stopped.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert said in lines[-1] and lines[-1].startswith("error: ") and not list(tmp_path.iterdir())


def test_the_reward_is_the_data_sets_own_unless_another_is_asked_for():
    gym, other = "reasoning-gym:gcd", "sums.jsonl"
    assert [SampleConfig(dataset=name).reward for name in (gym, other, None)] == ["dataset", "boxed", "boxed"]
    assert SampleConfig(dataset=gym, reward="final-number").reward == "final-number"
    asked = [prompt_form(PromptConfig(reward=kind), False).default_instruction for kind in ("dataset", "boxed")]
    assert asked == [Dataset.instruction, INSTRUCTION] and "<answer>" in Dataset.instruction
