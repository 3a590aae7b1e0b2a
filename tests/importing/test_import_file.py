"""Importing into campaigns: whole or not at all, and once."""

import json

import pytest
from django.core.management import CommandError, call_command

from annotate.audit_queries.slices import campaign_audit
from annotate.errors import DomainError
from annotate.models import Campaign, Completion, Guideline, Judgement, Prompt, Task
from annotate.services.guidelines import sync_guidelines
from annotate.services.importing import import_file
from tests.world import add_guideline


@pytest.fixture
def written(tmp_path):
    def write(*rows):
        path = tmp_path / "rows.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        return path

    return write


def row(prompt, *texts, ranks=None):
    completions = [{"text": text, "producer": f"m{place}"} for place, text in enumerate(texts)]
    for completion, rank in zip(completions, ranks or [], strict=False):
        completion["rank"] = rank
    return {"prompt": prompt, "completions": completions}


def load(path, world, **options):
    return import_file(path=path, campaign_slug="new", by=world.carol, **options)


def test_it_makes_the_campaign_and_its_tasks(world, written):
    report = load(written(row("p", "a", "b"), row("q", "c", "d", "e")), world, overlap=5)
    assert (report.n_items, report.new_tasks, report.new_judgements) == (2, 2, 0)
    assert list(Task.objects.filter(campaign=report.campaign).values_list("k", "target")) == [(2, 5), (3, 5)]


def test_it_attributes_what_it_writes(world, written):
    load(written(row("p", "a", "b")), world)
    assert Prompt.objects.latest("pk").created_by == Completion.objects.latest("pk").created_by == world.carol


def test_a_row_has_its_language_or_the_files(world, written):
    load(written(row("p", "a", "b") | {"language": "pt-br"}, row("q", "c", "d")), world, language="ger")
    assert list(Prompt.objects.order_by("-pk").values_list("language", flat=True)[:2]) == ["de", "pt-BR"]


def test_a_known_prompt_takes_the_language_that_it_had_not(world, written):
    report = load(written(row("p", "a", "b")), world)
    task = Task.objects.get(campaign=report.campaign)
    assert task.queue.language == ""
    load(written(row("p", "a", "b")), world, language="fr")
    task.refresh_from_db()
    assert (task.prompt.language, task.queue.language) == ("fr", "fr")
    load(written(row("p", "a", "b")), world)  # a file that says nothing changes nothing
    assert Prompt.objects.get(pk=task.prompt_id).language == "fr"


@pytest.mark.parametrize("known", ["de", ""])
def test_a_prompt_is_not_in_two_languages(world, written, known):
    load(written(row("p", "a", "b")), world, language=known)
    rows = [row("new", "a", "b"), row("p", "a", "b") | {"language": "fr"}, row("p", "x", "y") | {"language": "de"}]
    number, before = (2 if known else 3), Prompt.objects.count()
    with pytest.raises(DomainError, match=f"row {number}: This prompt is in the language .* Nothing was imported"):
        load(written(*rows), world)
    assert Prompt.objects.count() == before


def test_the_language_of_a_file_must_be_one(world, written):
    with pytest.raises(DomainError, match="'Deutsch' is no language tag"):
        load(written(row("p", "a", "b")), world, language="Deutsch")


def test_importing_again_adds_nothing(world, written):
    path = written(row("p", "a", "b", ranks=[1, 2]), row("q", "c", "d", ranks=[1, 1]))
    load(path, world)
    report = load(path, world)
    assert (report.new_tasks, report.new_judgements) == (0, 0)
    assert (Task.objects.filter(campaign=report.campaign).count(), Judgement.objects.count()) == (2, 2)


def test_ranks_become_judgements_of_their_own_account(world, written):
    report = load(written(row("p", "a", "b", "c", ranks=[2, 1, 2])), world, annotator="crowd")
    judgement = Judgement.objects.get()
    assert (judgement.annotator.username, judgement.guideline.slug) == ("crowd", "judged-elsewhere")
    assert not judgement.annotator.has_usable_password()
    assert {ranked.completion.text: ranked.rank for ranked in judgement.ranked.all()} == {"a": 2, "b": 1, "c": 2}
    assert campaign_audit(campaign=report.campaign).overall.n_judgements == 1


def test_it_takes_k_completions_and_ranks_them_densely(world, written):
    path = written(row("p", *"abcdefghijkl", ranks=range(1, 13)))
    load(path, world, k=4)
    assert sorted(Judgement.objects.get().ranked.values_list("rank", flat=True)) == [1, 2, 3, 4]
    assert load(path, world, k=4).new_tasks == 0  # the same four again


def test_it_refuses_too_many_completions_whole(world, written):
    with pytest.raises(DomainError, match=r"row 2: 10 different completions.*--k"):
        load(written(row("p", "a", "b"), row("q", *"abcdefghij")), world)
    assert not Campaign.objects.filter(slug="new").exists()


def test_it_refuses_a_bad_row_whole(world, written):
    before = Prompt.objects.count()
    with pytest.raises(DomainError, match="row 2"):
        load(written(row("p", "a", "b"), {"prompt": ""}), world)
    assert Prompt.objects.count() == before


def test_it_refuses_a_campaign_of_another_kind(world, written):
    with pytest.raises(DomainError, match="is for demonstration"):
        import_file(path=written(row("p", "a", "b")), campaign_slug="writing", by=world.carol)


def test_prompts_alone_become_demonstration_tasks(world, written):
    report = load(written({"prompt": "Write."}, {"prompt": "Write more."}), world)
    assert (report.campaign.kind, report.new_tasks) == ("demonstration", 2)


def test_the_command_says_what_it_did(world, written, capsys):
    call_command("import_prompts", str(written(row("p", "a", "b"))), campaign="new", by="carol")
    assert "1 new tasks, 0 new judgements" in capsys.readouterr().out


