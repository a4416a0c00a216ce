"""Units: exact, both ways, and clear about what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicmodel.sim.units import BITS, BYTES, DURATION, PACKETS

KINDS = [BYTES, DURATION, BITS, PACKETS]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (BYTES, "256B", 256),
        (BYTES, "2KiB", 2048),
        (BYTES, "1.5kB", 1500),
        (BYTES, " 64 B ", 64),
        (BYTES, "1_024", 1024),
        (DURATION, "1.5us", 1_500_000),
        (DURATION, "3µs", 3_000_000),
        (DURATION, "0.001ns", 1),
        (DURATION, "2s", 2 * 10**12),
        (BITS, "10Gbps", 10**10),
        (BITS, "2.5Mbps", 2_500_000),
        (PACKETS, "14.88Mpps", 14_880_000),
    ],
)
def test_text_becomes_base_units(kind, text, value):
    assert kind.parse(text) == value


@pytest.mark.parametrize("kind", KINDS)
def test_a_bare_integer_is_in_the_base_unit(kind):
    assert kind.parse(1234) == 1234 and kind.parse("0") == 0


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not DURATION])
def test_text_of_anything_but_a_time_may_do_without_a_unit(kind):
    assert kind.parse("1234") == 1234


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        (BYTES, "64ns", "unit must be one of B, kB, MB, GB, KiB, MiB, GiB"),
        (BYTES, "64b", "unit must be one of"),
        (DURATION, "10Gbps", "unit must be one of ps, ns, us, ms, s"),
        (DURATION, "5", '"5" is not a time: it has no unit, which must be one of ps, ns, us, ms, s'),
        (DURATION, "soon", "write a number and a unit"),
        (DURATION, "0.0001ns", "not a whole number of ps"),
        (BYTES, "1.5B", "not a whole number of B"),
        (BYTES, True, "not a size"),
        (BYTES, 1.5, "not a size"),
        (BYTES, None, "not a size"),
        (BITS, "", "not a bit rate"),
        (BITS, "1e9bps", "not a bit rate"),
        (PACKETS, "9" * 50, "not a packet rate"),
    ],
)
def test_what_is_no_quantity_is_refused_with_a_reason(kind, value, says):
    with pytest.raises(ValueError, match="^.*") as error:
        kind.parse(value)
    assert says in str(error.value)


@given(st.sampled_from(KINDS), st.integers(-(10**18), 10**18))
def test_format_and_parse_are_inverse(kind, value):
    assert kind.parse(kind.format(value)) == value
