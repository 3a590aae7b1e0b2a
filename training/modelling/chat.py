"""Conversations as token ids: the same ids in every recipe, so that what was scored is what was trained on.

The embedded models use one template, `<|system|>..<|end|><|user|>..<|end|><|assistant|>..<|end|>`; a tokenizer that
comes with its own chat template keeps it. An encoder's (one that has [CLS] and [SEP], or the like, and no template)
gets `[CLS]user: ..[SEP]assistant: ..[SEP]` of the tokens that it knows, with [SEP] as its end token. In all, `pad`
differs from `eos`: where they are the same token, "the last token that is not padding" is one too early, and a reward
model reads its score before the answer has ended.
"""

from collections.abc import Mapping, Sequence

from transformers import PreTrainedTokenizerBase

from training.modelling.artifacts import RecipeError

PAD = "<|pad|>"
END = "<|end|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>")
SPECIAL_TOKENS = (PAD, END, *ROLES)
"""In this order they are the first five ids of an embedded tokenizer."""

# The assistant's end token lies inside the generation tags: to end is part of what is learnt.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|end|>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|end|>' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)

ENCODER_TEMPLATE = (
    "{{ cls_token }}"
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + sep_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)

Messages = Sequence[Mapping[str, str]]
"""A conversation: [{"role": "system" | "user" | "assistant", "content": text}, ...]."""


def prepare_tokenizer(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """Give `tokenizer` what it lacks: a chat template with its tokens, and a pad token that is not the end token.

    Changes the tokenizer and returns it. A model whose embedding is smaller than the tokenizer must be resized after
    (`models.load_policy` does).
    """
    if tokenizer.chat_template is None and tokenizer.cls_token and tokenizer.sep_token:
        tokenizer.chat_template = ENCODER_TEMPLATE
        tokenizer.eos_token = tokenizer.sep_token
    if tokenizer.chat_template is None:
        tokenizer.chat_template = CHAT_TEMPLATE
        tokenizer.add_special_tokens(
            {"pad_token": PAD, "eos_token": END, "additional_special_tokens": list(ROLES)},
        )
    if tokenizer.eos_token_id is None:
        raise RecipeError("The tokenizer has a chat template but no end token; set its eos_token.")
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        tokenizer.add_special_tokens({"pad_token": PAD})
    return tokenizer


def encode_prompt(
    tokenizer: PreTrainedTokenizerBase, messages: Messages, *, max_tokens: int | None = None
) -> list[int]:
    """Return the ids of a conversation up to and including the header after which the assistant speaks.

    A special token's name inside a message is text and stays text. `max_tokens` keeps the end of a long conversation,
    and the token that an encoder's rows begin with.
    """
    plain = [{"role": m["role"], "content": _without_special_tokens(tokenizer, m["content"])} for m in messages]
    ids = tokenizer.apply_chat_template(plain, add_generation_prompt=True, tokenize=True, return_dict=False)
    return ids if max_tokens is None else keep_end(ids, max_tokens, first=ids[0] == tokenizer.cls_token_id)


def keep_end(ids: Sequence[int], count: int, *, first: bool = False) -> list[int]:
    """Return the last `count` ids, one or more; with `first` the very first one and then the last `count` - 1."""
    if len(ids) <= count:
        return list(ids)
    return [ids[0], *ids[len(ids) - count + 1 :]] if first else list(ids[-count:])


def encode_completion(tokenizer: PreTrainedTokenizerBase, text: str, *, max_tokens: int | None = None) -> list[int]:
    """Return the ids of an assistant's answer, ending with the end token.

    An answer longer than `max_tokens` is cut and then has no end token, as if it had been sampled with that limit.
    """
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return [*ids, tokenizer.eos_token_id][:max_tokens]


def decode_completion(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    """Return the text of an answer's ids, without end, padding and other special tokens."""
    return tokenizer.decode(list(ids), skip_special_tokens=True)


def _without_special_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    """Break up special tokens' names in `text`, so that a message cannot end its own turn or open another's."""
    for token in tokenizer.all_special_tokens:
        if token in text:
            text = text.replace(token, f"{token[:1]} {token[1:]}")
    return text
