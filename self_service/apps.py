from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SelfServiceConfig(AppConfig):
    name = "self_service"
    label = "self_service"
    verbose_name = _("自助服务")
    default_auto_field = "django.db.models.BigAutoField"
