"""What a base model is trained on, by kind of corpus."""

import json

import pytest

from training.modelling.artifacts import RecipeError
from training.modelling.corpora import Document, read_corpus
from training.modelling.lines import read_lines


def read(path):
    return read_corpus(str(path), documents=0, seed=0)


def test_it_draws_the_same_dialogues_of_the_world_for_the_same_seed():
    first, second, other = (read_corpus("world", documents=5, seed=seed) for seed in (1, 1, 2))
    assert first == second != other
    assert all(document.messages[-1]["role"] == "assistant" for document in first)


def test_it_takes_every_answer_of_the_train_split_once(snapshot):
    found = read(snapshot)
    assert len(found) == 24 + 24 * 3
    assert all(" train " in document.messages[0]["content"] for document in found)


def test_it_reads_one_text_a_line(tmp_path):
    (tmp_path / "c.txt").write_text("One.\n\nTwo.\n", encoding="utf-8")
    assert read(tmp_path / "c.txt") == [Document([], "One."), Document([], "Two.")]


def test_it_reads_strings_texts_and_messages_of_jsonl(tmp_path):
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    lines = ["One.", {"text": "Two."}, {"messages": messages}]
    (tmp_path / "c.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    assert read(tmp_path / "c.jsonl") == [Document([], "One."), Document([], "Two."), Document(messages)]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "Line 2 of .* is not JSON"),
        ("3", "Line 2 of .* has neither"),
        ('{"messages": ["a", "b"]}', "Line 2 of .* has neither"),
        ('{"messages": [{"role": "user"}, {"role": "assistant"}]}', 'each with "role" and "content"'),
    ],
)
def test_it_names_a_bad_line(tmp_path, line, sentence):
    (tmp_path / "c.jsonl").write_text(f'"One."\n{line}\n')
    with pytest.raises(RecipeError, match=sentence):
        read(tmp_path / "c.jsonl")


def test_it_says_which_file_is_no_text(tmp_path):
    (tmp_path / "c.txt").write_bytes(b"One.\n\xff\n")
    with pytest.raises(RecipeError, match=r"c.txt is not UTF-8 text"):
        read(tmp_path / "c.txt")
    with pytest.raises(RecipeError, match="cannot be read: Is a directory"):
        list(read_lines(tmp_path))


def test_it_refuses_other_files_and_empty_ones(tmp_path):
    (tmp_path / "c.csv").write_text("x")
    (tmp_path / "c.txt").write_text("\n")
    with pytest.raises(RecipeError, match=r"neither a snapshot directory nor a .txt or .jsonl file"):
        read(tmp_path / "c.csv")
    with pytest.raises(RecipeError, match="holds no text"):
        read(tmp_path / "c.txt")


def test_it_ends_every_document(tokenizer):
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert tokenizer.decode(Document(messages).encode(tokenizer)) == "<|user|>a<|end|><|assistant|>b<|end|>"
    assert tokenizer.decode(Document([], "a").encode(tokenizer)) == "a<|end|>"
