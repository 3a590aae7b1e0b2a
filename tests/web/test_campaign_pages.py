"""Setting campaigns up in the browser, without script: what is posted, what is refused, and what is shown again."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotate.campaign_queries import campaigns_overview
from annotate.models import Assignment, Campaign, CampaignChange, Task
from annotate.views.work import TEMPLATES
from tests.services.test_setup import submit_one
from tests.web.conftest import rank_all
from tests.world import add_guideline

BASICS = {"name": "New", "overlap": "2", "lease_minutes": "30", "correction_minutes": "60", "access": "everyone"}


@pytest.fixture
def post(carol, world):
    """Post the page of a new campaign."""

    def send(kind, **fields):
        guideline = {"ranking": world.ranking, "demonstration": world.writing}.get(kind)
        guideline = guideline.guideline if guideline else add_guideline(kind)
        posted = {**BASICS, "kind": kind, "guideline": guideline.pk, "form_offered": "1", **fields}
        return carol.post("/campaigns/new/", posted)

    return send


def new() -> Campaign:
    return Campaign.objects.get(slug="new")


@pytest.mark.parametrize("address", ["/campaigns/", "/campaigns/new/", "/campaigns/answers/settings/"])
def test_it_is_for_admins(alice, world, address):
    assert alice.get(address).status_code == 403


@pytest.mark.parametrize("action", ["settings", "state", "tasks"])
def test_only_admins_change_campaigns(alice, world, action):
    assert alice.post(f"/campaigns/answers/{action}/", {"state": "closed", **BASICS}).status_code == 403
    assert not CampaignChange.objects.exists()


def test_it_lists_campaigns_with_their_progress(carol, world):
    rank_all(world.alice, world)
    campaign = campaigns_overview().get(slug="answers")
    assert (campaign.n_tasks, campaign.n_places, campaign.n_done, campaign.n_people) == (3, 6, 3, 1)
    assert "3 of 6" in carol.get("/campaigns/").content.decode()


def test_it_offers_only_what_the_kind_asks(carol, world):
    bodies = {kind: carol.get(f"/campaigns/new/?kind={kind}").content.decode() for kind in Campaign.Kind.values}
    offered = {
        part: {kind for kind, body in bodies.items() if f'name="{part}' in body}
        for part in ("strength", "axes", "flags", "spans", "stop_at_first_error", "min_words", "turns", "source")
    }
    assert offered == {
        "strength": {"ranking"},
        "axes": {"ranking", "rating"},
        "flags": {"ranking", "rating"},
        "spans": {"ranking", "rating"},
        "stop_at_first_error": {"steps"},
        "min_words": {"demonstration", "revision"},
        "turns": {"demonstration"},
        "source": {"review"},
    }


def test_it_sets_up_a_ranking_with_everything(post):
    asked = {"strength": "on", "behaviour": "on", "axes_preset": ["hth7"], "flags_preset": ["hallucination"]}
    own = {"axes-0-label": "Tone", "axes-0-levels": "rude | kind", "axes-0-optional": "on", "axes-1-label": ""}
    more = {"spans-0-label": "Off topic", "spans-0-meaning": "Not asked.", "rationale": "required"}
    assert post("ranking", **asked, **own, **more, pay_seconds="90").status_code == 302
    form = new().parsed_form
    assert (form.strength, form.behaviour, form.rationale, new().pay_seconds) == (True, True, "required", 90)
    assert [axis.name for axis in form.axes] == ["helpful", "truthful", "harmless", "tone"]
    assert (form.axes[3].levels, form.axes[3].required) == (("rude", "kind"), False)
    assert ([flag.name for flag in form.flags], [span.name for span in form.spans]) == (
        ["hallucination"],
        ["off_topic"],
    )


def test_it_sets_up_writing_with_bounds_and_a_checklist(post):
    bounds = {"min_words": "20", "max_words": "200", "prompt": "written", "turns": "3", "reasoning": "off"}
    assert (
        post("demonstration", **bounds, citations="on", **{"checklist-0-label": "I read it twice."}).status_code == 302
    )
    writing = new().parsed_form.writing
    assert (writing.min_words, writing.max_words, writing.prompt, writing.turns) == (20, 200, "written", 3)
    assert (writing.reasoning, writing.citations, writing.checklist[0].label) == ("off", True, "I read it twice.")


def test_it_sets_up_labels_for_every_step_and_who_may_give_them(post):
    ask = {"consent": "Agree.", "acknowledge": "on", "qualification": "on", "pass_percent": "75"}
    hours = {"qualification_tasks": "4", "retry_hours": "12"}
    assert post("steps", steps_offered="1", access="members", **ask, **hours).status_code == 302
    rules = new().onboarding_rules
    assert (new().parsed_form.stop_at_first_error, new().access) == (False, "members")
    assert (rules.consent, rules.acknowledge, rules.qualification.share) == ("Agree.", True, 0.75)


def test_it_sets_up_a_review_with_its_tasks(post, world):
    assert post("review", source="writing").status_code == 302
    assert new().source == world.writing


@pytest.mark.parametrize(
    ("kind", "fields", "part", "sentence"),
    [
        ("ranking", {"overlap": "0"}, "overlap", "at least 1"),
        ("ranking", {"overlap": "many"}, "overlap", "must be an integer"),
        ("ranking", {"slug": "no slug"}, "slug", "valid"),
        ("ranking", {"slug": "answers"}, "slug", "already a campaign"),
        ("ranking", {"guideline": "99999"}, "guideline", "Choose a guideline"),
        ("ranking", {"steps_offered": "1"}, "steps", "has no field"),
        ("ranking", {"axes_preset": ["nothing7"]}, "axes", "has no preset"),
        ("ranking", {"axes-0-label": "Tone", "axes-0-levels": "11"}, "axes", "from 2 to 10"),
        ("ranking", {"axes-0-label": "Tone", "axes-0-anchors": "{"}, "axes", "anchors"),
        ("ranking", {"flags-0-label": "", "flags-0-meaning": "No label."}, "flags", "has no label"),
        ("steps", {"strength": "on"}, "strength", "has no field"),
        ("demonstration", {"min_words": "some"}, "writing", "whole number"),
        ("demonstration", {"qualification": "on"}, "onboarding", "must be a number"),
        ("review", {"source": "answers"}, "source", "Only demonstrations"),
        ("rating", {}, "axes", "at least one axis"),
    ],
)
def test_it_refuses_with_a_sentence_at_the_field(post, kind, fields, part, sentence):
    response = post(kind, **fields)
    assert response.status_code == 422
    body = response.content.decode()
    assert f'id="error-{part}"' in body
    assert sentence in body
    assert 'value="New"' in body


def test_it_gives_more_rows_and_keeps_what_was_typed(post):
    response = post("ranking", more="axes", **{"axes-0-label": "Tone"})
    body = response.content.decode()
    assert (response.status_code, body.count('name="axes-')) == (200, 4 * 8)
    assert 'value="Tone"' in body
    assert not Campaign.objects.filter(slug="new").exists()


def test_what_was_stored_comes_back_as_it_was(carol, post):
    post(
        "ranking",
        axes_preset=["overall7"],
        flags_from="own",
        **{"axes-0-label": "Tone", "axes-0-levels": "rude | kind"},
    )
    stored = new().form
    body = carol.get("/campaigns/new/settings/").content.decode()
    assert 'value="overall7" checked' in body
    assert 'value="rude | kind"' in body
    assert stored["flags"] == []


def settings_of(campaign, **fields) -> dict:
    return {**BASICS, "name": campaign.name, "guideline": campaign.guideline_id, **fields}


def test_it_changes_settings_and_says_what(carol, world):
    fields = settings_of(world.ranking, name="Rank them", form_offered="1", strength="on")
    page = carol.post("/campaigns/answers/settings/", fields, follow=True).content.decode()
    assert "Saved: Name" in page
    assert set(CampaignChange.objects.values_list("field", flat=True)) >= {"name", "form"}
    assert Campaign.objects.get(slug="answers").form == {"strength": True}
    assert "carol" in page


def test_the_form_is_shown_as_fixed_after_the_first_submission(carol, world):
    submit_one(world)
    page = carol.get("/campaigns/answers/settings/").content.decode()
    assert "People have already submitted answers" in page
    assert "form_offered" not in page
    assert carol.post("/campaigns/answers/settings/", settings_of(world.ranking)).status_code == 302
    refused = carol.post("/campaigns/answers/settings/", settings_of(world.ranking, strength="on"))
    assert refused.status_code == 422
    assert "make a new campaign" in refused.content.decode()


def test_it_pauses_reopens_and_closes(carol, world):
    for state in ("paused", "open", "closed"):
        carol.post("/campaigns/answers/state/", {"state": state})
    assert Campaign.objects.get(slug="answers").state == "closed"
    page = carol.post("/campaigns/answers/state/", {"state": "open"}, follow=True).content.decode()
    assert "cannot become open" in page
    assert carol.post("/campaigns/answers/state/", {"state": "gone"}, follow=True).status_code == 200


def test_it_takes_a_file_of_prompts(carol, world):
    file = SimpleUploadedFile("more.jsonl", json.dumps({"prompt": "p", "completions": ["a", "b"]}).encode())
    page = carol.post("/campaigns/answers/tasks/", {"file": file}, follow=True).content.decode()
    assert "1 new tasks of 1 prompts" in page
    bad = SimpleUploadedFile("bad.jsonl", b'{"prompt": ""}')
    assert "row 1" in carol.post("/campaigns/answers/tasks/", {"file": bad}, follow=True).content.decode()
    assert "Choose a file" in carol.post("/campaigns/answers/tasks/", follow=True).content.decode()
    assert Task.objects.filter(campaign=world.ranking).count() == 4


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_preview_shows_a_sample_where_there_is_no_task(carol, post, world, kind):
    assert (
        post(kind, **{"review": {"source": "writing"}, "rating": {"axes_preset": "hth7"}}.get(kind, {})).status_code
        == 302
    )
    body = carol.get("/campaigns/new/preview/").content.decode()
    assert "This is a preview" in body
    assert "is 51 a prime number" in body
    assert "data-draft-url" not in body


def test_a_preview_shows_the_first_task_and_takes_nothing(carol, world):
    body = carol.get("/campaigns/answers/preview/").content.decode()
    assert "Why is the sky blue? (0)" in body
    assert not Assignment.objects.exists()
