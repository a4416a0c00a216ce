"""Random requests to a PF through NDIS, legal and not, in any order and in any state of the adapter.

`request_model` says what must be refused and what a success changes; after every step hardware, driver and NDIS hold what
it says. A request that fails has changed nothing; one that succeeds has left the VFs it does not name alone. The judge never
names the PF's driver, whatever it was asked; where only legal things were asked, it names nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from life_bench import (
    MAC_SLOTS,
    NUM_VFS,
    PF_VPORTS,
    SETTINGS,
    LifeBench,
    Pool,
    held,
    holds_nothing,
    holds_what_a_start_takes,
)
from request_model import METHOD, SET, Ask, FilterTests, Tables, done, may_see
from request_strategies import (
    KINDS_OF,
    MACS,
    OF_NO_KIND,
    OF_THE_SWITCH,
    OPENERS,
    OTHER,
    VLANS,
    good_tests,
    members_of,
    of_a_vm,
)

from drivers.pf import DynamicPfMiniport, PfMiniport
from nicmodel.datasheet.ndis import INVALID_RID, INVALID_VF_FUNCTION_ID, PF_FUNCTION_ID, ROW_OF, Issuer, Oid, RequestType, Status
from nicmodel.datasheet.ndis_structures import GroupAffinity, VfInfoArray, VPortInfoArray, made
from nicmodel.ndis.request import Request
from nicmodel.ndis.requests import APPLICATION, NDIS, STACK, Opener
from nicmodel.ndis.states import State
from nicmodel.sim.errors import ModelBug


class Requests(RuleBasedStateMachine):
    """A PF with three VFs, and what the pages say of it. ``faultless`` until something is asked that nobody may ask."""

    LEGAL_ONLY = False

    @initialize(driver=st.sampled_from([PfMiniport, DynamicPfMiniport]), prepared=st.integers(0, NUM_VFS))
    def start(self, driver: Any, prepared: int) -> None:
        self.bench, self.faultless = LifeBench(driver), True
        assert self.bench.do(self.bench.stack.bring_up_pf()) == {"state": "running", "rule": None}
        self._is_new(prepared)

    def _is_new(self, prepared: int) -> None:
        self.t = Tables(self.bench.pf_driver is PfMiniport, NUM_VFS, PF_VPORTS, MAC_SLOTS - 1)
        self.t.create(NUM_VFS)
        self.state, self.asleep, self.gone = State.RUNNING, False, False
        self.to_reset: set[int] = set()                   # VFs that lost their VPort and were not reset since (TEARDOWN-03)
        for number in range(prepared):
            self.vf_with_vport_and_filter(STACK, MACS[number], VLANS[number])

    @property
    def adapter(self) -> Any:
        return self.bench.stack.pf

    @property
    def halted(self) -> bool:
        return self.state is State.HALTED

    # requests ------------------------------------------------------------------------------------------

    def _ask(self, data: st.DataObject, key: tuple[RequestType, Oid]) -> None:
        row = ROW_OF[key[1]]
        usual = [NDIS] * 4 if row.issuers == (Issuer.NDIS,) else []
        opener = data.draw(st.sampled_from(usual + OPENERS))
        members, follows, tests = members_of(data, self.t, key[1], opener)
        harm = data.draw(st.sampled_from([""] * 10 + ["Type", "Revision", "Size", "length"]))
        ask = Ask(*key, opener, members, follows, tests=tests)
        structure = made(row.structure, **members)
        if harm == "length":
            ask.length = data.draw(st.integers(0, row.min_length - 1))
        elif harm:
            ask.bad_header = True
            setattr(structure.Header, harm, getattr(structure.Header, harm) + 100)
        self._submit(ask, structure)

    def _submit(self, ask: Ask, structure: Any) -> None:
        bench, t = self.bench, self.t
        request = Request(ask.kind, ask.oid, structure, ask.data, ask.length)
        refusals = {Status.NOT_SUPPORTED, Status.NOT_ACCEPTED} if self.halted else t.refusals(ask)
        if not self._may(not (refusals or self._is_too_early(ask) or self._is_another_switch(ask))):
            return
        asked, before = bytes(structure), bench.everything()
        others = [(vf, bench.vf_view(vf)) for vf in range(t.num_vfs) if vf not in self._named(ask)]
        left = t.vports.get(ask.members.get("VPortId", -1))
        status = bench.do(bench.stack.requests.ndis.submit(request, ask.opener))
        assert status in refusals if refusals else status == Status.SUCCESS, (ask, status.name, refusals)
        assert may_see(ask.oid, status)
        if status != Status.SUCCESS:
            assert bytes(structure) == asked, f"{ask} failed and changed its caller's structure"
            assert bench.everything() == before, f"{ask} failed and changed something"
        else:
            done(t, ask, structure)
            self._follow(ask, left)
            if ask.oid not in (Oid.NIC_SWITCH_CREATE_SWITCH, Oid.NIC_SWITCH_DELETE_SWITCH):
                assert others == [(vf, bench.vf_view(vf)) for vf, _ in others], f"{ask} has disturbed another VF"

    def _may(self, legal: bool) -> bool:
        """Whether a step is to be taken: illegal ones only by a machine that takes them, which is not faultless any more."""
        self.faultless &= legal or self.LEGAL_ONLY
        return legal or not self.LEGAL_ONLY

    def _is_too_early(self, ask: Ask) -> bool:
        """TEARDOWN-03: a VF is freed only when it was reset after it had lost its VPort."""
        return ask.oid is Oid.NIC_SWITCH_FREE_VF and ask.members["VFId"] in self.to_reset

    def _is_another_switch(self, ask: Ask) -> bool:
        """SWITCH-02: NDIS asks for as many VFs as the registry says."""
        return ask.oid is Oid.NIC_SWITCH_CREATE_SWITCH and ask.members["NumVFs"] != NUM_VFS

    def _follow(self, ask: Ask, left: Any) -> None:
        """TEARDOWN-03: which VFs are owed a reset, after a success. ``left`` is the VPort that it named, as it was."""
        if ask.oid is Oid.NIC_SWITCH_DELETE_VPORT and left.function != PF_FUNCTION_ID:
            self.to_reset.add(left.function)
        elif ask.oid in (Oid.SRIOV_RESET_VF, Oid.NIC_SWITCH_FREE_VF):
            self.to_reset.discard(ask.members["VFId"])

    def _named(self, ask: Ask) -> set[int]:
        """The VFs that a request is about: by their ids, their VPorts, their filters; whoever may be allocated."""
        m, t = ask.members, self.t
        ports = {m.get("VPortId"), m.get("SourceVPortId"), m.get("DestVPortId")}
        if m.get("FilterId") in t.filters:
            ports.add(t.filters[m["FilterId"]].vport)
        free = {vf for vf in range(NUM_VFS) if vf not in t.vfs} if ask.oid is Oid.NIC_SWITCH_ALLOCATE_VF else set()
        functions = {t.vports[port].function for port in ports if port in t.vports}
        return {m.get("VFId"), m.get("AttachedFunctionId")} | free | functions

    @rule(data=st.data(), oid=st.sampled_from(OF_THE_SWITCH))
    def request_about_the_switch(self, data: st.DataObject, oid: Oid) -> None:
        self._ask(data, next(key for key in KINDS_OF if key[1] == oid))

    @rule(data=st.data(), key=st.sampled_from(KINDS_OF))
    def request_of_the_pf(self, data: st.DataObject, key: tuple[RequestType, Oid]) -> None:
        self._ask(data, key)

    @rule(opener=st.sampled_from([STACK, OTHER]), mac=st.sampled_from(MACS), vlan=st.sampled_from(VLANS))
    def vf_with_vport_and_filter(self, opener: Opener, mac: int, vlan: int) -> None:
        """The documented order in one go, so that V3 is often reached; whatever step is not legal now is refused."""
        tests = good_tests(mac, vlan)
        self._plain(METHOD, Oid.NIC_SWITCH_ALLOCATE_VF, opener, dict(
            VFId=INVALID_VF_FUNCTION_ID, RequestorId=INVALID_RID, MacAddressLength=6, SwitchId=0, **of_a_vm(mac)))
        for vf in [vf for vf in self.t.vfs if self.t.state(vf) == "V2"]:
            self._plain(METHOD, Oid.NIC_SWITCH_CREATE_VPORT, opener, dict(
                SwitchId=0, VPortId=0, AttachedFunctionId=vf, NumQueuePairs=1, ProcessorAffinity=GroupAffinity()))
        for vport in [vport for vport in self.t.vports if vport and not self.t.on(vport)]:
            self._plain(METHOD, Oid.RECEIVE_FILTER_SET_FILTER, opener, dict(
                FilterType=1, QueueId=0, FilterId=0, VPortId=vport, FieldParametersArrayOffset=44,
                FieldParametersArrayNumElements=tests.count, FieldParametersArrayElementSize=56), tests)

    @rule(opener=st.sampled_from([STACK, STACK, OTHER]), vf=st.integers(0, NUM_VFS - 1), flip=st.integers(0, 1))
    def well_formed_requests_about_a_vf(self, opener: Opener, vf: int, flip: int) -> None:
        """Whether they are legal is a matter of that VF's state alone (V1 to V3), and of who created what."""
        vport = self.t.vport_of(vf)
        pairs = next((each.pairs for number, each in self.t.vports.items() if number), 1)
        asks: list[tuple[RequestType, Oid, dict[str, Any]]] = [
            (METHOD, Oid.NIC_SWITCH_CREATE_VPORT, dict(
                SwitchId=0, VPortId=0, AttachedFunctionId=vf, NumQueuePairs=pairs, ProcessorAffinity=GroupAffinity())),
            (SET, Oid.NIC_SWITCH_FREE_VF, dict(VFId=vf)),
            (SET, Oid.SRIOV_RESET_VF, dict(VFId=vf)),
            (SET, Oid.SRIOV_SET_VF_POWER_STATE, dict(VFId=vf, PowerState=4 if flip else 1, WakeEnable=0))]
        if vport is not None:
            asks.append((SET, Oid.NIC_SWITCH_DELETE_VPORT, dict(VPortId=vport)))
        for kind, oid, members in asks if flip else reversed(asks):
            self._plain(kind, oid, opener, members)

    def _plain(self, kind: RequestType, oid: Oid, opener: Opener, members: dict[str, Any],
               tests: FilterTests | None = None) -> None:
        ask = Ask(kind, oid, opener, members, tests.data if tests else b"", tests=tests)
        self._submit(ask, made(ROW_OF[oid].structure, **members))

    @rule(key=st.sampled_from(OF_NO_KIND), opener=st.sampled_from([STACK, NDIS]), length=st.integers(0, 40))
    def request_that_is_not_the_pfs(self, key: tuple[RequestType, Oid], opener: Opener, length: int) -> None:
        before = self.bench.everything()
        request = Request(*key, made(ROW_OF[key[1]].structure), bytes(length))
        assert self.bench.do(self.bench.stack.requests.ndis.submit(request, opener)) == Status.NOT_SUPPORTED
        assert self.bench.everything() == before

    @rule(kind=st.sampled_from(RequestType), oid=st.integers(0x00FF0000, 0x00FFFFFF), buffer=st.binary(max_size=8))
    def request_that_nobody_knows(self, kind: RequestType, oid: int, buffer: bytes) -> None:
        before = self.bench.everything()
        status = self.bench.do(self.bench.stack.requests.ndis.oid(kind, _Unknown(oid), buffer))
        assert status == (Status.NOT_ACCEPTED if self.halted or self.gone else Status.INVALID_OID)
        assert self.bench.everything() == before

    @rule(key=st.sampled_from(KINDS_OF), opener=st.sampled_from(OPENERS), buffer=st.binary(max_size=64))
    def bytes_instead_of_a_structure(self, key: tuple[RequestType, Oid], opener: Opener, buffer: bytes) -> None:
        """Whatever they say, they are answered with a status of that request's, and leave the tables as they are."""
        if not self._may(False):
            return
        if buffer[:1] == b"\x80":
            buffer = b"\x00" + buffer[1:]
        before = self.bench.everything()
        status = self.bench.do(self.bench.stack.requests.ndis.oid(*key, bytearray(buffer), opener))
        assert status != Status.SUCCESS and may_see(key[1], status)
        assert self.bench.everything() == before

    # what NDIS answers itself ----------------------------------------------------------------------------

    @precondition(lambda self: not self.halted)
    @rule(opener=st.sampled_from([STACK, APPLICATION]), room=st.integers(0, 4))
    def enumerate(self, opener: Opener, room: int) -> None:
        for oid, head, table in ((Oid.NIC_SWITCH_ENUM_VFS, VfInfoArray, self.t.vfs),
                                 (Oid.NIC_SWITCH_ENUM_VPORTS, VPortInfoArray, self.t.vports)):
            size = head.ARRAY.element.NDIS_SIZEOF
            request = Request(METHOD, oid, made(head), bytes(room * size))
            status = self.bench.do(self.bench.stack.requests.ndis.submit(request, opener))
            assert status == (Status.SUCCESS if room >= len(table) else Status.INVALID_LENGTH)
            if status == Status.SUCCESS:
                assert request.information.NumElements == len(table)
            else:
                assert request.bytes_needed == head.NDIS_SIZEOF + len(table) * size

    # what happens to the adapter -------------------------------------------------------------------------

    def _happens(self, event: Callable[[], Any], legal_in: Sequence[State], leads_to: State) -> bool:
        """An event of the adapter table; where it is no edge, NDIS is told that it has a bug, and nothing changes."""
        if self.state in legal_in:
            assert self.bench.do(event()) == Status.SUCCESS
            self.state = leads_to
            return True
        before = self.bench.everything()
        with pytest.raises(ModelBug):
            self.bench.do(event())
        assert self.bench.everything() == before
        return False

    @precondition(lambda self: not self.asleep and not self.gone)
    @rule()
    def restart(self) -> None:
        self._happens(self.adapter.restart, [State.PAUSED], State.RUNNING)

    @rule()
    def pause(self) -> None:
        self._happens(self.adapter.pause, [State.RUNNING], State.PAUSED)

    @precondition(lambda self: not self.asleep and not self.gone)
    @rule()
    def reset(self) -> None:
        """RESET-07, G-08: VF ids, VPorts and filters survive."""
        self._happens(self.adapter.reset, [State.PAUSED, State.RUNNING], self.state)

    @precondition(lambda self: not self.halted and not self.asleep and not self.gone)
    @rule()
    def sleep(self) -> None:
        assert self.bench.do(self.adapter.sleep()) == Status.SUCCESS
        self.state, self.asleep, self.t.takes_requests = State.PAUSED, True, False

    @precondition(lambda self: self.asleep and not self.gone)
    @rule()
    def wake(self) -> None:
        assert self.bench.do(self.adapter.resume()) == Status.SUCCESS
        self.state, self.asleep, self.t.takes_requests = State.RUNNING, False, True

    @precondition(lambda self: not self.halted and not self.gone)
    @rule(happens=st.sampled_from([False, False, True]))
    def remove(self, happens: bool) -> None:
        if not happens:
            return
        self.adapter.surprise_remove()
        self.gone, self.t.takes_requests = True, False

    @precondition(lambda self: not self.gone and not self.asleep and not self.halted)
    @rule(opener=st.sampled_from([STACK, OTHER]))
    def opener_leaves(self, opener: Opener) -> None:
        """HALT-PF-01: filters, VPorts, VFs, each by its own creator, up to the first that another's filter or VPort keeps."""
        t = self.t
        if not self._may(not any(each.owner == opener.name for each in t.vfs.values())):
            return
        status = self.bench.do(self.bench.stack.requests.ndis.close(opener))
        for table, kept in ((t.filters, lambda _: False), (t.vports, t.on), (t.vfs, lambda vf: t.vport_of(vf) is not None)):
            for number in [number for number, each in table.items() if each.owner == opener.name]:
                if kept(number):
                    assert status != Status.SUCCESS
                    return
                left = table.pop(number)
                if table is t.vports and left.function != PF_FUNCTION_ID:
                    self.to_reset.add(left.function)
                elif table is t.vfs:
                    self.to_reset.discard(number)
        assert status == Status.SUCCESS

    @rule()
    def halt(self) -> None:
        """Whatever is still there when the PF is halted, nothing of it is held afterwards (HALT-PF-01, GEN-HALT-02)."""
        if not self._may(self.state is not State.PAUSED or self.gone or not self.t.switch):
            return
        if self._happens(self.adapter.halt, [State.PAUSED], State.HALTED):
            assert holds_nothing(self.adapter.ndis)
            if not self.gone:
                assert self.bench.adapter.num_vfs == 0 and self.bench.address_slots() in ([], [0]) and not self.bench.vlan_slots()
            self.asleep, self.t.takes_requests = False, False

    @precondition(lambda self: self.halted)
    @rule(prepared=st.integers(0, NUM_VFS))
    def start_again(self, prepared: int) -> None:
        if self.gone:
            self.bench.replug()
        state = self.bench.do(self.bench.stack.replace_pf(*self.bench.new_pf()))
        assert state == {"state": "running", "rule": None}
        assert all(holds_nothing(adapter.ndis, removed=True) for adapter in self.bench.stack.past)
        self._is_new(prepared)

    # after every step ------------------------------------------------------------------------------------

    @invariant()
    def adapter_is_where_it_should_be(self) -> None:
        assert self.adapter.state is self.state
        ndis = self.adapter.ndis
        assert holds_nothing(ndis) if self.halted else holds_what_a_start_takes(ndis), held(ndis)
        activated = [n for n, each in self.t.vports.items() if n and each.active and each.function == PF_FUNCTION_ID]
        assert held(ndis)["memory of VPorts"] == (0 if self.halted else len(activated)), "VPORT-14, VPORT-18"

    @invariant()
    def the_judge_names_who_is_at_fault(self) -> None:
        """Never the PF's driver; nobody, as long as nothing was asked that stack or NDIS may not ask."""
        reports = self.bench.stack.reports()
        assert all(report.adapter in ("VS of PF", "NDIS of PF") for report in reports), reports
        assert not (self.faultless and reports), reports

    @invariant()
    def ndis_and_driver_know_what_there_is(self) -> None:
        if self.halted:
            return
        known, switch, t = self.bench.stack.requests.ndis.known, self.bench.driver.switch, self.t
        assert (known.switch is not None, switch.created) == (t.switch, t.switch)
        assert set(known.vfs) == set(switch.vfs) == set(t.vfs)
        assert set(known.vports) == set(switch.vports) == set(t.vports)
        assert {n: e.owner for n, e in known.vfs.items()} == {n: e.owner for n, e in t.vfs.items()}
        assert {n: (e.mac, e.power, e.vport) for n, e in switch.vfs.items()} == {
            n: (e.mac, e.power, t.vport_of(n)) for n, e in t.vfs.items()}
        assert {n: (e.function, e.queue_pairs, e.active) for n, e in switch.vports.items()} == {
            n: (e.function, e.pairs, e.active) for n, e in t.vports.items()}
        assert {n: (e.owner, e.vport) for n, e in known.filters.items()} == {n: (e.owner, e.vport) for n, e in t.filters.items()}
        assert {n: (e.mac, e.vlan or 0, e.vport) for n, e in switch.filters.by_id.items()} == {
            n: (e.mac, e.vlan, e.vport) for n, e in t.filters.items()}

    @invariant()
    def hardware_holds_what_there_is(self) -> None:
        """Every pool gets the frames of the filters of its VPort and no others; no slot is in use for nothing."""
        bench, t = self.bench, self.t
        if self.halted or self.gone or self.asleep:
            return
        assert bench.adapter.num_vfs == (NUM_VFS if t.static else t.num_vfs)
        assert len(bench.address_slots()) == 1 + len(t.filters)
        vlans = {each.vlan for each in t.filters.values()} - {0}
        assert len(bench.vlan_slots()) == len(vlans) and bench.vlan_table() == vlans
        pools = {each.pool: number for number, each in bench.driver.switch.vports.items()}
        for pool in range(NUM_VFS + 1 + PF_VPORTS):
            if not t.static and pool == t.num_vfs and not t.switch:
                continue                                          # the PF's own pool, without a switch
            assert bench.pool(pool) == self._pool(pool, pools.get(pool)), pool

    def _pool(self, pool: int, number: int | None) -> Pool:
        t, default = self.t, pool == self.t.num_vfs
        own = (int.from_bytes((2).to_bytes(4, "little") + (0x100).to_bytes(2, "little"), "big"),) if default else ()
        filters = t.on(number) if number is not None else []
        on = default or (number is not None and t.vports[number].function == PF_FUNCTION_ID and t.vports[number].active)
        return Pool(tuple(sorted([each.mac for each in filters] + list(own))),
                    tuple(sorted({each.vlan for each in filters} - {0})), default or number is not None,
                    default or any(not each.vlan for each in filters), on, on)

    def everything_can_be_had_again(self) -> None:
        """All VFs, VPorts and filters that there are can be had now; a VF in V3 stays there until they are given back."""
        self.t.filters, self.t.vfs, self.t.vports = {}, {}, {0: self.t.vports[0]}
        for _ in range(self.t.num_vfs):
            self.vf_with_vport_and_filter(STACK, MACS[0], 7)
        for _ in range(PF_VPORTS):
            self._plain(METHOD, Oid.NIC_SWITCH_CREATE_VPORT, STACK, dict(
                SwitchId=0, VPortId=0, AttachedFunctionId=PF_FUNCTION_ID, NumQueuePairs=1,
                ProcessorAffinity=GroupAffinity(Mask=1)))
        self.vf_with_vport_and_filter(STACK, MACS[0], 7)
        assert len(self.t.filters) == len(self.t.vports) - 1 == self.t.num_vfs + PF_VPORTS
        self.hardware_holds_what_there_is()
        for vf in self.t.vfs:
            self.well_formed_requests_about_a_vf(STACK, vf, flip=1)
            assert self.t.state(vf) == "V3"
        assert self.bench.do(self.bench.stack.requests.ndis.close(STACK)) == Status.SUCCESS

    def teardown(self) -> None:
        """Everything can be taken down in the documented order, and nothing is left."""
        if not hasattr(self, "bench") or self.halted:
            return
        do, stack, ndis = self.bench.do, self.bench.stack, self.bench.stack.requests.ndis
        if not self.gone:
            if self.asleep:
                self.wake()
            for table, oid, member in ((self.t.filters, Oid.RECEIVE_FILTER_CLEAR_FILTER, "FilterId"),
                                       (self.t.vports, Oid.NIC_SWITCH_DELETE_VPORT, "VPortId"),
                                       (self.t.vfs, Oid.NIC_SWITCH_FREE_VF, "VFId")):
                for number, each in table.items():
                    if each.owner != "NDIS":
                        opener = STACK if each.owner == STACK.name else OTHER
                        assert do(ndis.oid(SET, oid, made(ROW_OF[oid].structure, **{member: number}), opener)) == Status.SUCCESS
            if self.t.switch:
                self.everything_can_be_had_again()
                assert do(stack.requests.delete_switch()) == Status.SUCCESS
            assert len(self.bench.address_slots()) == 1 and not self.bench.vlan_slots() and not self.bench.vlan_table()
        if self.adapter.state is State.RUNNING:
            do(self.adapter.pause())
        assert do(self.adapter.halt()) == Status.SUCCESS and holds_nothing(self.adapter.ndis)
        assert self.gone or self.bench.adapter.num_vfs == 0


class _Unknown(int):
    """A number that is no request's."""

    name = "unknown"


class LegalRequests(Requests):
    """The same without what must be refused, or what the stack owes a PF left out."""

    LEGAL_ONLY = True


TestRequests, TestLegalRequests = Requests.TestCase, LegalRequests.TestCase
TestRequests.settings = TestLegalRequests.settings = SETTINGS
