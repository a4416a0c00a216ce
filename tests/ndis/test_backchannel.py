"""The back channel, end to end: a VF's NDIS, VPCI, the PF's NDIS, the PF's miniport; and news the other way."""

from __future__ import annotations

from typing import Any

import pytest
from requests_bench import ALLOCATE, FREE, Bench, Library

from nicmodel.datasheet.ndis import INVALIDATE_BLOCK_ALL_VFS, Oid, RequestType, Status
from nicmodel.ndis.irql import Irql
from nicmodel.ndis.library import NdisLibrary
from nicmodel.ndis.states import State

ALL = INVALIDATE_BLOCK_ALL_VFS


class Guest:
    """A VF's adapter in a guest: a real library, and a miniport that notes what it is told."""

    def __init__(self, bench: Bench):
        self.ndis = NdisLibrary(bench.miniport.ndis.env, "VF", "VF", Library(bench.miniport.ndis.env, "VF"))
        self.state = State.RUNNING
        self.told: list[int] = []

    def oid(self, kind: RequestType, oid: Oid, buffer: Any) -> Any:
        assert (kind, oid) == (RequestType.METHOD, Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK)
        self.told.append(buffer.BlockMask)
        yield self.ndis.env.timeout(100)
        return Status.SUCCESS


@pytest.fixture
def bench():
    return Bench().with_switch()


def connected(bench: Bench, vf: int = 0) -> Guest:
    guest = Guest(bench)
    bench.requests.connect(vf, guest)
    return guest


@pytest.mark.parametrize("verb, oid, fill", [
    ("NdisMReadConfigBlock", Oid.SRIOV_READ_VF_CONFIG_BLOCK, b"read"),
    ("NdisMWriteConfigBlock", Oid.SRIOV_WRITE_VF_CONFIG_BLOCK, b"sent")])
def test_calls_of_a_vf_are_requests_to_the_pf(bench, verb, oid, fill):
    guest = connected(bench, vf=1)

    def answering(kind: RequestType, asked: Oid, buffer: Any) -> Any:
        request = buffer.oid_request
        seen.append((kind, asked, buffer.VFId, buffer.BlockId, buffer.Length, bytes(request.data)))
        request.put(buffer.BufferOffset, b"read")
        return status
        yield

    bench.miniport.oid, seen = answering, []
    for status in (Status.SUCCESS, Status.INVALID_PARAMETER, Status.INVALID_LENGTH):
        outcome = bench.do(getattr(guest.ndis, verb)(7, 4 if fill == b"read" else fill))
        expected = Status.SUCCESS if status == Status.SUCCESS else Status.FAILURE          # a VF sees no more than that
        assert outcome == ((expected, b"read" if status == Status.SUCCESS else b"") if fill == b"read" else expected)
    kind = RequestType.METHOD if fill == b"read" else RequestType.SET
    assert seen == [(kind, oid, 1, 7, 4, bytes(4) if fill == b"read" else fill)] * 3


@pytest.mark.parametrize("length, reaches", [(0, False), (1, True), (128, True), (129, False)])
def test_a_transfer_is_128_bytes_at_most(bench, length, reaches):
    guest = connected(bench)
    expected = Status.SUCCESS if reaches else Status.FAILURE
    assert bench.do(guest.ndis.NdisMReadConfigBlock(0, length))[0] == expected
    assert bench.do(guest.ndis.NdisMWriteConfigBlock(0, bytes(length))) == expected
    assert len(bench.miniport.asked) == 2 * reaches


def test_blocks_are_not_for_interrupt_handlers(bench):
    guest = connected(bench)
    guest.ndis.irql = Irql.DISPATCH
    assert bench.do(guest.ndis.NdisMReadConfigBlock(0, 4)) == (Status.FAILURE, b"")
    assert bench.do(guest.ndis.NdisMWriteConfigBlock(0, b"four")) == Status.FAILURE
    assert bench.miniport.asked == []
    guest.ndis.irql = Irql.APC
    assert bench.do(guest.ndis.NdisMReadConfigBlock(0, 4))[0] == Status.SUCCESS


def test_without_a_back_channel_calls_fail_and_a_pf_has_none(bench):
    assert bench.do(Guest(bench).ndis.NdisMReadConfigBlock(0, 4)) == (Status.FAILURE, b"")
    pf = NdisLibrary(bench.miniport.ndis.env, "PF", "PF", Library(bench.miniport.ndis.env, "PF"))
    assert bench.do(pf.NdisMWriteConfigBlock(0, b"four")) == Status.FAILURE


