"""Imports every screen of the back office: modules `*_admin` here, and `admin` in the packages below."""

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

import admin_site

for found in iter_modules(admin_site.__path__):
    if found.ispkg and find_spec(f"admin_site.{found.name}.admin"):
        import_module(f"admin_site.{found.name}.admin")
    elif found.name.endswith("_admin"):
        import_module(f"admin_site.{found.name}")
