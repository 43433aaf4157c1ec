from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ListsConfig(AppConfig):
    name = "models.lists"
    label = "lists"
    verbose_name = _("批量查找")
    default_auto_field = "django.db.models.BigAutoField"
