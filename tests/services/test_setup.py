"""Setting campaigns up and changing them: checked together, on record, and not behind the annotators' backs."""

import gzip
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotate.errors import DomainError
from annotate.models import Campaign, CampaignChange, Guideline
from annotate.services import uploads
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_ranking
from annotate.services.setup import SettingsRefused, change_campaign, move_campaign, set_up_campaign
from annotate.services.uploads import import_upload
from tests.world import add_guideline

AXES = [{"name": "clear", "label": "Clear", "levels": 5}]


def set_up(world, kind="ranking", **fields):
    guideline = Guideline.objects.filter(kind=kind).first() or add_guideline(kind)
    return set_up_campaign(
        **{"by": world.carol, "slug": "new", "kind": kind, "name": "N", "guideline": guideline} | fields
    )


def refused(call, *args, **fields) -> dict[str, str]:
    with pytest.raises(SettingsRefused) as error:
        call(*args, **fields)
    return error.value.errors


def submit_one(world):
    held = claim_next_task(annotator=world.alice, campaign=world.ranking)
    ranks = dict(zip(held.shown_order, (1, 2, 3, 4), strict=True))
    submit_ranking(assignment_id=held.pk, annotator=world.alice, ranks=ranks, seconds=1)


def test_it_sets_a_campaign_up(world):
    campaign = set_up(world, "rating", form={"axes": AXES}, pay_seconds=90, access="members", overlap=2)
    assert (campaign.state, campaign.pay_seconds, campaign.access) == ("open", 90, "members")
    assert campaign.parsed_form.axes[0].label == "Clear"
    assert campaign.created_by == world.carol


def test_it_names_every_setting_that_is_wrong(world):
    wrong = {"name": "", "overlap": 0, "lease_minutes": "soon", "form": {"strength": 7}, "onboarding": {"consent": 1}}
    errors = refused(set_up, world, slug="no slug", **wrong)
    assert sorted(errors) == ["lease_minutes", "name", "onboarding", "slug", "strength"]
    errors = refused(set_up, world, overlap=0, form={"strength": 7}, onboarding={"consent": 1})
    assert sorted(errors) == ["onboarding", "overlap", "strength"]
    assert not Campaign.objects.filter(slug__in=["no slug", "new"]).exists()


@pytest.mark.parametrize(
    ("kind", "form", "part"),
    [
        ("ranking", {"steps": {}}, "steps"),
        ("rating", {}, "axes"),
        ("rating", {"axes": "nothing7"}, "axes"),
        ("ranking", {"flags": [{"name": "x"}]}, "flags"),
        ("demonstration", {"writing": {"min_words": 9, "max_words": 3}}, "writing"),
        ("demonstration", {"writing": {"turns": 99}}, "writing"),
        ("steps", {"steps": {"stop_at_first_error": 1}}, "steps"),
        ("steps", {"rationale": "maybe"}, "rationale"),
        ("steps", [], "form"),
    ],
)
def test_it_names_the_part_of_the_form_that_is_wrong(world, kind, form, part):
    assert list(refused(set_up, world, kind, form=form)) == [part]


def test_it_refuses_a_guideline_of_another_kind_and_a_source_that_is_none(world):
    assert "guideline" in refused(set_up, world, guideline=world.writing.guideline)
    assert "guideline" in refused(set_up, world, guideline=None)
    assert "source" in refused(set_up, world, source=world.writing)
    assert "source" in refused(set_up, world, "review")
    guideline = world.ranking.guideline
    assert "kind" in refused(set_up_campaign, by=world.carol, slug="new", kind="dancing", name="N", guideline=guideline)


def test_it_refuses_a_slug_that_is_taken(world):
    assert list(refused(set_up, world, slug="answers")) == ["slug"]


def test_it_puts_each_change_on_record(world):
    change_campaign(campaign=world.ranking, by=world.carol, name="Rank them", overlap=4, description="")
    found = list(CampaignChange.objects.order_by("field").values_list("by", "field", "old", "new"))
    assert found == [(world.carol.pk, "name", "Rank answers", "Rank them"), (world.carol.pk, "overlap", 2, 4)]
    assert Campaign.objects.get(pk=world.ranking.pk).overlap == 4


def test_a_change_to_the_same_is_no_change(world):
    assert change_campaign(campaign=world.ranking, by=world.carol, overlap="2", form={"strength": False}) == []


def test_it_changes_nothing_when_something_is_wrong(world):
    errors = refused(change_campaign, campaign=world.ranking, by=world.carol, name="Other", overlap=0)
    assert list(errors) == ["overlap"]
    world.ranking.refresh_from_db()
    assert (world.ranking.name, CampaignChange.objects.count()) == ("Rank answers", 0)


@pytest.mark.parametrize("name", ["slug", "kind", "source", "state", "created_by", "nonsense"])
def test_it_refuses_to_change_what_is_fixed(world, name):
    assert list(refused(change_campaign, campaign=world.ranking, by=world.carol, **{name: "x"})) == [name]


def test_the_form_may_change_until_somebody_submits(world):
    change_campaign(campaign=world.ranking, by=world.carol, form={"strength": True})
    submit_one(world)
    errors = refused(change_campaign, campaign=world.ranking, by=world.carol, form={}, name="Other")
    assert "already submitted" in errors["form"]
    world.ranking.refresh_from_db()
    assert (world.ranking.name, world.ranking.form) == ("Rank answers", {"strength": True})
    change_campaign(campaign=world.ranking, by=world.carol, form={"strength": True}, name="Other")


