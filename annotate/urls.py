"""The addresses of the annotation side."""

from django.urls import path

from annotate.views import account, audit, guidelines, home, joining, language, members, onboarding, preferences, work

app_name = "annotate"
urlpatterns = [
    path("", home.home, name="home"),
    path("login/", account.login, name="login"),
    path("logout/", account.logout, name="logout"),
    path("language/", language.choose, name="choose_language"),
    path("strings/<slug:code>.js", language.strings, name="strings"),
    path("guidelines/", guidelines.index, name="guidelines"),
    path("guidelines/<slug:slug>/", guidelines.detail, name="guideline"),
    path("guidelines/<slug:slug>/<int:version>/", guidelines.detail, name="guideline"),
    path("campaigns/<slug:slug>/next/", work.next_task, name="next"),
    path("campaigns/<slug:slug>/onboarding/", onboarding.overview, name="onboarding"),
    path("campaigns/<slug:slug>/onboarding/consent/", onboarding.consent, name="consent"),
    path("campaigns/<slug:slug>/onboarding/consent/withdraw/", onboarding.withdraw, name="withdraw"),
    path("campaigns/<slug:slug>/onboarding/about-you/", onboarding.demographics, name="demographics"),
    path("campaigns/<slug:slug>/onboarding/expertise/", onboarding.expertise, name="expertise"),
    path("campaigns/<slug:slug>/onboarding/guideline/", onboarding.guideline, name="guideline_step"),
    path("about-you/", onboarding.own_demographics, name="own_demographics"),
    path("join/<str:token>/", joining.join, name="join"),
    path("people/invitations/", members.invitation_list, name="invitations"),
    path("people/invitations/<int:pk>/revoke/", members.revoke, name="revoke"),
    path("people/members/", members.member_list, name="members"),
    path("people/members/<int:pk>/suspend/", members.suspend, name="suspend"),
    path("people/members/<int:pk>/reinstate/", members.reinstate, name="reinstate"),
    path("people/expertise/", members.expertise_list, name="expertise_list"),
    path("people/expertise/<int:pk>/verify/", members.verify, name="verify"),
    path("people/expertise/<int:pk>/unverify/", members.unverify, name="unverify"),
    path("people/about/", members.demographic_counts, name="demographic_counts"),
    path("work/<uuid:pk>/", work.assignment, name="assignment"),
    path("work/<uuid:pk>/correct/", work.correct, name="correct"),
    path("work/<uuid:pk>/draft/", work.draft, name="draft"),
    path("work/<uuid:pk>/heartbeat/", work.heartbeat, name="heartbeat"),
    path("work/<uuid:pk>/skip/", work.skip, name="skip"),
    path("work/<uuid:pk>/release/", work.release, name="release"),
    path("preview/", work.preview, name="preview"),
    path("preferences/shortcuts/", preferences.shortcuts, name="shortcuts"),
    path("agreement/", audit.agreements, name="agreements"),
    path("agreement/tasks/<int:pk>/", audit.task, name="task"),
    path("agreement/<slug:slug>/", audit.agreement, name="agreement"),
    path("agreement/<slug:slug>/figures.csv", audit.agreement_csv, name="agreement_csv"),
    path("agreement/<slug:slug>/figures.json", audit.agreement_json, name="agreement_json"),
]
