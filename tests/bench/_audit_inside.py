"""What the audit benchmark does inside the product, through `manage.py shell -c`; it prints JSON."""

import io
import json
import time
from collections import defaultdict

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from annotate.audit_queries.slices import iso_week
from annotate.gold import score_answer
from annotate.ledger.live import ledger
from annotate.models import (
    Assignment,
    Campaign,
    Domain,
    Expertise,
    Flag,
    Gold,
    Guideline,
    Judgement,
    RankedCompletion,
    Skill,
    Task,
    TaskCompletion,
    User,
)
from annotate.services.queues import queue_for
from tests.bench._assignment_inside import SETTLED

WEEKS, DOMAINS, VERSIONS = 20, 8, 3
JUDGES = 4
GOLD_TASKS = 2_000
ASSIGNMENT = {"sqlite": "printf('%032x', {})", "postgresql": "lpad(to_hex({}), 32, '0')::uuid"}
SHOWN = "CASE WHEN (t.id + j.j) % 2 = 0 THEN {0} ELSE {1} END"
ORDER = {
    "sqlite": SHOWN.format(
        "json_array(c.completion_id, d.completion_id)", "json_array(d.completion_id, c.completion_id)"
    ),
    "postgresql": SHOWN.format(
        "jsonb_build_array(c.completion_id, d.completion_id)", "jsonb_build_array(d.completion_id, c.completion_id)"
    ),
}
TIME = {"sqlite": "strftime('%Y-%m-%d %H:%M:%f', {}, 'unixepoch')", "postgresql": "to_timestamp({})"}


def judge(slug: str, *, people: int) -> None:
    """Four judgements of each task of a campaign, in 20 weeks, 8 domains and under 3 versions, and each flag of the
    guideline on one completion in seventeen by three in four; prints the seconds.
    """
    began = time.monotonic()
    campaign = Campaign.objects.get(slug=slug)
    User.objects.bulk_create(User(username=f"judge-{n}", password="!") for n in range(people))
    first = User.objects.get(username="judge-0").pk
    domains = [Domain.objects.get_or_create(slug=f"domain-{n}", name=f"Domain {n}")[0].pk for n in range(DOMAINS)]
    same = {name: getattr(campaign.guideline, name) for name in ("slug", "kind", "title", "body", "flags", "checklist")}
    versions = [campaign.guideline_id]
    for number in range(1, VERSIONS):
        version = campaign.guideline.version + number
        versions.append(Guideline.objects.create(**same, version=version, sha256=f"bench-{number}").pk)
    tasks, span = campaign.tasks.count(), 86_400 * 7 * WEEKS
    pick = "CASE WHEN t.position * 3 < {n} THEN {0} WHEN t.position * 3 < 2 * {n} THEN {1} ELSE {2} END"
    words = {
        "annotator": f"{first} + (t.position * 7 + j.j * (1 + t.position % 211)) % {people}",
        "version": pick.format(*versions, n=tasks),
        "made": TIME[connection.vendor].format(
            f"{int(time.time()) - span - 7_200} + t.position * CAST({span} AS bigint) / {tasks} + j.j * 60"
        ),
        "key": ASSIGNMENT[connection.vendor].format(f"(t.id * {JUDGES} + j.j)"),
        "from": f"FROM (SELECT * FROM annotate_task WHERE campaign_id = {campaign.pk}) t"
        " CROSS JOIN (SELECT 0 AS j UNION SELECT 1 UNION SELECT 2 UNION SELECT 3) j",
    }
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # what refers to what is right by construction; checking takes longest
            cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in _statements(campaign, domains, words):
            cursor.execute(statement)
        for statement in connection.ops.sequence_reset_sql(no_style(), [Judgement, RankedCompletion, Flag]):
            cursor.execute(statement)
    with connection.cursor() as cursor:
        for statement in SETTLED[connection.vendor]:
            cursor.execute(statement)
    print(json.dumps(round(time.monotonic() - began, 1)))


def _statements(campaign: Campaign, domains: list[int], words: dict[str, str]) -> list[str]:
    order = ORDER[connection.vendor]
    wrong = "(t.id * 31 + u.annotator_id * 17) % 100 < 25"
    return [
        f"UPDATE annotate_prompt SET domain_id = {domains[0]} + id % {len(domains)} WHERE id IN"
        f" (SELECT prompt_id FROM annotate_task WHERE campaign_id = {campaign.pk})",
        "INSERT INTO annotate_assignment (id, task_id, campaign_id, annotator_id, guideline_id, state, shown_order,"
        " claimed_at, opened_at, lease_expires_at, ended_at, skip_reason, lane, draft_number, draft_tab)"
        f" SELECT {words['key']}, t.id, t.campaign_id, {words['annotator']}, {words['version']}, 'submitted', {order},"
        f" {words['made']}, {words['made']}, {words['made']}, {words['made']}, '', '', 0, '' {words['from']}"
        " JOIN annotate_taskcompletion c ON c.task_id = t.id AND c.position = 0"
        " JOIN annotate_taskcompletion d ON d.task_id = t.id AND d.position = 1",
        "INSERT INTO annotate_judgement (id, assignment_id, task_id, annotator_id, guideline_id, version,"
        " idempotency_key, seconds, rationale, verdict, reason, behaviour, created_at)"
        " SELECT (SELECT coalesce(max(id), 0) FROM annotate_judgement) + row_number() OVER (ORDER BY a.claimed_at),"
        " a.id, a.task_id, a.annotator_id, a.guideline_id, 1, '', 20 + (a.task_id * a.annotator_id) % 60, '', '', '',"
        f" '', a.claimed_at FROM annotate_assignment a WHERE a.campaign_id = {campaign.pk}",
        "INSERT INTO annotate_rankedcompletion (judgement_id, completion_id, rank)"
        " SELECT u.id, c.completion_id, CASE WHEN (t.id * 13 + u.annotator_id * 7) % 10 = 0 THEN 1"
        f" WHEN c.position = (t.id + CASE WHEN {wrong} THEN 1 ELSE 0 END) % 2 THEN 1 ELSE 2 END"
        " FROM annotate_judgement u JOIN annotate_task t ON t.id = u.task_id"
        f" JOIN annotate_taskcompletion c ON c.task_id = t.id WHERE t.campaign_id = {campaign.pk}",
        *(
            "INSERT INTO annotate_flag (judgement_id, completion_id, name)"
            f" SELECT r.judgement_id, r.completion_id, '{flag['name']}' FROM annotate_rankedcompletion r"
            " JOIN annotate_judgement u ON u.id = r.judgement_id JOIN annotate_task t ON t.id = u.task_id"
            f" WHERE t.campaign_id = {campaign.pk} AND (r.completion_id * 31 + {number} * 7) % 17 = 0"
            f" AND (u.annotator_id + t.id + {number}) % 4 > 0"
            for number, flag in enumerate(campaign.guideline.flags)
        ),
        f"UPDATE annotate_task SET reserved = {JUDGES}, submitted = {JUDGES} WHERE campaign_id = {campaign.pk}",
    ]


