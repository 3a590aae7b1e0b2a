"""The addresses of the annotation side."""

from django.urls import path

from annotate.views import account, audit, guidelines, home, language, preferences, work

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
