"""The Django admin: every model can be looked at, and what must not change cannot be changed."""

import pytest
from django.apps import apps
from django.contrib import admin as django_admin
from django.urls import reverse
from django.utils import timezone

from annotate.models import (
    Acknowledgement,
    Adjudication,
    AdjudicationDraft,
    AdjudicationHold,
    Adjudicator,
    CampaignChange,
    Completion,
    Consent,
    ContentWarning,
    Dispute,
    Domain,
    Expertise,
    Gold,
    Invitation,
    Judgement,
    Membership,
    Note,
    Profile,
    Progress,
    Prompt,
    QualificationAnswer,
    QualificationAttempt,
    Question,
    Rating,
    Reconsideration,
    Review,
    Revision,
    Skill,
    Span,
    Spending,
    StepLabel,
)
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_demonstration, submit_ranking
from tests.api.training_rows import add_training_rows
from tests.world import PASSWORD

OURS = sorted(
    (model for label in ("annotate", "training") for model in apps.get_app_config(label).get_models()),
    key=lambda model: model._meta.label,
)
# Edited in the admin; each other model is made by services only, and read here.
EDITABLE = {"annotate.Domain", "annotate.Producer", "annotate.Prompt", "annotate.User"}
ADDABLE = EDITABLE | {"annotate.Completion", "annotate.ContentWarning"}
# TaskCompletion is shown inside its task; what somebody said about themselves is nobody's to look at.
WITHOUT_PAGE = {"annotate.TaskCompletion", "annotate.Demographics"}


@pytest.fixture
def carol(world, client):
    """The admin's browser."""
    client.force_login(world.carol)
    return client


@pytest.fixture
def filled(world):
    """The world with a judgement of each kind and a row of every training model."""
    ranked = claim_next_task(annotator=world.alice, campaign=world.ranking)
    ranks = dict.fromkeys(ranked.shown_order, 1)
    flags = {ranked.shown_order[0]: ["hallucination"]}
    submit_ranking(assignment_id=ranked.pk, annotator=world.alice, ranks=ranks, flags=flags, seconds=1)
    written = claim_next_task(annotator=world.alice, campaign=world.writing)
    judgement = submit_demonstration(
        assignment_id=written.pk, annotator=world.alice, text="Purse your lips.", seconds=1
    )
    add_rows_of_other_kinds(judgement, Completion.objects.get(pk=ranked.shown_order[0]))
    return add_training_rows()


def add_rows_of_other_kinds(judgement, completion):
    """What campaigns of the other kinds would hold."""
    demonstration = judgement.demonstration
    Rating.objects.create(judgement=judgement, completion=completion, axis="helpful", value=5)
    Span.objects.create(judgement=judgement, completion=completion, start=0, end=3, type="false", severity="minor")
    StepLabel.objects.create(judgement=judgement, step=0, label="good")
    Revision.objects.create(demonstration=demonstration, original=completion, diff="-a\n+b")
    Review.objects.create(judgement=judgement, demonstration=demonstration, decision="accept")
    Gold.objects.create(task=judgement.task, answer={"text": "Purse your lips."})
    ContentWarning.objects.create(prompt=completion.prompt, kind="medical")
    Profile.objects.create(user=judgement.annotator)
    Skill.objects.create(annotator=judgement.annotator, n=2, right=1.5)
    Spending.objects.create(campaign=judgement.task.campaign, judgements=1)
    counts = dict.fromkeys(["n_tasks", "n_places", "n_done_work", "n_done_gold"], 1)
    Progress.objects.create(campaign=judgement.task.campaign, counted_at=timezone.now(), **counts)
    Reconsideration.objects.create(campaign=judgement.task.campaign, asked_at=timezone.now())
    Question.objects.create(kind="question", task=judgement.task, asked_by=judgement.annotator, text="Why?")
    Note.objects.create(judgement=judgement, by=judgement.annotator, text="Well seen.")
    add_rows_of_onboarding(judgement)
    add_rows_of_adjudication(judgement)


def add_rows_of_onboarding(judgement):
    """What a campaign that asks for everything would hold."""
    who = {"user": judgement.annotator}
    where = {**who, "campaign": judgement.task.campaign}
    now = judgement.created_at
    CampaignChange.objects.create(campaign=judgement.task.campaign, field="name", old="a", new="b")
    Invitation.objects.create(token_sha256="0" * 64, created_by=judgement.annotator, expires_at=now)
    Membership.objects.create(**where)
    Consent.objects.create(**where, text_sha256="0" * 64, text="Yes.", given_at=now)
    Expertise.objects.create(**who, domain=Domain.objects.first(), level="some", declared_at=now)
    Acknowledgement.objects.create(**who, guideline=judgement.guideline, at=now)
    attempt = QualificationAttempt.objects.create(**where, number=1, n_tasks=1, wanted=0.8, started_at=now)
    QualificationAnswer.objects.create(
        attempt=attempt, assignment=judgement.assignment, answer={}, gold={}, share=1, seconds=1
    )


def add_rows_of_adjudication(judgement):
    """What experts leave behind."""
    task, by = judgement.task, judgement.annotator
    Adjudication.objects.create(
        task=task, by=by, guideline=judgement.guideline, answer={"text": "Whistle."}, cause="style"
    )
    AdjudicationDraft.objects.create(task=task, by=by, draft={"text": "Blow."}, draft_number=1)
    AdjudicationHold.objects.create(task=task, by=by, expires_at=timezone.now())
    Adjudicator.objects.create(user=by, campaign=task.campaign, given_by=by)
    Dispute.objects.create(task=task, campaign=task.campaign, score=0.5, n=2, last=judgement.pk)


