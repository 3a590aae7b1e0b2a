"""Loading, placing and saving models, the same way in every recipe.

Masters are fp32: AdamW at a learning rate of 1e-6 does not move bf16 weights at all. Speed comes from `autocast`, which
computes in bf16 over those masters. No dropout anywhere: the ratio and the reference of DPO and PPO assume that one
model gives one probability.
"""

import contextlib
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import huggingface_hub.constants
import numpy
import torch
import transformers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from training.modelling import collectives, processes
from training.modelling.artifacts import RecipeError
from training.modelling.chat import prepare_tokenizer
from training.modelling.reward_network import Pooling, RewardNetwork, choose_design, design_of, load_network

Precision = Literal["auto", "fp32", "bf16"]
"""The precision of the computation; weights stay fp32. "auto" is bf16 where the hardware has it and the model is large
enough to gain from it (see `autocast`)."""

MOST_THREADS = 1024
BF16_PAYS_FROM = 5_000_000
"""Parameters from which "auto" is bf16 on a CPU that has it. Measured on one core of an AMD EPYC with avx512_bf16, a
forward and backward pass over 16 rows of 128 tokens: 1.4 times faster at 0.9 M parameters, 2.2 at 6.6 M, 2.7 at 11 M.
Below, a run is short anyway, and in fp32 its figures do not depend on whether the CPU has bf16."""


def prepare_process(*, seed: int, threads: int, parallel: bool = False) -> torch.device:
    """Seed every generator, set the number of CPU threads (0 = torch's choice) and quiet the libraries.

    `parallel` says that the recipe can learn in several processes, which are then joined; otherwise RecipeError is
    raised where there are several. Telemetry is off whatever the environment says. Returns the device to use: CUDA
    where there is one, this process's own.
    """
    if not 0 <= threads <= MOST_THREADS:
        raise RecipeError(f"The field 'threads' is {threads}; it takes 0, for torch's choice, up to {MOST_THREADS}.")
    if parallel:
        collectives.join()
    elif processes.asked_for() > 1:
        wanted = processes.asked_for()
        raise RecipeError(f"WORLD_SIZE is {wanted}, but this recipe runs in one process; start it without torchrun.")
    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    if threads:
        torch.set_num_threads(threads)
    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def model_directory(source: str | Path) -> str:
    """Return where a model's files are: `<run>/model` for a run directory, else `source` itself."""
    inner = Path(source) / "model"
    return str(inner) if inner.is_dir() else str(source)


