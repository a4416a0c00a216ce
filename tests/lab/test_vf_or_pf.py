"""One driver image for both roles, on the modelled device in scenarios: a PF in the parent partition, there never a VF."""

from __future__ import annotations

import pytest

import nicmodel as nm
from drivers.pf import PfMiniport
from drivers.vf import VfMiniport
from drivers.vf_or_pf import EitherMiniport
from nicmodel.datasheet.ndis import PartitionType
from nicmodel.lab.loading import build
from nicmodel.lab.testbench import bring_up
from nicmodel.ndis.platform import Circumstances

EITHER = "drivers.vf_or_pf:EitherMiniport"
RUNNING, CLOSED = {"state": "running", "rule": None}, {"state": "closed", "rule": None}


class InTheParent(EitherMiniport):
    circumstances = Circumstances(partition=PartitionType.MS_HV_PARENT)


class InAChild(EitherMiniport):
    circumstances = Circumstances(partition=PartitionType.MS_HV_CHILD)


def machine(plane: str, **mutants: str):
    return bring_up(build({}, "either", {"num_vfs": 2, "profile": "x520"} | {
        f"driver.mutants.{who.lstrip('_')}": name for who, name in mutants.items()}, where="argument"), plane)


@pytest.mark.parametrize("plane", ["fast", "reference"])
def test_the_image_is_the_pf_in_the_parent_and_a_vf_in_a_child(plane):
    up = machine(plane, pf=EITHER, _1=EITHER)
    assert up.states == [RUNNING] * 3 and up.stack.reports() == []
    assert type(up.stack.pf.driver.role) is PfMiniport and up.stack.pf.ndis.virtualized
    assert type(up.stack.guests[1].adapter.driver.role) is VfMiniport


@pytest.mark.parametrize("plane", ["fast", "reference"])
def test_a_vfs_device_in_the_parent_does_not_come_up_as_a_vf(plane):
    up = machine(plane, _1=f"{__name__}:InTheParent")
    assert up.states == [RUNNING, RUNNING, CLOSED] and up.stack.reports() == []
    driver = up.stack.guests[1].adapter.driver
    assert driver.role is None and "registration" not in driver.ndis.attributes


def test_the_pfs_device_in_a_child_does_not_come_up_at_all():
    up = machine("fast", pf=f"{__name__}:InAChild")
    assert up.states == [CLOSED] * 3 and not up.stack.pf.ndis.virtualized and up.endpoint.num_vfs == 0


def test_both_roles_carry_traffic_and_end_as_the_rules_say():
    mutants = {"driver.mutants.pf": EITHER, "driver.mutants.0": EITHER}
    run = nm.run("vf_scaling", num_vfs=2, duration="20us", warmup=0, expect=[], **mutants)
    assert (run.vfs["tx_packets"] > 0).all()
    up = machine("fast", pf=EITHER, _0=EITHER)
    up.examine()
    assert [row.rule for row in up.stack.rule_table() if row.verdict == "broken"] == []
    assert up.stack.pf.driver.role is None
