"""A page's figures as files: the CSV and the JSON of exactly what is shown."""

import csv
from collections.abc import Iterable, Sequence

from django.http import HttpResponse, JsonResponse


def as_csv(name: str, figures: Sequence[dict]) -> HttpResponse:
    """A CSV file of figures, with all the fields that any of them has."""
    return table_as_csv(name, list(dict.fromkeys(field for figure in figures for field in figure)), figures)


def table_as_csv(name: str, columns: Sequence[str], rows: Iterable[dict]) -> HttpResponse:
    """A CSV file of rows with these columns, which has its header also where there are no rows."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    table = csv.DictWriter(response, columns)
    table.writeheader()
    table.writerows(rows)
    return response


def as_json(campaign: str, figures: Sequence[dict], **more: object) -> JsonResponse:
    """A JSON document of a campaign's figures."""
    return figures_as_json(figures, campaign=campaign, **more)


def figures_as_json(figures: Sequence[dict], **more: object) -> JsonResponse:
    """A JSON document of figures."""
    return JsonResponse({**more, "figures": list(figures)})


def page_number(text: str) -> int:
    """The page that an address asks for; the first where it asks for none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1
