from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DispatchConfig(AppConfig):
    name = "models.dispatch"
    label = "dispatch"
    verbose_name = _("派遣与档案")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """A submission is the student's check."""
        from models.dispatch import receivers  # noqa: F401  (models are not loaded before)
