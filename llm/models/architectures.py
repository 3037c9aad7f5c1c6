"""The three models of the paper as shapes: what their configuration, special tokens, chat and generation settings are.

Written down so that a machine that reaches no hub can build the same architecture, at full size with random weights
(benchmarks/gpu_step.py) or tiny (llm.lookalike). The chat templates are the turn structure of the originals, without
tools; nothing here is a copy of their files.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    hub_id: str
    model_type: str
    """of transformers: its AutoConfig and AutoModel know the classes by it"""
    shape: dict
    """configuration of the original"""
    special_tokens: tuple[str, ...]
    end_of_turn: str
    """the tokenizer's eos token"""
    stops: tuple[str, ...]
    """every token that generation_config names as an end"""
    pad: str | None
    """None: the original's tokenizer has no pad token"""
    sampling: dict
    """generation_config's defaults, which must not reach our samples"""
    digits: str
    """how many digits the tokenizer lets stand together, as a regular expression"""
    chat_template: str


_QWEN_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_QWEN_TURNS = (
    "{%- for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"
)
_QWEN_SYSTEM = (
    "{%- if messages[0].role != 'system' %}{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}"
    "{%- endif %}"
)
_LLAMA_HEADER = "'<|start_header_id|>' + {} + '<|end_header_id|>\\n\\n'"
# The original puts the day of the call into the prompt where strftime_now is there, unless date_string is defined.
_LLAMA_TURNS = (
    "{{ bos_token }}{%- if not date_string is defined %}{%- if strftime_now is defined %}"
    "{%- set date_string = strftime_now('%d %b %Y') %}{%- else %}{%- set date_string = '26 Jul 2024' %}{%- endif %}"
    "{%- endif %}{{ " + _LLAMA_HEADER.format("'system'") + " + 'Today Date: ' + date_string + '<|eot_id|>' }}"
    "{%- for message in messages %}{{ "
    + _LLAMA_HEADER.format("message.role")
    + " + message.content | trim + '<|eot_id|>' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{ " + _LLAMA_HEADER.format("'assistant'") + " }}{%- endif %}"
)

ARCHITECTURES = {
    "llama": Architecture(
        hub_id="meta-llama/Llama-3.2-3B-Instruct",
        model_type="llama",
        shape={
            "vocab_size": 128256,
            "hidden_size": 3072,
            "intermediate_size": 8192,
            "num_hidden_layers": 28,
            "num_attention_heads": 24,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "rms_norm_eps": 1e-5,
            "max_position_embeddings": 131072,
            "tie_word_embeddings": True,
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 500000.0,
                "factor": 32.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 8192,
            },
        },
        special_tokens=(
            "<|begin_of_text|>",
            "<|end_of_text|>",
            "<|finetune_right_pad_id|>",
            "<|start_header_id|>",
            "<|end_header_id|>",
            "<|eom_id|>",
            "<|eot_id|>",
        ),
        end_of_turn="<|eot_id|>",
        stops=("<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"),
        pad=None,
        sampling={"do_sample": True, "temperature": 0.6, "top_p": 0.9},
        digits=r"\p{N}{1,3}",
        chat_template=_LLAMA_TURNS,
    ),
    "qwen2": Architecture(
        hub_id="Qwen/Qwen2.5-3B-Instruct",
        model_type="qwen2",
        shape={
            "vocab_size": 151936,
            "hidden_size": 2048,
            "intermediate_size": 11008,
            "num_hidden_layers": 36,
            "num_attention_heads": 16,
            "num_key_value_heads": 2,
            "rms_norm_eps": 1e-6,
            "max_position_embeddings": 32768,
            "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
        },
        special_tokens=_QWEN_TOKENS,
        end_of_turn="<|im_end|>",
        stops=("<|im_end|>", "<|endoftext|>"),
        pad="<|endoftext|>",
        sampling={"do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20, "repetition_penalty": 1.05},
        digits=r"\p{N}",
        chat_template=_QWEN_SYSTEM + _QWEN_TURNS,
    ),
    "qwen3": Architecture(
        hub_id="Qwen/Qwen3-4B-Instruct-2507",
        model_type="qwen3",
        shape={
            "vocab_size": 151936,
            "hidden_size": 2560,
            "intermediate_size": 9728,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "rms_norm_eps": 1e-6,
            "max_position_embeddings": 262144,
            "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": 5000000.0},
        },
        special_tokens=_QWEN_TOKENS,
        end_of_turn="<|im_end|>",
        stops=("<|im_end|>", "<|endoftext|>"),
        pad="<|endoftext|>",
        sampling={"do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20},
        digits=r"\p{N}",
        chat_template=_QWEN_TURNS,
    ),
}
