from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DocumentsConfig(AppConfig):
    name = "models.documents"
    label = "documents"
    verbose_name = _("签发文件")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """A record that leaves approval takes its documents with it."""
        from models.documents import receivers  # noqa: F401
