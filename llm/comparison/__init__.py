"""The comparison of objectives on one base model: `ARMS` lists them, `CompareConfig` is what is asked, `comparison`
runs them and `run_pool` several at once. Loading the room loads no torch.

>>> from llm.comparison import ARMS
>>> ARMS["tempered-2"].alpha, ARMS["best-of-8"].method
(2.0, 'best-of-n')
"""

from llm.comparison.config import ARMS, CompareConfig

__all__ = ["ARMS", "CompareConfig"]
