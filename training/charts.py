"""Charts as SVG, drawn by Vega on the server: no script in the page, and always beside a table of the same numbers.

Vega's renderer takes about 70 MB in the process that draws, and hangs in a child that was forked after it drew: so only
web workers draw, after their fork.
"""

from collections.abc import Sequence
from typing import Literal

import altair
import vl_convert
from django.utils.translation import gettext

Theme = Literal["light", "dark"]
INK = {"light": "#59626a", "dark": "#a5afb9"}
GRID = {"light": "#dddfd8", "dark": "#303841"}
ACCENT = {"light": "#1c5f5a", "dark": "#74cabf"}


def line_chart(points: Sequence[tuple[int, float]], *, name: str, theme: Theme) -> bytes:
    """One metric over its steps, as SVG."""
    values = [{"step": step, "value": value} for step, value in points]
    chart = (
        altair.Chart(altair.Data(values=values))
        .mark_line(color=ACCENT[theme], strokeWidth=2, point=len(values) == 1)
        .encode(
            x=altair.X("step:Q", title=gettext("step"), axis=altair.Axis(tickCount=5)),
            y=altair.Y("value:Q", title=None, scale=altair.Scale(zero=False), axis=altair.Axis(tickCount=4)),
        )
        .properties(width=280, height=130, title=name)
    )
    return _svg(chart, theme)


def interval_chart(rows: Sequence[dict], *, title: str, theme: Theme, rule: float | None = None) -> bytes:
    """Values with their 95 % intervals, one line each (`label`, `value`, `lo`, `hi`), as SVG; `rule` marks a value."""
    base = altair.Chart(altair.Data(values=list(rows))).encode(
        y=altair.Y("label:N", title=None, sort=None, axis=altair.Axis(labelLimit=220))
    )
    scale = altair.Scale(zero=False, nice=True)
    layers = [
        base.mark_rule(color=ACCENT[theme], strokeWidth=3, opacity=0.5).encode(
            x=altair.X("lo:Q", title=None, scale=scale), x2="hi:Q"
        ),
        base.mark_point(color=ACCENT[theme], filled=True, size=70, opacity=1).encode(
            x=altair.X("value:Q", scale=scale)
        ),
    ]
    if rule is not None:
        line = altair.Chart(altair.Data(values=[{"x": rule}])).mark_rule(color=INK[theme], strokeDash=[4, 4])
        layers.insert(0, line.encode(x="x:Q"))
    return _svg(altair.layer(*layers).properties(width=420, height=34 * len(rows), title=title), theme)


def reliability_chart(bins: Sequence[dict], *, x: str, y: str, theme: Theme) -> bytes:
    """Shares with 95 % intervals over the chances given (`confidence`, `accuracy`: {value, lo, hi}), as SVG.

    The dashed line is where both are the same.
    """
    rows = [{"chance": row["confidence"], **row["accuracy"]} for row in bins if row["accuracy"]["value"] is not None]
    scale, share = altair.Scale(domain=[0.5, 1]), altair.Axis(format="%", tickCount=5)
    low = min([0.5, *(row["lo"] for row in rows if row["lo"] is not None)])
    base = altair.Chart(altair.Data(values=rows)).encode(
        x=altair.X("chance:Q", title=x, scale=scale, axis=share),
    )
    upright = altair.Scale(domain=[low, 1])
    ends = [{"chance": 0.5, "value": 0.5}, {"chance": 1, "value": 1}]
    line = altair.Chart(altair.Data(values=ends)).mark_line(color=INK[theme], strokeDash=[4, 4], strokeWidth=1)
    layers = [
        line.encode(x=altair.X("chance:Q", scale=scale), y=altair.Y("value:Q", scale=upright)),
        base.transform_filter("datum.lo != null")
        .mark_rule(color=ACCENT[theme], strokeWidth=3, opacity=0.5)
        .encode(y=altair.Y("lo:Q", title=y, scale=upright, axis=share), y2="hi:Q"),
        base.mark_point(color=ACCENT[theme], filled=True, size=70, opacity=1).encode(
            y=altair.Y("value:Q", scale=upright)
        ),
    ]
    return _svg(altair.layer(*layers).properties(width=300, height=240), theme)


def curves_chart(series: Sequence[tuple[str, Sequence[dict]]], *, x: str, y: str, theme: Theme) -> bytes:
    """Shares over whole numbers, one curve for each (label, points of {n, value, lo, hi}); the first has its band."""
    values = [{"label": label, **point} for label, points in series for point in points]
    labels = [label for label, _points in series]
    # Colour and dashes with one title, order and legend make one legend of both.
    legend = altair.Legend(orient="bottom", labelColor=INK[theme], symbolSize=300, symbolStrokeWidth=2, labelLimit=220)
    told = {"title": None, "sort": labels, "legend": legend}
    colours, dashes = [ACCENT[theme], INK[theme], INK[theme]], [[1, 0], [2, 3], [7, 4]]
    colour = altair.Color("label:N", scale=altair.Scale(domain=labels, range=colours), **told)
    dash = altair.StrokeDash("label:N", scale=altair.Scale(domain=labels, range=dashes), **told)
    scale = altair.Scale(zero=False, nice=True)
    whole = altair.Axis(format="d", values=sorted({point["n"] for point in values}))
    base = altair.Chart(altair.Data(values=values)).encode(x=altair.X("n:Q", title=x, axis=whole))
    band = base.transform_filter({"field": "label", "equal": labels[0]}).transform_filter("datum.lo != null")
    layers = [
        band.mark_area(color=ACCENT[theme], opacity=0.2).encode(y=altair.Y("lo:Q", title=y, scale=scale), y2="hi:Q"),
        base.mark_line(strokeWidth=2).encode(
            y=altair.Y("value:Q", scale=scale, axis=altair.Axis(format="%", tickCount=5)), color=colour, strokeDash=dash
        ),
    ]
    return _svg(altair.layer(*layers).properties(width=300, height=200), theme)


def _svg(chart: altair.Chart | altair.LayerChart, theme: Theme) -> bytes:
    # A browser's fonts may be wider than the one that Vega measured: room on the left keeps labels whole.
    styled = chart.configure(
        background="transparent", font="system-ui, sans-serif", padding={"left": 28, "right": 12, "top": 4, "bottom": 4}
    ).configure_view(stroke=None)
    styled = styled.configure_axis(
        labelColor=INK[theme],
        titleColor=INK[theme],
        gridColor=GRID[theme],
        domainColor=GRID[theme],
        tickColor=GRID[theme],
        labelFontSize=11,
    ).configure_title(color=INK[theme], fontSize=13, anchor="start")
    return vl_convert.vegalite_to_svg(styled.to_json()).encode()
