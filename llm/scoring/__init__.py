"""Given responses scored under a model: `ScoreConfig` is what is asked, `texts` makes tokens of a file's prompts and
responses, `parts` scores them piece by piece, and `agreement` says where the file had other numbers. Loading the room
loads no torch.

>>> from pathlib import Path
>>> from llm.scoring import ScoreConfig
>>> ScoreConfig(rollouts=Path("samples.jsonl"), model="aligned").end
'eos'
"""

from llm.scoring.config import ScoreConfig

__all__ = ["ScoreConfig"]