def test_bus_data_of_a_vf_go_through_the_pf(bench):
    guest = connected(bench, vf=1)

    def answering(kind: RequestType, asked: Oid, buffer: Any) -> Any:
        seen.append((kind, asked, buffer.VFId, buffer.Offset, buffer.Length))
        if asked == Oid.SRIOV_READ_VF_CONFIG_SPACE:
            buffer.oid_request.put(buffer.BufferOffset, b"\x86\x80")
        return status
        yield

    bench.miniport.oid, seen = answering, []
    status = Status.SUCCESS
    assert bench.do(guest.ndis.NdisMGetBusData(0, 2)) == b"\x86\x80" and bench.do(guest.ndis.NdisMSetBusData(4, b"\x06\x00")) == 2
    status = Status.INVALID_PARAMETER
    assert bench.do(guest.ndis.NdisMGetBusData(0, 2)) == b"" and bench.do(guest.ndis.NdisMSetBusData(4, b"\x06\x00")) == 0
    read, write = ((RequestType.METHOD, Oid.SRIOV_READ_VF_CONFIG_SPACE, 1, 0, 2),
                   (RequestType.SET, Oid.SRIOV_WRITE_VF_CONFIG_SPACE, 1, 4, 2))
    assert seen == [read, write, read, write]


# news of changed blocks -------------------------------------------------------------------------------------

def test_news_reach_the_vf_they_are_for(bench):
    guests = [connected(bench, vf) for vf in (0, 1)]
    bench.requests.invalidate(1, 0b100)
    bench.miniport.ndis.env.run()
    assert [guest.told for guest in guests] == [[], [0b100]]
    bench.requests.invalidate(ALL, 1 << 63)
    bench.miniport.ndis.env.run()
    assert [guest.told for guest in guests] == [[1 << 63], [0b100, 1 << 63]]


def test_news_that_come_before_the_last_was_taken_are_combined(bench):
    guest, env = connected(bench), bench.miniport.ndis.env
    for at, mask in ((0, 0b1), (10, 0b10), (20, 0b1000), (250, 0b1)):
        env.process(_later(env, at, lambda mask=mask: bench.requests.invalidate(0, mask)))
    env.run()
    assert guest.told == [0b1, 0b1010, 0b1]


def _later(env: Any, ps: int, do: Any) -> Any:
    yield env.timeout(ps)
    do()


def test_news_wait_for_a_guest_that_takes_no_requests(bench):
    guest, env = connected(bench), bench.miniport.ndis.env
    guest.state = State.INITIALIZING
    bench.requests.invalidate(0, 0b1)
    env.run()
    assert guest.told == []
    guest.state = State.PAUSED
    bench.requests.channels[0].tell()
    env.run()
    assert guest.told == [0b1]


def test_after_free_vf_nothing_is_pending_and_nothing_is_reached(bench):
    guest = connected(bench, vf=0)
    guest.state = State.HALTED
    bench.requests.invalidate(0, 0b1)
    channel = bench.requests.channels[0]
    assert bench.good(FREE, VFId=0) == Status.SUCCESS
    assert channel.pending == 0 and bench.requests.channels == {} and guest.ndis.vpci is None
    guest.state = State.RUNNING
    channel.tell()
    bench.miniport.vfs = 0
    assert bench.good(ALLOCATE) == Status.SUCCESS
    bench.requests.invalidate(0, 0b1)
    bench.miniport.ndis.env.run()
    assert guest.told == [] and bench.do(guest.ndis.NdisMReadConfigBlock(0, 4))[0] == Status.FAILURE


@pytest.mark.parametrize("role, irql, reaches", [("PF", Irql.PASSIVE, True), ("PF", Irql.DISPATCH, True),
                                                 ("VF", Irql.PASSIVE, False)])
def test_only_a_pf_has_news(bench, role, irql, reaches):
    heard: list[tuple[int, int]] = []
    ndis = NdisLibrary(bench.miniport.ndis.env, role, role, Library(bench.miniport.ndis.env, role))
    ndis.on_invalidate, ndis.irql = lambda vf, mask: heard.append((vf, mask)), irql
    ndis.NdisMInvalidateConfigBlock(3, 0x1_0000_0000_0000_0001)
    assert heard == ([(3, 1)] if reaches else [])
