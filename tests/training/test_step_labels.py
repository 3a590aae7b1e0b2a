"""Step labels in a snapshot: TRL's stepwise supervision, one row for each judgement."""

import pytest
from datasets import List, Value, load_dataset
from trl.data_utils import is_conversational

from annotate.services.campaigns import create_campaign
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit
from tests.services.test_step_labels import add_solution
from tests.training.conftest import rank
from tests.training.test_snapshots import frozen
from tests.world import add_guideline
from training.exporting import SPLITS, as_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def proofs(world, sent):
    add_guideline("steps")
    campaign = create_campaign(slug="proofs", name="P", kind="steps", guideline_slug="steps", overlap=2, by=world.carol)
    add_solution(campaign)
    for annotator, labels in ((world.alice, ["good", "neutral", "good"]), (world.bob, ["good", "bad"])):
        held = claim_next_task(annotator=annotator, campaign=campaign)
        submit(assignment_id=held.pk, annotator=annotator, answer={"labels": labels}, seconds=1)
    return campaign


def dataset(snapshot):
    (split,) = (split for split in SPLITS if snapshot.manifest["counts"]["steps"][split])
    file = str(snapshot.path / "steps" / f"{split}.parquet")
    return load_dataset("parquet", data_files=file, split="train", cache_dir=str(snapshot.path.parent / "cache"))


def test_it_is_what_trl_calls_stepwise_supervision(world, proofs):
    found = dataset(frozen(world, proofs))
    # TRL 1.16, docs/source/dataset_formats.md: {"prompt": str, "completions": [str, ...], "labels": [bool, ...]}
    columns = {name: found.features[name] for name in ("prompt", "completions", "labels")}
    assert columns == {"prompt": Value("string"), "completions": List(Value("string")), "labels": List(Value("bool"))}
    assert not is_conversational(found[0])


def test_it_has_a_row_for_each_judgement_that_ends_with_the_first_error(world, proofs):
    found = dataset(frozen(world, proofs))
    assert found["completions"][:] == [["Add.", "Halve.", "It is 2."], ["Add.", "Halve."]]
    assert found["labels"][:] == [[True, True, True], [True, False]]
    assert found["verdicts"][:] == [["good", "neutral", "good"], ["good", "bad"]]
    assert (found["n_steps"][:], found["producer"][:]) == ([3, 3], ["m", "m"])
    assert found["prompt"][:] == ["What is half of 3 + 1?"] * 2


def test_it_gives_the_same_judgements_the_same_hash(world, proofs):
    assert frozen(world, proofs).sha256 == frozen(world, proofs).sha256


def test_a_conversation_becomes_one_text():
    messages = [("user", "Hi"), ("assistant", "Hello"), ("user", "1 + 1?")]
    turns = [{"role": role, "content": content} for role, content in messages]
    assert as_text(turns) == "User: Hi\n\nAssistant: Hello\n\nUser: 1 + 1?"
    assert as_text(turns[-1:]) == "1 + 1?"


def test_a_ranking_that_nobody_could_make_has_no_row(world, sent):
    rank(world.alice, world.ranking_tasks[0], [1, 2, 3, 4])
    held = claim_next_task(annotator=world.bob, campaign=world.ranking)
    answer = {"verdict": "cannot_rank", "reason": "All are cut off."}
    submit(assignment_id=held.pk, annotator=world.bob, answer=answer, seconds=1)
    counts = frozen(world, world.ranking).manifest["counts"]
    assert (sum(counts["rankings"].values()), sum(counts["demonstrations"].values())) == (1, 0)
