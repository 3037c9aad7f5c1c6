"""The run folders of small_study, each in a place of its own."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # small_study, and browser, which the test of the page drives

from browser import CHROMIUM, Browser
from small_page import write_page
from small_study import write_forecast, write_study, write_toy


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path)


@pytest.fixture
def forecast(tmp_path):
    return write_forecast(tmp_path)


@pytest.fixture
def toy(tmp_path):
    return write_toy(tmp_path)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("report"))


@pytest.fixture
def browser(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium, to try the page in a browser")
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()
