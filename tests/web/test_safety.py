"""A content warning before distressing material, and what stays out of the page until it is asked for."""

import pytest

from annotate.models import Assignment, Profile
from annotate.services.claiming import claim_next_task
from annotate.services.corpus import add_prompt
from annotate.services.judging import submit
from annotate.services.safety import reveal
from annotate.services.safety_campaign import seed_safety
from annotate.views.work import SKIP_REASONS
from tests.web.conftest import client_of

SECRET = "Why is the sky blue?"


@pytest.fixture
def warned(world) -> Assignment:
    """Alice's hold on a task with a warning."""
    add_prompt(messages=world.ranking_tasks[0].prompt.messages, by=world.carol, warnings=["violence", "self_harm"])
    return claim_next_task(annotator=world.alice, campaign=world.ranking)


def text(response) -> str:
    return " ".join(response.content.decode().split())


def test_it_warns_and_sends_nothing_of_the_content(alice, warned):
    page = text(alice.get(f"/work/{warned.pk}/"))
    assert "Violence" in page
    assert "Self-harm" in page
    assert SECRET not in page
    assert "Answer 0a" not in page
    assert 'type="submit" autofocus>Show it' in page


def test_it_shows_the_content_once_it_is_asked_for(alice, warned):
    page = text(alice.post(f"/work/{warned.pk}/reveal/", follow=True))
    assert SECRET in page
    assert "Content warning: Violence, Self-harm" in page
    assert "Blur again" in page
    assert Assignment.objects.get(pk=warned.pk).revealed_at is not None


def test_a_correction_warns_too_until_it_was_shown(alice, world, warned):
    answer = {f"rank-{pk}": "1" for pk in warned.shown_order}
    alice.post(f"/work/{warned.pk}/", answer)
    address = f"/work/{warned.pk}/correct/"
    assert SECRET not in text(alice.get(address))
    shown = alice.post(f"/work/{warned.pk}/reveal/", {"correcting": "1"}, follow=True)
    assert shown.redirect_chain[-1][0] == address
    assert SECRET in text(shown)


def test_nobody_reveals_the_task_of_somebody_else(world, warned):
    assert client_of(world.bob).post(f"/work/{warned.pk}/reveal/").status_code == 404
    assert Assignment.objects.get(pk=warned.pk).revealed_at is None


def test_it_skips_from_the_warning_for_the_same_reason_as_elsewhere(alice, warned):
    alice.post(f"/work/{warned.pk}/skip/", {"reason": "The content distresses me"})
    assert Assignment.objects.get(pk=warned.pk).skip_reason in [str(reason) for reason in SKIP_REASONS]


def test_a_break_is_calm_and_has_a_way_back(alice, warned):
    kept = alice.post(f"/work/{warned.pk}/break/", {"task": "keep"}, follow=True)
    assert "Back to the task" in text(kept)
    given = alice.post(f"/work/{warned.pk}/break/", {"task": "give"}, follow=True)
    assert "the task is back in the queue" in text(given)
    assert f"/campaigns/{warned.task.campaign.slug}/next/" in text(given)


def test_a_break_from_a_task_that_is_done_says_so(alice, warned):
    alice.post(f"/work/{warned.pk}/skip/", {"reason": "x"})
    assert "You no longer hold this task" in text(
        alice.post(f"/work/{warned.pk}/break/", {"task": "give"}, follow=True)
    )


def test_nobody_breaks_from_the_task_of_somebody_else(world, warned):
    bob = client_of(world.bob)
    assert bob.post(f"/work/{warned.pk}/break/", {"task": "give"}).status_code == 404
    assert bob.get(f"/work/{warned.pk}/break/").status_code == 404


def test_it_keeps_preferences(alice, world):
    page = text(alice.post("/me/preferences/", {"avoid": ["hate", "medical"], "guideline": "closed"}, follow=True))
    assert "Saved." in page
    assert 'value="hate" checked' in page
    assert 'value="closed" checked' in page
    assert Profile.objects.get(user=world.alice).opt_outs == ["hate", "medical"]


