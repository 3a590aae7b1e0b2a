"""What judgements say of single completions is read once, kept in a file, and as the database has it at every look."""

from typing import NamedTuple

import numpy as np
import pytest

from annotate.audit_queries import inquiry
from annotate.audit_queries.inquiry import Inquiry, Question, positive_of
from annotate.audit_queries.slices import Slice, slot_of
from annotate.audit_queries.values import WHOLE, value_audit
from annotate.ledger import answers, boards, live, marks
from annotate.ledger.live import ledger
from annotate.ledger.marks import grids_of
from annotate.models import Campaign, Flag, Judgement, Rating, Span
from annotate.quality.value_agreement import ValueAgreement, value_agreement
from annotate.quality.values import ValueTable
from annotate.services.judging import correct
from tests.rating import add_rating_campaign, rate, values_for
from tests.world import add_ranking_task


@pytest.fixture
def stored(world, monkeypatch) -> Campaign:
    """Two have rated two tasks, and the ledger has stored that at once."""
    monkeypatch.setattr(live, "OLD", 0.0)
    monkeypatch.setattr(live, "ENOUGH", 1)
    monkeypatch.setattr(marks, "WORTH_A_FILE", 1)
    campaign = add_rating_campaign(world)
    for value, who in enumerate((world.alice, world.bob), start=3):
        for task in campaign.tasks.all():
            rate(who, campaign, ratings=values_for(campaign, task, value))
    ledger().check(anew=True)
    return campaign


class Cells(NamedTuple):
    """What there is now."""

    unit: np.ndarray
    annotator: np.ndarray
    columns: dict[str, np.ndarray]


def said(cells: Cells) -> set:
    """(annotator, label, value, how many) of all that is said."""
    found = set()
    for label, column in cells.columns.items():
        for who in set(cells.annotator.tolist()):
            values, counts = np.unique(column[(cells.annotator == who) & (column > 0)], return_counts=True)
            found |= {(who, label, *pair) for pair in zip(values.tolist(), counts.tolist(), strict=True)}
    return found


def in_database(campaign: Campaign) -> set:
    """The same, asked of the database."""
    current = Judgement.objects.filter(task__campaign=campaign).current()
    found: dict[tuple, set] = {}
    for row in Rating.objects.filter(judgement__in=current):
        key = (row.judgement.annotator_id, f"axis/{row.axis}", row.value)
        found.setdefault(key, set()).add((row.judgement_id, row.completion_id))
    for model, kind, name in ((Flag, "flag", "name"), (Span, "span", "type")):
        for row in model.objects.filter(judgement__in=current):
            key = (row.judgement.annotator_id, f"{kind}/{getattr(row, name)}", 1)
            found.setdefault(key, set()).add((row.judgement_id, row.completion_id))
    return {(*key, len(cells)) for key, cells in found.items()}


def look(campaign: Campaign) -> Cells:
    board = ledger().board(campaign.pk)
    base, now = grids_of(board, campaign.pk)
    kept = ~np.isin(base.row, board.gone)
    annotators = board.base.rows.annotator[base.row[kept]], board.now.rows.annotator[now.row]
    columns = {
        label: np.concatenate(
            [grid.columns.get(label, np.zeros(grid.row.size, np.int8))[of] for grid, of in ((base, kept), (now, ...))]
        )
        for label in {*base.columns, *now.columns}
    }
    return Cells(np.concatenate([base.unit[kept], base.n_units + now.unit]), np.concatenate(annotators), columns)


def test_stored_judgements_are_kept_in_a_file_and_not_read_again(stored, monkeypatch):
    cells = look(stored)
    assert said(cells) == in_database(stored)
    assert cells.unit.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert (ledger().folder() / f"marks-{stored.pk}.npz").exists()
    asked = []
    monkeypatch.setattr(marks, "run", lambda sql, params=(): asked.append(params) or [])
    ids = np.sort(ledger().board(stored.pk).base.rows.id)
    assert marks._stored(stored.pk, ids).value.size
    assert not asked


def test_a_torn_file_is_no_file(stored):
    look(stored)
    path = ledger().folder() / f"marks-{stored.pk}.npz"
    path.write_bytes(path.read_bytes()[:200])
    ids = np.sort(ledger().board(stored.pk).base.rows.id)
    assert marks._stored(stored.pk, ids).known.tolist() == ids.tolist()


