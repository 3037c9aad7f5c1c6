"""A run on Reasoning Gym's tasks from beginning to end: trained, forecast, evaluated; and what it says of its data."""

import json

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def model(tmp_path):
    """A chat model of no knowledge, with a vocabulary for any text."""
    from llm.lookalike import LookalikeConfig, build

    rows = [{"problem": f"Add {i} and {i + 1}.", "answer": str(2 * i + 1), "solution": ""} for i in range(20)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = {"hidden_size": 16, "layers": 1, "vocabulary": 400}
    build(LookalikeConfig(tmp_path / "sums.jsonl", tmp_path / "model", "qwen2", **options))
    return tmp_path / "model"


def test_a_run_on_its_tasks_names_them_and_is_rewarded_by_them(library, model, tmp_path):
    from llm.evaluation.config import EvaluateConfig
    from llm.evaluation.tables import evaluate
    from llm.forecasting.config import ForecastConfig
    from llm.forecasting.report import write_forecast
    from llm.training.config import TrainConfig
    from llm.training.run import run

    data = "reasoning-gym:sentence_reordering,chain_sum?size=12&seed=3"
    counts = {"steps": 2, "eval_prompts": 4, "eval_samples": 2, "forecast_samples": 4}
    options = {"per_device_train_batch_size": 4, "num_generations": 4, "gradient_accumulation_steps": 1}
    options |= {"max_completion_length": 12, "report_to": "none", "use_cpu": "true"}
    trl = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    folder = run(TrainConfig(model=str(model), dataset=data, output_dir=tmp_path / "run", **counts), trl)
    kept = json.loads((folder / "environment.json").read_text())["dataset"]
    tasks = {"sentence_reordering": {}, "chain_sum": {}}
    assert kept == {"library": "reasoning-gym", "version": library, "tasks": tasks, "size": 12, "seed": 3}
    card = (folder / "model" / "README.md").read_text()
    assert f"- training data: {data} (reasoning-gym {library}, 12 rows a task, seed 3)" in card
    assert "- reward: dataset" in card
    assert json.loads((folder / "config.json").read_text())["reward"] == "dataset"
    base = pd.read_parquet(folder / "base.parquet")
    assert base["rendered_prompt"].str.contains("between <answer> and </answer>").all()
    assert set(base["prompt_id"].str.rpartition("-")[0]) <= set(tasks) and base["reward"].between(0, 1).all()
    write_forecast(ForecastConfig(rollouts=folder, output_dir=tmp_path / "forecast"))
    evaluate(EvaluateConfig((folder,), output_dir=tmp_path / "evaluation"))
    for values in json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())["tables"].values():
        assert np.isfinite(values["length"]["value"])