def gold(slug: str) -> None:
    """Some tasks become gold that was taken out again, and everybody says what they know; prints the seconds."""
    began = time.monotonic()
    campaign = Campaign.objects.get(slug=slug)
    every = max(100, campaign.tasks.count() // GOLD_TASKS)
    chosen = campaign.tasks.annotate(turn=F("position") % every).filter(turn=7 % every)
    tasks = Task.objects.filter(pk__in=list(chosen.values_list("pk", flat=True)))
    best = TaskCompletion.objects.filter(task__in=tasks, position=0).values_list("task", "completion")
    other = dict(TaskCompletion.objects.filter(task__in=tasks, position=1).values_list("task", "completion"))
    Gold.objects.bulk_create(
        Gold(task_id=task, answer={"ranks": {str(one): 1 + task % 2, str(other[task]): 2 - task % 2}})
        for task, one in best
    )
    queue = queue_for(campaign=campaign, prompt=tasks[0].prompt, purpose=Task.Purpose.GOLD)
    tasks.update(purpose=Task.Purpose.GOLD, queue=queue, withdrawn=True)
    _measure_skills(tasks)
    people = list(User.objects.filter(username__startswith="judge-").values_list("pk", flat=True))
    domains = list(Domain.objects.values_list("pk", flat=True))
    Expertise.objects.bulk_create(
        Expertise(user_id=person, domain_id=domain, level="some", declared_at=timezone.now())
        for person in people
        for domain in domains
        if (person + domain) % 4 == 0
    )
    print(json.dumps(round(time.monotonic() - began, 1)))


def _measure_skills(tasks: QuerySet[Task]) -> None:
    """What services.skills.recount would say of everybody, in one go."""
    known = {gold.task_id: gold.answer for gold in Gold.objects.filter(task__in=tasks)}
    domain = dict(tasks.values_list("pk", "prompt__domain"))
    ranks = defaultdict(dict)
    rows = RankedCompletion.objects.filter(judgement__task__in=tasks).order_by("judgement")
    for person, task, one, rank in rows.values_list("judgement__annotator", "judgement__task", "completion", "rank"):
        ranks[person, task][str(one)] = rank
    shares = defaultdict(list)
    for (person, task), said in ranks.items():
        share = score_answer("ranking", {"ranks": said}, known[task]).share
        for place in (None, domain[task]):
            shares[person, place].append(share)
    Skill.objects.bulk_create(
        Skill(annotator_id=person, domain_id=place, n=len(found), right=sum(found))
        for (person, place), found in shares.items()
    )


def build() -> None:
    """Make the ledger; prints the seconds and the bytes."""
    began = time.monotonic()
    ledger().check(anew=True)
    took = time.monotonic() - began
    size = sum(file.stat().st_size for file in ledger().store.folder.rglob("*") if file.is_file())
    print(json.dumps({"seconds": round(took, 1), "megabytes": round(size / 1e6, 1)}))


def weigh(slug: str) -> None:
    """Bring the queue of disagreements up to date; prints the seconds."""
    began = time.monotonic()
    call_command("weigh_disputes", slug, stdout=io.StringIO())
    print(json.dumps(round(time.monotonic() - began, 1)))


def ids(slug: str) -> None:
    """Prints the keys of one of the people who judged, of a task and of a producer in it, and of the last week."""
    task = Campaign.objects.get(slug=slug).tasks.order_by("position").first()
    producer = task.completions.first().producer_id
    week = iso_week(Judgement.objects.latest("pk").created_at.date())
    person = User.objects.get(username="judge-7").pk
    print(json.dumps({"person": person, "task": task.pk, "producer": producer, "week": week}))


def session() -> None:
    """Prints the session key of the admin, logged in."""
    carol = User.objects.get(username="carol")
    store = SessionStore()
    store[SESSION_KEY] = str(carol.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = carol.get_session_auth_hash()
    store.save()
    print(json.dumps(store.session_key))


def counts() -> None:
    """Prints how many judgements there are, and how many assignments were submitted."""
    submitted = Assignment.objects.filter(state=Assignment.State.SUBMITTED).count()
    print(json.dumps([Judgement.objects.count(), submitted]))
