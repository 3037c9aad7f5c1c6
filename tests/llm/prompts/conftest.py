"""A chat model small enough for any test, and a chat template that reads an argument."""

import json

import pytest

TEMPLATE = (
    "{%- for message in messages %}[{{ message['role'] }}] {{ message['content'] }}\n{% endfor %}"
    "{%- if add_generation_prompt %}[assistant]{% if not enable_thinking | default(true) %} quick{% endif %}{% endif %}"
)


@pytest.fixture(scope="session")
def sums(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "sums.jsonl"
    rows = [{"problem": f"Add {i} and {i + 1}.", "answer": str(2 * i + 1), "solution": ""} for i in range(30)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.fixture(scope="session")
def chat_model(sums, tmp_path_factory):
    from llm.lookalike import LookalikeConfig, build

    folder = tmp_path_factory.mktemp("chat") / "model"
    build(LookalikeConfig(sums, folder, "qwen2", hidden_size=16, layers=1, vocabulary=400))
    return folder


@pytest.fixture
def template(tmp_path):
    (tmp_path / "template.jinja").write_text(TEMPLATE)
    return tmp_path / "template.jinja"


@pytest.fixture
def turns(tmp_path):
    rows = [{"role": "user", "content": "Add 1 and 1."}, {"role": "assistant", "content": r"It is \boxed{2}."}]
    (tmp_path / "turns.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "turns.jsonl"