def load_tokenizer(source: str | Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a run, a model directory or a hub id, with a chat template and a pad token of its own."""
    with _explained(source):
        return prepare_tokenizer(AutoTokenizer.from_pretrained(model_directory(source)))


def load_policy(
    source: str | Path, *, device: torch.device | None = None, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal language model and its tokenizer. A frozen model may take `dtype=torch.bfloat16`."""
    tokenizer = load_tokenizer(source)
    with _explained(source):
        config = _without_dropout(AutoConfig.from_pretrained(model_directory(source)))
        model = AutoModelForCausalLM.from_pretrained(model_directory(source), config=config, dtype=dtype)
    return _fit(model, tokenizer).to(device or torch.device("cpu")), tokenizer


def new_reward_model(
    base: str | Path,
    *,
    device: torch.device | None = None,
    outputs: int = 1,
    members: int = 1,
    member_layers: int | None = None,
    pooling: Pooling = "mean",
    window: int | None = None,
) -> tuple[PreTrainedModel | RewardNetwork, PreTrainedTokenizerBase]:
    """Make a reward model of a language model: its trunk, and a new linear head to one number, or to `outputs`.

    The head's weights are drawn from N(0, 1/(d+1)) (Huang et al. 2024, "The N implementation details of
    RLHF with PPO", ICLR blog posts); its bias, if any, is 0. More than one of `members` make an ensemble in
    one network; `member_layers`, `pooling` (of an encoder) and `window` are described at reward_network.Design.
    """
    tokenizer = load_tokenizer(base)
    with _explained(base):
        config = _without_dropout(AutoConfig.from_pretrained(model_directory(base), num_labels=outputs))
        if config.is_encoder_decoder:
            raise RecipeError(f"{base} is an encoder with a decoder; a reward model needs the one or the other.")
        model = AutoModelForSequenceClassification.from_pretrained(
            model_directory(base), config=config, dtype=torch.float32
        )
    design = choose_design(
        model.base_model,
        outputs=outputs,
        members=members,
        member_layers=member_layers,
        pooling=pooling,
        window=window,
    )
    if design is not None:
        network = RewardNetwork(_fit(model.base_model, tokenizer), design)
        return network.to(device or torch.device("cpu")), tokenizer
    head = reward_head(model)
    torch.nn.init.normal_(head.weight, std=(head.in_features + 1) ** -0.5)
    if head.bias is not None:
        torch.nn.init.zeros_(head.bias)
    return _fit(model, tokenizer).to(device or torch.device("cpu")), tokenizer


def load_classifier(
    source: str | Path, *, device: torch.device | None = None, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel | RewardNetwork, PreTrainedTokenizerBase]:
    """Load a trained reward model; `rewards.load_reward` adds its normalisation."""
    tokenizer = load_tokenizer(source)
    with _explained(source):
        config = _without_dropout(AutoConfig.from_pretrained(model_directory(source)))
        if design_of(config) is not None:
            network = load_network(model_directory(source), config, dtype=dtype)
            return network.to(device or torch.device("cpu")), tokenizer
        model = AutoModelForSequenceClassification.from_pretrained(model_directory(source), config=config, dtype=dtype)
    return _fit(model, tokenizer).to(device or torch.device("cpu")), tokenizer


def reward_head(model: PreTrainedModel) -> torch.nn.Linear:
    """Return the linear layer that turns a hidden state into a reward; it is called `score` in every decoder family."""
    head = getattr(model, "score", None)
    if not isinstance(head, torch.nn.Linear):
        raise RecipeError(f"{type(model).__name__} has no linear `score` head, so it cannot be a reward model here.")
    return head


def save_model(model: PreTrainedModel | RewardNetwork, tokenizer: PreTrainedTokenizerBase, directory: Path) -> None:
    """Write model and tokenizer with `save_pretrained`; all but a RewardNetwork any transformers program can read."""
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def parameter_count(model: torch.nn.Module) -> int:
    """Return the number of parameters, tied ones once."""
    return sum(parameter.numel() for parameter in model.parameters())


def uses_bf16(model: torch.nn.Module, precision: Precision) -> bool:
    """Whether to compute in bf16: as asked for, or for "auto" where it pays."""
    if precision != "auto":
        return precision == "bf16"
    if next(model.parameters()).device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    capabilities = torch.cpu.get_capabilities()
    fast = capabilities.get("amx_bf16", False) or capabilities.get("avx512_bf16", False)
    return fast and parameter_count(model) >= BF16_PAYS_FROM


def autocast(model: torch.nn.Module, precision: Precision) -> contextlib.AbstractContextManager:
    """Return a context in which the model computes in bf16, if `uses_bf16` says so, over its own weights."""
    device = next(model.parameters()).device.type
    return torch.autocast(device, dtype=torch.bfloat16, enabled=uses_bf16(model, precision))


@contextlib.contextmanager
def _explained(source: str | Path) -> Iterator[None]:
    """Turn the loaders' many-line errors into one sentence that names the model."""
    try:
        yield
    except RecipeError:
        raise
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise RecipeError(f"The model {str(source)!r} cannot be loaded: {reason[:300]}") from error


def _without_dropout(config: transformers.PreTrainedConfig) -> transformers.PreTrainedConfig:
    for name, value in config.to_dict().items():
        if ("dropout" in name or name.endswith("pdrop")) and isinstance(value, float):
            setattr(config, name, 0.0)
    return config


def _fit(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """Make the model's embedding and special ids those of the tokenizer."""
    if model.get_input_embeddings().num_embeddings < len(tokenizer):
        model.resize_token_embeddings(len(tokenizer))
    for config in (model.config, getattr(model, "generation_config", None)):
        if config is not None:
            config.pad_token_id = tokenizer.pad_token_id
            config.eos_token_id = tokenizer.eos_token_id
    return model


def window_of(model: torch.nn.Module) -> int | None:
    """Tokens to which rows are cut for an encoder; None for a decoder."""
    return model.design.window if isinstance(model, RewardNetwork) else None


def require_context(model: PreTrainedModel | RewardNetwork, tokens: int) -> None:
    """Raise RecipeError when the model cannot read rows of `tokens` tokens, and does not cut them to its window."""
    if window_of(model) is not None:
        return
    limit = getattr(model.config, "max_position_embeddings", None)
    if limit is not None and tokens > limit:
        raise RecipeError(
            f"The model reads {limit} tokens, but max_prompt_tokens + max_completion_tokens is {tokens}; lower them."
        )
