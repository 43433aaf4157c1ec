from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Demo data: a fictional province to try the product on. No tables of its own."""

    name = "models.demo"
    label = "demo"
