"""The addresses of the training side."""

from django.urls import path, re_path

from training.views import actions, drawings, pages

app_name = "training"
urlpatterns = [
    path("", pages.overview, name="overview"),
    path("pipelines/start/", actions.start, name="start_pipeline"),
    path("pipelines/<int:pipeline_id>/", pages.pipeline, name="pipeline"),
    path("pipelines/<int:pipeline_id>/cancel/", actions.cancel_this_pipeline, name="cancel_pipeline"),
    path("pipelines/<int:pipeline_id>/resume/", actions.resume_this_pipeline, name="resume_pipeline"),
    re_path(
        r"^pipelines/(?P<pipeline_id>\d+)/figures/(?P<name>[\w.-]+)-(?P<theme>light|dark)\.svg$",
        drawings.figure,
        name="figure",
    ),
    path("runs/<int:run_id>/", pages.run, name="run"),
    path("runs/<int:run_id>/cancel/", actions.cancel_this_run, name="cancel_run"),
    path("runs/<int:run_id>/resume/", actions.resume_this_run, name="resume_run"),
    re_path(
        r"^runs/(?P<run_id>\d+)/metrics/(?P<name>[\w.-]+)-(?P<theme>light|dark)\.svg$", drawings.metric, name="metric"
    ),
    re_path(
        r"^runs/(?P<run_id>\d+)/report/(?P<name>reliability|best-of-n)-(?P<theme>light|dark)\.svg$",
        drawings.report,
        name="report",
    ),
    path("snapshots/freeze/", actions.freeze, name="freeze"),
    path("snapshots/<int:snapshot_id>/", pages.snapshot, name="snapshot"),
    path("snapshots/<int:snapshot_id>/files/<path:name>", pages.snapshot_file, name="snapshot_file"),
]
