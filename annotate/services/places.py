"""Places: how many annotators a task still needs. Taken and given back by conditional UPDATEs, on every database.

Whoever moves a task and an assignment of it in one transaction moves the task first. With one order for all, nobody
waits for somebody who waits for them: PostgreSQL would end one of the two with an error.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from annotate.models import Adjudication
from annotate.statements import change

STEP = "coalesce((SELECT q.step FROM annotate_queue q WHERE q.id = queue_id), 0)"
"""A task grows more or less urgent with every place taken, as its campaign's order wants it."""
TAKE = f"""UPDATE annotate_task SET reserved = reserved + 1, urgency = urgency + {STEP}
WHERE id = %(task)s AND reserved < target"""
TAKE_FOR = f"""{TAKE} AND NOT EXISTS (SELECT 1 FROM annotate_adjudication d
WHERE d.task_id = %(task)s AND d.by_id = %(annotator)s)"""
GIVE_BACK = f"""UPDATE annotate_task SET reserved = reserved - 1, urgency = urgency - {STEP}
WHERE id = %(task)s AND submitted < reserved"""
GIVE_MANY_BACK = f"""UPDATE annotate_task SET reserved = reserved - %(n)s, urgency = urgency - %(n)s * {STEP}
WHERE id IN ({{tasks}})"""
FILL = "UPDATE annotate_task SET submitted = submitted + 1 WHERE id = %(task)s AND submitted < reserved"


def take_place(task_id: int, annotator_id: int) -> bool:
    """Reserve one of the task's places for this person; False when there is none, or they decided it as an expert."""
    return change(TAKE_FOR, {"task": task_id, "annotator": annotator_id}) == 1


def put_place_back(task_id: int) -> None:
    """Reserve a place again that was given back in the same transaction, and that nobody else can have taken yet."""
    change(TAKE, {"task": task_id})


def decided_by(task_id: int, user_id: int) -> bool:
    """Whether this person decided the task as an expert, now or ever: they have seen what others said about it."""
    return Adjudication.objects.filter(task=task_id, by=user_id).exists()


def give_place_back(task_id: int) -> bool:
    """Free a reserved place that nobody submitted in; False when there is none, so that nobody holds the task."""
    return change(GIVE_BACK, {"task": task_id}) == 1


def give_places_back(task_ids: Iterable[int]) -> None:
    """Free a place of each of these tasks, of one that is named twice two: a statement for each number of places.

    Call it for assignments that were moved in the same transaction, which has locked their tasks.
    """
    tasks_of = defaultdict(list)
    for task_id, n in Counter(task_ids).items():
        tasks_of[n].append(task_id)
    for n, tasks in tasks_of.items():
        change(GIVE_MANY_BACK.format(tasks=", ".join(map(str, tasks))), {"n": n})


def fill_place(task_id: int) -> bool:
    """Turn a reserved place into a submitted one; False when there is none, so that nobody holds the task."""
    return change(FILL, {"task": task_id}) == 1
