"""What waits in a campaign and how it is given out: the admins' page, and the same numbers over the API."""

import pytest

from annotate.campaign_queries import campaign_queues
from annotate.models import Assignment, Task
from annotate.services.campaigns import add_task
from annotate.services.claiming import claim_next_task
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.gold import make_gold
from annotate.services.setup import change_campaign
from tests.web.conftest import rank_all

ADDRESS = "/campaigns/answers/queues/"


def test_it_counts_what_waits_in_each_queue(world):
    rank_all(world.alice, world)
    claim_next_task(annotator=world.bob, campaign=world.ranking)
    found = campaign_queues(campaign=world.ranking)
    counts = {queue.domain.slug: (queue.n_tasks, queue.n_open, queue.n_places, queue.n_done) for queue in found.queues}
    # Overlap is two: of six places alice has three, and bob holds one of physics.
    assert counts == {"physics": (2, 1, 1, 2), "art": (1, 1, 1, 1)}


def test_gold_has_no_count_of_places(world):
    prompt = add_prompt(messages=[{"role": "user", "content": "Known?"}], by=world.carol)
    model = add_producer(name="model-0", kind="imported")
    answers = [add_completion(prompt=prompt, producer=model, text=text, by=world.carol) for text in "ab"]
    task, _ = add_task(campaign=world.ranking, prompt=prompt, completions=answers, purpose=Task.Purpose.GOLD)
    make_gold(task=task, answer={"ranks": {answers[0].pk: 1, answers[1].pk: 2}}, explanation="", by=world.carol)
    gold = campaign_queues(campaign=world.ranking).queues[-1]
    assert (gold.gold, gold.n_tasks, gold.n_places) == (True, 1, None)


def test_it_counts_judgements_by_lane_and_estimates_from_the_random_ones(world):
    rank_all(world.alice, world)
    rank_all(world.bob, world)
    drawn = Assignment.objects.filter(annotator=world.bob).order_by("claimed_at")[:2]
    Assignment.objects.filter(pk__in=[one.pk for one in drawn]).update(lane="random", probability=0.1)
    found = campaign_queues(campaign=world.ranking)
    assert found.lanes == {"gold": 0, "random": 2, "ordered": 4, "none": 0}
    seconds = found.seconds_so_far
    assert (found.seconds.value, found.seconds.n) == (pytest.approx(seconds), 2)


def test_the_page_shows_rules_queues_and_lanes(carol, world):
    change_campaign(campaign=world.ranking, by=world.carol, assignment={"order": "breadth"})
    rank_all(world.alice, world)
    body = carol.get(ADDRESS).content.decode()
    assert "Every task gets its first judgement before any gets its second" in body
    assert "<bdi>Physics</bdi>" in body
    assert "No task was drawn at random yet." in body
    assert "100.0\N{NO-BREAK SPACE}% of the judgements" in body


def test_the_page_of_an_empty_campaign_says_so(carol, world):
    Task.objects.filter(campaign=world.writing).update(withdrawn=True)
    world.writing.tasks.all().delete()
    world.writing.queues.all().delete()
    assert "No tasks yet." in carol.get("/campaigns/writing/queues/").content.decode()


def test_it_is_for_admins(client, world):
    client.force_login(world.alice)
    assert client.get(ADDRESS).status_code == 403
