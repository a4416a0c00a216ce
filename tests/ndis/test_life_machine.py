"""Random lives of a PF and three guests through the virtualization stack, legal and not, in any order.

The model is one word a guest and one for the PF, by the state tables of VF and adapter: what an event needs and what it
leaves. After every step each function's pool, filters, rings, memory and back channel are what that word says; what happens
to one guest leaves every other VF as it was.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from life_bench import NUM_VFS, SETTINGS, LifeBench, Pool, held, holds_nothing, holds_what_a_start_takes

from drivers.pf import DynamicPfMiniport, PfMiniport
from drivers.vf import VfMiniport
from nicmodel.datasheet.ndis import Status
from nicmodel.ndis.guests import Guest, Times
from nicmodel.ndis.platform import Circumstances
from nicmodel.ndis.states import State

NO_VF = Status.NOT_ACCEPTED
RUNNING, CLOSED = {"state": "running", "rule": None}, "closed"
US = 1_000_000
ABSENT, SYNTHETIC, STUCK, IDLE, ACTIVE, ASLEEP = "absent", "synthetic", "V3", "V5", "V6", "V3 in D3"
WITH_VF = {STUCK, IDLE, ACTIVE, ASLEEP}
OF_A_GUEST = ("attach", "admit", "detach", "remove_by_surprise", "guest_flr", "sleep", "resume")
GUESTS = st.integers(0, NUM_VFS - 1)
UNLUCKY = [type(f"Unlucky{i}", (VfMiniport,), {"circumstances": Circumstances(faults={name: Status.RESOURCES})}) for i, name in
           enumerate(("NdisMRegisterScatterGatherDma", "NdisMRegisterInterruptEx", "NdisMMapIoSpace"))]
"""VF drivers that NDIS refuses something on the way up."""


class Lives(RuleBasedStateMachine):
    """One machine: ``place`` has a word for each guest."""

    @initialize(driver=st.sampled_from([PfMiniport, DynamicPfMiniport]), vlan=st.sampled_from([0, 5]), times=st.sampled_from([
        Times(), Times(vpci_ps=10 * US, pnp_ps=US, probes=True), Times(removal_ps=US)]),
        attached=st.integers(0, NUM_VFS))
    def start(self, driver: Any, vlan: int, times: Times, attached: int) -> None:
        self.bench = LifeBench(driver, times)
        self.guests = [self.bench.guest(number, vlan + number if vlan else 0) for number in range(NUM_VFS)]
        assert self.bench.do(self.bench.stack.bring_up_pf()) == RUNNING
        self.place = [ABSENT] * NUM_VFS
        self.num_vfs, self.pf = NUM_VFS, State.RUNNING
        for guest in range(attached):
            self.attach(guest, VfMiniport)

    @property
    def stack(self) -> Any:
        return self.bench.stack

    def _alone(self, guest: int, steps: Any) -> Any:
        """Something that happens to one guest: the VFs of all others stay as they are."""
        others = [each.vf_id for each in self.guests if each.number != guest and each.has_vf]
        before = [self.bench.vf_view(vf) for vf in others]
        outcome = self.bench.do(steps)
        assert [self.bench.vf_view(vf) for vf in others] == before, "another VF was disturbed"
        return outcome

    def _event(self, guest: int, steps: Any, needs: set[str], leaves: str) -> None:
        """An event of a guest with a VF: where it is not legal it is not accepted, and nothing has changed."""
        if self.place[guest] in needs:
            assert self._alone(guest, steps) == Status.SUCCESS
            self.place[guest] = leaves
        else:
            before = self._everything()
            assert self._alone(guest, steps) == NO_VF
            assert self._everything() == before

    def _everything(self) -> tuple[Any, ...]:
        return self.bench.everything(), [(repr(each), each.adapter and each.adapter.state) for each in self.guests]

    # guests ----------------------------------------------------------------------------------------------

    @rule(guest=GUESTS, driver=st.sampled_from([VfMiniport] * 4 + UNLUCKY))
    def attach(self, guest: int, driver: Any) -> None:
        """A guest that has a VF keeps it; one that finds none free stays on the synthetic path."""
        each, before = self.guests[guest], self._everything()
        if self.place[guest] in WITH_VF or self.pf is State.HALTED:
            self._alone(guest, self.stack.attach(each))
            after = self._everything()
            assert after[0] == before[0] and [each.vf_id for each in self.guests].count(each.vf_id) >= 1
            return
        each.driver_class = driver
        free = sum(place in WITH_VF for place in self.place) < self.num_vfs
        state = self._alone(guest, self.stack.attach(each))
        assert state == RUNNING if free and driver is VfMiniport else state["state"] == CLOSED
        self.place[guest] = SYNTHETIC if not free else ACTIVE if driver is VfMiniport else STUCK

    @precondition(lambda self: self.pf is State.RUNNING)
    @rule(guest=GUESTS)
    def admit(self, guest: int) -> None:
        if self.place[guest] in WITH_VF:
            self._event(guest, self.stack.admit(self.guests[guest]), set(), "")
        else:
            self._event(guest, self.stack.admit(self.guests[guest]), {ABSENT, SYNTHETIC}, SYNTHETIC)

    @rule(guest=GUESTS)
    def detach(self, guest: int) -> None:
        self._event(guest, self.stack.detach(self.guests[guest]), WITH_VF, SYNTHETIC)

    @rule(guest=GUESTS)
    def remove_by_surprise(self, guest: int) -> None:
        self._event(guest, self.stack.remove_by_surprise(self.guests[guest]), WITH_VF, SYNTHETIC)

    @rule(guest=GUESTS)
    def guest_flr(self, guest: int) -> None:
        if self.guests[guest].driver_class is VfMiniport:
            self._event(guest, self.stack.guest_flr(self.guests[guest]), WITH_VF - {ASLEEP}, ACTIVE)

    @rule(guest=GUESTS, then=st.sampled_from(["", "resume", "guest_flr", "detach"]))
    def sleep(self, guest: int, then: str) -> None:
        self._event(guest, self.stack.sleep(self.guests[guest]), {IDLE, ACTIVE}, ASLEEP)
        if then:
            getattr(self, then)(guest)

    @rule(guest=GUESTS)
    def resume(self, guest: int) -> None:
        self._event(guest, self.stack.resume(self.guests[guest]), {ASLEEP}, ACTIVE)

    @rule(guest=GUESTS, mask=st.sampled_from([0, 0xB]))
    def set_packet_filter(self, guest: int, mask: int) -> None:
        """NetVSC binds and unbinds (V5, V6)."""
        if self.place[guest] in (IDLE, ACTIVE):
            self._event(guest, self.stack.packet_filter(self.guests[guest].adapter, mask), WITH_VF, ACTIVE if mask else IDLE)

    @rule(guest=GUESTS)
    def reset_vf_miniport(self, guest: int) -> None:
        """MiniportResetEx of a VF changes no state."""
        if self.place[guest] in (IDLE, ACTIVE):
            self._event(guest, self.guests[guest].adapter.reset(), WITH_VF, self.place[guest])

    # the PF ----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.pf is State.RUNNING)
    @rule(idle=GUESTS)
    def reset_pf(self, idle: int) -> None:
        """G-08: VF ids, VPorts and filters survive, and running VFs come back by themselves, bound to NetVSC or not."""
        self.set_packet_filter(idle, 0)
        assert self.bench.do(self.stack.reset_pf()) == Status.SUCCESS

    @precondition(lambda self: self.pf is State.RUNNING)
    @rule()
    def pf_sleeps_and_wakes(self) -> None:
        """G-08: in D3 nothing of the adapter moves; VF ids, VPorts and filters are there again in D0, and the VFs come back."""
        assert self.bench.do(self.stack.pf.sleep()) == Status.SUCCESS
        assert self.stack.pf.state is State.PAUSED and holds_what_a_start_takes(self.stack.pf.ndis)
        assert not any(self.bench.pool(vf).receives or self.bench.pool(vf).sends for vf in range(self.num_vfs))
        assert self.bench.do(self.stack.pf.resume()) == Status.SUCCESS

    @precondition(lambda self: self.pf is State.RUNNING)
    @rule(guest=GUESTS, event=st.sampled_from(OF_A_GUEST), away_ps=st.sampled_from([1, 2 * 10**12]))
    def while_the_pf_sleeps(self, guest: int, event: str, away_ps: int) -> None:
        """POWER-04: nothing that needs the PF happens in D3, however long that is; all that was there is there again in D0."""
        assert self.bench.do(self.stack.sleep_pf()) == Status.SUCCESS
        self.bench.env.run(self.bench.env.now + away_ps)
        before = self._everything()[0]
        refused = self.bench.do(getattr(self.stack, event)(self.guests[guest]))
        if event != "attach":
            assert refused == NO_VF
        assert self.bench.do(self.stack.reset_pf()) == self.bench.do(self.stack.sleep_pf()) == Status.NOT_ACCEPTED
        assert self._everything()[0] == before
        assert [self.bench.do(self.stack.resume_pf()) for _ in range(2)] == [Status.SUCCESS, Status.NOT_ACCEPTED]

    @precondition(lambda self: self.pf is State.RUNNING)
    @rule(asleep=st.booleans())
    def pull_out(self, asleep: bool) -> None:
        """GEN-OID-04, GEN-HALT-03: VFs and PF go by surprise, and touch nothing; once only. Another adapter takes the slot."""
        if asleep:
            assert self.bench.do(self.stack.sleep_pf()) == Status.SUCCESS
        assert self.bench.do(self.stack.remove_pf_by_surprise()) == Status.SUCCESS
        self.pf, self.place = State.HALTED, [ABSENT] * NUM_VFS
        touched = len(self.bench.adapter.log)
        assert self.bench.do(self.stack.remove_pf_by_surprise()) == Status.NOT_ACCEPTED
        self.bench.env.run(self.bench.env.now + 10**12)
        assert len(self.bench.adapter.log) == touched and holds_nothing(self.stack.pf.ndis)
        self.bench.replug()

    @precondition(lambda self: self.pf is State.RUNNING)
    @rule()
    def shut_down(self) -> None:
        """PD-02 to PD-08, whatever the guests are doing."""
        assert self.bench.do(self.stack.shut_down_pf()) == Status.SUCCESS
        self.pf, self.place = State.HALTED, [ABSENT] * NUM_VFS
        assert self.bench.adapter.num_vfs == 0 and holds_nothing(self.stack.pf.ndis)

    @precondition(lambda self: self.pf is State.HALTED)
    @rule(num_vfs=st.integers(1, NUM_VFS), attached=st.integers(0, NUM_VFS))
    def re_enable(self, num_vfs: int, attached: int) -> None:
        """Another NumVFs, and all guests begin anew; some of them at once, more than there are VFs perhaps."""
        assert self.bench.do(self.stack.replace_pf(*self.bench.new_pf(num_vfs))) == RUNNING
        self.pf, self.num_vfs = State.RUNNING, num_vfs
        for guest in range(attached):
            self.attach(guest, VfMiniport)

    # after every step ------------------------------------------------------------------------------------

    @invariant()
    def nobody_holds_what_is_not_his(self) -> None:
        assert not self.stack.reports() and self.stack.pf.state is self.pf
        assert holds_nothing(self.stack.pf.ndis) if self.pf is State.HALTED else holds_what_a_start_takes(self.stack.pf.ndis)
        assert all(holds_nothing(adapter.ndis, removed=True) for adapter in self.stack.past)
        for guest, place in zip(self.guests, self.place, strict=True):
            if place in (IDLE, ACTIVE, ASLEEP):
                assert holds_what_a_start_takes(guest.adapter.ndis), held(guest.adapter.ndis)
            elif guest.adapter is not None:
                assert holds_nothing(guest.adapter.ndis), held(guest.adapter.ndis)

    @invariant()
    def guests_are_where_they_should_be(self) -> None:
        vfs = [guest.vf_id for guest, place in zip(self.guests, self.place, strict=True) if place in WITH_VF]
        assert len(set(vfs)) == len(vfs) and all(vf < self.num_vfs for vf in vfs)
        switch, channels = self.bench.driver.switch, self.stack.requests.ndis.channels
        if self.pf is not State.HALTED:
            assert set(switch.vfs) == set(channels) == set(vfs) and len(switch.vports) == 1 + len(vfs)
            assert len(switch.filters.by_id) == sum(place != ABSENT for place in self.place)
        for guest, place in zip(self.guests, self.place, strict=True):
            assert guest.has_vf is (place in WITH_VF)
            assert bool(guest.vport_id) is guest.has_vf and bool(guest.filter_id) is (place != ABSENT)
            if place in STATE_OF and guest.adapter is not None:
                assert guest.adapter.state is STATE_OF[place]

    @invariant()
    def hardware_serves_them_there(self) -> None:
        if self.pf is not State.RUNNING:
            return
        synthetic = [guest for guest, place in zip(self.guests, self.place, strict=True) if place == SYNTHETIC]
        owner = {guest.vf_id: (guest, place) for guest, place in zip(self.guests, self.place, strict=True) if place in WITH_VF}
        for vf in range(self.num_vfs):
            guest, place = owner.get(vf, (None, ""))
            expected = self._pool([guest], place in (IDLE, ACTIVE)) if guest else Pool((), (), False, False, False, False)
            assert self.bench.pool(vf) == expected, (vf, place)
            up = place in (IDLE, ACTIVE)
            rings = [self.bench.adapter.value(vf + 1, name) >> 25 & 1 for name in ("VFTXDCTL", "VFRXDCTL")]
            posting = sum(each["running"] for each in self.bench.adapter.agents.values() if each["function"] == vf + 1)
            assert (rings, posting) == ([up, up], place == ACTIVE), (vf, place)
        default = self.bench.pool(self.num_vfs)
        assert set(default.macs) == {guest.mac for guest in synthetic} | {0x020000000001} and default.receives and default.sends
        assert default.vlans == tuple(sorted(guest.vlan for guest in synthetic if guest.vlan))
        assert len(self.bench.address_slots()) == 1 + len(synthetic) + len(owner)

    @staticmethod
    def _pool(guests: list[Guest], up: bool) -> Pool:
        vlans = tuple(guest.vlan for guest in guests if guest.vlan)
        return Pool(tuple(guest.mac for guest in guests), vlans, True, not vlans, up, up)

    def teardown(self) -> None:
        """From wherever it is, everything can be taken down in the documented order."""
        if not hasattr(self, "bench"):
            return
        if self.pf is State.RUNNING:
            self.shut_down()
        self.nobody_holds_what_is_not_his()
        self.guests_are_where_they_should_be()
        assert not self.bench.vlan_slots() and len(self.bench.address_slots()) == 1


STATE_OF = {SYNTHETIC: State.HALTED, STUCK: State.HALTED, IDLE: State.RUNNING, ACTIVE: State.RUNNING, ASLEEP: State.PAUSED}

TestLives = Lives.TestCase
TestLives.settings = SETTINGS
