"""Simulations and training are extras of the distribution; a command that lacks one says which it needs."""

EXTRAS = {
    "toysims": ("jax", "diffrax", "optax"),
    "llm": (
        "torch",
        "transformers",
        "trl",
        "accelerate",
        "peft",
        "datasets",
        "safetensors",
        "gguf",
        "yaml",
        "regex",
    ),
    "gym": ("reasoning_gym",),
    "vllm": ("vllm",),
}


def missing_extra(error: ModuleNotFoundError) -> str | None:
    """What to install, in a sentence; None where the missing module is not one of an extra."""
    library = (error.name or "").split(".")[0]
    for extra, libraries in EXTRAS.items():
        if library in libraries:
            return f"this command needs {library}, which is not installed; pip install 'sharpening[{extra}]' brings it"
    return None
