from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AgreementsConfig(AppConfig):
    name = "models.agreements"
    label = "agreements"
    verbose_name = _("签约与解约")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """What follows from an approved agreement or termination."""
        from models.agreements import printed, receivers  # noqa: F401