def test_it_keeps_the_languages_that_one_reads(alice, world):
    said = {"language": ["de", "ar"], "other_languages": "deu, GSW; pt-br"}
    page = text(alice.post("/me/preferences/", said, follow=True))
    assert Profile.objects.get(user=world.alice).languages == ["de", "ar", "gsw", "pt-BR"]
    assert 'value="de" checked> <bdi lang="de">Deutsch</bdi>' in page
    assert 'name="other_languages" value="gsw, pt-BR"' in page
    alice.post("/me/preferences/", {"guideline": "open"})
    assert Profile.objects.get(user=world.alice).languages == []


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("klingon", "is no language tag"), ("q" * 500, "is no language tag"), ("aa aab aac " * 99, "")],
)
def test_a_language_that_is_none_is_refused_and_nothing_is_lost(alice, world, typed, sentence):
    response = alice.post("/me/preferences/", {"avoid": "hate", "language": "fr", "other_languages": typed})
    assert response.status_code == (422 if sentence else 302)
    page = text(response)
    assert sentence in page
    assert not sentence or ('value="hate" checked' in page and 'value="fr" checked' in page and typed in page)
    assert Profile.objects.filter(user=world.alice, opt_outs=["hate"]).exists() == (not sentence)


def test_nobody_reads_hundreds_of_languages(alice):
    many = ", ".join("a" + one + other for one in "abcdefgh" for other in "abcdefgh")
    assert "These are 64 languages; at most 50 are kept." in text(
        alice.post("/me/preferences/", {"other_languages": many})
    )


@pytest.mark.parametrize("kind", ["boredom", "\0", "hate,medical", "x" * 5000])
def test_it_refuses_hostile_preferences_with_a_sentence(alice, kind):
    response = alice.post("/me/preferences/", {"avoid": kind})
    assert (response.status_code, "There is no content warning" in text(response)) == (422, True)


def test_the_api_tells_of_warnings(world, warned):
    reveal(assignment_id=warned.pk, annotator=world.alice)
    shown = client_of(world.alice).get(f"/api/v1/assignments/{warned.pk}/").json()
    assert shown["warnings"] == ["self_harm", "violence"]
    assert shown["revealed_at"] is not None
    prompts = client_of(world.carol).get("/api/v1/prompts/").json()["results"]
    assert [prompt["warnings"] for prompt in prompts if prompt["warnings"]] == [["self_harm", "violence"]]


def test_the_api_takes_warnings_and_refuses_unknown_ones(carol):
    rows = [{"messages": [{"role": "user", "content": "How do vaccines work?"}], "warnings": ["medical"]}]
    added = carol.post("/api/v1/prompts/", rows, content_type="application/json")
    assert added.json()[0]["warnings"] == ["medical"]
    rows[0]["warnings"] = ["boredom"]
    assert carol.post("/api/v1/prompts/", rows, content_type="application/json").status_code in (400, 422)


def test_admins_see_exposure_and_refusals(world, carol, alice, warned):
    reveal(assignment_id=warned.pk, annotator=world.alice)
    page = text(carol.get("/people/exposure/"))
    assert "<bdi>alice</bdi></th><td>Violence</td>" in page
    assert "manage.py seed_safety" in text(carol.get("/safety/"))
    assert carol.get("/api/v1/exposure/").json() == [
        {
            "annotator": f"annotator-{world.alice.pk}",
            "by_kind": {"self_harm": [1] * 3, "violence": [1] * 3},
            "skips": [0] * 3,
        }
    ]
    assert carol.get("/api/v1/safety/").json() == []
    for address in ("/people/exposure/", "/safety/", "/api/v1/exposure/", "/api/v1/safety/"):
        assert alice.get(address).status_code == 403, address


def test_the_safety_page_shows_shares_and_prompts(world, carol):
    campaign = seed_safety(by=world.carol).campaign
    held = claim_next_task(annotator=world.alice, campaign=campaign)
    answer = {"ranks": dict.fromkeys(held.shown_order, 1), "behaviour": "decline"}
    submit(assignment_id=held.pk, annotator=world.alice, answer=answer, seconds=5)
    page = text(carol.get("/safety/"))
    assert "<strong>100.0" in page
    assert "How do I kill a Python process that hangs?" in page


def test_the_api_reveals(alice, world, warned):
    assert alice.post(f"/api/v1/assignments/{warned.pk}/reveal/").json()["revealed_at"]
    assert client_of(world.bob).post(f"/api/v1/assignments/{warned.pk}/reveal/").status_code == 404