def test_a_guideline_version_is_named_on_record(world):
    newer = add_guideline("ranking", version=2)
    (change,) = change_campaign(campaign=world.ranking, by=world.carol, guideline=newer)
    assert (change.old, change.new) == ("How to do ranking, version 1", "How to do ranking, version 2")


def test_it_puts_a_move_on_record(world):
    move_campaign(campaign=world.ranking, state="closed", by=world.carol)
    change = CampaignChange.objects.get()
    assert (change.field, change.old, change.new) == ("state", "open", "closed")
    with pytest.raises(DomainError, match="cannot become"):
        move_campaign(campaign=world.ranking, state="open", by=world.carol)


# Who is given what


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"assignment": []}, "assignment"),
        ({"assignment": {"pace": 1}}, "assignment.pace"),
        ({"assignment": {"order": "width"}}, "assignment.order"),
        ({"assignment": {"random_share": 0}}, "assignment.random_share"),
        ({"assignment": {"gold": {"rate": 2}}}, "assignment.gold.rate"),
        ({"assignment": {"overlap": {"confidence": 0.9}}}, "assignment.overlap.ceiling"),
        ({"assignment": {"overlap": {"ceiling": 2}}, "overlap": 3}, "assignment.overlap.ceiling"),
        ({"assignment": {"needs": {"language": "yes"}}}, "assignment.needs.language"),
        ({"assignment": {"budget": {"judgements": 1.5}}}, "assignment.budget.judgements"),
        ({"assignment": {"budget": {"money": 100}}}, "hourly_rate"),
        ({"assignment": {"daily": {"hours": 25}}}, "assignment.daily.hours"),
        ({"priority": "high"}, "priority"),
        ({"priority": 10**12}, "priority"),
        ({"share": 0}, "share"),
        ({"share": 10**12}, "share"),
        ({"hourly_rate": "much", "currency": "EUR"}, "hourly_rate"),
        ({"hourly_rate": 0, "currency": "EUR"}, "hourly_rate"),
        ({"hourly_rate": "12.5"}, "currency"),
        ({"hourly_rate": "12.5", "currency": "E1R"}, "currency"),
    ],
)
def test_it_says_where_the_rules_are_wrong(world, fields, where):
    assert list(refused(change_campaign, campaign=world.ranking, by=world.carol, **fields)) == [where]


def test_it_puts_rules_and_rates_on_record(world):
    rules = {"order": "breadth", "random_share": 0.1, "budget": {"money": 90.5, "hours": None}}
    changes = change_campaign(
        campaign=world.ranking, by=world.carol, assignment=rules, hourly_rate="12.5", currency="eur", priority=-2
    )
    kept = {"order": "breadth", "budget": {"money": 90.5}}
    found = {change.field: (change.old, change.new) for change in CampaignChange.objects.all()}
    assert found == {
        "assignment": ({}, kept),
        "hourly_rate": (None, "12.50"),
        "currency": ("", "EUR"),
        "priority": (0, -2),
    }
    assert world.ranking.assignment_rules.budget.money == 90.5
    assert len(changes) == 4
    again = {"assignment": kept, "hourly_rate": "12.50", "currency": "EUR"}
    assert change_campaign(campaign=world.ranking, by=world.carol, **again) == []


def test_a_currency_goes_with_its_rate(world):
    change_campaign(campaign=world.ranking, by=world.carol, hourly_rate="12", currency="EUR")
    change_campaign(campaign=world.ranking, by=world.carol, hourly_rate=None)
    assert (world.ranking.hourly_rate, world.ranking.currency) == (None, "")


# Uploads


def upload(*rows, name="rows.jsonl", zipped=False):
    content = "\n".join(map(json.dumps, rows)).encode()
    return SimpleUploadedFile(name, gzip.compress(content) if zipped else content)


ROW = {"prompt": "p", "completions": ["a", "b"]}


@pytest.mark.parametrize("zipped", [False, True])
def test_an_upload_adds_tasks_and_is_on_record(world, zipped):
    report = import_upload(campaign=world.ranking, upload=upload(ROW, zipped=zipped), by=world.carol)
    assert report.new_tasks == 1
    change = CampaignChange.objects.get()
    assert (change.field, change.old, change.new, change.by) == ("tasks", 3, 4, world.carol)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (upload(ROW, {"prompt": ""}), "row 2"),
        (upload({"prompt": "alone"}), "which a campaign of the kind ranking cannot use"),
        (SimpleUploadedFile("x.gz", b"\x1f\x8b damaged"), "damaged"),
        (SimpleUploadedFile("x.jsonl", b"\xff\xfe\x00"), "not UTF-8"),
        (upload(*[{"prompt": f"p{n}", "completions": ["a", "b"]} for n in range(4)]), "at most 3 are taken"),
        (SimpleUploadedFile("../../x.jsonl", b"[" * 2000), "x.jsonl: 1 bad rows"),
        (SimpleUploadedFile("big.jsonl", b" " * (1024 * 1024 + 1)), "more than 1 MB"),
        (SimpleUploadedFile("bomb.gz", gzip.compress(b" " * (1024 * 1024 * 30))), "more than 1 MB"),
    ],
)
def test_a_bad_upload_is_refused_whole(world, monkeypatch, file, sentence):
    monkeypatch.setattr(uploads, "MAX_PROMPTS", 3)
    monkeypatch.setattr(uploads, "MAX_MEGABYTES", 1)
    with pytest.raises(DomainError, match=sentence):
        import_upload(campaign=world.ranking, upload=file, by=world.carol)
    assert (world.ranking.tasks.count(), CampaignChange.objects.count()) == (3, 0)
