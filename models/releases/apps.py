from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReleasesConfig(AppConfig):
    name = "models.releases"
    label = "releases"
    verbose_name = _("数据导出记录")
    default_auto_field = "django.db.models.BigAutoField"