def test_the_command_refuses_an_unknown_admin(world, written):
    with pytest.raises(CommandError, match="no admin named 'alice'"):
        call_command("import_prompts", str(written(row("p", "a", "b"))), campaign="new", by="alice")


GUIDELINE = "---\nslug: new\ntitle: T\nkind: ranking\nsummary: S.\n---\n{body}\n"


def test_a_guideline_version_is_inserted_when_its_text_is_new(db, tmp_path):
    path = tmp_path / "new.md"
    for body, new_versions in (("One.", [1]), ("One.", []), ("Two.", [2])):
        path.write_text(GUIDELINE.format(body=body))
        assert [guideline.version for guideline in sync_guidelines(folder=tmp_path)] == new_versions
    assert Guideline.objects.get(slug="new", version=1).body.strip() == "One."


def test_a_malformed_guideline_inserts_nothing(db, tmp_path):
    (tmp_path / "a.md").write_text(GUIDELINE.format(body="One."))
    (tmp_path / "b.md").write_text("no front matter")
    with pytest.raises(DomainError, match="b.md"):
        sync_guidelines(folder=tmp_path)
    assert Guideline.objects.count() == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"limit": 0}, "The option limit is 0; it must be at least 1"),
        ({"limit": -1}, "The option limit is -1; it must be at least 1"),
        ({"k": 0}, "The option k is 0; it must be at least 2"),
        ({"campaign_slug": "my campaign"}, "cannot have the slug 'my campaign'"),
        ({"campaign_name": "n" * 201}, "cannot have the name"),
        ({"overlap": 0}, "from 1 to 32767"),
        ({"overlap": 99_999}, "from 1 to 32767"),
    ],
)
def test_it_refuses_what_would_break_later(world, written, options, sentence):
    campaigns = Campaign.objects.count()
    with pytest.raises(DomainError, match=sentence):
        import_file(path=written(row("p", "a", "b")), by=world.carol, **{"campaign_slug": "new", **options})
    assert Campaign.objects.count() == campaigns


@pytest.mark.parametrize(
    ("kind", "rows", "told", "k"),
    [
        ("steps", [row("p", "1. Add.\n2. Stop.")], "steps", 1),
        ("", [{"prompt": "p", "steps": ["Add.", "Stop."]}], "steps", 1),
        ("rating", [row("p", "a", "b")], "rating", 2),
        ("rating", [{"prompt": "p", "completion": "a"}], "rating", 1),
    ],
)
def test_it_imports_tasks_of_the_kind_asked_for(world, written, kind, rows, told, k):
    add_guideline(told)
    report = load(written(*rows), world, kind=kind)
    assert (report.campaign.kind, report.campaign.tasks.get().k) == (told, k)


def test_it_takes_the_steps_that_the_file_gives_or_splits_the_solution(world, written):
    add_guideline("steps")
    load(written({"prompt": "p", "steps": ["One. Two.", "Three."]}), world)
    report = load(written({"prompt": "q", "completion": "Step 1: One.\nStep 2: Two."}), world)
    assert [task.steps for task in report.campaign.tasks.all()] == [
        ["One. Two.\n\n", "Three."],
        ["Step 1: One.\n", "Step 2: Two."],
    ]


@pytest.mark.parametrize(
    ("kind", "rows", "sentence"),
    [
        ("steps", [row("p", "a", "b")], "row 1: 2 different completions; a steps task has exactly 1"),
        ("steps", [{"prompt": "p"}], "prompts alone, which a campaign of the kind steps cannot use"),
        ("steps", [row("p", "\n\n".join("a" * 201))], "row 1: The solution has 201 steps; a task has at most 200"),
        ("demonstration", [row("p", "a", "b")], "which a campaign of the kind demonstration cannot use"),
        ("ranking", [{"prompt": "p", "steps": ["a"]}], "Such rows are for steps"),
    ],
)
def test_it_refuses_rows_that_the_kind_cannot_use(world, written, kind, rows, sentence):
    add_guideline("steps")
    with pytest.raises(DomainError, match=sentence):
        load(written(*rows), world, kind=kind)
    assert not Campaign.objects.filter(slug="new").exists()


def test_a_form_comes_from_a_file(world, written, tmp_path):
    add_guideline("steps")
    form = tmp_path / "form.json"
    form.write_text('{"steps": {"stop_at_first_error": false}}')
    path = written({"prompt": "p", "steps": ["a"]})
    call_command("import_prompts", str(path), campaign="new", form=form)
    assert not Campaign.objects.get(slug="new").parsed_form.stop_at_first_error
    form.write_text("[1]")
    with pytest.raises(CommandError, match="form must be an object"):
        call_command("import_prompts", str(path), campaign="newer", form=form)


def test_it_imports_completions_to_improve(world, tmp_path):
    add_guideline("revision")
    path = tmp_path / "drafts.jsonl"
    path.write_text('{"prompt": "How do I whistle?", "completions": ["Blow hard."]}\n')
    report = import_file(path=path, campaign_slug="improving", kind="revision", by=world.carol)
    (task,) = report.campaign.tasks.all()
    assert (report.campaign.kind, task.k, task.completions.get().text) == ("revision", 1, "Blow hard.")


def test_it_refuses_two_completions_to_improve_at_once(world, tmp_path):
    add_guideline("revision")
    path = tmp_path / "drafts.jsonl"
    path.write_text('{"prompt": "How do I whistle?", "completions": ["Blow hard.", "Blow."]}\n')
    with pytest.raises(DomainError, match="row 1: 2 different completions; a revision task has"):
        import_file(path=path, campaign_slug="improving", kind="revision", by=world.carol)
