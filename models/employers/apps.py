from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EmployersConfig(AppConfig):
    name = "models.employers"
    label = "employers"
    verbose_name = _("用人单位")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what follows from reviews."""
        from models.employers import receivers  # noqa: F401
