"""A VF's receive side scaling: offered where its VPort has two queue pairs, set by one request, all of it or nothing."""

from __future__ import annotations

from ctypes import sizeof

import pytest

from drivers.pf import PfSettings
from drivers.rings import RingSettings
from drivers.vf import VfMiniport, VfSettings
from nicmodel.datasheet.ndis import HASH_TOEPLITZ, HashTypes, Oid, PowerState, RequestType, RssFlags, Status
from nicmodel.datasheet.ndis_structures import ReceiveScaleParameters
from nicmodel.datasheet.registers_vf import VFMRQC, VFPSRTYPE
from nicmodel.datasheet.rss import VERIFICATION_KEY
from nicmodel.ndis.rss import disabled, offered_rss, rss_parameters, set_rss

TWO = VfSettings(rings=(RingSettings(),) * 2, rss_entries=64)
TYPES = HashTypes.IPV4 | HashTypes.TCP_IPV4 | HashTypes.IPV6 | HashTypes.TCP_IPV6
SET = RequestType.SET


@pytest.fixture
def bench(machine):
    return machine(num_vfs=2, queue_pairs=2).start(settings=TWO)


def ask(bench, buffer, v=0):
    return bench.do(bench.stack.guests[v].adapter.oid(SET, Oid.GEN_RECEIVE_SCALE_PARAMETERS, buffer))


def table_of(bench, v=0):
    return [bench.adapter.value(1 + v, "VFRETA", n) for n in range(16)]


def changed(buffer, **members):
    """The same request with members of its structure changed."""
    head = ReceiveScaleParameters.from_buffer_copy(buffer)
    for name, value in members.items():
        setattr(head, name, value)
    return bytes(head) + buffer[sizeof(head):]


GOOD = rss_parameters(TYPES, [0, 1] * 8)


# offered -----------------------------------------------------------------------------------------------------

def test_it_is_offered_with_its_own_queues_messages_and_table(bench):
    offered = offered_rss(bench.stack.guests[0].adapter)
    assert (offered.NumberOfReceiveQueues, offered.NumberOfInterruptMessages) == (2, 2)
    assert offered.NumberOfIndirectionTableEntries == 64
    assert offered.CapabilitiesFlags & HASH_TOEPLITZ
    assert Oid.GEN_RECEIVE_SCALE_PARAMETERS in bench.driver(0).supported_oids()
    assert not bench.reported()
    obeyed = {row.rule for row in bench.stack.rule_table() if row.verdict == "obeyed"}
    assert {"ADV-13", "ADV-24", "ADV-25", "INTR-11"} <= obeyed


@pytest.mark.parametrize("pairs, settings", [
    (1, TWO), (2, VfSettings(rings=(RingSettings(),), rss_entries=64)), (2, VfSettings(rings=(RingSettings(),) * 2)), (2, None)],
    ids=["VPort of one queue pair", "driver of one queue", "hardware without", "PF without VF_RSS"])
def test_it_is_not_offered_and_not_served_without_queues_hardware_or_leave(machine, pairs, settings):
    bench = machine(num_vfs=1, queue_pairs=pairs, pf_settings=PfSettings(vf_rss=settings is not None)).start(
        settings=settings or TWO)
    assert offered_rss(bench.stack.guests[0].adapter) is None
    assert ask(bench, GOOD) == Status.NOT_SUPPORTED
    assert Oid.GEN_RECEIVE_SCALE_PARAMETERS not in bench.driver(0).supported_oids()
    assert bench.do(set_rss(bench.stack.guests[0].adapter, 64)) == Status.SUCCESS
    assert bench.adapter.value(1, "VFMRQC") == 0 and bench.states[1]["state"] == "running"


class TakesNoRefusal(VfMiniport):
    def rss_capabilities(self):
        self.rss.allowed = True
        return super().rss_capabilities()


def test_a_vf_that_offers_what_its_pf_does_not_is_in_breach(machine):
    bench = machine(num_vfs=1, queue_pairs=2, pf_settings=PfSettings()).start([TakesNoRefusal], settings=TWO)
    assert bench.reported() == ["ADV-25"] and bench.states[1] == {"state": "closed", "rule": "ADV-25"}


# set -----------------------------------------------------------------------------------------------------------

def test_key_table_and_types_reach_the_hardware(bench):
    assert ask(bench, GOOD) == Status.SUCCESS
    key = b"".join(bench.adapter.value(1, "VFRSSRK", n).to_bytes(4, "little") for n in range(10))
    assert key == VERIFICATION_KEY and table_of(bench) == [0x01000100] * 16
    assert VFPSRTYPE.RQPL.get(bench.adapter.value(1, "VFPSRTYPE")) == 1
    word = bench.adapter.value(1, "VFMRQC")
    assert word & VFMRQC.RSSEN.mask and word >> 16 == 0b110011
    assert table_of(bench, 1) == [0] * 16
    last = [entry[2] for entry in bench.adapter.log if entry[0] == 1 and entry[1] == "write" and entry[2].startswith("VFR")
            or entry[2] == "VFMRQC"]
    assert last[-1] == "VFMRQC"


def test_a_small_table_repeats_and_processors_are_shared_out(bench):
    assert ask(bench, rss_parameters(TYPES, [5, 5, 9, 2])) == Status.SUCCESS          # 5: queue 0, 9: queue 1, 2: queue 0 again
    assert table_of(bench) == [0x00010000] * 16


