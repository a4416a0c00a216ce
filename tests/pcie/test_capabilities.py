"""The walks over both chains: what they find, and that they end, whatever configuration space reads."""

from __future__ import annotations

from functools import partial

import pytest
import simpy
from machine import Machine

from nicmodel.datasheet.config_pf import PF
from nicmodel.datasheet.config_space import EXTENDED_START, SPACE_BYTES
from nicmodel.datasheet.config_vf import VF
from nicmodel.pcie.capabilities import POINTER, at_once, classic, extended, in_time

NO_SUCH = 0x7E
KINDS = {False: classic, True: extended}
CLASSIC_READS, EXTENDED_READS = 1 + EXTENDED_START // 4, (SPACE_BYTES - EXTENDED_START) // 4


@pytest.mark.parametrize("index, table", [(0, PF), (1, VF)])
def test_every_capability_of_the_tables_is_found_at_its_place(index, table):
    endpoint = Machine(num_vfs=1).endpoint
    read = partial(endpoint.config_read, endpoint.rid_of(index))
    for each in table.capabilities:
        assert at_once(KINDS[bool(each.version)](each.id), read) == each.at
    for walk in KINDS.values():
        assert at_once(walk(NO_SUCH), read) == 0


@pytest.mark.parametrize("walk, header, reads", [
    (classic, 0x40 << 8 | 1, CLASSIC_READS), (classic, 0x43 << 8 | 1, CLASSIC_READS), (classic, 0x0301, 1),
    (classic, 0xFFFF, CLASSIC_READS), (classic, 0, 1),
    (extended, 0x140 << 20 | 1, EXTENDED_READS), (extended, 0x143 << 20 | 1, EXTENDED_READS), (extended, 0x003 << 20 | 1, 1),
    (extended, 0xFFFF_FFFF, EXTENDED_READS), (extended, 0, 1)])
def test_a_walk_ends_in_a_circle_and_where_nobody_answers(walk, header, reads):
    """All registers read the same; reserved bits of a pointer do not lead out of its dword."""
    made = []

    def read(offset: int, size: int) -> int:
        made.append((offset, size))
        assert offset % 4 == 0
        return header >> 8 & 0xFF if (offset, size) == (POINTER.at, POINTER.nbytes) else header & (1 << 8 * size) - 1

    assert at_once(walk(NO_SUCH), read) == 0 and len(made) == reads


def test_a_walk_in_time_makes_the_same_reads_one_after_the_other():
    env, endpoint = simpy.Environment(), Machine().endpoint
    rid = endpoint.rid_of(0)
    made = []

    def read(offset: int, size: int) -> simpy.Event:
        made.append((offset, size))
        return env.timeout(7, endpoint.config_read(rid, offset, size))

    express = PF.capability("Express")
    assert env.run(env.process(in_time(classic(express.id), read))) == express.at
    chain = [each.at for each in PF.capabilities if not each.version and each.at <= express.at]
    assert made == [(POINTER.at, POINTER.nbytes), *((at, 2) for at in chain)] and env.now == 7 * len(made)
