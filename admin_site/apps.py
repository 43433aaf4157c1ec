from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AdminSiteConfig(AppConfig):
    name = "admin_site"
    label = "admin_site"
    verbose_name = _("管理后台")
    default_auto_field = "django.db.models.BigAutoField"
