"""Every rule that a driver can break has a driver that breaks it, and is the first to be reported."""

from __future__ import annotations

import pytest

from drivers.mutants import LIFE, MUTANTS, START
from drivers.mutants_advertise import pf_with_flags
from drivers.mutants_vf import with_flags
from drivers.pf import PfMiniport
from drivers.vf import VfMiniport
from nicmodel.datasheet.ndis import PartitionType, Status
from nicmodel.datasheet.rules import RULES
from nicmodel.ndis.checker import implied
from nicmodel.ndis.examination import examine
from nicmodel.ndis.platform import Circumstances
from nicmodel.ndis.rules_advertise import PF_MISREADINGS
from nicmodel.ndis.rules_vf import MISREADINGS


def of(when, pf=None):
    """Names of mutants that show then; of PFs only, or of VFs only."""
    return [name for name, mutant in MUTANTS.items()
            if mutant.when == when and pf in (None, issubclass(mutant.driver, PfMiniport))]


def run(machine, name):
    driver = MUTANTS[name].driver
    pairs = 2 if "rss" in name else 1                      # what receive side scaling needs of a VPort
    if issubclass(driver, PfMiniport):
        return machine(num_vfs=1 if MUTANTS[name].when == START else 2, pf_driver=driver, queue_pairs=pairs).start()
    return machine(num_vfs=2, queue_pairs=pairs).start([driver])


@pytest.mark.parametrize("name", of(START))
def test_first_report_of_a_mutant_is_its_rule_and_others_are_implied(machine, name):
    rule = MUTANTS[name].rule
    reported = run(machine, name).reported()
    assert reported[:1] == [rule]
    assert set(reported[1:]) <= implied(rule), reported


@pytest.mark.parametrize("name", of(LIFE))
def test_first_report_of_a_mutant_that_starts_well_is_its_rule(machine, name):
    bench = run(machine, name)
    assert bench.states[0]["state"] == "running"
    bench.do(examine(bench.stack))
    first, *_ = bench.stack.reports()
    assert first.rule == MUTANTS[name].rule and not first.initializing


@pytest.mark.parametrize("name", of(START, pf=False))
def test_vf_in_breach_stays_closed_and_the_other_runs(machine, name):
    bench = run(machine, name)
    assert bench.states == [{"state": "running", "rule": None},
                            {"state": "closed", "rule": MUTANTS[name].rule},
                            {"state": "running", "rule": None}]
    opened = [entry for entry in bench.adapter.log
              if entry[0] == 1 and entry[2] in ("VFRXDCTL", "VFTXDCTL") and entry[4] >> 25 & 1]
    assert not opened, "a queue of the closed VF was enabled"


@pytest.mark.parametrize("name", of(START, pf=True))
def test_pf_in_breach_leaves_virtualization_off_and_every_vf_closed(machine, name):
    bench = run(machine, name)
    closed = {"state": "closed", "rule": MUTANTS[name].rule}
    assert bench.states == [closed, closed]
    assert bench.adapter.num_vfs == 0


@pytest.mark.parametrize("name", ["pf_enables_before_configuring", "pf_reports_vf_flags",
                                  "pf_assumes_keywords", "pf_enables_although_dynamic"])
def test_virtualization_is_never_on_once_the_pf_is_in_breach(machine, name):
    assert not run(machine, name).adapter.was_enabled


class LaterRevisionFirst(VfMiniport):
    """What NDIS refuses it offers again, as NDIS knows it."""

    def set_registration_attributes(self):
        set_attributes = self.ndis.NdisMSetMiniportAttributes

        def of_a_later_revision(attributes):
            attributes.Header.Revision += 1
            return set_attributes(attributes)
        self.ndis.NdisMSetMiniportAttributes = of_a_later_revision
        refused = super().set_registration_attributes()
        self.ndis.NdisMSetMiniportAttributes = set_attributes
        return super().set_registration_attributes() if refused == Status.BAD_VERSION else Status.FAILURE


def test_attributes_that_were_refused_may_be_set_again(machine):
    bench = machine(num_vfs=1).start([LaterRevisionFirst])
    assert bench.reported() == [] and bench.states[1] == {"state": "running", "rule": None}


class SpellsInItsOwnWay(PfMiniport):
    def read_keywords(self, *names):
        status = super().read_keywords(*map(str.upper, names))
        self.configuration |= {name: self.configuration[name.upper()] for name in names}
        return status


def test_keywords_have_been_read_however_they_are_spelled(machine):
    bench = machine(num_vfs=1, pf_driver=SpellsInItsOwnWay).start()
    assert bench.reported() == [] and bench.states[0]["state"] == "running"


def test_every_must_rule_that_a_driver_can_break_has_a_mutant():
    violable = {row.id for row in RULES if row.closes}
    assert violable == {mutant.rule for mutant in MUTANTS.values()}


def test_the_rule_table_has_a_row_a_rule_and_names_the_breach(machine):
    bench = run(machine, "vf_sets_pf_flags")
    table = bench.stack.rule_table()
    assert [row.rule for row in table] == [row.id for row in RULES]
    assert [(row.rule, row.adapter) for row in table if row.verdict == "broken"] == [
        ("VF-INIT-10", "VF0"), ("ADV-02", "VF0")]
    assert "hardware_assist" in next(row.evidence for row in table if row.rule == "VF-INIT-10")


def test_rules_without_a_mutant_say_why():
    for row in RULES:
        assert row.closes or not row.judged or row.severity == "model" or not row.binds_a_driver, row.id


@pytest.mark.parametrize("flags", sorted(MISREADINGS))
def test_every_wrong_flag_word_is_named_for_its_misreading(machine, flags):
    bench = machine(num_vfs=1).start([with_flags(flags)])
    report = bench.stack.reports()[0]
    assert report.rule == "VF-INIT-10" and MISREADINGS[flags] in report.why
    assert bench.states[1] == {"state": "closed", "rule": "VF-INIT-10"}


@pytest.mark.parametrize("flags", sorted(PF_MISREADINGS))
def test_every_wrong_flag_word_of_a_pf_is_named_for_its_misreading(machine, flags):
    bench = machine(num_vfs=1, pf_driver=pf_with_flags(flags)).start()
    report = bench.stack.reports()[0]
    assert report.rule == "ADV-01" and PF_MISREADINGS[flags] in report.why
    assert bench.states == [{"state": "closed", "rule": "ADV-01"}] * 2 and not bench.adapter.was_enabled


def test_every_flag_word_but_the_right_one_has_its_misreading():
    assert set(MISREADINGS) == set(range(8)) - {0x5} and set(PF_MISREADINGS) == set(range(8)) - {0x3}
    assert len({*MISREADINGS.values(), *PF_MISREADINGS.values()}) == 14


class AnywhereVf(VfMiniport):
    circumstances = Circumstances(partition=PartitionType.UNKNOWN)

    def check_partition(self):
        super().check_partition()
        return Status.SUCCESS


class AnywherePf(PfMiniport):
    circumstances = Circumstances(partition=PartitionType.UNKNOWN)

    def check_partition(self):
        self.partition()
        self.home = PartitionType.MS_HV_PARENT
        return Status.SUCCESS


def test_decisions_about_other_hypervisors_are_reported_and_close_nothing(machine):
    assert "VF-INIT-06" in machine(num_vfs=1).start([AnywhereVf]).reported()
    bench = machine(num_vfs=1, pf_driver=AnywherePf).start()
    assert bench.reported() == ["PF-INIT-06"] and bench.states[0]["state"] == "running"
