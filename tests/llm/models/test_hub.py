"""A hub that cannot be reached costs seconds, not most of a minute, and one line."""

import socket
import time

import pytest
from huggingface_hub import constants

from llm.models import hub, loading
from llm.problems import load_problems


@pytest.fixture(params=["refuses", "never answers", "has no name"])
def unreachable(request, monkeypatch):
    """A hub of each kind. What the look at it changes is put back."""
    server = socket.create_server(("127.0.0.1", 0))  # never accepts: a client waits for its answer
    port = server.getsockname()[1]
    if request.param == "refuses":
        server.close()
    endpoint = "https://hub.invalid" if request.param == "has no name" else f"http://127.0.0.1:{port}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "PATIENCE", 1.0)
    hub.look_for_the_hub.cache_clear()
    yield endpoint
    hub.look_for_the_hub.cache_clear()
    server.close()


@pytest.mark.usefixtures("unreachable")
def test_models_and_datasets_that_were_not_downloaded_are_refused_at_once(capsys):
    started = time.perf_counter()
    with pytest.raises(ValueError, match=r"--model some/model could not be loaded .*does not answer"):
        loading.load("some/model")
    with pytest.raises(ValueError, match=r"--dataset some/dataset could not be read from the hub .*does not answer"):
        load_problems("some/dataset")
    assert time.perf_counter() - started < 15  # 52 s and 40 s before; most of it now is the import of the libraries
    assert "Retrying" not in capsys.readouterr().err


def test_a_hub_that_answers_is_used(monkeypatch):
    monkeypatch.setattr(hub, "_answers", lambda: True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hub.look_for_the_hub.cache_clear()
    assert hub.look_for_the_hub() and not constants.HF_HUB_OFFLINE
    hub.look_for_the_hub.cache_clear()
