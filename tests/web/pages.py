"""Every page of the annotation side, for checks that all of them must pass."""

from collections.abc import Iterator
from datetime import timedelta

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from annotate.audit_queries.slices import iso_week
from annotate.hashing import sha256_of
from annotate.ledger.live import ledger
from annotate.models import Assignment, Gold, Guideline
from annotate.services import conversation
from annotate.services.campaigns import create_campaign
from annotate.services.claiming import claim_next_task
from annotate.services.corpus import add_prompt
from annotate.services.invitations import accept_as, invite
from annotate.services.onboarding import (
    Declared,
    acknowledge_guideline,
    declare_expertise,
    domains_to_declare,
    give_consent,
    keep_demographics,
)
from annotate.services.qualification import answer_qualification, take_qualification_task
from annotate.services.setup import change_campaign
from tests.rating import FORM, add_rating_campaign, rate, values_for
from tests.reviewing import brief_campaign, do_next, held, review_campaign, revision_campaign
from tests.services.test_step_labels import add_solution, labelled
from tests.web.conftest import client_of, rank_all
from tests.world import World, add_guideline, ask_for_qualification, set_onboarding

CHECKLIST = [{"name": "aloud", "label": "I read it aloud"}]


def every_page(world: World) -> Iterator[tuple[str, HttpResponse]]:
    """(name, response) of each page, in a world where two have ranked and a third is at work."""
    rank_all(world.alice, world)
    rank_all(world.bob, world, reverse=True)
    label_steps(world)
    writing = claim_next_task(annotator=world.alice, campaign=world.writing)
    task = world.ranking_tasks[0]
    held = Assignment.objects.create(
        task=task,
        annotator=world.outsider,
        guideline=world.ranking.guideline,
        shown_order=list(task.completions.values_list("pk", flat=True)),
        claimed_at=writing.claimed_at,
        opened_at=writing.opened_at,
        lease_expires_at=writing.lease_expires_at,
    )
    rating = add_rating_campaign(world, form={**FORM, "behaviour": True}, answers=["It **is**.", "$1$ not."])
    for value, rater in enumerate((world.alice, world.bob), start=3):
        task_values = values_for(rating, rating.tasks.earliest("pk"), value)
        first = min(task_values)
        rate(rater, rating, ratings=task_values, flags={first: ["hallucination"]}, behaviour="answer")
    ledger().look()  # the first look of a process may have more to read
    rated = claim_next_task(annotator=world.outsider, campaign=rating)
    done = Assignment.objects.get(annotator=world.alice, task=task)
    alice, carol, outsider = (client_of(user) for user in (world.alice, world.carol, world.outsider))
    yield "home", alice.get("/")
    yield "waiting", alice.get("/campaigns/answers/waiting/")
    yield "home_admin", carol.get("/")
    yield "rank", outsider.get(f"/work/{held.pk}/")
    yield "ahead", alice.post("/campaigns/writing/ahead/")
    yield "rate", outsider.get(f"/work/{rated.pk}/")
    yield "write", alice.get(f"/work/{writing.pk}/")
    yield "finished", alice.get(f"/work/{done.pk}/")
    yield "correct", alice.get(f"/work/{done.pk}/correct/")
    yield "preview", alice.post("/preview/", {"text": "# Title"})
    yield "guidelines", alice.get("/guidelines/")
    yield "guideline", alice.get("/guidelines/ranking/")
    yield "agreements", carol.get("/agreement/")
    yield "agreement", carol.get("/agreement/answers/")
    yield "agreement_csv", carol.get("/agreement/answers/figures.csv")
    yield "agreement_json", carol.get("/agreement/answers/figures.json")
    yield "agreement_slice", carol.get("/agreement/answers/?domain=art")
    yield "change", carol.get("/agreement/answers/change/")
    yield "time", carol.get("/agreement/answers/time/")
    yield "composition", carol.get("/agreement/answers/composition/")
    yield "pairs", carol.get("/agreement/answers/pairs/")
    yield "ratings", carol.get("/agreement/rate/ratings/")
    yield "ratings_flag", carol.get("/agreement/answers/ratings/?of=flag/harmful")
    yield "ratings_csv", carol.get("/agreement/rate/ratings/figures.csv")
    yield "ratings_json", carol.get("/agreement/rate/ratings/figures.json")
    yield "ratings_change", carol.get("/agreement/rate/ratings/change/")
    yield "ratings_pairs", carol.get("/agreement/rate/ratings/pairs/")
    yield "ratings_time", carol.get("/agreement/rate/time/")
    yield "bias_first", carol.get("/campaigns/answers/bias/")
    yield "bias", carol.get("/campaigns/answers/bias/?feature=position")
    yield "person", carol.get(f"/agreement/people/{world.alice.pk}/")
    yield "person_csv", carol.get(f"/agreement/people/{world.alice.pk}/figures.csv")
    yield "person_json", carol.get(f"/agreement/people/{world.alice.pk}/figures.json?campaign=answers")
    yield "bias_csv", carol.get("/campaigns/answers/bias/figures.csv")
    yield "bias_json", carol.get("/campaigns/answers/bias/figures.json")
    yield "domains", carol.get("/agreement/domains/")
    yield "domain", carol.get("/agreement/domains/art/")
    yield "domain_csv", carol.get("/agreement/domains/art/figures.csv")
    yield "domain_json", carol.get("/agreement/domains/art/figures.json")
    yield "weeks", carol.get("/agreement/weeks/")
    this_week = iso_week(timezone.now().date())
    yield "week", carol.get(f"/agreement/weeks/{this_week}/")
    yield "week_csv", carol.get(f"/agreement/weeks/{this_week}/figures.csv")
    yield "week_json", carol.get(f"/agreement/weeks/{this_week}/figures.json")
    yield "step_agreement", carol.get("/agreement/proofs/steps/")
    producer = task.completions.order_by("pk").first().producer_id
    yield "all_producers", carol.get("/agreement/producers/")
    yield "producer", carol.get(f"/agreement/producers/{producer}/")
    yield "producer_csv", carol.get(f"/agreement/producers/{producer}/figures.csv")
    yield "version", carol.get("/agreement/guidelines/ranking/1/")
    yield "version_csv", carol.get("/agreement/guidelines/ranking/1/figures.csv")
    yield "version_json", carol.get("/agreement/guidelines/ranking/1/figures.json")
    yield "task", carol.get(f"/agreement/tasks/{task.pk}/")
    yield "disagreements", carol.get("/campaigns/answers/disagreements/")
    yield "disagreements_csv", carol.get("/campaigns/answers/disagreements/figures.csv")
    yield "disagreement", carol.get(f"/campaigns/answers/disagreements/{world.ranking_tasks[1].pk}/?names=1")
    conversation.ask(assignment_id=writing.pk, annotator=world.alice, kind="question", text="How loud?")
    yield "inbox", carol.get("/inbox/")
    conversation.write_note(
        judgement_id=task.judgements.get(annotator=world.alice).pk, by=world.carol, text="Well seen."
    )
    Gold.objects.create(task=task, answer={"ranks": dict.fromkeys(map(str, held.shown_order), 1)}, explanation="Alike.")
    yield "gold", carol.get("/campaigns/answers/gold/")
    yield "gold_proposals", carol.get("/campaigns/answers/gold/proposals/")
    yield "gold_leaks", carol.get("/campaigns/answers/gold/leaks/")
    yield "task_known", carol.get(f"/agreement/tasks/{task.pk}/")
    Assignment.objects.filter(pk=done.pk).update(ended_at=done.ended_at - timedelta(days=1))
    yield "me", alice.get("/me/")
    yield "my_history", alice.get("/me/history/")
    yield "my_feedback", alice.get("/me/feedback/")
    yield "my_judgement", alice.get(f"/me/judgements/{done.pk}/")
    yield "exposure", carol.get("/people/exposure/")
    yield "safety", carol.get("/safety/")
    yield "preferences", alice.get("/me/preferences/")
    yield "break", alice.get(f"/work/{writing.pk}/break/")
    yield "forbidden", alice.get("/agreement/")
    yield "not_found", alice.get("/nowhere/")
    yield "login", Client().get("/login/")
    yield from setup_pages(carol)
    yield from writing_pages(world)
    add_prompt(messages=world.writing_tasks[0].prompt.messages, by=None, warnings=["violence"])
    yield "warning", alice.get(f"/work/{writing.pk}/")
    yield from onboarding_pages(world)


