"""The unmodified lspci and setpci on the machine that real drivers brought up."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from nicmodel.lab.loading import load
from nicmodel.lab.testbench import bring_up
from nicmodel.pcie.lspci import dump

pytestmark = pytest.mark.outside


@pytest.fixture
def pciutils(tmp_path):
    """Runs a program of pciutils on a dump; skips where it is not installed (which CI does not allow)."""
    def call(program: str, dump: str, *args: str) -> str:
        if shutil.which(program) is None:
            pytest.skip(f"{program} (pciutils) is not installed")
        path = tmp_path / "nic.dump"
        path.write_text(dump)
        how = ("-F", str(path)) if program == "lspci" else ("-A", "dump", "-O", f"dump.name={path}")
        done = subprocess.run([program, *how, *args], check=True, capture_output=True, text=True)
        assert not [line for line in done.stderr.splitlines() if "libkmod" not in line]   # kernel modules of this host
        return done.stdout
    return call


def sections(text: str) -> dict[str, str]:
    """lspci's output by slot."""
    return {part.split(" ", 1)[0]: part for part in re.split(r"\n\n+", text.strip())}


def vf_slots(count: int) -> list[str]:
    """PF 01:00.0, First VF Offset 128, VF Stride 2: 01:10.0, 01:10.2, ... and on to the next bus."""
    rids = [0x100 + 128 + 2 * vf for vf in range(count)]
    return [f"{rid >> 8:02x}:{rid >> 3 & 31:02x}.{rid & 7}" for rid in rids]


@pytest.mark.parametrize(("profile", "num_vfs", "speed", "total", "pcie"), [
    ("vf100g", 8, "16GT/s, Width x16", 256, {}),
    ("x520", 63, "5GT/s, Width x8", 64, {}),
    ("vf100g", 70, "8GT/s (downgraded), Width x4 (downgraded)", 256, {"gen": 3, "lanes": 4, "mps": "128B", "mrrs": "256B",
                                                                         "rcb": "128B"}),
])
def test_lspci_decodes_what_the_drivers_left(command, pciutils, tmp_path, profile, num_vfs, speed, total, pcie):
    settings = {"profile": profile, "num_vfs": num_vfs} | {f"pcie.{key}": value for key, value in pcie.items()}
    flags = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    status, out, _ = command("lspci", "-o", tmp_path / "dump", *flags)
    assert status == 0 and out == ""
    found = sections(pciutils("lspci", (tmp_path / "dump").read_text(), "-vvv"))
    assert list(found) == ["01:00.0", *vf_slots(num_vfs)]
    mps, mrrs, rcb = (pcie.get(key, usual)[:-1] for key, usual in (("mps", "256B"), ("mrrs", "512B"), ("rcb", "64B")))
    pf = found.pop("01:00.0")
    for token in ("Ethernet controller: Intel Corporation 82599ES 10-Gigabit SFI/SFP+ Network Connection (rev 01)",
                  "Mem+ BusMaster+", "Region 0: Memory at", "(64-bit, prefetchable)", "MSI-X: Enable+ Count=64 Masked-",
                  "Express (v2) Endpoint", "FLReset+", f"MaxPayload {mps} bytes, MaxReadReq {mrrs} bytes", f"RCB {rcb} bytes",
                  f"Speed {speed}", "Single Root I/O Virtualization (SR-IOV)", "IOVCtl:\tEnable+", "MSE+ ARIHierarchy+",
                  f"Initial VFs: {total}, Total VFs: {total}, Number of VFs: {num_vfs}",
                  "VF offset: 128, stride: 2, Device ID: 10ed", "Alternative Routing-ID Interpretation (ARI)"):
        assert token in pf, token
    for vf in found.values():
        for token in ("Ethernet controller", "BusMaster+", "MSI-X: Enable+ Count=3 Masked-", "Express (v2) Endpoint", "FLReset+",
                      "Alternative Routing-ID Interpretation (ARI)"):
            assert token in vf, token
        assert "Region" not in vf and "SR-IOV" not in vf
    assert not [line for section in (pf, *found.values()) for line in section.splitlines() if "<access denied>" in line
                or "!!!" in line or "unknown header type" in line.lower()]


def test_a_closed_vf_still_exists_and_a_pf_in_breach_has_none(pciutils):
    found = sections(pciutils("lspci", dump(bring_up(load("bad_vf_driver")).endpoint), "-v"))
    assert list(found) == ["01:00.0", *vf_slots(4)]
    breach = load("vf_scaling", {"num_vfs": 2, "driver.mutants.pf": "pf_reports_vf_flags"})
    found = sections(pciutils("lspci", dump(bring_up(breach).endpoint), "-vvv"))
    assert list(found) == ["01:00.0"] and "IOVCtl:\tEnable-" in found["01:00.0"]


def test_setpci_reads_the_registers_that_the_stack_wrote(command, pciutils):
    status, text, _ = command("lspci", "--set", "num_vfs=5")
    assert status == 0
    vf4 = vf_slots(5)[4]
    for slot, register, value in (
            ("01:00.0", "VENDOR_ID", 0x8086), ("01:00.0", "DEVICE_ID", 0x10FB), ("01:00.0", "ECAP_SRIOV+10.w", 5),
            ("01:00.0", "ECAP_SRIOV+8.w", 0x19), ("01:00.0", "ECAP_SRIOV+e.w", 256), ("01:00.0", "ECAP_SRIOV+14.w", 128),
            (vf4, "VENDOR_ID", 0xFFFF), (vf4, "COMMAND", 4), (vf4, "CAP_MSIX+2.w", 0x8002)):
        assert int(pciutils("setpci", text, "-s", slot, register), 16) == value, register
