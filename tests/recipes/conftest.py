"""Small models and a small snapshot that the recipes' tests share."""

import random
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

from tests.recipes.snapshots import demonstration, ranking, write_snapshot
from training.modelling.models import save_model
from training.modelling.tiny import new_llama, train_tokenizer

THINGS = ("lamp", "chair", "kettle", "radio", "clock")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Tests run side by side; more threads would only wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerBase:
    """A byte-level tokenizer of 320 tokens."""
    texts = [f"My {thing} is broken. Please send it back. Thank you." for thing in THINGS]
    return train_tokenizer(texts, vocab_size=320, context=128)


@pytest.fixture
def policy(tokenizer) -> LlamaForCausalLM:
    """A random Llama of about 30 thousand parameters."""
    torch.manual_seed(0)
    return new_llama(tokenizer, hidden_size=32, layers=2, heads=2, context=128).eval()


@pytest.fixture(scope="session")
def base(tokenizer, tmp_path_factory) -> Path:
    """The directory of a saved random Llama."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("base")
    save_model(new_llama(tokenizer, hidden_size=32, layers=2, heads=2, context=128), tokenizer, path)
    return path


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory) -> Path:
    """Rankings that put the polite answer first and the rude one last, and polite demonstrations."""
    rng = random.Random(0)
    rankings, demonstrations = {}, {}
    for split, count in (("train", 24), ("validation", 6), ("test", 6)):
        questions = [f"My {rng.choice(THINGS)} {split} {number} is broken." for number in range(count)]
        rankings[split] = [
            ranking(question, ["Go away.", "Please send it back.", "Send it back."], [3, 1, 2])
            for question in questions
        ]
        demonstrations[split] = [demonstration(question, "Please send it back. Thank you.") for question in questions]
    path = tmp_path_factory.mktemp("snapshot")
    return write_snapshot(path, rankings=rankings, demonstrations=demonstrations)
