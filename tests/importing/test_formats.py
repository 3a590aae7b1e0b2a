"""Reading files: every format, every refusal, and the real files where they are."""

import gzip
import json

import pytest

from annotate.importing import Answer, ImportFileError, read_file


@pytest.fixture
def written(tmp_path):
    """Write rows (objects, or raw lines) to a file and return its path."""

    def write(*rows, name="rows.jsonl"):
        path = tmp_path / name
        path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
        return path

    return write


def only_item(path, **options):
    return read_file(path, **options).items[0]


def test_it_reads_a_prompt_with_texts(written):
    item = only_item(written({"prompt": "Why?", "completions": ["Because.", "So."], "domain": "Basic Physics"}))
    assert item.messages == [{"role": "user", "content": "Why?"}]
    assert item.answers == (Answer("Because.", "imported"), Answer("So.", "imported"))
    assert (item.domain, item.ranks) == ("basic-physics", None)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Warum?", "completions": ["Darum.", "So."]},
        {"prompt": "Warum?", "completion": "Darum."},
        {"prompt": "Warum?", "steps": ["Eins.", "Zwei."]},
        {"prompt": "Warum?"},
    ],
)
def test_a_row_says_its_language(written, row):
    assert only_item(written(row)).language == ""
    assert only_item(written({**row, "language": "deu-at"})).language == "de-AT"


def test_a_tree_says_its_language(written):
    replies = [{"role": "assistant", "text": text, "rank": place} for place, text in enumerate("ab")]
    tree = {"message_tree_id": "1", "prompt": {"role": "prompter", "text": "Por quê?", "lang": "pt-BR"}}
    tree["prompt"]["replies"] = replies
    assert only_item(written(tree)).language == "pt-BR"


@pytest.mark.parametrize(("language", "sentence"), [("klingon", "is no language tag"), (7, "must be a text")])
def test_it_names_the_row_whose_language_is_none(written, language, sentence):
    with pytest.raises(ImportFileError, match=f"row 2: field language.*{sentence}"):
        read_file(written({"prompt": "Why?"}, {"prompt": "Who?", "language": language}))


def test_it_reads_chat_messages_and_producers(written):
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Why?"},
    ]
    item = only_item(written({"prompt": messages, "completions": [{"text": "x", "producer": "m1"}, {"text": "y"}]}))
    assert item.messages == messages
    assert [answer.producer for answer in item.answers] == ["m1", "imported"]


@pytest.mark.parametrize(
    ("field", "values", "ranks"),
    [("rank", (1, 3, 3), (1, 2, 2)), ("rank", (2, 1, 3), (2, 1, 3)), ("score", (0.5, 2.0, 0.5), (2, 1, 2))],
)
def test_it_reads_ranks_and_scores_with_ties(written, field, values, ranks):
    completions = [{"text": f"t{place}", field: value} for place, value in enumerate(values)]
    assert only_item(written({"prompt": "p", "completions": completions})).ranks == ranks


def test_it_keeps_the_first_of_equal_texts(written):
    completions = [
        {"text": "same", "producer": "a"},
        {"text": "other", "producer": "b"},
        {"text": "same", "producer": "c"},
    ]
    answers = only_item(written({"prompt": "p", "completions": completions})).answers
    assert [(answer.text, answer.producer) for answer in answers] == [("same", "a"), ("other", "b")]


def test_it_reads_prompts_alone(written):
    parsed = read_file(written({"prompt": "Write a poem."}))
    assert (parsed.format, parsed.items[0].answers) == ("prompts", ())


def test_it_reads_a_comparison_of_dialogues(written):
    head = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Why?\n\nAssistant:"
    item = only_item(written({"chosen": f"{head} Because.", "rejected": f"{head} No."}))
    assert [message["role"] for message in item.messages] == ["user", "assistant", "user"]
    assert [(answer.text, answer.rank) for answer in item.answers] == [("Because.", 1), ("No.", 2)]


def test_it_splits_dialogues_where_they_part(written):
    head = "\n\nHuman: Hi\n\nAssistant:"
    item = only_item(written({"chosen": f"{head} A.\n\nHuman: B\n\nAssistant: C.", "rejected": f"{head} D."}))
    assert item.messages == [{"role": "user", "content": "Hi"}]
    assert item.answers[0].text == "A.\n\nHuman: B\n\nAssistant: C."


def test_it_reads_every_fork_of_a_tree(written):
    def reply(text, rank=None, replies=(), **fields):
        return {"text": text, "role": "assistant", "rank": rank, "replies": list(replies), **fields}

    deep = {"text": "And?", "role": "prompter", "replies": [reply("x", 1), reply("y", 0)]}
    replies = [reply("b", 1), reply("a", 0, [deep]), reply("gone", 2, deleted=True)]
    root = {"text": "Q", "role": "prompter", "replies": replies}
    items = read_file(written({"message_tree_id": "t", "prompt": root})).items
    assert [(item.messages[-1]["content"], item.ranks) for item in items] == [("Q", (2, 1)), ("And?", (2, 1))]
    assert [message["content"] for message in items[1].messages] == ["Q", "a", "And?"]


def test_it_reads_gzip_whatever_the_name(tmp_path):
    path = tmp_path / "rows.txt"
    path.write_bytes(gzip.compress(b'{"prompt": "p"}\n'))
    assert len(read_file(path).items) == 1


