"""Every package has its reason, and every setting of the environment its line in the deployment guide."""

import re

import pytest
from django.conf import settings

DEPENDENCIES = settings.BASE_DIR / "docs" / "dependencies.md"


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_and_explained(file):
    lines = [line.strip() for line in (settings.BASE_DIR / file).read_text().splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("#", "-r"))]
    assert wanted
    assert [line for line in wanted if "==" not in line] == []
    first_cells = " ".join(re.findall(r"^\| ([^|]+)", DEPENDENCIES.read_text(), re.MULTILINE))
    explained = set(re.split(r"[\s,]+", first_cells))
    assert [line for line in wanted if line.split("==")[0] not in explained] == []


def test_every_environment_variable_is_in_the_deployment_guide():
    source = (settings.BASE_DIR / "config" / "settings" / "base.py").read_text()
    read = set(re.findall(r"""(?:environ\.get|flag|words)\("([A-Z_]+)\"""", source)) | {"DATABASE_URL"}
    guide = (settings.BASE_DIR / "docs" / "deployment.md").read_text()
    table = "\n".join(re.findall(r"^\| ([^|]+)", guide, re.MULTILINE))
    listed = set(re.findall(r"\b[A-Z_]{4,}\b", table))
    assert read == listed
