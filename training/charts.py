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