GOOD = {"prompt": "p", "completions": ["a", "b"]}


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("{oops", "row 2: is not JSON"),
        ("[1]", "row 2: must be a JSON object"),
        ({"prompt": "", "completions": ["a"]}, "row 2: field prompt must be a text that is not empty"),
        ({"prompt": "p", "completions": []}, "row 2: field completions must be a list"),
        ({"prompt": "p", "completions": ["a", " "]}, "the text of number 2"),
        (
            {"prompt": "p", "completions": [{"text": "a", "rank": 1}, {"text": "b"}]},
            "either every completion has a rank",
        ),
        ({"prompt": "p", "completions": [{"text": "a", "rank": "1"}, "b"]}, "the rank of number 1 must be a number"),
        ({"prompt": [{"role": "robot", "content": "x"}], "completions": ["a"]}, "message 1 needs a role"),
        ({"prompt": [{"role": "assistant", "content": "x"}], "completions": ["a"]}, "must be the user's"),
        ({"prompt": [{"role": ["user"], "content": "x"}], "completions": ["a"]}, "message 1 needs a role"),
        ({"prompt": "p\0", "completions": ["a"]}, "field prompt has a character that no database keeps"),
        ('{"prompt": "\\ud800", "completions": ["a"]}', "field prompt has a character that no database keeps"),
        (
            {"prompt": "p", "completions": [{"text": "a", "producer": "m\0"}]},
            "the producer of number 1 has a character",
        ),
        ("[" * 100_000, "row 2: is JSON with a number too long or brackets too deep"),
        ('{"prompt": ' + "9" * 5_000 + "}", "row 2: is JSON with a number too long or brackets too deep"),
    ],
)
def test_it_names_the_bad_row_and_field(written, row, sentence):
    with pytest.raises(ImportFileError, match="nothing was imported") as refused:
        read_file(written(GOOD, row))
    assert sentence in str(refused.value)


TREE = {"message_tree_id": "t", "prompt": {"role": "prompter", "text": "p", "replies": []}}


@pytest.mark.parametrize(
    ("replies", "sentence"),
    [
        ("none", "its replies a list"),
        (["a", "b"], "a message must be an object"),
        ([{"role": "assistant", "text": text, "rank": rank} for text, rank in (("a", "x"), ("b", 1))], "field rank"),
        ([{"role": "assistant", "text": text, "model_name": 5} for text in "ab"], "field model_name"),
        ([{"role": ["assistant"], "text": "a"}], "a message has the role"),
    ],
)
def test_it_names_what_is_wrong_with_a_tree(written, replies, sentence):
    bad = {**TREE, "prompt": {**TREE["prompt"], "replies": replies}}
    with pytest.raises(ImportFileError, match="nothing was imported") as refused:
        read_file(written(TREE, bad))
    assert "row 2: " in str(refused.value)
    assert sentence in str(refused.value)


def test_it_reads_what_windows_writes(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"prompt": "p"}\r\n{"prompt": "q"}\r\n')
    assert [item.messages[0]["content"] for item in read_file(path).items] == ["p", "q"]


def test_it_refuses_a_damaged_gzip_file(tmp_path):
    whole = gzip.compress(b'{"prompt": "p"}\n' * 1_000)
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(whole[:20] + b"\xff" * 20 + whole[40:])
    with pytest.raises(ImportFileError, match="is not UTF-8 text in JSON Lines, plain or gzipped"):
        read_file(path)


def test_it_names_at_most_twenty_bad_rows(written):
    with pytest.raises(ImportFileError, match=r"25 bad rows(.|\n)*and 5 more"):
        read_file(written(GOOD, *["{"] * 25))


def test_it_leaves_bad_rows_out_when_asked(written):
    parsed = read_file(written(GOOD, "{", GOOD | {"prompt": "q"}), skip_bad_rows=True)
    assert (len(parsed.items), len(parsed.bad_rows)) == (2, 1)


def test_it_says_which_file_is_missing(tmp_path):
    with pytest.raises(ImportFileError, match="cannot be read: No such file"):
        read_file(tmp_path / "nowhere.jsonl")


@pytest.mark.parametrize(
    ("name", "format", "n_items", "n_ranked", "n_bad"),
    [
        ("hh-harmless", "hh", 1152, 1152, 3),
        ("oasst-trees", "oasst", 214, 211, 0),
        ("alpacaeval-completions", "completions", 220, 0, 0),
    ],
)
def test_it_reads_the_real_files(shared_data, name, format, n_items, n_ranked, n_bad):
    parsed = read_file(shared_data / f"{name}.jsonl.gz", skip_bad_rows=True)
    ranked = sum(item.ranks is not None for item in parsed.items)
    assert (parsed.format, len(parsed.items), ranked, len(parsed.bad_rows)) == (format, n_items, n_ranked, n_bad)


def test_it_reads_a_solution_step_by_step(written):
    item = only_item(written({"prompt": "1 + 1?", "steps": ["Add. ", "\nIt is 2."], "producer": "m"}))
    assert item.steps == ("Add.\n\n", "It is 2.")
    assert item.answers == (Answer("Add.\n\nIt is 2.", "m"),)


def test_it_reads_a_single_completion(written):
    item = only_item(written({"prompt": "p", "completion": {"text": "a", "producer": "m"}}))
    assert item.answers == (Answer("a", "m"),)


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ([], "steps must be a list"),
        ("a", "steps must be a list"),
        (["a", " "], "number 2"),
        (["a"] * 201, "at most 200"),
    ],
)
def test_it_refuses_steps_that_are_none(written, steps, sentence):
    with pytest.raises(ImportFileError, match=f"row 1: .*{sentence}"):
        read_file(written({"prompt": "p", "steps": steps}))
