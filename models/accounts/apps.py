from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


def _sync_after_last_app(sender, **kwargs):
    # Permissions are made app by app; the groups can only be right once the last app (of those with models) has had its turn.
    if sender == [config for config in apps.get_app_configs() if config.models_module is not None][-1]:
        from models.accounts.functions import sync_groups

        sync_groups()


class AccountsConfig(AppConfig):
    name = "models.accounts"
    label = "accounts"
    verbose_name = _("账号与权限")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from models.accounts import (
            checks,  # noqa: F401
            receivers,  # noqa: F401
        )

        post_migrate.connect(_sync_after_last_app, dispatch_uid="accounts.sync_groups")
