from django.apps import AppConfig


class BackupsConfig(AppConfig):
    """Backup and restore of the whole system: database and private files in one archive. No tables of its own."""

    name = "models.backups"
    label = "backups"
