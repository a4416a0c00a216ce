"""The mandatory requests of every miniport, asked of a PF and of a VF."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.general import QUERIES, SETS
from drivers.pf import PfSettings
from drivers.rings import RingSettings
from drivers.vf import VfSettings
from nicmodel.datasheet.ndis import MANDATORY_QUERIES, MANDATORY_SETS, Oid, RequestType, Status
from nicmodel.datasheet.ndis_general import InterruptModerationParameters, LinkParameters, ModerationState, StatisticsInfo
from nicmodel.datasheet.ndis_structures import made

QUERY, SET, METHOD = RequestType
ITR_PS = 10 * 2_048_000


class Asked:
    """A PF's or a VF's adapter with one ring of 256 descriptors."""

    def __init__(self, machine: Any, role: str):
        self.bench = machine(num_vfs=1, pf_settings=PfSettings(rings=RingSettings(ring_size=256), itr_ps=ITR_PS))
        self.bench.start(settings=VfSettings(rings=(RingSettings(ring_size=256),), itr_ps=ITR_PS))
        self.adapter = self.bench.stack.pf if role == "PF" else self.bench.stack.guests[0].adapter
        self.function = 0 if role == "PF" else 1

    def query(self, oid: Oid, nbytes: int = 256) -> tuple[Status, bytes]:
        buffer = bytearray(nbytes)
        return self.bench.do(self.adapter.oid(QUERY, oid, buffer)), bytes(buffer)

    def set(self, oid: Oid, buffer: Any) -> Status:
        return self.bench.do(self.adapter.oid(SET, oid, buffer))


@pytest.fixture(params=["PF", "VF"])
def asked(machine, request):
    return Asked(machine, request.param)


def test_every_mandatory_request_is_served():
    assert set(QUERIES) == set(MANDATORY_QUERIES)
    assert {*SETS, Oid.GEN_CURRENT_PACKET_FILTER} == set(MANDATORY_SETS)


@pytest.mark.parametrize("oid, value", [
    (Oid.GEN_MAXIMUM_TOTAL_SIZE, 1514), (Oid.GEN_TRANSMIT_BLOCK_SIZE, 1514), (Oid.GEN_RECEIVE_BLOCK_SIZE, 1514),
    (Oid.GEN_TRANSMIT_BUFFER_SPACE, 256 * 2048), (Oid.GEN_RECEIVE_BUFFER_SPACE, 256 * 2048),
    (Oid.GEN_VENDOR_DRIVER_VERSION, 0x0100)])
def test_numbers_are_ulongs(asked, oid, value):
    status, buffer = asked.query(oid, 4)
    assert (status, int.from_bytes(buffer, "little")) == (Status.SUCCESS, value)
    assert asked.query(oid, 3) == (Status.BUFFER_TOO_SHORT, bytes(3))


def test_vendor_is_that_of_the_address(asked):
    status, buffer = asked.query(Oid.GEN_VENDOR_ID, 4)
    assert status == Status.SUCCESS and int.from_bytes(buffer, "little") == asked.adapter.driver.mac >> 24
    assert asked.query(Oid.GEN_VENDOR_DESCRIPTION)[1].startswith(b"nicmodel")
    assert asked.query(Oid.GEN_VENDOR_DESCRIPTION, 8)[0] == Status.BUFFER_TOO_SHORT


def test_frames_are_counted_by_the_hardware(asked):
    names = ("GPRC", "GPTC") if asked.function == 0 else ("VFGPRC", "VFGPTC")
    for name, count in zip(names, (7, 9), strict=True):
        asked.bench.adapter.registers[asked.function, name, 0] = count
    statistics = StatisticsInfo.from_buffer_copy(asked.query(Oid.GEN_STATISTICS, 152)[1])
    assert (statistics.ifHCInUcastPkts, statistics.ifHCOutUcastPkts, statistics.SupportedStatistics) == (7, 9, 0x41)
    again = 2 if asked.function == 0 else 1                # the PF's registers clear as they are read, so it adds up
    for oid, count in ((Oid.GEN_RCV_OK, 7 * again), (Oid.GEN_XMIT_OK, 9 * (again + (asked.function == 0)))):
        status, buffer = asked.query(oid, 8 if oid is Oid.GEN_RCV_OK else 4)
        assert (status, int.from_bytes(buffer, "little")) == (Status.SUCCESS, count)


def moderation_of(asked: Asked) -> int:
    return InterruptModerationParameters.from_buffer_copy(asked.query(Oid.GEN_INTERRUPT_MODERATION, 12)[1]).InterruptModeration


def test_moderation_goes_off_and_on_again(asked):
    name = "EITR" if asked.function == 0 else "VTEITR"
    assert moderation_of(asked) == ModerationState.ENABLED and asked.bench.adapter.value(asked.function, name) == 10 << 3
    for state, word in ((ModerationState.DISABLED, 0), (ModerationState.ENABLED, 10 << 3)):
        parameters = made(InterruptModerationParameters, InterruptModeration=state)
        assert asked.set(Oid.GEN_INTERRUPT_MODERATION, parameters) == Status.SUCCESS
        assert moderation_of(asked) == state and asked.bench.adapter.value(asked.function, name) == word


@pytest.mark.parametrize("oid, buffer, status", [
    (Oid.GEN_CURRENT_LOOKAHEAD, 0, Status.SUCCESS),
    (Oid.GEN_CURRENT_LOOKAHEAD, 256, Status.SUCCESS), (Oid.GEN_CURRENT_LOOKAHEAD, 1514, Status.SUCCESS),
    (Oid.GEN_CURRENT_LOOKAHEAD, 1515, Status.INVALID_DATA), (Oid.GEN_CURRENT_LOOKAHEAD, None, Status.INVALID_DATA),
    (Oid.GEN_INTERRUPT_MODERATION, made(InterruptModerationParameters), Status.INVALID_DATA),
    (Oid.GEN_INTERRUPT_MODERATION, None, Status.INVALID_DATA),
    (Oid.GEN_LINK_PARAMETERS, made(LinkParameters), Status.SUCCESS),
    (Oid.GEN_LINK_PARAMETERS, made(LinkParameters, XmitLinkSpeed=10**10, RcvLinkSpeed=10**10), Status.SUCCESS),
    (Oid.GEN_LINK_PARAMETERS, made(LinkParameters, XmitLinkSpeed=10**9), Status.INVALID_DATA),
    (Oid.GEN_LINK_PARAMETERS, None, Status.INVALID_DATA)])
def test_what_can_be_set(asked, oid, buffer, status):
    assert asked.set(oid, buffer) == status
