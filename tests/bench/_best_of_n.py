"""Best-of-n: what the best of n samples by one score is worth by another, and the curve as a chart."""

from collections.abc import Sequence
from pathlib import Path

import altair
import numpy as np
import vl_convert
from scipy.special import gammaln

COLOURS = {"single": "#b3423a", "mean": "#8a7f2d", "uwo": "#3b6ea5", "wco": "#1c5f5a", "separate": "#8b6bb0"}
NAMES = {
    "single": "one model",
    "mean": "ensemble, mean",
    "uwo": "ensemble, UWO",
    "wco": "ensemble, WCO",
    "separate": "five models, WCO",
}


def best_of(n: int, chosen_by: np.ndarray, worth: np.ndarray) -> float:
    """The mean worth of the best of n samples, drawn from these N without replacement, by `chosen_by`, both (N,).

    Exact and not simulated: the sample at place i of N, the worst being 1, is the best of n with a chance of
    C(i - 1, n - 1) / C(N, n) (Nakano et al. 2021, arXiv 2112.09332, appendix I). Samples of one score share theirs.
    """
    total = len(chosen_by)
    places = np.arange(1, total + 1)
    with np.errstate(invalid="ignore"):
        logs = _log_choose(places - 1, n - 1) - _log_choose(np.array(total), n)
    chance = np.where(places >= n, np.exp(logs), 0.0)
    order = np.argsort(chosen_by, kind="stable")
    _, group = np.unique(chosen_by[order], return_inverse=True)
    sums, counts = np.bincount(group, weights=worth[order]), np.bincount(group)
    return float((chance * (sums / counts)[group]).sum())


def _log_choose(of: np.ndarray, n: int) -> np.ndarray:
    enough = np.maximum(of, n)
    return np.where(of >= n, gammaln(enough + 1) - gammaln(n + 1) - gammaln(enough - n + 1), -np.inf)


def draw(rows: Sequence[dict], out: Path, *, title: str) -> None:
    """Write the curves, rows of {panel, score, n, gold, lo, hi}, as `out`.svg and `out`.png."""
    named = [row | {"score": NAMES[row["score"]]} for row in rows]
    colour = altair.Color(
        "score:N",
        title=None,
        scale=altair.Scale(domain=list(NAMES.values()), range=[COLOURS[name] for name in NAMES]),
        legend=altair.Legend(orient="top", symbolOpacity=1, columns=3),
    )
    x = altair.X(
        "n:Q",
        title="best of n samples",
        scale=altair.Scale(type="log", base=2),
        axis=altair.Axis(values=sorted({row["n"] for row in rows}), labelOverlap=True),
    )
    base = altair.Chart(altair.Data(values=named)).encode(x=x, color=colour)
    band = base.mark_area(opacity=0.1).encode(
        y=altair.Y("lo:Q", title="gold score of the chosen one", scale=altair.Scale(zero=False)), y2="hi:Q"
    )
    line = base.mark_line(strokeWidth=2.5, point=altair.OverlayMarkDef(size=30)).encode(
        y=altair.Y("gold:Q", scale=altair.Scale(zero=False))
    )
    panels = list(dict.fromkeys(row["panel"] for row in rows))
    chart = (
        altair.layer(band, line)
        .properties(width=260, height=220)
        .facet(facet=altair.Facet("panel:N", title=None, sort=panels), columns=2)
        .properties(title=title)
        .configure(background="white", font="sans-serif")
    )
    spec = chart.to_json()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix(".svg").write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
    out.with_suffix(".png").write_bytes(vl_convert.vegalite_to_png(spec, scale=2))
