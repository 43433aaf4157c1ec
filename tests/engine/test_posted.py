"""Whatever a form or an address sends as a number, nothing larger than its column reaches the database."""

from __future__ import annotations

import pytest

from workflows import posted


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "²", " 7", None, "9" * 19])
def test_what_is_no_key_is_none(text):
    assert posted.key(text) is None
    assert posted.version(text) is None


def test_the_largest_fit_their_columns():
    assert posted.key("9" * 18) < 2**63
    assert posted.version("9" * 9) < 2**31
    assert posted.version("9" * 10) is None
    assert posted.key(7) == posted.version("7") == 7
