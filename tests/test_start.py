"""A server starts without the libraries of documents and workbooks: they are loaded by the first job or form that needs them."""

import os
import subprocess
import sys

HEAVY = {"fontTools", "matplotlib", "openpyxl", "PIL", "polars", "pypdf", "reportlab", "xhtml2pdf", "xlrd"}
START = """
import sys, django
django.setup()
from django.urls import get_resolver
get_resolver().url_patterns
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_no_heavy_library_at_start():
    done = subprocess.run(
        [sys.executable, "-c", START],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.base", "DATABASE_URL": "sqlite://:memory:"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert HEAVY & set(done.stdout.split()) == set()
