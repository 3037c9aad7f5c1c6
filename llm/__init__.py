"""Language models: sample them, forecast where reinforcement learning would take them, train them, compare.

Each step is a command, `python -m llm.NAME --help`, and each reads what the one before it wrote:

    sample         responses with their log-probabilities and rewards, from the model itself or from a power of it
    score          log-probabilities of responses that another program sampled
    forecast       where each objective would end, from such responses alone
    evaluate       pass@k, majority votes and the like of rollouts, side by side
    train          one objective with TRL's RLOO, beside the forecast of where it ends
    compare        every objective from one base model, each forecast before it is run
    pretrain       the bundled models, from scratch
    lookalike      a tiny chat model with the architecture of a real one
    import_gguf    a GGUF file as a model folder

Of use by themselves are the problems and the grader; loading the package loads no torch.

>>> from llm import grade, load_problems
>>> problem = load_problems("addition", "heldout")[0]
>>> problem.text, problem.answer
('1+1+1+1=', '4')
>>> grade(r"1+1=2,2+1=3,3+1=4 \\boxed{4}", problem.answer, finished=True)
1.0
"""

from llm.grading.grade import grade
from llm.problems import MathProblem, load_problems

__all__ = ["MathProblem", "grade", "load_problems"]