def label_steps(world: World) -> None:
    """A campaign of solutions, of which two people have labelled the steps of one."""
    add_guideline("steps")
    campaign = create_campaign(slug="proofs", name="P", kind="steps", guideline_slug="steps", overlap=2, by=world.carol)
    add_solution(campaign)
    labelled(campaign, world.alice, "good", "good", "good")
    labelled(campaign, world.bob, "neutral", "bad")


def writing_pages(world: World) -> Iterator[tuple[str, HttpResponse]]:
    """The pages for a brief, a revision and a review, and the first page of somebody whose text came back."""
    alice, bob, carol, outsider = map(client_of, (world.alice, world.bob, world.carol, world.outsider))
    world.writing.tasks.update(target=3)
    brief = held(world.alice, brief_campaign(world, citations=True, checklist=CHECKLIST, min_words=5))
    revision = held(world.alice, revision_campaign(world))
    reviewing = review_campaign(world, world.writing)
    returned, _ = (do_next(world.outsider, world.writing, text=text, reasoning="So.") for text in ("Hum.", "Blow."))
    do_next(world.bob, reviewing, decision="return", reason="Too short.")
    review = held(world.bob, reviewing)
    yield "finished_writing", outsider.get(f"/work/{returned.assignment_id}/")
    yield "brief", alice.get(f"/work/{brief.pk}/")
    yield "revise", alice.get(f"/work/{revision.pk}/")
    yield "changes", alice.post(f"/work/{revision.pk}/changes/", {"text": "Blow."})
    yield "review", bob.get(f"/work/{review.pk}/")
    yield "task_written", carol.get(f"/agreement/tasks/{returned.task_id}/")
    yield "home_returned", outsider.get("/")
    yield "correct_returned", outsider.get(f"/work/{returned.assignment_id}/correct/")


