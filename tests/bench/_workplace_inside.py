"""What the workplace benchmark does inside the product: it runs there through `manage.py shell -c`, and prints JSON."""

import json
import random

from annotate.models import Campaign, Judgement
from annotate.services.campaigns import add_task, create_campaign
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.people import create_admin, create_annotator
from tests.bench.workplace import PASSWORD, PEOPLE

VOCABULARY = """
the a model answer reader question first second however because which measured value water heat light number list
result between small large often never explain example step reason follow simple careful true source paper table
column row function return index loop memory cache error test result energy mass wave surface ocean winter summer city
history century trade letter people power rule law right common general special case proof idea method order
"""
WORDS = VOCABULARY.split()
CODE = """```python
def {name}(values: list[float], width: int = {width}) -> list[float]:
    \"\"\"The mean of each run of `width` values.\"\"\"
    total = sum(values[:width])
    means = [total / width]
    for new, old in zip(values[width:], values):
        total += new - old
        means.append(total / width)
    return means
```"""
TABLE = """| Case | Value | Note |
|---|---:|---|
| {a} | {x} | measured |
| {b} | {y} | estimated |"""
FORMULA = "$$ E = \\sum_{{i=1}}^{{{n}}} \\frac{{p_i^2}}{{2 m_i}} + V(x_1, \\dots, x_{{{n}}}) $$"


def prepare(*, tasks: int) -> None:
    """The people, and two campaigns of so many tasks with realistic content: pairs, and four completions each."""
    rng = random.Random(7)
    carol = create_admin(username="carol", password=PASSWORD)
    for name in PEOPLE:
        create_annotator(username=name, password=PASSWORD)
    for slug, k in (("pairs", 2), ("fours", 4)):
        campaign = create_campaign(
            slug=slug, name=slug.title(), kind="ranking", guideline_slug="ranking", overlap=len(PEOPLE), by=carol
        )
        for number in range(tasks):
            prompt = add_prompt(
                messages=_conversation(rng, number), domain=("science", "code", "daily")[number % 3], by=carol
            )
            producers = [add_producer(name=f"model-{n}", kind="imported") for n in range(k)]
            completions = [
                add_completion(prompt=prompt, producer=one, text=_answer(rng), by=carol) for one in producers
            ]
            add_task(campaign=campaign, prompt=prompt, completions=completions)


def report() -> None:
    """How many judgements each campaign has, and how many of them have a tie."""
    rows = {}
    for campaign in Campaign.objects.all():
        found = Judgement.objects.filter(task__campaign=campaign).prefetch_related("ranked")
        ranks = [[one.rank for one in judgement.ranked.all()] for judgement in found]
        rows[campaign.slug] = {"judgements": len(ranks), "with a tie": sum(len(set(r)) < len(r) for r in ranks)}
    print(json.dumps(rows))


def _conversation(rng: random.Random, number: int) -> list[dict]:
    turns = [{"role": "user", "content": f"({number}) {_paragraph(rng, 40)}"}]
    if number % 2:
        turns += [
            {"role": "assistant", "content": _paragraph(rng, 80)},
            {"role": "user", "content": _paragraph(rng, 20)},
        ]
    return turns


def _answer(rng: random.Random) -> str:
    """150 to 400 words with what answers have: headings, lists, code, a table, a formula."""
    parts = [_paragraph(rng, 60), _list(rng), _paragraph(rng, rng.randint(40, 200))]
    extra = [
        CODE.format(name=rng.choice(WORDS), width=rng.randint(2, 9)),
        TABLE.format(a=rng.choice(WORDS), b=rng.choice(WORDS), x=rng.randint(1, 999), y=rng.randint(1, 999)),
        FORMULA.format(n=rng.randint(2, 9)),
    ]
    parts[2:2] = rng.sample(extra, rng.randint(0, 3))
    return "\n\n".join(parts)


def _paragraph(rng: random.Random, words: int) -> str:
    said = [rng.choice(WORDS) for _ in range(words)]
    for at in range(0, words, 12):
        said[at] = said[at].capitalize()
        said[at - 1] += "."
    said[words // 2] = f"**{said[words // 2]}**"
    return " ".join(said).rstrip(".") + "."


def _list(rng: random.Random) -> str:
    return f"## {_paragraph(rng, 4)}\n\n" + "\n".join(f"- {_paragraph(rng, 12)}" for _ in range(rng.randint(2, 5)))
