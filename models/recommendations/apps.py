from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RecommendationsConfig(AppConfig):
    name = "models.recommendations"
    label = "recommendations"
    verbose_name = _("就业推荐表")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """What the public page may say about a printed form."""
        from models.recommendations import facts  # noqa: F401  (models are not loaded before)
