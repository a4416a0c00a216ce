"""What the judge sees of an access, and that the access is the driver's own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nicmodel.datasheet import registers_vf as vf
from nicmodel.ndis.observed import ObservedHandle

ELEMENT = vf.VFTDT[1]
NAMED = {"register": "VFTDT", "index": 1}


class Handle:
    """Answers with what it was asked."""

    def __getattr__(self, name):
        return lambda *args, **fields: (name, *args, *fields.items())


@pytest.mark.parametrize("name, args, seen, judged", [
    ("write", (ELEMENT, 7), "write", NAMED | {"value": 7}), ("read", (ELEMENT,), "read", NAMED),
    ("wait_set", (ELEMENT, 3), "read", NAMED), ("wait_clear", (ELEMENT, 3), "read", NAMED),
    ("config_read", (0x0C, 2), "config_read", {"offset": 0x0C, "size": 2}),
    ("config_write", (0x0C, 1, 0x10), "config_write", {"offset": 0x0C, "size": 1, "value": 0x10}),
    ("sleep", (500,), "sleep", {"ps": 500}), ("stop_ring_agent", (4,), "stop_ring_agent", {"agent": 4})])
def test_an_access_is_judged_and_then_made_as_it_was_asked_for(name, args, seen, judged):
    log = []

    class Logging(Handle):
        def __getattr__(self, called):
            return lambda *made: log.append((called, made)) or (called, *made)
    ndis = SimpleNamespace(access=lambda what, **fields: log.append((what, fields)), env=None,
                           checker=SimpleNamespace(access=lambda what, fields, env: log.append((what, fields))))
    getattr(ObservedHandle(Logging(), ndis), name)(*args)
    assert log == [(seen, judged), (name, args)]


def test_what_no_rule_is_about_is_the_handles_own():
    ndis = SimpleNamespace(access=None, env=None, checker=SimpleNamespace(access=None))
    assert ObservedHandle(Handle(), ndis).memory_read(1 << 33, 16) == ("memory_read", 1 << 33, 16)
