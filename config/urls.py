"""URLs of the two front doors and of the machines that watch us."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    # One log-in page for everybody: the admin's own would be a second door with weaker locks.
    path("admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)),
    path("admin/", admin.site.urls),
    path("", include("self_service.urls")),
]

handler400 = "self_service.pages.errors.bad_request"
handler403 = "self_service.pages.errors.forbidden"
handler404 = "self_service.pages.errors.not_found"
handler500 = "self_service.pages.errors.failed"
