from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ExportsConfig(AppConfig):
    name = "exports"
    label = "exports"
    verbose_name = _("导入导出")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Filters that no column of a model gives; the printed forms."""
        from exports import placement, statistics  # noqa: F401  (models are not loaded before)
        from exports.documents import destination, recommendation  # noqa: F401
