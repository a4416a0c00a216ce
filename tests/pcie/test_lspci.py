"""The unmodified lspci reads our configuration space: the PF, every VF, and a round trip."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from machine import MSIX, VF100G, X520, Machine

from nicmodel.pcie import root
from nicmodel.pcie.lspci import dump, slot

pytestmark = pytest.mark.outside

PF_CHAIN = ["40", "50", "70", "a0", "e0", "100 v1", "140 v1", "150 v1", "160 v1"]
VF_CHAIN = ["70", "a0", "100 v1", "150 v1"]


@pytest.fixture(params=[(X520, 2), (X520, 64), (VF100G, 256)], ids=lambda p: f"{p[0].name}-{p[1]}")
def machine(request) -> Machine:
    """After bring-up: every function masters the bus and has MSI-X on."""
    profile, num_vfs = request.param
    machine = Machine(profile, num_vfs=num_vfs, mps=256, mrrs=512)
    for rid in machine.rids:
        root.enable_bus_master(machine.endpoint, rid)
    for rid in (0x100, *machine.rids):
        machine.write(MSIX, 2, 0x8000, rid)
    return machine


@pytest.fixture
def tool(tmp_path):
    """Runs a program of pciutils on a dump; skips, outside CI, where it is not installed."""
    def run(program: str, text: str, *args: str) -> str:
        if shutil.which(program) is None:
            pytest.skip(f"{program} (pciutils) is not installed")
        path = tmp_path / "nic.dump"
        path.write_text(text)
        if program == "lspci":
            args = ("-F", str(path), *args)
        else:
            args = ("-A", "dump", "-O", f"dump.name={path}", *args)
        return subprocess.run([program, *args], check=True, capture_output=True, text=True).stdout
    return run


def sections(text: str) -> dict[str, str]:
    return {part.split(" ", 1)[0]: part for part in re.split(r"\n\n+", text.strip())}


def test_lspci_decodes_the_pf_and_every_vf(machine, tool):
    found = sections(tool("lspci", dump(machine.endpoint), "-vvv"))
    assert list(found) == [slot(rid) for rid in (0x100, *machine.rids)]
    pf, num_vfs = found.pop("01:00.0"), len(machine.rids)
    profile, gen = (X520, "5GT/s, Width x8") if "Total VFs: 64" in pf else (VF100G, "16GT/s, Width x16")
    bars, vf_bars = machine.enumerated.bars, machine.enumerated.vf_bars
    for token in (
            "82599ES 10-Gigabit SFI/SFP+ Network Connection (rev 01)", "Mem+ BusMaster+",
            f"Region 0: Memory at {bars[0].base:x} (64-bit, prefetchable)",
            f"Region 4: Memory at {bars[4].base:x} (64-bit, prefetchable)",
            "MSI-X: Enable+ Count=64 Masked-", "Vector table: BAR=4 offset=00000000",
            "PBA: BAR=4 offset=00002000",
            "Express (v2) Endpoint", "MaxPayload 512 bytes, PhantFunc 0, Latency L0s <512ns, L1 <64us",
            "RBE+ FLReset+", "MaxPayload 256 bytes, MaxReadReq 512 bytes", f"Speed {gen}",
            "UESvrt:\tDLP+ SDES- TLP- FCP+ CmpltTO- CmpltAbrt- UnxCmplt- RxOF+ MalfTLP+", "AdvNonFatalErr+",
            f"Device Serial Number 00-1b-21-ff-ff-{profile.mac_base >> 16 & 0xFF:02x}-00-00",
            "ARICap:\tMFVC- ACS-, Next Function: 0",
            "IOVCtl:\tEnable+ Migration- Interrupt- MSE+ ARIHierarchy+",
            f"Initial VFs: {profile.total_vfs}, Total VFs: {profile.total_vfs}, Number of VFs: {num_vfs}, "
            "Function Dependency Link: 00", "VF offset: 128, stride: 2, Device ID: 10ed",
            "Supported Page Size: 00000553, System Page Size: 00000001",
            f"Region 0: Memory at {vf_bars[0].base:016x} (64-bit, prefetchable)",
            f"Region 3: Memory at {vf_bars[3].base:016x} (64-bit, prefetchable)"):
        assert token in pf, token
    assert re.findall(r"Capabilities: \[(.*?)\]", pf) == PF_CHAIN
    for vf in found.values():
        assert re.findall(r"Capabilities: \[(.*?)\]", vf) == VF_CHAIN
        for token in ("Illegal Vendor ID Device ffff (rev 01)", "I/O- Mem- BusMaster+", "DisINTx-",
                      "MSI-X: Enable+ Count=3 Masked-", "Vector table: BAR=3 offset=00000000",
                      "PBA: BAR=3 offset=00002000", "FLReset+", "MaxPayload 128 bytes, MaxReadReq 128 bytes",
                      "Speed unknown", "Width x0"):
            assert token in vf, token
        assert "Region" not in vf and "Interrupt:" not in vf and "access denied" not in vf


def test_the_dump_survives_lspci_byte_for_byte(machine, tool):
    text = dump(machine.endpoint)
    once = tool("lspci", text, "-xxxx")
    assert tool("lspci", once, "-xxxx") == once

    def data(dumped: str) -> list[list[str]]:
        return [[line for line in part.splitlines()[1:] if re.match(r"[0-9a-f]+: ", line)]
                for part in sections(dumped).values()]
    assert data(once) == data(text) and all(len(lines) == 256 for lines in data(text))


def test_setpci_walks_to_the_same_registers(machine, tool):
    for register, offset, size in (
            ("ECAP_SRIOV+10.w", 0x170, 2), ("ECAP0010+14.l", 0x174, 4), ("CAP_EXP+8.w", 0xA8, 2),
            ("CAP11+2.w", 0x72, 2), ("ECAP_DSN+8.l", 0x148, 4)):
        answer = tool("setpci", dump(machine.endpoint), "-s", "01:00.0", register)
        assert int(answer, 16) == machine.read(offset, size)


def test_dump_without_vfs_shows_the_pf_alone(tool):
    assert list(sections(tool("lspci", dump(Machine().endpoint)))) == ["01:00.0"]
