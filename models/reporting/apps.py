from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportingConfig(AppConfig):
    name = "models.reporting"
    label = "reporting"
    verbose_name = _("方案与上报")
    default_auto_field = "django.db.models.BigAutoField"
