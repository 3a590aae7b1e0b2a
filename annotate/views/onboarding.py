"""The way in: an invitation, then a campaign's steps one by one, until the first task."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotate.demographics import QUESTIONS
from annotate.errors import DomainError, NotFound
from annotate.hashing import sha256_of
from annotate.models import Campaign, Expertise
from annotate.services import membership, onboarding
from annotate.services.onboarding import Declared, Standing
from annotate.services.person import Person
from annotate.text_diff import changes_between
from annotate.views.demographic_labels import questions
from annotate.views.languages import chosen_languages, language_choice
from annotate.views.work_forms import typed

TITLES = {
    "consent": gettext_lazy("Consent"),
    "demographics": gettext_lazy("About you"),
    "expertise": gettext_lazy("What you know"),
    "guideline": gettext_lazy("The guideline"),
    "qualification": gettext_lazy("Qualification"),
}
STEP_ADDRESSES = {
    "consent": "annotate:consent",
    "demographics": "annotate:demographics",
    "expertise": "annotate:expertise",
    "guideline": "annotate:guideline_step",
    "qualification": "annotate:qualification",
}
StepView = Callable[[HttpRequest, Standing], HttpResponse]


def _standing(request: HttpRequest, slug: str) -> Standing:
    campaign = get_object_or_404(Campaign.objects.select_related("guideline"), slug=slug)
    try:
        return onboarding.standing(user=request.user, campaign=campaign)
    except NotFound as error:
        raise Http404(str(error)) from error


def step_page(name: str) -> Callable[[StepView], Callable[..., HttpResponse]]:
    """A page for one step of a campaign that has it. Who comes too early is sent to the step that is next."""

    def decorate(view: StepView) -> Callable[..., HttpResponse]:
        @wraps(view)
        @require_http_methods(["GET", "HEAD", "POST"])
        def guarded(request: HttpRequest, slug: str) -> HttpResponse:
            found = _standing(request, slug)
            if name not in found.steps:
                raise Http404(_("This campaign has no such step."))
            if found.is_suspended or (found.next_step and found.steps.index(name) > found.steps.index(found.next_step)):
                return go_on(found)
            return view(request, found)

        return guarded

    return decorate


def go_on(found: Standing) -> HttpResponse:
    """To the next step, or to the page that says that all is done."""
    step = None if found.is_suspended else found.next_step
    return redirect(STEP_ADDRESSES.get(step, "annotate:onboarding"), found.campaign.slug)


def frame(found: Standing, step: str = "", **more) -> dict:
    """What every page of the steps shows: where the person is."""
    steps = [(name, TITLES[name], name in found.done) for name in found.steps]
    place = found.steps.index(step) + 1 if step else 0
    title = TITLES.get(step, "")
    return {"section": "work", "standing": found, "steps": steps, "step": step, "place": place, "title": title, **more}


@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """All steps of a campaign with how far one is, and where consent can be withdrawn."""
    found = _standing(request, slug)
    address = STEP_ADDRESSES.get(found.next_step)
    return render(request, "onboarding/overview.html", frame(found, next_address=address))


@step_page("consent")
def consent(request: HttpRequest, found: Standing) -> HttpResponse:
    """The text to agree to."""
    text = found.campaign.onboarding_rules.consent
    error = None
    if request.method == "POST":
        try:
            name = typed(request.POST, "text")
            return go_on(onboarding.give_consent(user=request.user, campaign=found.campaign, text_sha256=name))
        except DomainError as refused:
            error = refused
    context = frame(found, "consent", text=text, text_sha256=sha256_of(text), error=error)
    return render(request, "onboarding/consent.html", context, status=422 if error else 200)


@require_POST
def withdraw(request: HttpRequest, slug: str) -> HttpResponse:
    """Take one's consent back."""
    campaign = _standing(request, slug).campaign
    try:
        membership.withdraw_consent(user=request.user, campaign=campaign)
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        messages.success(
            request,
            _("You have withdrawn your consent for “%(campaign)s”. You get no more tasks there. What you judged stays.")
            % {"campaign": campaign.name},
        )
    return redirect("annotate:onboarding", slug)