def setup_pages(carol: Client) -> Iterator[tuple[str, HttpResponse]]:
    """The pages on which an admin sets campaigns up."""
    yield "campaigns", carol.get("/campaigns/")
    yield "campaign_kinds", carol.get("/campaigns/new/")
    yield "new_campaign", carol.get("/campaigns/new/?kind=ranking")
    yield "campaign_settings", carol.get("/campaigns/answers/settings/")
    yield "overlap", carol.get("/campaigns/answers/overlap/")
    yield "consensus", carol.get("/campaigns/answers/consensus/")
    yield "consensus_csv", carol.get("/campaigns/answers/consensus/pairs.csv")
    yield "campaign_queues", carol.get("/campaigns/answers/queues/")
    yield "producers", carol.get("/campaigns/answers/producers/")
    yield "plan", carol.get("/plan/?campaign=answers")
    yield "campaign_preview", carol.get("/campaigns/answers/preview/")


def onboarding_pages(world: World) -> Iterator[tuple[str, HttpResponse]]:
    """The way from an invitation through every step, and the admins' pages about people."""
    ask_for_qualification(world, made=2, tasks=2)
    everything = {"consent": "## What happens\n\nWe keep it.", "demographics": True, "expertise": True}
    everything |= {"acknowledge": True, **world.ranking.onboarding}
    campaign = set_onboarding(campaign=world.ranking, onboarding=everything, access="members")
    token = invite(by=world.carol, campaigns=[campaign], name="Dora", email="dora@example.org")[1]
    alice, carol = client_of(world.alice), client_of(world.carol)
    yield "join", Client().get(f"/join/{token}/")
    yield "accept", alice.get(f"/join/{token}/")
    accept_as(token=token, user=world.alice)
    yield "closed", Client().get(f"/join/{token}/")
    yield "home_steps", alice.get("/")
    way = f"/campaigns/{campaign.slug}/onboarding"
    yield "onboarding", alice.get(f"{way}/")
    yield "consent", alice.get(f"{way}/consent/")
    give_consent(user=world.alice, campaign=campaign, text_sha256=sha256_of(campaign.onboarding_rules.consent))
    yield "demographics", alice.get(f"{way}/about-you/")
    keep_demographics(user=world.alice, answers={"age": "25-34"}, campaign=campaign)
    yield "own_demographics", alice.get("/about-you/")
    yield "expertise", alice.get(f"{way}/expertise/")
    known = {domain.pk: Declared("good", "Ten years.") for domain in domains_to_declare(campaign=campaign)}
    declare_expertise(user=world.alice, campaign=campaign, declared=known)
    acknowledge_guideline(user=world.alice, campaign=campaign, guideline_id=campaign.guideline_id)
    yield "qualification", alice.get(f"{way}/qualification/")
    taken = take_qualification_task(user=world.alice, campaign=campaign)
    yield "qualification_task", alice.get(f"/work/{taken.pk}/")
    tied = {"ranks": dict.fromkeys(taken.shown_order, 1)}
    answer_qualification(assignment_id=taken.pk, user=world.alice, answer=tied, seconds=5.0)
    yield "feedback", alice.get(f"{way}/qualification/{taken.pk}/")
    newer = Guideline.objects.create(**_next_version(campaign.guideline))
    change_campaign(campaign=campaign, by=world.carol, guideline=newer)
    yield "guideline_step", alice.get(f"{way}/guideline/")
    yield "invitations", carol.get("/people/invitations/")
    yield "members", carol.get("/people/members/")
    yield "expertise_list", carol.get("/people/expertise/")
    yield "expertise_csv", carol.get("/people/expertise/figures.csv")
    yield "expertise_json", carol.get("/people/expertise/figures.json")
    yield "demographic_counts", carol.get("/people/about/")


def _next_version(old: Guideline) -> dict:
    """The fields of a version in which a word changed and a line came."""
    same = {name: getattr(old, name) for name in ("slug", "kind", "title", "flags")}
    body = f"{old.body.replace('true', 'helpful')}\n\nRead twice."
    return {**same, "version": old.version + 1, "sha256": "2" * 64, "body": body}
