"""Places: how many annotators a task still needs. Taken and given back by conditional UPDATEs, on every database.

Whoever moves a task and an assignment of it in one transaction moves the task first. With one order for all, nobody
waits for somebody who waits for them: PostgreSQL would end one of the two with an error.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from annotate.statements import change

STEP = "coalesce((SELECT q.step FROM annotate_queue q WHERE q.id = queue_id), 0)"
"""A task grows more or less urgent with every place taken, as its campaign's order wants it."""
TAKE = f"""UPDATE annotate_task SET reserved = reserved + 1, urgency = urgency + {STEP}
WHERE id = %(task)s AND reserved < target"""
GIVE_BACK = f"""UPDATE annotate_task SET reserved = reserved - 1, urgency = urgency - {STEP}
WHERE id = %(task)s AND submitted < reserved"""
GIVE_MANY_BACK = f"""UPDATE annotate_task SET reserved = reserved - %(n)s, urgency = urgency - %(n)s * {STEP}
WHERE id IN ({{tasks}})"""
FILL = "UPDATE annotate_task SET submitted = submitted + 1 WHERE id = %(task)s AND submitted < reserved"


def take_place(task_id: int) -> bool:
    """Reserve one of the task's places; False when there is none."""
    return change(TAKE, {"task": task_id}) == 1


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
