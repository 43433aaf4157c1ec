"""The project's URLs, and the stock counterparts beside them."""

from django.urls import include, path

from benchmarks.stock.admin import site
from benchmarks.stock.api import StockProfile

urlpatterns = [
    path("stock-admin/", site.urls),
    path("stock-api/profile/", StockProfile.as_view()),
    path("", include("config.urls")),
]
