from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LoginsConfig(AppConfig):
    name = "models.logins"
    label = "logins"
    verbose_name = _("登录会话")
    default_auto_field = "django.db.models.BigAutoField"
