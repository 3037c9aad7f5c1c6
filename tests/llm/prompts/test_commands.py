"""The prompt options through llm.sample, llm.train and llm.compare, from the command line to the run folder."""

import json

import pandas as pd
import pytest

from llm import compare, sample, train
from llm.models.loading import load
from llm.prompts.form import CHAT, INSTRUCTION

TRAIN = ["--steps", 1, "--eval-prompts", 4, "--eval-samples", 2, "--forecast-samples", 2, "--regime", "tempered"]
TRAIN += ["--alpha", 2, "--per_device_train_batch_size", 8, "--max_completion_length", 4]


def arguments(*given):
    return [str(item) for item in given]


def run_train(monkeypatch, *given):
    monkeypatch.setattr("sys.argv", ["llm.train", *arguments(*given)])
    train.main()


def run_sample(*given):
    sample.main(arguments("--prompts", 4, "--samples", 2, "--max-new-tokens", 4, *given))


def prompts_of(folder):
    return json.loads((folder / "environment.json").read_text())["prompts"]


@pytest.fixture(scope="module")
def plain(chat_model, sums, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain") / "out"
    run_sample("--model", chat_model, "--dataset", sums, "--output-dir", folder)
    return folder


def test_the_default_prompt_is_shown_kept_and_in_every_row(plain, chat_model, sums, tmp_path, capsys):
    from llm.problems import hold_out, load_problems

    _, tokenizer = load(str(chat_model))
    problems = hold_out(load_problems(str(sums)), 4)[1]
    table = pd.read_parquet(plain / "rollouts.parquet")
    rendered = [CHAT.rendered(tokenizer, problem) for problem in problems]
    assert table["rendered_prompt"].tolist() == [text for text in rendered for _ in range(2)]
    assert [tokenizer(text, add_special_tokens=False).input_ids for text in rendered] == [
        CHAT.encode(tokenizer, problem) for problem in problems
    ]
    assert (prompts_of(plain)["first"], prompts_of(plain)["count"]) == (rendered[0], 4)
    run_sample("--model", chat_model, "--dataset", sums, "--output-dir", tmp_path / "out")
    said = capsys.readouterr().err
    assert said.count("the first of 4 prompts") == 1 and f"  | {INSTRUCTION}" in said


def test_options_alone_make_the_prompt(chat_model, sums, turns, template, tmp_path):
    given = ["--few-shot", turns, "--system", "Be brief.", "--instruction", "Box it."]
    given += ["--chat-template", template, "--template-kwargs", "enable_thinking=false"]
    run_sample("--model", chat_model, "--dataset", sums, *given, "--output-dir", tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / "rollouts.parquet")
    row = table.iloc[0]
    assert row["rendered_prompt"] == (
        "[system] Be brief.\n[user] Add 1 and 1.\n[assistant] It is \\boxed{2}.\n"
        f"[user] {row['prompt']}\n\nBox it.\n[assistant] quick"
    )


def test_a_base_model_is_asked_with_bare_text(chat_model, tmp_path):
    (tmp_path / "d.jsonl").write_text('{"prompt": "1+1=", "answer": "2"}\n{"prompt": "2+2=", "answer": "4"}\n')
    (tmp_path / "few.txt").write_text("3+3=6\n\n")
    given = ["--no-chat", "--few-shot", tmp_path / "few.txt"]
    run_sample("--model", chat_model, "--dataset", tmp_path / "d.jsonl", *given, "--output-dir", tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / "rollouts.parquet")
    assert table["rendered_prompt"].unique().tolist() == ["3+3=6\n\n1+1=", "3+3=6\n\n2+2="]


def test_going_on_with_other_examples_in_the_same_file_is_refused(chat_model, sums, turns, tmp_path, capsys):
    given = ["--model", chat_model, "--dataset", sums, "--few-shot", turns, "--output-dir", tmp_path / "out"]
    run_sample(*given)
    run_sample(*given)
    turns.write_text(turns.read_text().replace("Add 1 and 1.", "Add 3 and 1."))
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        run_sample(*given)
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2 and "\n" not in error
    assert "has other prompts (from character" in error and "it has '1 and 1." in error


def test_training_reads_the_prompts_of_the_options_and_its_base_is_put_the_same_question(
    chat_model, sums, turns, template, tmp_path, monkeypatch
):
    """What TRL tokenises in training is what evaluation reads; and its own base rollouts are taken by another run."""
    from llm.training.trainer import LogProbRewardTrainer

    read = []
    before = LogProbRewardTrainer._tokenize_prompts

    def remembered(self, prompts):
        ids, *rest = before(self, prompts)
        read.extend(self.processing_class.decode(i) for i in ids)
        return (ids, *rest)

    monkeypatch.setattr(LogProbRewardTrainer, "_tokenize_prompts", remembered)
    file = tmp_path / "run.yaml"
    file.write_text(
        f"few_shot: {turns}\ninstruction: ''\nchat_template: {template}\ntemplate_kwargs: {{enable_thinking: false}}\n"
    )
    options = ["--model", chat_model, "--dataset", sums, "--config", file, *TRAIN]
    run_train(monkeypatch, *options, "--output-dir", tmp_path / "run")
    example = "[user] Add 1 and 1.\n[assistant] It is \\boxed{2}.\n"
    assert read and all(text.startswith(example) and text.endswith(".\n[assistant] quick") for text in read)
    base = pd.read_parquet(tmp_path / "run" / "base.parquet")
    assert base["rendered_prompt"].str.startswith(example).all()
    assert prompts_of(tmp_path / "run")["count"] == 30
    run_train(monkeypatch, *options, "--base", tmp_path / "run" / "base.parquet", "--output-dir", tmp_path / "again")
    assert (tmp_path / "again" / "summary.json").exists()


@pytest.mark.parametrize("other", [["--instruction", ""], ["--system", "Hm."], ["--no-chat"]], ids=lambda o: o[0])
def test_rollouts_of_other_prompts_are_refused_with_the_first_difference(
    other, plain, chat_model, sums, tmp_path, monkeypatch, capsys
):
    options = ["--model", chat_model, "--dataset", sums, *TRAIN, "--base", plain, *other]
    with pytest.raises(SystemExit) as stop:
        run_train(monkeypatch, *options, "--output-dir", tmp_path / "run")
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 2 and "\n" not in error and not (tmp_path / "run").exists()
    assert error.startswith("error: --base") and "was put to the model in another form: from character" in error


def test_compare_hands_the_options_to_base_rollouts_and_runs(chat_model, sums, turns, tmp_path, one_by_one):
    given = ["--model", chat_model, "--dataset", sums, "--few-shot", turns, "--instruction", "Box it."]
    given += ["--arms", "task", "best-of-8", "--seeds", 1, "--steps", 1, "--prompts", 4, "--samples", 4]
    given += ["--eval-samples", 2, "--per_device_train_batch_size", 8, "--max_completion_length", 4]
    compare.main(arguments(*given, "--output-dir", tmp_path / "out"))
    files = ["base/rollouts", "runs/task/seed0/final", "runs/best-of-8/seed0/rollouts"]
    first, *others = [pd.read_parquet(tmp_path / "out" / f"{file}.parquet")["rendered_prompt"] for file in files]
    assert first.str.contains("Add 1 and 1.").all() and first.str.contains("Box it.").all()
    assert all(set(other) == set(first) for other in others)


@pytest.mark.parametrize("given", [[], ["--no-chat", "--instruction", "Box it."]], ids=["chat", "bare"])
def test_a_forecast_reads_the_stop_probability_after_the_very_prompts_of_its_rollouts(
    given, chat_model, sums, tmp_path
):
    from llm.base_rollouts import read_base
    from llm.forecasting.asked import ask
    from llm.forecasting.config import ForecastConfig
    from llm.models.loading import stop_token_ids
    from llm.problems import hold_out, load_problems
    from llm.prompts.form import PromptForm
    from llm.sampling.scoring import stop_log_probs

    run_sample("--model", chat_model, "--dataset", sums, *given, "--output-dir", tmp_path / "out")
    model, tokenizer = load(str(chat_model))
    form = PromptForm(chat=False, instruction="Box it.") if given else CHAT
    ids = [form.encode(tokenizer, problem) for problem in hold_out(load_problems(str(sums)), 4)[1]]
    expected = stop_log_probs(model, ids, tokenizer.pad_token_id, stop_token_ids(model, tokenizer))
    base = read_base(tmp_path / "out").rollouts
    found = ask(ForecastConfig(rollouts=tmp_path / "out", model=str(chat_model)), base)
    assert found.log_p_stop == pytest.approx(expected) and found.suspicions == []


def test_two_conversations_that_end_alike_are_two_problems(tmp_path):
    from llm.training.config import TrainConfig
    from llm.training.splits import split

    def row(first):
        talk = [("user", first), ("assistant", "Which?"), ("user", "Go on.")]
        return {"messages": [{"role": role, "content": text} for role, text in talk], "answer": "1"}

    for name, firsts in (("train", ["1+1?", "2+2?", "3+3?"]), ("judged", ["1 + 1"])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row(first)) + "\n" for first in firsts))
    data = {"dataset": str(tmp_path / "train.jsonl"), "eval_dataset": str(tmp_path / "judged.jsonl")}
    assert [p.messages[0].content for p in split(TrainConfig(**data), bundled=False).train] == ["2+2?", "3+3?"]


