"""Every address of the product."""

from django.contrib import admin
from django.urls import include, path

from annotate.api.docs import unknown_address
from annotate.views.health import health

urlpatterns = [
    path("healthz", health, name="health"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("annotate.api.urls")),
    path("api/v1/", include("training.api")),
    path("api/v1/<path:rest>", unknown_address),
    path("training/", include("training.urls")),
    path("", include("annotate.urls")),
]
