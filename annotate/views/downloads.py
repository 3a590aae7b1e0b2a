"""A page's figures as files: the CSV and the JSON of exactly what is shown."""

import csv
from collections.abc import Sequence

from django.http import HttpResponse, JsonResponse


def as_csv(name: str, figures: Sequence[dict]) -> HttpResponse:
    """A CSV file of figures, which all have the same fields."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    columns = list(dict.fromkeys(field for figure in figures for field in figure))
    rows = csv.DictWriter(response, columns)
    rows.writeheader()
    rows.writerows(figures)
    return response


def as_json(campaign: str, figures: Sequence[dict], **more: object) -> JsonResponse:
    """A JSON document of figures."""
    return JsonResponse({"campaign": campaign, "figures": list(figures), **more})
