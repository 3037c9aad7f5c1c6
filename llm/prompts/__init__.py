"""How problems are put to a model: `PromptConfig` is what is asked (the same options in sample, train and compare),
`form` makes the prompt of a problem, `few_shot` reads worked examples, `template` the chat template, `record` keeps
and compares what came out. Loading the room loads no torch.

>>> from llm.problems import MathProblem
>>> from llm.prompts import PromptConfig
>>> from llm.prompts.form import prompt_form
>>> form = prompt_form(PromptConfig(chat=False, system="Sums."), bundled=False)
>>> form.prompt(MathProblem("1", "1 + 1 =", "2"))
'Sums.\\n\\n1 + 1 ='
"""

from llm.prompts.config import PromptConfig

__all__ = ["PromptConfig"]
