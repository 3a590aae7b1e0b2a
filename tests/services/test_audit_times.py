"""Time and pay: medians by person, the time to read, what an hour comes to, and who gets a signal."""

from decimal import Decimal

import pytest

from annotate.audit_queries.times import hourly_pay, time_and_pay
from annotate.models import Campaign
from annotate.quality.intervals import Estimate
from annotate.quality.signals import WORDS_PER_MINUTE
from annotate.services.campaigns import add_task
from annotate.services.claiming import claim_next_task
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.judging import submit_ranking

WORDS = "word " * 118


def test_it_is_empty_where_nobody_judged(world):
    found = time_and_pay(campaign=world.ranking)
    assert (found.seconds.value, found.people, found.n_pages) == (None, [], 1)


def test_whoever_takes_less_than_reading_takes_gets_a_signal(world):
    producers = [add_producer(name=f"model-{n}", kind="imported") for n in range(2)]
    for number in range(8):
        prompt = add_prompt(messages=[{"role": "user", "content": f"Say why ({number})."}], by=world.carol)
        texts = [
            add_completion(prompt=prompt, producer=one, text=f"{one.name} " + "word " * 118, by=world.carol)
            for one in producers
        ]
        add_task(campaign=world.ranking, prompt=prompt, completions=texts)
    for person, seconds in ((world.alice, 90.0), (world.bob, 5.0)):
        while hold := claim_next_task(annotator=person, campaign=world.ranking):
            ranks = dict.fromkeys(hold.shown_order, 1)
            submit_ranking(assignment_id=hold.pk, annotator=person, ranks=ranks, seconds=seconds)
    found = time_and_pay(campaign=world.ranking)
    assert found.reading.value == pytest.approx((3 + 2 * 119) * 60 / WORDS_PER_MINUTE)
    assert {one.username: (one.seconds.value, one.too_little) for one in found.people} == {
        "alice": (90.0, False),
        "bob": (5.0, True),
    }
    assert found.seconds.n == 2


@pytest.mark.parametrize(
    ("paid", "wanted"), [(60, (24.0, 16.0, 48.0)), (None, (12.0, None, None))], ids=["fixed time", "active time"]
)
def test_an_hour_comes_to_what_is_paid_for_the_time_it_takes(paid, wanted):
    campaign = Campaign(hourly_rate=Decimal("12"), currency="EUR", pay_seconds=paid)
    found = hourly_pay(campaign, Estimate(30.0, 15.0, 45.0, 9))
    assert (found.value, found.lo, found.hi) == wanted


def test_there_is_no_pay_where_nobody_is_paid():
    assert hourly_pay(Campaign(), Estimate(30.0, 15.0, 45.0, 9)) is None
