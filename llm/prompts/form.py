"""The prompt of a problem: system turn, worked examples, the problem and the instruction below it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llm.problems import MathProblem
from llm.prompts.config import PromptConfig
from llm.prompts.few_shot import HERE, example_text, example_turns
from llm.prompts.template import check_keyword_arguments, keyword_arguments, read_template
from llm.prompts.turns import Turn
from llm.rewards.boxed import INSTRUCTION
from llm.rewards.registry import reward_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class PromptForm:
    """What stands around every problem of a run."""

    chat: bool = True
    """conversations for a chat template; else bare text"""
    system: str | None = None
    instruction: str | None = None
    """None: the default below the problems of a chat model, nothing below whole conversations and bare text"""
    default_instruction: str = INSTRUCTION
    """what the reward asks for"""
    turns: tuple[Turn, ...] = ()
    """worked examples of a conversation"""
    text: str = ""
    """worked examples before bare text; {problem} in it says where the problem goes"""
    template: str | None = None
    """chat template in place of the model's own"""
    template_kwargs: Mapping[str, Any] = field(default_factory=dict)

    def prompt(self, problem: MathProblem) -> str | list[dict[str, str]]:
        """Bare text, or a conversation as the hub writes it. ValueError: the problem comes in the other shape."""
        return self._conversation(problem) if self.chat else self._text(problem)

    def _conversation(self, problem: MathProblem) -> list[dict[str, str]]:
        if problem.bare:
            raise ValueError(
                f"--dataset: prompt {problem.prompt_id} is bare text, for a base model; add --no-chat, or call the "
                "column problem to have it put to a chat model"
            )
        own: tuple[Turn, ...] = problem.messages or (Turn("user", problem.text),)
        default = "" if problem.messages else self.default_instruction
        instruction = default if self.instruction is None else self.instruction
        if instruction:
            own = (*own[:-1], Turn("user", f"{own[-1].content}\n\n{instruction}"))
        head: tuple[Turn, ...] = () if self.system is None else (Turn("system", self.system),)
        if own[0].role == "system":
            if head:
                raise ValueError(
                    f"--system: the messages of {problem.prompt_id} begin with a system turn of their own; give one"
                )
            head, own = own[:1], own[1:]
        return [turn._asdict() for turn in (*head, *self.turns, *own)]

    def _text(self, problem: MathProblem) -> str:
        if problem.messages:
            raise ValueError(
                f"--no-chat: {problem.prompt_id} is a conversation, which needs a chat template; drop --no-chat"
            )
        asked = "\n\n".join(part for part in (problem.text, self.instruction) if part)
        if HERE in self.text:
            parts = [self.system, self.text.replace(HERE, asked)]
        else:
            parts = [self.system, self.text, asked]
        return "\n\n".join(part for part in parts if part)

    def fit(self, tokenizer: "PreTrainedTokenizerBase", model: str) -> None:
        """Give the tokenizer the run's template. ValueError: there is none, or it does not read an argument."""
        if not self.chat:
            return
        if self.template is not None:
            from llm.models.loading import with_fixed_date

            tokenizer.chat_template = with_fixed_date(self.template)
        if not tokenizer.chat_template:
            raise ValueError(
                f"--model {model} has no chat template; use an instruction-tuned model, give one with --chat-template, "
                "or pass --no-chat to ask a base model with bare text"
            )
        check_keyword_arguments(tokenizer, list(self.template_kwargs))

    def rendered(self, tokenizer: "PreTrainedTokenizerBase", problem: MathProblem) -> str:
        """The text that the model reads. ValueError: the chat template refuses the conversation."""
        prompt = self.prompt(problem)
        if isinstance(prompt, str):
            return prompt
        import jinja2

        try:
            return tokenizer.apply_chat_template(
                prompt, add_generation_prompt=True, tokenize=False, **self.template_kwargs
            )
        except (jinja2.TemplateError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise ValueError(f"the chat template cannot render prompt {problem.prompt_id}: {error}") from None

    def encode(self, tokenizer: "PreTrainedTokenizerBase", problem: MathProblem) -> list[int]:
        """The tokens that the model reads."""
        prompt = self.prompt(problem)
        if isinstance(prompt, str):
            return tokenizer(prompt).input_ids
        options = {"add_generation_prompt": True, "return_dict": True, **self.template_kwargs}
        return tokenizer.apply_chat_template(prompt, **options)["input_ids"]


CHAT, BARE = PromptForm(), PromptForm(chat=False)  # of a chat model, and of the bundled task


def prompt_form(config: PromptConfig, bundled: bool) -> PromptForm:
    """Everything that the options name, read. ValueError: a file cannot be read, or the bundled task has no use for it.

    bundled: the prompts are those that the organisms were trained on, bare text.
    """
    if bundled:
        for name in ("system", "instruction", "few_shot", "chat_template", "template_kwargs"):
            if getattr(config, name) not in (None, ()):
                raise ValueError(
                    f"--{name.replace('_', '-')} is not used by the bundled task, whose prompts are bare text"
                )
        return BARE
    few_shot = config.few_shot
    return PromptForm(
        chat=config.chat,
        system=config.system,
        instruction=config.instruction,
        default_instruction=reward_of(config.reward).instruction,
        turns=example_turns(few_shot) if few_shot and config.chat else (),
        text=example_text(few_shot) if few_shot and not config.chat else "",
        template=read_template(config.chat_template) if config.chat_template else None,
        template_kwargs=keyword_arguments(config.template_kwargs),
    )
