"""What the demo's annotators weigh by its gold tasks, for benchmarks that write snapshots without a database."""

from functools import cache
from itertools import combinations

from annotate.quality.gold_accuracy import gold_accuracy
from annotate.quality.weights import effective_trials, export_weights
from training.demo import plan, simulated, world


@cache
def annotator_weights(seed: int) -> dict[str, float]:
    """What each simulated annotator weighs by the demo's gold tasks, as a snapshot of the product has it."""
    shares, who, pairs = [], [], [0] * len(simulated.ANNOTATORS)
    chosen = plan.make_plan(seed)
    for task in chosen.gold:
        worth = [world.gold(task.messages, text) for text in task.completions]
        for number, person in enumerate(simulated.ANNOTATORS):
            ranks = simulated.rank(person, task.messages, task.completions, seed).ranks
            right = [
                0.5 if ranks[i] == ranks[j] else float((ranks[i] < ranks[j]) == (worth[i] > worth[j]))
                for i, j in combinations(range(len(worth)), 2)
                if worth[i] != worth[j]
            ]
            shares.append(sum(right) / len(right))
            who.append(number)
    for task in chosen.ranking:
        for person in task.judges:
            pairs[simulated.ANNOTATORS.index(person)] += 6
    right, trials = effective_trials(shares, who, most=6)
    weights = export_weights([one.value for one in gold_accuracy(right, trials)], pairs)
    return {person.username: float(w) for person, w in zip(simulated.ANNOTATORS, weights.weight, strict=True)}
