"""Every row of both tables, as software finds it: reset values, access words, byte enables."""

from __future__ import annotations

import pytest
from machine import PF_RID, VF100G, X520, Heard, Machine

from nicmodel.datasheet.config_pf import PF
from nicmodel.datasheet.config_space import FLR, NOTHING, RW, RW1C, STICKY, W1
from nicmodel.datasheet.config_vf import VF
from nicmodel.pcie.config import ConfigLayout, ConfigSpace
from nicmodel.pcie.endpoint import Endpoint
from nicmodel.pcie.identity import hwinit_values
from nicmodel.sim.errors import ModelBug

VALUES = hwinit_values(X520)
TABLES = {"PF": PF, "VF": VF}
ROWS = [pytest.param(name, row, id=f"{name}-{row.name}") for name, table in TABLES.items()
        for row in table.registers]


def space(name: str) -> ConfigSpace:
    return ConfigSpace(ConfigLayout(TABLES[name], VALUES))


def reset_value(row) -> int:
    return sum(field.put(VALUES.get(field.reset, field.reset)) for field in row.all_fields)


def bits(row, access: str) -> int:
    return sum(field.mask for field in row.all_fields if field.access == access)


def read(config, row) -> int:
    """Byte by byte, so that three-byte rows can be read too."""
    return int.from_bytes(bytes(config.read(row.at + n, 1) for n in range(row.nbytes)), "little")


def write(config, row, value: int) -> None:
    for n, byte in enumerate(value.to_bytes(row.nbytes, "little")):
        config.write(row.at + n, 1, byte)


@pytest.mark.parametrize("name, row", ROWS)
def test_row_obeys_its_access_words(name, row):
    config = space(name)
    ones, reset, writable = (1 << 8 * row.nbytes) - 1, reset_value(row), bits(row, RW)
    assert read(config, row) == reset
    write(config, row, ones)
    assert read(config, row) == reset | writable, "RW takes ones, everything else stays"
    write(config, row, 0)
    assert read(config, row) == reset & ~writable, "RW takes zeros, everything else stays"


@pytest.mark.parametrize("name, row", [param for param in ROWS if bits(param.values[1], RW1C)])
def test_writing_one_clears_and_zero_does_not(name, row):
    config = space(name)
    for field in row.all_fields:
        if field.access == RW1C:
            config.put(f"{row.name}.{field.name}", 1)
    before = read(config, row)
    assert before & bits(row, RW1C) == bits(row, RW1C)
    write(config, row, 0)
    assert read(config, row) & bits(row, RW1C) == bits(row, RW1C)
    for field in row.all_fields:
        if field.access == RW1C:
            write(config, row, field.mask)
            assert not config.get(f"{row.name}.{field.name}")
            before &= ~field.mask
            assert read(config, row) & bits(row, RW1C) == before & bits(row, RW1C), "and clears nothing else"


@pytest.mark.parametrize("name, row", ROWS)
def test_each_byte_enable_reaches_its_byte_alone(name, row):
    for n in range(row.nbytes):
        config = space(name)
        before = config.dump()
        config.write(row.at + n, 1, 0xFF)
        after = config.dump()
        assert [at for at in range(4096) if before[at] != after[at]] in ([], [row.at + n])


def test_status_bits_survive_a_write_to_command_and_conversely():
    config = space("PF")
    config.put("Status.DetectedParityError", 1)
    config.write(0x04, 2, 0xFFFF)
    assert config.get("Status.DetectedParityError") == 1
    config.write(0x06, 2, 0xFFFF)
    assert config.get("Status.DetectedParityError") == 0
    assert config.read(0x04, 2) == 0x0546


def test_reset_spares_what_survives_it():
    ones = {NOTHING: "Command.BusMaster", FLR: "Express.DevCtl.MaxPayload",
            STICKY: "Aer.UncorrectableMask.Ecrc"}
    for spared, kept in (((), {STICKY}), ((FLR,), {STICKY, FLR})):
        config = space("PF")
        for name in ones.values():
            config.put(name, 1)
        config.reset(*spared)
        assert {level for level, name in ones.items() if config.get(name)} == kept


def test_guard_watcher_and_trigger_see_one_write_in_that_order():
    config, log = space("PF"), []
    config.guard("Sriov.NumVfs", lambda old, new: log.append(("guard", old, new)) or 7)
    config.watch("Sriov.NumVfs", lambda old, new: log.append(("watch", old, new, config.get("Sriov.NumVfs"))))
    config.write(0x170, 2, 9)
    assert log == [("guard", 0, 9), ("watch", 0, 7, 7)]
    config.trigger("Express.DevCtl.InitiateFlr", lambda: log.append(("flr",)))
    config.write(0xA8, 1, 0xFF)
    assert ("flr",) not in log, "bit 15 is in the byte that was not enabled"
    config.write(0xA9, 1, 0x80)
    assert log[-1] == ("flr",) and not config.read(0xA8, 2) & 0x8000


