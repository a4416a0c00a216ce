"""The hash is Microsoft's: their vectors; a frame's connection is found where an outside reader of frames finds it."""

from __future__ import annotations

import ipaddress

import pytest
from rss_vectors import VECTORS

from nicmodel.datasheet import rss
from nicmodel.datasheet.connections import NO_PORTS, TCP, UDP, Connection, connection_of, headers


def connection(destination: str, destination_port: int, source: str, source_port: int, protocol: int = TCP) -> Connection:
    return Connection(ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed, protocol, source_port,
                      destination_port)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[0])
def test_microsofts_vectors(vector):
    *ends, addresses, with_ports = vector
    made = connection(*ends)
    plain, whole = (0b10, 0b11) if made.version == 4 else (1 << 4, 1 << 4 | 1 << 5)
    for types, wanted in ((plain, addresses), (whole, with_ports)):
        found = rss.hash_type_of(made, types)
        assert rss.toeplitz(rss.VERIFICATION_KEY, rss.hash_input(made, found)) == wanted


@pytest.mark.parametrize("protocol, bit", [(TCP, 0), (UDP, 6)])
def test_ports_count_only_for_types_that_are_enabled(protocol, bit):
    made = connection("10.0.0.1", 80, "10.0.0.2", 1024, protocol)
    assert rss.hash_type_of(made, 1 << bit).protocol == protocol
    assert rss.hash_type_of(made, rss.ALL_TYPES & ~(1 << bit)).name == "IPV4"
    assert rss.hash_type_of(made, 1 << 4 | 1 << 5) is None
    assert rss.hash_type_of(None, rss.ALL_TYPES) is None


@pytest.mark.parametrize("protocol", [NO_PORTS, TCP, UDP])
@pytest.mark.parametrize("ends", [VECTORS[0][:4], VECTORS[5][:4]], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("tag", [b"", b"\x81\x00\x00\x07"])
def test_a_connection_is_found_in_the_headers_it_makes(ends, protocol, tag):
    made = connection(*ends, protocol)
    if protocol == NO_PORTS:
        made = Connection(made.source, made.destination)
    frame = bytes(12) + tag + headers(made, 60)
    assert connection_of(frame + bytes(20)) == made


def test_fragments_options_and_what_is_cut_short():
    made = connection("10.0.0.1", 80, "10.0.0.2", 1024)
    frame = bytearray(bytes(12) + headers(made, 46))
    longer = bytearray(frame)
    longer[14] = 0x46                                               # a header of 24 bytes: the ports come after it
    longer[34:34] = bytes(4)
    assert connection_of(bytes(longer)) == made
    for more in (0x20, 0x01):                                       # more fragments; a later fragment
        fragment = bytearray(frame)
        fragment[20] = more
        assert connection_of(bytes(fragment)) == Connection(made.source, made.destination)
    assert connection_of(bytes(frame[:37])) == Connection(made.source, made.destination)
    assert connection_of(bytes(frame[:33])) is None
    assert connection_of(bytes(12) + b"\x08\x00" + b"\x65" + bytes(40)) is None     # an ethertype that is not true


def test_header_checksums_add_up():
    header = headers(connection("192.0.2.7", 80, "192.0.2.9", 1024), 46)[2:22]
    total = sum(int.from_bytes(header[at:at + 2], "big") for at in range(0, 20, 2))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF
