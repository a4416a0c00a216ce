"""Every test of the door runs on both planes."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["fast", "reference"])
def plane(request) -> str:
    return request.param
