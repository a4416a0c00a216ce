"""A number that stands in a page and in the datasheet is the same in both. What comes from runs is held to runs elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from nicmodel.datasheet import descriptors as d
from nicmodel.datasheet import ethernet as e
from nicmodel.datasheet import pcie_link as link
from nicmodel.datasheet.books import SAMPLE
from nicmodel.datasheet.config_space import PF_RID
from nicmodel.datasheet.connections import ETHERTYPE_TEST, ETHERTYPE_VLAN
from nicmodel.datasheet.profiles import X520
from nicmodel.datasheet.registers_pf import EICR, EXTENSION_BASE, ITR_UNIT_PS
from nicmodel.datasheet.timing import DRIVER_PATIENCE_PS, DRIVER_STEPS
from nicmodel.sim.plane import PAYLOAD_HEADER_BYTES, VECTORS_PER_FUNCTION, WHOLE_SHARE
from nicmodel.sim.rng import STREAM_STEP

DOCS = Path(__file__).parent.parent / "docs"
US, S = 10**6, 10**12

SAID = {
    "time.md": (
        f"in ticks of 1/{link.TICKS_PER_PS} ps",
        f"(ECRC: {link.DIGEST_BYTES}, no data credit), DLLP {link.DLLP_BYTES},",
        f"ceil(payload / {link.DATA_CREDIT_BYTES}) data credits",
        f"2^{link.HEADER_CREDIT_BITS} for headers and 2^{link.DATA_CREDIT_BITS} for data",
        f"at most {link.MOST_HEADER_CREDITS} and {link.MOST_DATA_CREDITS} are advertised",
        f"due {link.UPDATE_FC_IDLE_PS // US} us after the start",
        f"with its FCS, at least {e.MINIMUM_FRAME} |",
        f"occupies (F + {e.AROUND_BYTES}) bytes; it has left or arrived when (F + {e.PREAMBLE_BYTES}) bytes",
        f"quanta x {e.PAUSE_QUANTUM_BYTES} byte times",
        f"1 <= length <= {d.TX_MAX_BYTES}, or longer than `max_frame - {e.FCS_BYTES}`",
        f"written as {d.DESCRIPTOR_BYTES} bytes a descriptor",
        f"serial, {WHOLE_SHARE})` < dram_share",
        f"purpose x {STREAM_STEP} + function",
        f"number = {VECTORS_PER_FUNCTION} x function + vector",
        f"({ETHERTYPE_VLAN:#x} and VLAN,) then 0x{ETHERTYPE_TEST:X}",
        f"the first {PAYLOAD_HEADER_BYTES} bytes, `lengths` none",
        f"(the 0th, {SAMPLE}th, ... of that line",
    ),
    "decisions.md": (
        f"extension region of BAR0 from {EXTENSION_BASE:#x};",
        f"| {PF_RID >> 8:02}:{PF_RID >> 3 & 31:02}.{PF_RID & 7} (",
        f"EITR | counts {ITR_UNIT_PS / US} us on both",
        f"reach vectors 0 to {EICR.RTXQ.width - 1}:",
        f"shows TotalVFs {X520.total_vfs} and accepts {X520.total_vfs}; scenarios take up to {X520.max_vfs},",
        f"the core clock of `x520` is the {US / X520.core_ps} MHz of XGMII",
    ),
    "miniport.md": (
        f"within {DRIVER_PATIENCE_PS // S} s of simulated time, or within {DRIVER_STEPS:,} steps",
        f"a vector above {VECTORS_PER_FUNCTION - 1},",
    ),
}


@pytest.mark.parametrize("page", SAID)
def test_numbers_are_those_of_the_datasheet(page):
    text = " ".join((DOCS / page).read_text().split())
    assert not [said for said in SAID[page] if said not in text]
