"""Packing: several short documents in one row, and the proof that none sees another.

TRL packs by best fit decreasing and gives each document positions from 0. Attention then has to notice where a document
begins. FlashAttention does; plain attention does in models that make their masks by transformers' `masking_utils`, and
there only while no key-value cache is kept (use_cache=False, as TRL's trainer calls the model). A model that takes no
positions, or makes its mask by itself, lets each document see the ones before it, and nothing in the loss shows it. So
the model is asked: a document must get the same logits behind another one as alone.
"""

import inspect

import torch
from transformers import PreTrainedModel

from training.modelling.artifacts import RecipeError

DIFFERENCE = 1e-3
"""Logits of a document alone and behind another may differ by this share of their largest: rounding, not reading."""
PROBE = 12
"""Tokens of each probed document."""


@torch.no_grad()
def leak(model: PreTrainedModel) -> float:
    """How much a document's logits change when another stands before it in the row, as a share of the largest.

    Infinite for a model that takes no positions. The probe is fp32 whatever training computes in.
    """
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return float("inf")
    vocabulary = model.get_input_embeddings().num_embeddings
    drawn = torch.randint(vocabulary, (1, 2 * PROBE), generator=torch.Generator().manual_seed(0)).to(model.device)
    positions = torch.arange(PROBE, device=model.device).repeat(2)[None]
    was_training = model.training
    model.eval()
    try:
        packed = model(input_ids=drawn, position_ids=positions, use_cache=False).logits[:, PROBE:]
        alone = model(input_ids=drawn[:, PROBE:], position_ids=positions[:, :PROBE], use_cache=False).logits
    finally:
        model.train(was_training)
    return ((packed - alone).abs().max() / alone.abs().max()).item()


def require_isolation(model: PreTrainedModel) -> None:
    """Raise RecipeError when documents packed into one row would see each other."""
    found = leak(model)
    if not found <= DIFFERENCE:
        raise RecipeError(
            f"Documents in one row would see each other: {type(model).__name__} does not keep them apart by their "
            "positions. Set 'packing' to false."
        )
