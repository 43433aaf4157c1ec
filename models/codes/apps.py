from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CodesConfig(AppConfig):
    name = "models.codes"
    label = "codes"
    verbose_name = _("系统代码")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from models.codes import receivers  # noqa: F401