def test_what_the_device_sets_itself_is_no_write():
    config, log = space("PF"), []
    config.watch("Express.DevSta.CorrectableDetected", lambda old, new: log.append((old, new)))
    config.put("Express.DevSta.CorrectableDetected", 1)
    assert config.read(0xAA, 2) == 1 and not log


@pytest.mark.parametrize("name", [name for name in VALUES if name in {f.reset for row in PF.registers for f in row.all_fields}])
def test_a_value_that_its_field_cannot_hold_is_refused(name):
    with pytest.raises(ModelBug, match="cannot hold 0x10000000000"):
        ConfigLayout(PF, VALUES | {name: 1 << 40})


def test_trigger_needs_a_w1_bit():
    with pytest.raises(ModelBug):
        space("PF").trigger("Command.BusMaster", lambda: None)
    assert PF["Express.DevCtl"]["InitiateFlr"].access == W1


@pytest.mark.parametrize("offset, size", [(1, 4), (3, 2), (0, 3), (4096, 1), (-4, 4), (4094, 4)])
def test_what_is_no_configuration_request_is_refused(offset, size):
    with pytest.raises(ModelBug):
        space("PF").read(offset, size)


# values of a living endpoint ------------------------------------------------------------------------------


def test_measured_values_of_the_82599():
    endpoint = Endpoint(X520, Heard())
    for offset, value in {0x00: 0x10FB8086, 0x04: 0x00100000, 0x08: 0x02000001, 0x10: 0xC, 0x14: 0, 0x20: 0xC,
                          0x34: 0x40, 0x3C: 0x0100, 0x40: 0x48235001, 0x44: 0x2000, 0x50: 0x01807005,
                          0x70: 0x003FA011, 0x74: 4, 0x78: 0x2004, 0xA0: 0x0002E010, 0xA4: 0x10008CC2,
                          0xA8: 0x2810, 0xAC: 0x00023482, 0xB0: 0x10820000, 0xC4: 0x1F, 0xC8: 0, 0xCC: 0,
                          0xD0: 2,
                          0x10C: 0x62010, 0x114: 0x2000, 0x118: 0xA0, 0x154: 0, 0x160: 0x00010010, 0x164: 0,
                          0x168: 0, 0x16C: 0x00400040, 0x170: 0, 0x174: 0x00020180, 0x178: 0x10ED0000,
                          0x17C: 0x553, 0x180: 1, 0x184: 0xC, 0x190: 0xC, 0x18C: 0, 0x19C: 0}.items():
        assert endpoint.config_read(PF_RID, offset, 4) == value, f"{offset:#x}"
    assert endpoint.config_read(PF_RID, 0x144, 4) == 0xFF000000
    assert endpoint.config_read(PF_RID, 0x148, 4) == 0x001B21FF


def test_link_registers_follow_profile_and_negotiation():
    def link(profile, **negotiated):
        endpoint = Endpoint(profile, Heard(), **negotiated)
        cap, sta = endpoint.config_read(PF_RID, 0xAC, 4), endpoint.config_read(PF_RID, 0xB2, 2)
        return cap & 0xF, cap >> 4 & 0x3F, sta & 0xF, sta >> 4 & 0x3F
    assert link(X520) == (2, 8, 2, 8)
    assert link(VF100G) == (4, 16, 4, 16)
    assert link(VF100G, gen=3, lanes=8) == (4, 16, 3, 8)
    assert Endpoint(VF100G, Heard()).config_read(PF_RID, 0xCC, 4) == 0b11110, "speeds of Gen1 to Gen4"


def test_vpd_reads_its_image():
    machine = Machine()
    data = b""
    for at in range(0, 12, 4):
        machine.write(0xE2, 2, at)
        assert machine.read(0xE2, 2) == 0x8000 | at, "the data is there"
        data += machine.read(0xE4, 4).to_bytes(4, "little")
    assert data[3:] == b"nicmodel "


def test_transactions_pending_is_live_and_per_function():
    machine = Machine(num_vfs=2)
    machine.endpoint.transactions_pending = lambda function: function == 2
    assert [machine.read(0xAA, 2, rid) >> 5 & 1 for rid in (PF_RID, *machine.rids)] == [0, 0, 1]


def test_extended_tags_only_where_the_device_has_them():
    for profile, enabled in ((X520, 0), (VF100G, 1)):
        assert Machine(profile).read(0xA8, 2) >> 8 & 1 == enabled
