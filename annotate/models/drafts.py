"""Unfinished work: what is kept of it, and its name."""

from django.db import models


class Drafted(models.Model):
    """A row that keeps somebody's unfinished work on something.

    A draft is named by `draft_number` and `draft_tab`: the tab that wrote it, and its number, one more than that of the
    draft before. services/drafts.py says which draft may follow which.
    """

    draft = models.JSONField(null=True, blank=True)
    draft_number = models.PositiveIntegerField(default=0, editable=False, help_text="0: there was none yet")
    draft_tab = models.CharField(max_length=24, blank=True, default="", editable=False)

    class Meta:
        abstract = True

    @property
    def draft_name(self) -> str:
        """What names the draft to whoever goes on with it."""
        return f"{self.draft_number}.{self.draft_tab}"
