"""Credits apart from any plane: how they are counted, and that what profiles advertise can be."""

from __future__ import annotations

from nicmodel.datasheet.profiles import HOSTS, PROFILES
from nicmodel.reference.credits import Counter


def test_a_counter_lets_through_what_was_advertised_however_often_it_wraps():
    for advertised, bits in ((1, 8), (127, 8), (2047, 12)):
        counter = Counter(advertised, bits)
        for _ in range(3 * counter.modulus):
            for used in range(advertised):
                if not counter.covers(advertised - used):
                    raise AssertionError((advertised, used))
            assert not counter.covers(advertised + 1)
            counter.consume(1)
            assert counter.covers(advertised - 1) and not counter.covers(advertised)
            counter.grant(1)


def test_profiles_advertise_what_can_be_counted():
    counts = [(name, count) for row in (*HOSTS.values(), *PROFILES.values()) for name, count in vars(row).items()
              if name.endswith(("_ph", "_pd", "_nph", "_npd", "_cplh", "_cpld"))]
    assert counts and all(count <= (2047 if name.endswith("d") else 127) for name, count in counts)
