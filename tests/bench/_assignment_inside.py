"""What the assignment benchmark does inside the product, through `manage.py shell -c`; it prints JSON."""

import json
import random
import time
from collections import Counter
from pathlib import Path

from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Max, Model
from knox.models import get_token_model

from annotate.models import Assignment, Campaign, Completion, Judgement, Prompt, Task, TaskCompletion, User
from annotate.services.campaigns import add_task, create_campaign, set_campaign_state
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.people import create_admin, create_annotator
from annotate.services.queues import queue_for
from tests.bench._kill_inside import places
from tests.bench._workplace_inside import WORDS

TEXTS = 200
"""Different prompts, each with two answers, of which the campaigns are made."""


def prepare(*, annotators: int) -> None:
    """The texts, as tasks of a paused campaign, and the people; prints their tokens."""
    rng = random.Random(11)
    carol = create_admin(username="carol", password="correct horse battery")
    people = [create_annotator(username=f"annotator-{n}") for n in range(annotators)]
    texts = create_campaign(slug="texts", name="Texts", kind="ranking", guideline_slug="ranking", by=carol)
    producers = [add_producer(name=f"model-{n}", kind="imported") for n in range(2)]
    for number in range(TEXTS):
        prompt = add_prompt(messages=[{"role": "user", "content": f"({number}) {_words(rng, 25)}"}], by=carol)
        add_task(
            campaign=texts,
            prompt=prompt,
            completions=[
                add_completion(prompt=prompt, producer=one, text=_words(rng, rng.randint(60, 180)), by=carol)
                for one in producers
            ],
        )
    set_campaign_state(campaign=texts, state=Campaign.State.PAUSED)
    print(json.dumps([get_token_model().objects.create(user=person)[1] for person in people]))


def _words(rng: random.Random, count: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(count)).capitalize() + "."


def fill(sizes: dict[str, int], *, overlap: int, lease_minutes: int = 30) -> None:
    """Campaigns of so many tasks each, by slug; prints how many seconds that took."""
    began = time.monotonic()
    for slug, tasks in sizes.items():
        campaign = create_campaign(
            slug=slug,
            name=slug,
            kind="ranking",
            guideline_slug="ranking",
            overlap=overlap,
            lease_minutes=lease_minutes,
            by=User.objects.get(username="carol"),
        )
        with transaction.atomic(), connection.cursor() as cursor:
            if (
                connection.vendor == "postgresql"
            ):  # what refers to what is right by construction; checking takes longest
                cursor.execute("SET LOCAL session_replication_role = replica")
            _copy_texts(cursor, campaign, tasks)
    with connection.cursor() as cursor:
        for statement in SETTLED[connection.vendor]:
            cursor.execute(statement)
    print(json.dumps(round(time.monotonic() - began, 1)))


def _copy_texts(cursor, campaign: Campaign, tasks: int) -> None:
    """Fill the campaign with copies of the texts, in SQL: a million tasks, each with its own rows, in a minute or two.

    What is not named here is as `add_task` made it for the texts.
    """
    first = {
        model: (model.objects.aggregate(last=Max("pk"))["last"] or 0) + 1
        for model in (Prompt, Completion, Task, TaskCompletion)
    }
    queue = queue_for(campaign=campaign, prompt=Prompt.objects.get(tasks__campaign__slug="texts", tasks__position=0))
    name = f"'{campaign.slug}-' || n.i"
    prompt, task = f"{first[Prompt]} + n.i", f"{first[Task]} + n.i"
    completion = f"{first[Completion]} + 2 * n.i + link.position"
    _copy(cursor, tasks, Prompt, "prompt", id=prompt, sha256=name)
    _copy(cursor, tasks, Completion, "completion", id=completion, prompt_id=prompt)
    _copy(
        cursor,
        tasks,
        Task,
        "task",
        id=task,
        campaign_id=campaign.pk,
        prompt_id=prompt,
        content_sha256=name,
        position="n.i",
        target=campaign.overlap,
        queue_id=queue.pk,
        draw=RANDOM[connection.vendor],
    )
    link = f"{first[TaskCompletion]} + 2 * n.i + link.position"
    _copy(cursor, tasks, TaskCompletion, "link", id=link, task_id=task, completion_id=completion)
    for statement in connection.ops.sequence_reset_sql(no_style(), list(first)):
        cursor.execute(statement)


SETTLED = {"sqlite": ["ANALYZE"], "postgresql": ["VACUUM (ANALYZE)", "CHECKPOINT"]}
"""So that nobody tidies up while something is measured."""
RANDOM = {"sqlite": "RAND()", "postgresql": "RANDOM()"}
SOURCES = {
    "task": "",
    "prompt": "JOIN annotate_prompt prompt ON prompt.id = task.prompt_id",
    "link": "JOIN annotate_taskcompletion link ON link.task_id = task.id",
    "completion": "JOIN annotate_taskcompletion link ON link.task_id = task.id"
    " JOIN annotate_completion completion ON completion.id = link.completion_id",
}


def _copy(cursor, tasks: int, model: type[Model], source: str, **changed: str | int) -> None:
    """Rows 0 to `tasks`, each like the row `source` of the texts, by turns, but for what is `changed`."""
    columns = [field.column for field in model._meta.concrete_fields]
    values = [str(changed.get(column, f"{source}.{column}")) for column in columns]
    cursor.execute(
        f"""
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {tasks})
        INSERT INTO {model._meta.db_table} ({", ".join(columns)})
        SELECT {", ".join(values)}
        FROM n
        JOIN annotate_campaign campaign ON campaign.slug = 'texts'
        JOIN annotate_task task ON task.campaign_id = campaign.id AND task.position = n.i % {TEXTS}
        {SOURCES[source]}
        """
    )


def report(answered: str) -> None:
    """By campaign, what must not be: judgements beyond the overlap, doubled, or answered and not there.

    `answered` is a file of {slug: [[idempotency key, judgement, assignment], ...]}.
    """
    columns = ("pk", "assignment_id", "idempotency_key", "task_id", "annotator_id", "task__target")
    found = {}
    for slug, acknowledged in json.loads(Path(answered).read_text()).items():
        rows = list(Judgement.objects.filter(task__campaign__slug=slug).values_list(*columns))
        targets = {task: target for *_others, task, _annotator, target in rows}
        per_task = Counter(task for *_others, task, _annotator, _target in rows)
        per_person = Counter((task, annotator) for *_others, task, annotator, _target in rows)
        kept = Counter((key, pk, str(assignment)) for pk, assignment, key, *_others in rows)
        found[slug] = {
            "judgements": len(rows),
            "beyond_overlap": sum(max(0, n - targets[task]) for task, n in per_task.items()),
            "duplicates": sum(n - 1 for n in per_person.values()),
            "lost": sum(kept[tuple(one)] != 1 for one in acknowledged),
        }
    print(json.dumps(found))


def held(slug: str) -> None:
    """How many tasks of the campaign somebody holds now."""
    print(json.dumps(Assignment.objects.filter(campaign__slug=slug, state=Assignment.State.CLAIMED).count()))


def unfinished(slug: str) -> None:
    """The tasks of the campaign that lack judgements, or whose counts of places are not those of their assignments."""
    found = [places(task) for task in Task.objects.filter(campaign__slug=slug)]
    wrong = [
        one
        for one in found
        if not one["target"] == one["reserved"] == one["submitted"] == one["assignments held"] == one["judgements"]
    ]
    print(json.dumps(wrong))
