"""Every layout, size and number of the NDIS datasheet is that of the public headers.

C files of static assertions are compiled against mingw-w64, so the compiler names the first fact that is wrong; what the
headers lack is a closed list, and every name on it is shown to be absent.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from nicmodel.datasheet import ndis_headers as h
from nicmodel.datasheet import ndis_structures as s
from nicmodel.datasheet.ndis_enums import ATTRIBUTE_BUS_MASTER, INTERFACE_PCI
from nicmodel.datasheet.ndis_sriov import PCI_TYPE0_ADDRESSES, RESOURCE_TYPE_MEMORY, MemoryResource

COMPILER = shutil.which("x86_64-w64-mingw32-gcc")
pytestmark = [pytest.mark.outside,
              pytest.mark.skipif(COMPILER is None, reason="mingw-w64 (its headers and compiler) is not installed")]

VERSION = ["-DUM_NDIS630", "-DNDIS_SUPPORT_NDIS6=1", "-DNDIS_SUPPORT_NDIS61=1", "-DNDIS_SUPPORT_NDIS620=1",
           "-DNTDDI_VERSION=0x06020000", "-D_WIN32_WINNT=0x0602"]
NTDDNDIS = ["winsock2.h", "ws2tcpip.h", "windows.h", "ntddndis.h"]
NUMBERS = h.numbers(h.FLAGS_AND_OIDS) | h.numbers(h.ENUMERATIONS) | h.CONSTANTS
STATUSES = h.numbers(h.STATUSES)
LATER = [s.NicSwitchCapabilities660, s.NicSwitchParameters660]
"""Structures with the name of an earlier revision: only their sizes can be looked for."""


HEADERS_VERSION = 10
"""Major version of the mingw-w64 headers that the datasheet quotes."""


def equal(expression, value, what):
    return f'_Static_assert(({expression}) == {value}, "{what}");'


def equal_numbers(names: dict[str, int], cast: str = "") -> list[str]:
    """One assertion a name; a name that our headers lack is checked where later headers have it."""
    return [line for name, value in names.items() for line in (
        [f"#ifdef {name}", equal(cast + name, f"{value:#x}", name), "#endif"] if name in h.NOT_IN_PUBLIC_HEADERS
        else [equal(cast + name, f"{value:#x}", name)])]


def gcc(tmp_path: Path, lines: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    source = tmp_path / "probe.c"
    source.write_text("\n".join([*lines, ""]))
    assert COMPILER
    return subprocess.run([COMPILER, *VERSION, *options, str(source)], capture_output=True, text=True)


def included(*headers: str) -> list[str]:
    return [f"#include <{header}>" for header in headers]


def ddk(tmp_path: Path) -> str:
    """The folder of the driver headers, beside the others."""
    listing = gcc(tmp_path, included("ddk/ndis.h"), "-E", "-M", "-MG").stdout
    return str(Path(next(word for word in listing.split() if word.endswith("/ddk/ndis.h"))).parent)


def size_constant(cls: type[s.NdisStructure], revision: int) -> str:
    return f"NDIS_SIZEOF_{cls.NAME.removeprefix('NDIS_')}_REVISION_{revision}"


def layout(cls: type[s.NdisStructure]) -> list[str]:
    checks = [equal(f"sizeof({cls.NAME})", ctypes.sizeof(cls), f"sizeof {cls.NAME}")]
    for member, *_ in cls._fields_:
        if not member.startswith("_"):
            field = getattr(cls, member)
            checks += [equal(f"__builtin_offsetof({cls.NAME}, {member})", field.offset, f"offset of {cls.NAME}.{member}"),
                       equal(f"sizeof((({cls.NAME} *)0)->{member})", field.size, f"size of {cls.NAME}.{member}")]
    for revision, size in (cls.OTHER_REVISIONS | {cls.REVISION: cls.NDIS_SIZEOF}).items():
        if (constant := size_constant(cls, revision)) not in h.NOT_IN_PUBLIC_HEADERS:
            checks.append(equal(constant, size, constant))
    return [*checks, equal(f"{cls.NAME}_REVISION_{cls.REVISION}", cls.REVISION, f"revision of {cls.NAME}")]


PUBLIC = [cls for cls in s.STRUCTURES if cls.NAME not in h.NOT_IN_PUBLIC_HEADERS]


def test_layouts_sizes_and_revisions(tmp_path):
    checks = [line for cls in PUBLIC for line in layout(cls)]
    for cls, name in ((s.ObjectHeader, "NDIS_OBJECT_HEADER"), (s.CountedName, "NDIS_IF_COUNTED_STRING"),
                      (s.GroupAffinity, "GROUP_AFFINITY"), (s.Luid, "LUID")):
        checks.append(equal(f"sizeof({name})", ctypes.sizeof(cls), name))
        checks += [equal(f"__builtin_offsetof({name}, {member})", getattr(cls, member).offset, f"{name}.{member}")
                   for member, _ in cls._fields_]
    done = gcc(tmp_path, [*included(*NTDDNDIS), *checks], "-fsyntax-only")
    assert done.returncode == 0, done.stderr
    assert len(PUBLIC) == 40 and len(checks) > 500


def test_object_types_oids_flags_enumerations_and_ids(tmp_path):
    done = gcc(tmp_path, [*included(*NTDDNDIS), *equal_numbers(NUMBERS)], "-fsyntax-only")
    assert done.returncode == 0, done.stderr
    assert len(set(NUMBERS) - set(h.NOT_IN_PUBLIC_HEADERS)) > 150


def macros(tmp_path: Path, *headers: str) -> dict[str, str]:
    """The macros a header leaves behind. Preprocessing is all that ndis.h of mingw-w64 stands for NDIS 6.30: it does not
    compile beside ntddndis.h of that version."""
    done = gcc(tmp_path, included(*headers), "-E", "-dM", "-DNDIS_WRAPPER", f"-I{ddk(tmp_path)}")
    return dict(re.findall(r"^#define (\w+) +(.*)$", done.stdout, re.MULTILINE))


def test_statuses_and_the_bus_master_bit(tmp_path):
    found = macros(tmp_path, *NTDDNDIS, "ndis.h")
    lines = ["typedef int NTSTATUS; typedef int NDIS_STATUS;"]
    lines += [f"#define {name} {text}" for name, text in found.items() if re.match(r"(NDIS_)?STATUS_\w+$", name)]
    lines += [f"#define BUS_MASTER {found['NDIS_ATTRIBUTE_BUS_MASTER']}",
              equal("BUS_MASTER", ATTRIBUTE_BUS_MASTER, "NDIS_ATTRIBUTE_BUS_MASTER, the bit's name before NDIS 6")]
    done = gcc(tmp_path, [*lines, *equal_numbers(STATUSES, "(unsigned)")], "-fsyntax-only")
    assert done.returncode == 0, done.stderr
    assert len(set(STATUSES) - set(h.NOT_IN_PUBLIC_HEADERS)) > 25


def test_resource_descriptors(tmp_path):
    name = "CM_PARTIAL_RESOURCE_DESCRIPTOR"
    done = gcc(tmp_path, [*included("ntddk.h"),
                          equal(f"sizeof({name})", ctypes.sizeof(MemoryResource), name),
                          *(equal(f"__builtin_offsetof({name}, {member})", getattr(MemoryResource, ours).offset, ours)
                            for member, ours in (("Flags", "Flags"), ("u.Memory.Start", "Start"),
                                                 ("u.Memory.Length", "Length"))),
                          equal("CmResourceTypeMemory", RESOURCE_TYPE_MEMORY, "CmResourceTypeMemory"),
                          equal("PCI_TYPE0_ADDRESSES", PCI_TYPE0_ADDRESSES, "PCI_TYPE0_ADDRESSES"),
                          equal("PCIBus", INTERFACE_PCI, "NdisInterfacePci is PCIBus")],
               "-fsyntax-only", f"-I{ddk(tmp_path)}")
    assert done.returncode == 0, done.stderr


def test_what_the_headers_lack_is_absent_and_used(tmp_path):
    structures = {cls.NAME for cls in s.STRUCTURES}
    assert set(h.NOT_IN_PUBLIC_HEADERS) <= set(NUMBERS) | set(STATUSES) | structures | {
        size_constant(cls, cls.REVISION) for cls in LATER}
    version = int(macros(tmp_path, "windows.h")["__MINGW64_VERSION_MAJOR"])
    assert version >= HEADERS_VERSION
    text = gcc(tmp_path, included(*NTDDNDIS, "ndis.h"), "-E", "-dD", "-DNDIS_WRAPPER", f"-I{ddk(tmp_path)}").stdout
    present = set(re.findall(r"struct _(\w+)\s*\{", text))
    present |= set(re.findall(r"\w+", text)) - structures            # a structure may be declared and not defined
    assert {"NDIS_SRIOV_CAPABILITIES", "NDIS_STATUS_PAUSED", "OID_SRIOV_PF_LUID"} <= present
    assert version > HEADERS_VERSION or set(h.NOT_IN_PUBLIC_HEADERS) & present == set()


def test_the_compiler_names_what_is_wrong(tmp_path):
    wrong = equal("__builtin_offsetof(NDIS_NIC_SWITCH_VF_PARAMETERS, VFId)", 1625, "offset of VFId")
    done = gcc(tmp_path, [*included(*NTDDNDIS), wrong], "-fsyntax-only")
    assert done.returncode != 0 and "offset of VFId" in done.stderr