BAD_DATA = {
    "ends with the assistant": (
        {"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}], "answer": "2"},
        "line 1: its 'messages' ends with the assistant; it must end with the user",
    ),
    "no messages": ({"messages": [], "answer": "2"}, "its 'messages' is no list of messages"),
    "a role": ({"prompt": [{"role": "robot", "content": "?"}], "answer": "2"}, "message 1 has the role 'robot'"),
    "an image": ({"messages": [{"role": "user", "content": [{}]}], "answer": "2"}, "its content is a list"),
    "bare text": ({"prompt": "1+1=", "answer": "2"}, "is bare text, for a base model; add --no-chat"),
}


@pytest.mark.parametrize("name", BAD_DATA)
@pytest.mark.parametrize("command", ["sample", "train"])
def test_a_bad_row_is_one_line_and_nothing_is_written(name, command, chat_model, tmp_path, monkeypatch, capsys):
    row, said = BAD_DATA[name]
    rows = [row, *({"problem": f"{i}?", "answer": str(i)} for i in range(3))] if command == "sample" else [row] * 20
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    refused(command, ["--model", chat_model, "--dataset", tmp_path / "d.jsonl"], said, tmp_path, monkeypatch, capsys)


BAD_OPTIONS = {
    "few-shot: absent": (["--few-shot", "nowhere.jsonl"], "--few-shot nowhere.jsonl: No such file"),
    "few-shot: text": (["--few-shot", "text.txt"], "line 1 is not JSON"),
    "few-shot: no end": (["--few-shot", "open.jsonl"], "must end with a turn of the assistant"),
    "few-shot: a system turn": (["--few-shot", "system.jsonl"], "line 1 is a turn of the system where the user's is"),
    "few-shot: turns for text": (["--no-chat", "--few-shot", "open.jsonl"], "holds turns, which need a chat template"),
    "few-shot: empty": (["--no-chat", "--few-shot", "empty.txt"], "--few-shot empty.txt is empty"),
    "template: absent": (["--chat-template", "nowhere.jinja"], "--chat-template nowhere.jinja: No such file"),
    "template: no Jinja": (["--chat-template", "broken.jinja"], "line 1 is no Jinja template"),
    "template: no messages": (["--chat-template", "text.txt"], "does not use messages"),
    "template: refuses": (["--chat-template", "refuses.jinja"], "cannot render prompt"),
    "template: bytes": (["--chat-template", "bytes"], "is not UTF-8 text"),
    "kwarg: unknown": (
        ["--template-kwargs", "enable_thinkin=false", "--chat-template", "t.jinja"],
        "did you mean enab",
    ),
    "kwarg: none known": (["--template-kwargs", "enable_thinking=false"], "is no argument of the chat template"),
    "kwarg: no JSON": (["--template-kwargs", "enable_thinking=no"], "the value must be JSON"),
    "kwarg: no value": (["--template-kwargs", "enable_thinking"], "is not name=value"),
    "kwarg: ours": (["--template-kwargs", "add_generation_prompt=false"], "is no argument of the chat template"),
    "no-chat with a template": (["--no-chat", "--chat-template", "t.jinja"], "is not used with --no-chat"),
    "bundled": (["--dataset", "addition", "--system", "Hm."], "--system is not used by the bundled task"),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
@pytest.mark.parametrize("command", ["sample", "train", "compare"])
def test_a_bad_option_is_one_line_and_nothing_is_written(
    name, command, chat_model, sums, template, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("no turns")
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "open.jsonl").write_text('{"role": "user", "content": "1+1?"}\n')
    (tmp_path / "system.jsonl").write_text('{"role": "system", "content": "Hm."}\n')
    (tmp_path / "broken.jinja").write_text("{% for message in messages %}")
    (tmp_path / "refuses.jinja").write_text("{{ messages }}{{ raise_exception('no') }}")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe messages")
    template.rename(tmp_path / "t.jinja")
    given, said = BAD_OPTIONS[name]
    refused(command, ["--model", chat_model, "--dataset", sums, *given], said, tmp_path, monkeypatch, capsys)


def refused(command, given, said, tmp_path, monkeypatch, capsys):
    more = {
        "sample": ["--prompts", 0],
        "train": ["--eval-prompts", 4, "--per_device_train_batch_size", 8],
        "compare": ["--prompts", 4, "--per_device_train_batch_size", 8],
    }
    given = arguments(*given, *more[command], "--output-dir", tmp_path / "out")
    monkeypatch.setattr("sys.argv", [command, *given])
    with pytest.raises(SystemExit) as stop:
        {"sample": sample, "train": train, "compare": compare}[command].main(*([] if command == "train" else [given]))
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert stop.value.code == 2 and error.startswith("error: ") and said in error
    assert not (tmp_path / "out").exists()
