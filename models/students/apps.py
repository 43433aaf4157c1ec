from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class StudentsConfig(AppConfig):
    name = "models.students"
    label = "students"
    verbose_name = _("学生信息")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """The index of names is kept by triggers, made again after every migrate; records follow the codes of roll status."""
        from models.students import receivers  # noqa: F401
        from models.students.names import install  # models are not loaded before

        post_migrate.connect(install, sender=self)
