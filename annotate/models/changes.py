"""Who changed what of a campaign, and when. Append-only."""

from django.conf import settings
from django.db import models

from annotate.models.judgements import AppendOnly
from annotate.models.work import Campaign


class CampaignChange(AppendOnly):
    """One setting of a campaign that a person changed; `field` is also `state`, or `tasks` when some were added."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="changes")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    field = models.CharField(max_length=32)
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return f"{self.field} of {self.campaign_id}"
