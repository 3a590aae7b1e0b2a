"""The training pages: who may see them, what they show, what they start."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_ranking
from training import queries
from training.models import Pipeline, Run, Snapshot

# What a page may cost: more queries than these mean that some loop asks the database.
QUERIES = {"overview": 11, "pipeline": 7, "run": 7, "snapshot": 6}


def address(name, night):
    return {
        "overview": reverse("training:overview"),
        "pipeline": reverse("training:pipeline", args=[night.pipeline.pk]),
        "run": reverse("training:run", args=[night.dpo.pk]),
        "snapshot": reverse("training:snapshot", args=[night.snapshot.pk]),
    }[name]


@pytest.mark.parametrize("name", QUERIES)
def test_a_page_costs_no_more_queries_than_it_did(admin_client, night, name, django_assert_max_num_queries):
    with django_assert_max_num_queries(QUERIES[name]):
        assert admin_client.get(address(name, night)).status_code == 200


@pytest.mark.parametrize("name", QUERIES)
def test_an_annotator_is_refused(client, world, night, name):
    client.force_login(world.alice)
    assert client.get(address(name, night)).status_code == 403


@pytest.mark.parametrize("name", QUERIES)
def test_a_page_has_no_inline_script_or_style(admin_client, night, name):
    page = admin_client.get(address(name, night)).content.decode()
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize("name", QUERIES)
def test_htmx_gets_only_the_live_part(admin_client, night, name):
    part = admin_client.get(address(name, night), headers={"hx-request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="live"')
    assert "<html" not in part


def test_a_finished_page_does_not_poll(admin_client, night):
    assert "hx-trigger" not in admin_client.get(address("pipeline", night)).content.decode()


def test_a_running_page_polls(admin_client, night):
    Run.objects.filter(pk=night.dpo.pk).update(state="running", ended_at=None, progress=0.25, message="step 5 of 20")
    page = admin_client.get(address("run", night)).content.decode()
    assert 'hx-trigger="every 2s"' in page
    assert 'value="0.250"' in page
    assert "step 5 of 20" in page


def test_the_overview_shows_the_policy_in_force(admin_client, night):
    page = admin_client.get(address("overview", night)).content.decode()
    assert "dpo of tonight" in page
    assert "Run another pipeline today" in page


def test_the_pipeline_shows_figures_with_interval_and_n(admin_client, night):
    page = admin_client.get(address("pipeline", night)).content.decode().replace("\N{NO-BREAK SPACE}", " ")
    assert "62.0 %" in page
    assert "55.0 % to 69.0 %" in page
    assert '<td class="num">120</td>' in page


def test_the_pipeline_shows_answers_of_each_policy(admin_client, night):
    page = admin_client.get(address("pipeline", night)).content.decode()
    assert "My kettle leaks." in page
    assert "Answer of sft." in page
    assert "Answer of dpo." in page


def test_the_run_shows_its_log_escaped(admin_client, night):
    page = admin_client.get(address("run", night)).content.decode()
    assert "&lt;b&gt;not bold&lt;/b&gt;" in page


def test_the_run_shows_the_card_of_its_model(admin_client, night):
    assert "Model card" not in admin_client.get(address("run", night)).content.decode()
    card = night.dpo.path / "model/README.md"
    card.parent.mkdir()
    card.write_text("# dpo 1f3a\n\n<b>7</b> annotators\n")
    page = admin_client.get(address("run", night)).content.decode()
    assert "<summary>Model card</summary>" in page
    assert "&lt;b&gt;7&lt;/b&gt; annotators" in page


def test_the_run_tables_what_its_charts_draw(admin_client, night):
    page = admin_client.get(address("run", night)).content.decode()
    assert '<th scope="row"><bdi>loss</bdi></th><td class="num">0.6</td><td class="num">0.3</td>' in page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_charts_are_svg_without_script(admin_client, night, theme):
    for response in (
        admin_client.get(reverse("training:metric", args=[night.dpo.pk, "loss", theme])),
        admin_client.get(reverse("training:figure", args=[night.pipeline.pk, "win_rate", theme])),
    ):
        assert response["Content-Type"] == "image/svg+xml"
        assert response.content.startswith(b"<svg")
        assert b"<script" not in response.content


def test_an_unknown_chart_is_not_found(admin_client, night):
    assert admin_client.get(reverse("training:metric", args=[night.dpo.pk, "nothing", "dark"])).status_code == 404
    assert admin_client.get(reverse("training:figure", args=[night.pipeline.pk, "kl", "dark"])).status_code == 404


def test_a_snapshots_files_can_be_fetched(admin_client, night):
    response = admin_client.get(reverse("training:snapshot_file", args=[night.snapshot.pk, "rankings/train.parquet"]))
    assert b"".join(response.streaming_content) == b"PAR1"


@pytest.mark.parametrize("name", ["../../secret_key", "rankings/../../../secret_key", "rankings/none.parquet"])
def test_nothing_else_can_be_fetched(admin_client, night, name):
    response = admin_client.get(f"/training/snapshots/{night.snapshot.pk}/files/{name}")
    assert response.status_code == 404


@pytest.fixture
def judged(world):
    """A judgement, so that there is something to freeze and to learn from."""
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    ranks = {completion: place for place, completion in enumerate(assignment.shown_order, start=1)}
    submit_ranking(assignment_id=assignment.pk, annotator=world.alice, ranks=ranks, seconds=1)


def test_the_button_starts_tonights_pipeline_once(admin_client, world, judged):
    for _ in range(2):
        response = admin_client.post(reverse("training:start_pipeline"), follow=True)
    assert list(Pipeline.objects.values_list("date", "number", "trigger", "created_by")) == [
        (timezone.localdate(), 1, "person", world.carol.pk)
    ]
    assert "was already started" in response.content.decode()


def test_the_form_starts_a_pipeline_with_the_ticked_candidates(admin_client, world, judged):
    page = admin_client.get(reverse("training:overview")).content.decode()
    ticked = re.findall(r'name="candidate" value="(\w+)" checked', page)
    assert ticked == ["dpo", "ppo"]
    admin_client.post(reverse("training:start_pipeline"), {"choose": "yes", "candidate": ["kto", "rpo"]})
    assert Pipeline.objects.get().config["candidates"] == ["kto", "rpo"]


@pytest.mark.parametrize("chosen", [[], ["grpo"]])
def test_the_form_refuses_what_is_no_candidate(admin_client, world, judged, chosen):
    response = admin_client.post(
        reverse("training:start_pipeline"), {"choose": "yes", "candidate": chosen}, follow=True
    )
    assert "dpo, ppo, raft" in response.content.decode()
    assert not Pipeline.objects.exists()


def test_a_refusal_is_shown_as_a_sentence(admin_client, world):
    response = admin_client.post(reverse("training:start_pipeline"), follow=True)
    assert response.status_code == 200
    assert Pipeline.objects.count() == 0
    assert 'class="notice bad' in response.content.decode()


def test_it_cancels_and_resumes_a_pipeline(admin_client, world, judged):
    admin_client.post(reverse("training:start_pipeline"))
    pipeline = Pipeline.objects.get()
    admin_client.post(reverse("training:cancel_pipeline", args=[pipeline.pk]))
    pipeline.refresh_from_db()
    assert (pipeline.state, pipeline.reason) == ("cancelled", "Cancelled by carol.")
    admin_client.post(reverse("training:resume_pipeline", args=[pipeline.pk]))
    pipeline.refresh_from_db()
    assert pipeline.state == "running"


def test_it_cancels_a_run(admin_client, night):
    Run.objects.filter(pk=night.dpo.pk).update(state="running", ended_at=None)
    admin_client.post(reverse("training:cancel_run", args=[night.dpo.pk]))
    assert Run.objects.get(pk=night.dpo.pk).cancel_requested_at is not None


def test_it_freezes_the_chosen_campaigns(admin_client, world, judged):
    admin_client.post(reverse("training:freeze"), {"campaign": ["answers"]})
    snapshot = Snapshot.objects.get()
    assert (snapshot.selection["campaigns"], snapshot.created_by) == (["answers"], world.carol)


@pytest.mark.parametrize("name", ["start_pipeline", "freeze"])
def test_only_an_admins_post_starts_something(client, world, judged, name):
    client.force_login(world.alice)
    assert client.post(reverse(f"training:{name}"), {"campaign": ["answers"]}).status_code == 403
    client.force_login(world.carol)
    assert client.get(reverse(f"training:{name}")).status_code == 405
    assert (Pipeline.objects.count(), Snapshot.objects.count()) == (0, 0)


def test_the_next_nightly_is_at_the_time_that_was_set():
    due = queries.next_nightly()
    assert (due.hour, due.minute, due.second) == (1, 30, 0)
    assert due > timezone.now()
