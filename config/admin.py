"""The default admin site is ours, so that every registration lands in the scoped, Chinese back office."""

from django.contrib.admin.apps import AdminConfig


class QihangAdminConfig(AdminConfig):
    default_site = "admin_site.site.QihangAdminSite"
