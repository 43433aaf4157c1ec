from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OutcomesConfig(AppConfig):
    name = "models.outcomes"
    label = "outcomes"
    verbose_name = _("毕业去向")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Which destination is current follows from decisions."""
        from models.outcomes import receivers  # noqa: F401  (models are not loaded before)