def test_what_is_new_or_corrected_is_there_at_the_next_look(stored, world, monkeypatch):
    look(stored)
    monkeypatch.setattr(live, "OLD", 600.0)
    task = add_ranking_task(stored, question="Again?", answers=["Yes, **it** is.", "No, it is not."], by=world.carol)
    first = task.completions.earliest("pk").pk
    flag, error = stored.parsed_form.flags[0].name, stored.parsed_form.spans[0].name
    spans = {first: [{"start": 0, "end": 2, "type": error}, {"start": 3, "end": 5, "type": error}]}
    rate(world.alice, stored, flags={first: [flag]}, spans=spans)
    assert said(look(stored)) == in_database(stored)
    old = Judgement.objects.filter(annotator=world.bob).earliest("pk")
    answer = {"ratings": values_for(stored, old.task, 7)}
    correct(judgement_id=old.pk, annotator=world.bob, answer=answer, seconds=3.0)
    cells = look(stored)
    assert said(cells) == in_database(stored)
    assert cells.unit.size == 10
    assert sorted(np.unique(cells.unit, return_counts=True)[1].tolist()) == [1, 1, 2, 2, 2, 2]


def test_campaigns_do_not_mix(stored, world):
    other = Campaign.objects.get(pk=world.ranking.pk)
    assert look(other).unit.size == 0
    assert look(stored).unit.size == 8


def assert_told_of_all_rows(campaign: Campaign, chosen: Slice = WHOLE) -> None:
    """Every figure is the one that a pass over all answers gives."""
    audit = value_audit(campaign=campaign, chosen=chosen)
    board = ledger().board(campaign.pk)
    slots = {name: slot_of(audit.parts, name, key) for name, key in chosen.given.items()}
    for one in audit.asked:
        assert_alike(one.answered.found, one.question, Inquiry.of(board, campaign, slots))
    for name, groups in audit.groups.items():
        for group in groups:
            part = {**slots, name: slot_of(audit.parts, name, group.key)}
            assert_alike(group.answered.found, group.question, Inquiry.of(board, campaign, part))


def assert_alike(found: ValueAgreement, question: Question, inquiry: Inquiry) -> None:
    said = inquiry.answers(question, inquiry.board.annotators.tolist())
    inside = np.ones(said.item.size, bool)
    for name, slot in inquiry.slots.items():
        rows = inquiry.board.rows
        column = rows.week if name == "week" else getattr(rows, {"version": "guideline"}.get(name, name))
        where = dict(zip(zip(rows.task.tolist(), rows.annotator.tolist(), strict=True), column.tolist(), strict=True))
        both = zip(said.cluster.tolist(), said.annotator.tolist(), strict=True)
        inside &= np.array([where[one] for one in both]) == slot
    said = said.take(inside)
    values = np.array(question.scale)[said.code]
    columns = said.item, said.annotator, values, question.level
    table = ValueTable.from_arrays(*columns, categories=question.scale, clusters=said.cluster)
    wanted = value_agreement(table, positive=positive_of(question), measures=question.coefficients).as_dict()
    for name, one in found.as_dict().items():
        if isinstance(one, dict):
            assert one == pytest.approx(wanted[name], abs=1e-9), name
        elif name != "usage":
            assert one == wanted[name], name
    for one, other in zip(found.usage, wanted["usage"], strict=True):
        assert one.share.as_dict() == pytest.approx(other["share"], abs=1e-9)


@pytest.mark.parametrize("slots", [[], ["week"], ["domain"]])
@pytest.mark.parametrize("large", [1, 100_000])
def test_figures_after_a_change_are_those_of_all_answers(stored, world, monkeypatch, slots, large):
    for module in (answers, boards):
        monkeypatch.setattr(module, "LARGE", large)
    first = value_audit(campaign=stored)
    chosen = Slice(**{name: first.groups[name][0].key for name in slots})
    assert_told_of_all_rows(stored, chosen)
    monkeypatch.setattr(live, "OLD", 600.0)
    texts = ["Yes, **it** is.", "No, it is not."]
    task = add_ranking_task(stored, question="Again?", answers=texts, domain="physics", by=world.carol)
    rate(world.alice, stored, ratings=values_for(stored, task, 6))
    assert_told_of_all_rows(stored, chosen)
    one = rate(world.bob, stored, ratings=values_for(stored, task, 7))
    assert_told_of_all_rows(stored, chosen)
    corrected = values_for(stored, task, 2)
    correct(judgement_id=one.pk, annotator=world.bob, answer={"ratings": corrected}, seconds=5.0)
    assert_told_of_all_rows(stored, chosen)
    assert len(ledger().board(stored.pk).base.rows) == 4
    assert {"physics", "-"} == {group.key for group in value_audit(campaign=stored).domains}


def test_what_nobody_ever_said_is_told_once_and_is_what_each_would_be(stored, monkeypatch):
    told = value_audit(campaign=stored).figures
    ledger().board(stored.pk).memo.clear()
    each = []
    monkeypatch.setattr(inquiry, "is_said", lambda _board, _campaign, label: each.append(label) or True)
    assert value_audit(campaign=stored).figures == told
    assert any(label.startswith("flag/") for label in each)
