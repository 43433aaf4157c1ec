"""Choices: small tables whole, regions step by step or by search, never more than asked for."""

import pytest

pytestmark = pytest.mark.django_db
REGION = "/api/codes/region/"


def names(answer):
    return [row["name"] for row in answer.json()["results"]]


def test_closed_to_strangers(client):
    assert client.get(REGION).status_code == 401


def test_region_from_province_to_county(student_client):
    provinces = student_client.get(REGION).json()["results"]
    assert {"code": "500000", "name": "重庆市", "has_children": True} in provinces
    assert not any(row["code"] == "830000" for row in provinces)  # occurs in ID numbers only
    counties = student_client.get(REGION, {"parent": "500000"}).json()["results"]
    assert {"code": "500103", "name": "渝中区", "has_children": False} in counties
    assert student_client.get(REGION, {"parent": "500103"}).json()["results"] == []


def test_where_a_code_lies(student_client):
    path = student_client.get(REGION, {"code": "440103"}).json()["path"]
    assert [row["name"] for row in path] == ["广东省", "广州市", "荔湾区"]
    assert student_client.get(REGION, {"code": "x"}).json() == {"results": [], "path": []}


def test_search_is_bounded(student_client):
    assert names(student_client.get(REGION, {"q": "渝中"})) == ["重庆市渝中区"]
    assert len(names(student_client.get(REGION, {"q": "区"}))) == 20
    for odd in ("", "%", "\x00", "x" * 10_000, "' OR 1=1"):
        assert student_client.get(REGION, {"q": odd}).status_code == 200


def test_small_table_and_unknown_table(student_client):
    assert "共青团员" in names(student_client.get("/api/codes/political_status/"))
    assert student_client.get("/api/codes/nothing/").status_code == 404
