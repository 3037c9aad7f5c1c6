"""What the help of `llm.sample` says of an option that is not given is what the samplers do."""

import importlib
import inspect
import re

import pytest

from llm.samplers import base, shared_prefix
from llm.sampling.config import METHODS, SampleConfig

HELP = dict(re.findall(r'    (\w+): [^\n]*= None\n    """(.*?)"""', inspect.getsource(SampleConfig), re.DOTALL))
OPTIONS = [(method, name) for method, names in METHODS.items() for name in names]


@pytest.mark.parametrize(("method", "name"), OPTIONS, ids=["-".join(pair) for pair in OPTIONS])
def test_the_default_is_the_one_that_is_told(method, name):
    module = importlib.import_module("llm.samplers." + method.replace("-", "_"))
    default = inspect.signature(module.sample).parameters[name].default
    told = re.findall(r"(?:by default|The default is) (\(1 \+ alpha\)/2|\d+)", HELP[name])
    rule = {"particles": "3", "proposal_alpha": "(1 + alpha)/2"}
    assert told and set(told) == {rule[name] if default is None else f"{default:g}"}


@pytest.mark.parametrize("module", [base, shared_prefix])
def test_as_many_go_side_by_side_as_the_command_says(module):
    assert inspect.signature(module.sample).parameters["batch_size"].default == SampleConfig().batch_size
