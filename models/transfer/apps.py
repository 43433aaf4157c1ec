from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TransferConfig(AppConfig):
    name = "models.transfer"
    label = "transfer"
    verbose_name = _("数据交换")
    default_auto_field = "django.db.models.BigAutoField"
