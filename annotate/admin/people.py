"""The stock admin over people: their accounts, their part in campaigns, what they know, and what is said to them."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from annotate.admin.base import ReadOnly
from annotate.models import (
    Acknowledgement,
    Consent,
    Expertise,
    Invitation,
    Membership,
    Note,
    Profile,
    QualificationAnswer,
    QualificationAttempt,
    Question,
    Skill,
    User,
)


@admin.register(User)
class PeopleAdmin(UserAdmin):
    list_display = ["username", "first_name", "role", "is_simulated", "is_active", "last_login"]
    list_filter = ["role", "is_simulated", "is_active", "is_staff"]
    readonly_fields = ["is_simulated", "last_login", "date_joined"]
    fieldsets = [*UserAdmin.fieldsets, ("Concord", {"fields": ["role", "is_simulated"]})]
    add_fieldsets = [*UserAdmin.add_fieldsets, ("Concord", {"fields": ["role"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        simulated = obj is not None and obj.is_simulated
        return [*self.readonly_fields, *(["role", "is_staff", "is_superuser"] if simulated else [])]


@admin.register(Skill)
class SkillAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "annotator", "domain", "n", "right"]
    list_filter = ["domain"]
    list_select_related = ["annotator", "domain"]


@admin.register(Profile)
class ProfileAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "user", "language", "languages"]
    list_select_related = ["user"]
    search_fields = ["user__username"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnly, admin.ModelAdmin):
    fields = ["name", "email", "campaigns", "created_by", "expires_at", "accepted_by", "accepted_at", "revoked_at"]
    list_display = ["id", "name", "created_by", "expires_at", "accepted_by", "revoked_at"]
    list_select_related = ["created_by", "accepted_by"]
    search_fields = ["name", "email"]


@admin.register(Membership, Consent, QualificationAttempt)
class TakingPartAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "user", "campaign"]
    list_filter = ["campaign"]
    list_select_related = ["user", "campaign"]
    search_fields = ["user__username"]


@admin.register(Expertise)
class ExpertiseAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "user", "domain", "level", "verified_by"]
    list_filter = ["domain", "level"]
    list_select_related = ["user", "domain", "verified_by"]
    search_fields = ["user__username", "evidence"]


@admin.register(Acknowledgement)
class AcknowledgementAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "user", "guideline", "at"]
    list_filter = ["guideline"]
    list_select_related = ["user", "guideline"]
    search_fields = ["user__username"]


@admin.register(QualificationAnswer)
class QualificationAnswerAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "attempt", "share", "created_at"]
    list_select_related = ["attempt"]
    search_fields = ["attempt__user__username"]


@admin.register(Question)
class QuestionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "kind", "task", "asked_by", "created_at", "resolved"]
    list_filter = ["kind", "resolved", "task__campaign"]
    list_select_related = ["task", "asked_by"]
    search_fields = ["asked_by__username", "text", "answer"]

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related("task", "asked_by", "answered_by", "assignment")


@admin.register(Note)
class NoteAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "judgement", "by", "created_at", "read_at"]
    list_select_related = ["judgement", "by"]
    search_fields = ["text", "judgement__annotator__username"]
