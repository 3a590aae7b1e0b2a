"""A campaign with tens of thousands of tasks, written by a few statements instead of one by one."""

from collections.abc import Mapping

from django.db import connection, models

from annotate.models import Assignment, Campaign, Completion, Judgement, Task, TaskCompletion, User
from annotate.services.campaigns import MAX_SMALL, add_task, create_campaign
from annotate.services.claiming import claim_task
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.judging import submit_ranking

GOLDEN = 0.6180339887498949
"""Multiples of this, without their whole part, are spread evenly over the circle."""


def crowded_campaign(*, slug: str, tasks: int, purposes: tuple[str, ...] = ("work",)) -> Campaign:
    """A campaign of pairs with `tasks` tasks, in two queues of work (and one of gold, if that is asked for)."""
    campaign = create_campaign(slug=slug, name=slug, kind="ranking", guideline_slug="ranking", overlap=3, by=None)
    kinds = [("work", ""), ("work", "physics"), ("gold", "")] if "gold" in purposes else [("work", ""), ("work", "art")]
    for number, (purpose, domain) in enumerate(kinds):
        prompt = add_prompt(messages=[{"role": "user", "content": f"{slug} {number}?"}], domain=domain, by=None)
        model = add_producer(name="model", kind="imported")
        pair = [add_completion(prompt=prompt, producer=model, text=text, by=None) for text in "ab"]
        target = MAX_SMALL if purpose == "gold" else None
        first = add_task(campaign=campaign, prompt=prompt, completions=pair, purpose=purpose, target=target)[0]
        multiply(first, tasks // len(kinds))
    return campaign


def multiply(task: Task, n: int) -> None:
    """Make `n` - 1 more tasks like this one, each with completions of its own."""
    # Numbers below zero: the sequences go on counting where they were.
    start = min(0, Task.objects.aggregate(least=models.Min("pk"))["least"])
    ids = {"id": f"{start} - n.i"}
    changed = {
        **ids,
        "content_sha256": f"'{task.pk}-' || n.i",
        "position": f"{task.position} - {start} + 10 * n.i",
        "draw": f"n.i * {GOLDEN} - floor(n.i * {GOLDEN})",
    }
    copy(Task, changed, n - 1, f"o.id = {task.pk}")
    for place, link in enumerate(task.task_completions.order_by("position")):
        number = f"2 * ({start} - n.i) - {place}"
        sha = f"'{link.completion_id}-' || n.i"
        copy(Completion, {"id": number, "sha256": sha}, n - 1, f"o.id = {link.completion_id}")
        linked = {"id": number, "task_id": f"{start} - n.i", "completion_id": number}
        copy(TaskCompletion, linked, n - 1, f"o.id = {link.pk}")


def copy(model: type[models.Model], changed: Mapping[str, str], n: int, which: str) -> None:
    """Copy a row `n` times, with some columns computed from the row `o` and from `n.i`, which counts from 1."""
    counting = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n})"
    insert(model, changed, f"{model._meta.db_table} o, n WHERE {which}", counting=counting)


def did(person: User, campaign: Campaign, n: int, *, skip: int = 0, reserved: int = 1) -> None:
    """This person submitted `n` tasks of work, the first after `skip`; so many places are taken of each now."""
    first = campaign.tasks.filter(purpose="work").order_by("position")[skip]
    held = claim_task(task=first, annotator=person, guideline=campaign.guideline)
    ranks = dict.fromkeys(held.shown_order, 1)
    judgement = submit_ranking(assignment_id=held.pk, annotator=person, ranks=ranks, seconds=1)
    ordered = f"SELECT id FROM annotate_task WHERE campaign_id = {campaign.pk} AND purpose = 'work' ORDER BY position"
    uuid = "gen_random_uuid()" if connection.vendor == "postgresql" else "lower(hex(randomblob(16)))"
    others = f"({ordered} LIMIT {n - 1} OFFSET {skip + 1}) t"
    this_one = f"o.task_id = {first.pk} AND o.annotator_id = {person.pk}"
    insert(Assignment, {"id": uuid, "task_id": "t.id"}, f"annotate_assignment o, {others} WHERE {this_one}")
    mine = f"annotate_assignment a WHERE a.annotator_id = {person.pk} AND a.campaign_id = {campaign.pk}"
    insert(
        Judgement,
        {"assignment_id": "a.id", "task_id": "a.task_id"},
        f"annotate_judgement o, {mine} AND o.id = {judgement.pk}"
        " AND NOT EXISTS (SELECT 1 FROM annotate_judgement j WHERE j.assignment_id = a.id)",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE annotate_task SET reserved = {reserved}, submitted = {reserved}, urgency = {reserved}"
            f" WHERE id IN ({ordered} LIMIT {n} OFFSET {skip})"
        )


def insert(model: type[models.Model], changed: Mapping[str, str], source: str, *, counting: str = "") -> None:
    """Insert a row for every row of `source`, like its row `o` but for the columns that are computed."""
    columns = [field.column for field in model._meta.concrete_fields if field.column != "id" or "id" in changed]
    values = ", ".join(changed.get(column, f"o.{column}") for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) {counting} SELECT {values} FROM {source}"
        )


def analyse() -> None:
    """Let the database count its rows, as it does by itself from time to time."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
