"""Charts as pictures of their own: a page shows each in a light and a dark version and stays free of inline style."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from annotate.views.access import admin_required
from training import charts, queries
from training.models import Pipeline, Run
from training.views.figures import figure_groups


@require_safe
@admin_required
@cache_control(private=True, max_age=3600)
def metric(request: HttpRequest, run_id: int, name: str, theme: charts.Theme) -> HttpResponse:
    """One metric of a run over its steps. The page puts the last step in the address, so that caching is right."""
    report = queries.run_report(run_id=run_id)
    series = next((series for series in report.series if series.name == name), None) if report else None
    if series is None:
        raise Http404(_("Run %(number)s has no metric %(name)s.") % {"number": run_id, "name": name})
    return HttpResponse(charts.line_chart(series.points, name=name, theme=theme), content_type="image/svg+xml")


@require_safe
@admin_required
@cache_control(private=True, max_age=3600)
def figure(request: HttpRequest, pipeline_id: int, name: str, theme: charts.Theme) -> HttpResponse:
    """One figure of a pipeline's models with intervals."""
    pipeline = get_object_or_404(Pipeline, pk=pipeline_id)
    figures = queries.evaluations(pipeline=pipeline)
    groups = figure_groups(row for row in figures if row.run.recipe == Run.Recipe.EVALUATE)
    group = next((group for group in groups if group.name == name and group.drawable), None)
    if group is None:
        raise Http404(_("%(pipeline)s has no figure %(name)s to draw.") % {"pipeline": pipeline, "name": name})
    rows = [
        {
            "label": _("%(one)s against %(other)s") % {"one": row.subject, "other": row.against}
            if row.against
            else row.subject,
            "value": row.value,
            "lo": row.lo,
            "hi": row.hi,
        }
        for row in group.rows
        if row.lo is not None
    ]
    drawn = charts.interval_chart(rows, title=str(group.meaning.label), theme=theme, rule=group.meaning.rule)
    return HttpResponse(drawn, content_type="image/svg+xml")


@require_safe
@admin_required
@cache_control(private=True, max_age=3600)
def report(request: HttpRequest, run_id: int, name: str, theme: charts.Theme) -> HttpResponse:
    """The reliability diagram or the best-of-n curve of a reward model's run."""
    found = queries.run_report(run_id=run_id)
    part, draw = {"reliability": ("calibration", _reliability), "best-of-n": ("best_of_n", _best_of_n)}[name]
    if found is None or part not in found.reward:
        raise Http404(_("Run %(number)s has no such drawing in its report.") % {"number": run_id})
    return HttpResponse(draw(found.reward, theme), content_type="image/svg+xml")


def _reliability(reward: dict, theme: charts.Theme) -> bytes:
    bins = reward["calibration"]["bins"]
    return charts.reliability_chart(bins, x=_("Chance it gives"), y=_("People agree"), theme=theme)


def _best_of_n(reward: dict, theme: charts.Theme) -> bytes:
    labels = {"reward": _("By the reward"), "longer": _("By length"), "oracle": _("By the people")}
    series = [
        (label, [{"n": point["n"], **_ends(point[name])} for point in reward["best_of_n"]])
        for name, label in labels.items()
    ]
    return charts.curves_chart(series, x=_("Best of"), y=_("Worth"), theme=theme)


def _ends(found: dict) -> dict:
    return {name: found[name] for name in ("value", "lo", "hi")}