def page(model, name, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


SHOWN = [model for model in OURS if model._meta.label not in WITHOUT_PAGE]
NAMES = [model._meta.label for model in SHOWN]


@pytest.mark.parametrize("model", SHOWN, ids=NAMES)
def test_an_admin_can_list_and_open_every_model(filled, carol, model):
    assert carol.get(page(model, "changelist"), {"q": "a"}).status_code == 200
    row = model.objects.first()
    assert carol.get(page(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", SHOWN, ids=NAMES)
def test_only_what_may_change_can_be_added_or_changed(filled, carol, rf, world, model):
    request = rf.get("/")
    request.user = world.carol
    options = django_admin.site._registry[model]
    assert options.has_change_permission(request) == (model._meta.label in EDITABLE)
    assert options.has_add_permission(request) == (model._meta.label in ADDABLE)


@pytest.mark.parametrize("name", ["change", "delete"])
def test_a_judgement_cannot_be_changed_or_deleted(filled, carol, name):
    judgement = Judgement.objects.first()
    response = carol.post(page(Judgement, name, judgement.pk), {"seconds": 1000, "post": "yes"})
    assert response.status_code == 403
    assert Judgement.objects.get(pk=judgement.pk).seconds == 1


def test_annotators_do_not_get_in(world, client):
    client.force_login(world.alice)
    assert client.get("/admin/").status_code == 302


def test_it_adds_a_prompt_under_its_hash(world, carol):
    response = carol.post(page(Prompt, "add"), {"messages": '[{"role": "user", "content": "New?"}]', "domain": ""})
    assert response.status_code == 302
    prompt = Prompt.objects.order_by("pk").last()
    assert (len(prompt.sha256), prompt.created_by) == (64, world.carol)


def test_a_prompt_has_its_language_in_one_spelling(world, carol):
    fields = {"messages": '[{"role": "user", "content": "Warum?"}]', "domain": ""}
    refused = carol.post(page(Prompt, "add"), fields | {"language": "german"}).content.decode()
    assert "is no language tag" in refused
    assert carol.post(page(Prompt, "add"), fields | {"language": "de-at"}).status_code == 302
    assert Prompt.objects.order_by("pk").last().language == "de-AT"


def test_of_a_prompt_the_language_alone_may_be_corrected(world, carol):
    task = world.ranking_tasks[0]
    before = task.prompt
    other = {"messages": '[{"role": "user", "content": "Another?"}]', "domain": ""}
    carol.post(page(Prompt, "change", before.pk), other | {"language": "DE"})
    after = Prompt.objects.get(pk=before.pk)
    assert (after.language, after.messages, after.domain) == ("de", before.messages, before.domain)
    assert (after.created_by, after.sha256) == (before.created_by, before.sha256)
    task.refresh_from_db()
    assert task.queue.language == "de"


def test_a_warning_moves_the_tasks_to_their_queue(world, carol):
    task = world.ranking_tasks[0]
    carol.post(page(ContentWarning, "add"), {"prompt": task.prompt_id, "kind": "hate"})
    task.refresh_from_db()
    assert task.queue.warnings == ["hate"]
    carol.post(page(ContentWarning, "delete", ContentWarning.objects.get().pk), {"post": "yes"})
    task.refresh_from_db()
    assert task.queue.warnings == []
    carol.post(page(ContentWarning, "add"), {"prompt": task.prompt_id, "kind": "hate"})
    chosen = [ContentWarning.objects.get().pk]
    action = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    carol.post(page(ContentWarning, "changelist"), action)
    task.refresh_from_db()
    assert task.queue.warnings == []


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ('[{"role": "user", "content": "Why is the sky blue? (0)"}]', "already a prompt"),
        ('[{"role": "assistant", "content": "Hello."}]', "must be the user"),
    ],
)
def test_it_refuses_a_prompt_that_is_known_or_is_none(world, carol, messages, sentence):
    response = carol.post(page(Prompt, "add"), {"messages": messages, "domain": ""})
    assert sentence in response.content.decode()


def test_it_refuses_a_completion_that_is_known(world, carol):
    known = Completion.objects.first()
    fields = {"prompt": known.prompt_id, "producer": known.producer_id, "text": known.text}
    assert "already there" in carol.post(page(Completion, "add"), fields).content.decode()


def test_it_adds_a_person_with_a_role(world, carol):
    user = type(world.alice)
    fields = {"username": "dora", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    response = carol.post(page(user, "add"), {**fields, "role": "admin"})
    assert response.status_code == 302
    assert user.objects.get(username="dora").is_admin


def test_a_simulated_annotator_gets_no_powers(world, carol):
    user = type(world.alice)
    user.objects.filter(pk=world.bob.pk).update(is_simulated=True)
    powers = {"role": "admin", "is_staff": "on", "is_superuser": "on"}
    response = carol.post(page(user, "change", world.bob.pk), {"username": "bob", "is_active": "on", **powers})
    assert response.status_code == 302
    bob = user.objects.get(pk=world.bob.pk)
    assert (bob.role, bob.is_staff, bob.is_superuser) == ("annotator", False, False)