@pytest.mark.parametrize("off", [disabled(), rss_parameters(0, [0, 1]),
                                 changed(GOOD, Flags=RssFlags.DISABLE_RSS, HashInformation=7)],
                         ids=["DISABLE_RSS", "no hash function", "DISABLE_RSS beside nonsense"])
def test_it_is_turned_off(bench, off):
    assert ask(bench, GOOD) == ask(bench, off) == Status.SUCCESS
    assert bench.adapter.value(1, "VFMRQC") == 0 and bench.driver(0).rss.setting is None


def test_what_is_said_to_be_unchanged_stays(bench):
    ask(bench, GOOD)
    flags = RssFlags.ITABLE_UNCHANGED | RssFlags.HASH_KEY_UNCHANGED | RssFlags.BASE_CPU_UNCHANGED
    assert ask(bench, changed(rss_parameters(HashTypes.IPV4, [1], bytes(40)), Flags=flags)) == Status.SUCCESS
    assert table_of(bench) == [0x01000100] * 16 and bench.adapter.value(1, "VFMRQC") >> 16 == 0b10
    assert bench.adapter.value(1, "VFRSSRK", 0) != 0
    assert ask(bench, changed(rss_parameters(0, [1, 1]), Flags=RssFlags.HASH_INFO_UNCHANGED)) == Status.SUCCESS
    assert table_of(bench) == [0] * 16 and bench.adapter.value(1, "VFMRQC") >> 16 == 0b10


REFUSED = {
    "shorter than its structure": (GOOD[:39], Status.INVALID_LENGTH),
    "a number": (7, Status.INVALID_LENGTH),
    "table past its end": (GOOD[:-80], Status.INVALID_LENGTH),
    "key past its end": (changed(GOOD, HashSecretKeyOffset=len(GOOD) - 39), Status.INVALID_LENGTH),
    "table inside the structure": (changed(GOOD, IndirectionTableOffset=8), Status.INVALID_LENGTH),
    "another structure's header": (b"\x80" + GOOD[1:], Status.INVALID_PARAMETER),
    "another hash function": (changed(GOOD, HashInformation=TYPES | 2), Status.INVALID_PARAMETER),
    "no hash type": (changed(GOOD, HashInformation=HASH_TOEPLITZ), Status.INVALID_PARAMETER),
    "a hash type that is not offered": (rss_parameters(HashTypes.IPV6_EX, [0, 1]), Status.INVALID_PARAMETER),
    "three entries": (rss_parameters(TYPES, [0, 1, 0]), Status.INVALID_PARAMETER),
    "no entry": (rss_parameters(TYPES, []), Status.INVALID_PARAMETER),
    "part of an entry": (changed(GOOD, IndirectionTableSize=62), Status.INVALID_PARAMETER),
    "more entries than the hardware has": (rss_parameters(TYPES, [0, 1] * 64), Status.INVALID_PARAMETER),
    "a short key": (rss_parameters(TYPES, [0, 1], bytes(16)), Status.INVALID_PARAMETER),
    "a table unchanged that never was": (changed(GOOD, Flags=RssFlags.ITABLE_UNCHANGED), Status.INVALID_PARAMETER),
    "a key unchanged that never was": (changed(GOOD, Flags=RssFlags.HASH_KEY_UNCHANGED), Status.INVALID_PARAMETER),
    "types unchanged that never were": (changed(GOOD, Flags=RssFlags.HASH_INFO_UNCHANGED), Status.INVALID_PARAMETER),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused_without_effect(bench, what):
    buffer, status = REFUSED[what]
    bench.adapter.log.clear()
    assert ask(bench, buffer) == status
    assert not bench.adapter.log and bench.driver(0).rss.setting is None


# lives ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("life", ["reset", "sleep"])
def test_it_holds_again_after_a_reset_and_after_sleep(bench, life):
    ask(bench, GOOD)
    adapter = bench.stack.guests[0].adapter
    bench.adapter.log.clear()
    if life == "reset":
        assert bench.do(adapter.reset()) == Status.SUCCESS
    else:
        bench.do(adapter.sleep())
        assert not [entry for entry in bench.adapter.log if entry[2] == "VFMRQC"]
        assert bench.do(adapter.oid(SET, Oid.PNP_SET_POWER, PowerState.D3)) == Status.SUCCESS
        bench.do(adapter.resume())
    names = [entry[2] for entry in bench.adapter.log if entry[0] == 1 and entry[1] == "write"]
    assert names.index("VFRXDCTL") < names.index("VFMRQC") and names.count("VFMRQC") == 1
    assert table_of(bench) == [0x01000100] * 16


def test_it_is_set_while_the_guest_sleeps_and_acts_when_it_wakes(bench):
    adapter = bench.stack.guests[0].adapter
    bench.do(adapter.pause())
    bench.adapter.log.clear()
    assert ask(bench, GOOD) == Status.SUCCESS
    assert not bench.adapter.log
    assert bench.do(adapter.restart()) == Status.SUCCESS
    assert bench.adapter.value(1, "VFMRQC") & VFMRQC.RSSEN.mask


def test_a_new_driver_begins_without(bench):
    ask(bench, GOOD)
    guest = bench.stack.guests[0]
    assert bench.do(bench.stack.guest_flr(guest)) == Status.SUCCESS
    assert bench.driver(0).rss.setting is None
