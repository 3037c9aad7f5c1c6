"""How likely the model that made some rollouts is to stop at once: the one number that it has to be asked for."""

import numpy as np

from llm.base_rollouts import config_beside
from llm.forecasting.config import ForecastConfig
from llm.rollout_file import read_file


def log_p_stop(config: ForecastConfig) -> np.ndarray:
    """log p(stop at once | prompt) of every prompt, in the order of the rollouts."""
    from llm.models import loading
    from llm.models.organisms import ORGANISMS
    from llm.problems import BUNDLED, MathProblem
    from llm.prompts.form import BARE, CHAT
    from llm.sampling.scoring import stop_log_probs

    model_name, table = config.model, read_file(config.rollouts, config.column, config.answers).table
    assert model_name is not None
    if "prompt" not in table:
        raise ValueError(f"--model {model_name} was given, but {config.rollouts} has no column 'prompt' to ask it with")
    model, tokenizer = loading.load(loading.resolve(model_name))
    chat = model_name not in ORGANISMS and bool(tokenizer.chat_template)
    asked = table.drop_duplicates("prompt_id")
    if "rendered_prompt" in asked:
        special = not config_beside(config.rollouts).get("chat", True)  # a template writes its own
        prompt_ids = [tokenizer(text, add_special_tokens=special).input_ids for text in asked["rendered_prompt"]]
    else:
        form = CHAT if chat else BARE
        prompt_ids = [form.encode(tokenizer, MathProblem(BUNDLED, text, "")) for text in asked["prompt"]]
    return stop_log_probs(model, prompt_ids, tokenizer.pad_token_id, loading.stop_token_ids(model, tokenizer))
