"""How the stock admin shows models that must not change."""

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """Rows that are made elsewhere, by rules that the admin does not know: to look at only."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


class WrittenOnce:
    """Rows whose content is their name: they can be added, and deleted while nothing refers to them."""

    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj, form, change: bool) -> None:
        obj.created_by = request.user
        super().save_model(request, obj, form, change)
