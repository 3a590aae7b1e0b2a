"""Learning in adapters: a low-rank change beside each linear layer instead of the layer itself.

    W x  ->  W x + (alpha / rank) * B A x,   A ~ Kaiming, B = 0       (Hu et al. 2021, arXiv 2106.09685, eq. 3)

The optimiser then keeps moments of A and B alone. After training the change is added to W, so that whatever loads the
model loads it as usual; the adapter by itself lies beside the model, in `adapter/`, readable by peft.
"""

import contextlib
from collections.abc import Iterator, Sequence

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from training.modelling import processes
from training.modelling.artifacts import RunDirectory

ADAPTER = "adapter"


@contextlib.contextmanager
def adapted(
    model: torch.nn.Module,
    run: RunDirectory,
    *,
    rank: int,
    alpha: float,
    part: str = "",
    new_tokens: Sequence[int] = (),
) -> Iterator[torch.nn.Module]:
    """Within it only adapters of `model` learn, a reward's heads, and the embeddings of `new_tokens`; after it the
    model has them merged.

    Yields what a trainer takes: peft's model around `model`, which is changed in place. With rank 0 nothing happens,
    and it is `model` itself. A model that is not of transformers has adapters in its trunk, and learns its own heads.
    """
    if not rank:
        yield model
        return
    trunk = model if isinstance(model, PreTrainedModel) else model.base_model
    own = [parameter for name, parameter in model.named_parameters() if name.startswith(("score.", "members."))]
    embedding = next(name for name, module in trunk.named_modules() if module is trunk.get_input_embeddings())
    wrapped: PeftModel = get_peft_model(
        trunk,
        LoraConfig(
            r=rank,
            lora_alpha=alpha,
            lora_dropout=0.0,
            target_modules="all-linear",
            # A reward's head learns itself, and peft warns of what it is told to leave out and does not find.
            exclude_modules=["score"] if hasattr(trunk, "score") else None,
            trainable_token_indices={embedding: list(new_tokens)} if new_tokens else None,
        ),
    )
    for parameter in own:
        parameter.requires_grad_(True)
    yield wrapped if trunk is model else model
    if processes.leads():
        # Told, peft need not ask whether the base is known elsewhere with another vocabulary.
        wrapped.save_pretrained(run.path / (f"{ADAPTER}-{part}" if part else ADAPTER), save_embedding_layers=False)
    wrapped.merge_and_unload()
    for parameter in model.parameters():
        parameter.requires_grad_(True)


@contextlib.contextmanager
def recomputing(model: torch.nn.Module, wanted: bool) -> Iterator[None]:
    """Within it a layer's inner numbers are computed anew in the backward pass instead of kept, if that is `wanted`."""
    if not wanted:
        yield
        return
    trunk = model if isinstance(model, PreTrainedModel) else model.base_model
    trunk.gradient_checkpointing_enable({"use_reentrant": False})
    yield
    trunk.gradient_checkpointing_disable()
