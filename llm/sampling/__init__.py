"""Sampling a model into a table: `SampleConfig` is what is asked, `parts` samples it piece by piece, `rollouts` makes
the table and `scoring` its log-probabilities. Which distribution is sampled is a matter of llm.samplers. Loading the
room loads no torch.

>>> from llm.sampling import SampleConfig
>>> SampleConfig(method="power-smc", alpha=2.0).method_options
{'alpha': 2.0}
"""

from llm.sampling.config import SampleConfig

__all__ = ["SampleConfig"]