@step_page("demographics")
def demographics(request: HttpRequest, found: Standing) -> HttpResponse:
    """Questions about the person, none of which has to be answered."""
    error = None
    if request.method == "POST":
        try:
            _keep_demographics(request, found.campaign)
            return go_on(_standing(request, found.campaign.slug))
        except DomainError as refused:
            error = refused
    context = frame(found, "demographics", questions=questions(_said(request)), error=error)
    return render(request, "onboarding/demographics.html", context, status=422 if error else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def own_demographics(request: HttpRequest) -> HttpResponse:
    """Change or delete at any time what one said about oneself."""
    error = None
    if request.method == "POST":
        try:
            _keep_demographics(request)
        except DomainError as refused:
            error = refused
        else:
            gone = onboarding.own_demographics(user=request.user) is None
            messages.success(request, _("Your answers are deleted.") if gone else _("Your answers are changed."))
            return redirect("annotate:own_demographics")
    context = {"questions": questions(_said(request)), "error": error}
    return render(request, "onboarding/own_demographics.html", context, status=422 if error else 200)


def _keep_demographics(request: HttpRequest, campaign: Campaign | None = None) -> None:
    declined = "decline" in request.POST
    answers = {} if declined else {name: typed(request.POST, name) for name in QUESTIONS}
    onboarding.keep_demographics(user=request.user, answers=answers, campaign=campaign)


def _said(request: HttpRequest) -> dict[str, str]:
    """What is in the form, else what the person said before."""
    if request.method == "POST":
        return {name: typed(request.POST, name) for name in QUESTIONS}
    kept = onboarding.own_demographics(user=request.user)
    return {name: getattr(kept, name, "") for name in QUESTIONS}


@step_page("expertise")
def expertise(request: HttpRequest, found: Standing) -> HttpResponse:
    """How well the person knows each domain, and what shows it; what they read, where the campaign needs a language."""
    domains = onboarding.domains_to_declare(campaign=found.campaign)
    known = {one.domain_id: one for one in Expertise.objects.filter(user=request.user, domain__in=domains)}
    said = {domain.pk: _declared(request, domain.pk, known.get(domain.pk)) for domain in domains}
    languages = None
    if found.campaign.assignment_rules.needs.language:
        posted = request.method == "POST"
        languages = chosen_languages(request.POST) if posted else Person(request.user).languages
    error = None
    if request.method == "POST":
        try:
            declare = onboarding.declare_expertise
            return go_on(declare(user=request.user, campaign=found.campaign, declared=said, languages=languages))
        except DomainError as refused:
            error = refused
    choice = {} if languages is None else language_choice(languages)
    rows = [(domain, said[domain.pk], known.get(domain.pk)) for domain in domains]
    context = frame(found, "expertise", rows=rows, levels=Expertise.Level.choices, error=error, **choice)
    return render(request, "onboarding/expertise.html", context, status=422 if error else 200)


def _declared(request: HttpRequest, domain_id: int, known: Expertise | None) -> Declared:
    if request.method == "POST":
        evidence = typed(request.POST, f"evidence-{domain_id}").replace("\r\n", "\n")
        return Declared(typed(request.POST, f"level-{domain_id}"), evidence)
    return Declared(known.level, known.evidence) if known else Declared(Expertise.Level.NONE)


@step_page("guideline")
def guideline(request: HttpRequest, found: Standing) -> HttpResponse:
    """The guideline to read; for who has read an older version, what changed comes first."""
    newest = found.campaign.guideline
    error = None
    if request.method == "POST":
        try:
            chosen = typed(request.POST, "guideline")
            chosen = int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 19 else 0
            return go_on(
                onboarding.acknowledge_guideline(user=request.user, campaign=found.campaign, guideline_id=chosen)
            )
        except DomainError as refused:
            error = refused
    before = onboarding.last_read(user=request.user, guideline=newest)
    changes = changes_between(before.body, newest.body) if before else []
    context = frame(found, "guideline", guideline=newest, before=before, changes=changes, error=error)
    return render(request, "onboarding/guideline.html", context, status=422 if error else 200)
