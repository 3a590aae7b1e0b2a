"""Gold in a small world: tasks with a known answer that are mixed into the ranking campaign."""

from annotate.models import Task
from annotate.services.gold import make_gold, mix_in
from annotate.services.setup import change_campaign
from tests.world import World, add_ranking_task


def add_gold(world: World, n: int = 1) -> list[Task]:
    """`n` gold tasks in the ranking campaign, of four completions like the others; the answers are in their order."""
    made = []
    for number in range(n):
        answers = [f"Answer {number}{letter} that is **known**." for letter in "abcd"]
        question = f"Why is the grass green? ({number})"
        domain = ("physics", "art")[number % 2]
        task = add_ranking_task(world.ranking, question=question, answers=answers, domain=domain, by=world.carol)
        ranks = {pk: rank for rank, pk in enumerate(task.completions.order_by("pk").values_list("pk", flat=True), 1)}
        make_gold(task=task, answer={"ranks": ranks}, explanation="Known.", by=world.carol)
        task.refresh_from_db()
        made.append(mix_in(task=task, by=world.carol))
    return made


def set_rules(world: World, **rules) -> None:
    """The ranking campaign hands tasks out by these rules."""
    change_campaign(campaign=world.ranking, by=world.carol, assignment=rules)
