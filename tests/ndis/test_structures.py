"""Layouts of the NDIS structures are those of the public headers, byte for byte."""

from __future__ import annotations

import ctypes
import shutil
import subprocess

import pytest

from nicmodel.datasheet import ndis_structures as s
from nicmodel.datasheet.ndis import (
    PF_SRIOV_CAPABILITIES,
    VF_SRIOV_CAPABILITIES,
    Oid,
    Status,
    enabled_features,
)

SIZES = {                     # NDIS_SIZEOF, sizeof
    s.ObjectHeader: (4, 4), s.CountedName: (516, 516),
    s.HypervisorInfo: (12, 12), s.SriovCapabilitiesStructure: (12, 12),
    s.NicSwitchCapabilitiesStructure: (116, 116),
    s.ReceiveFilterCapabilitiesStructure: (84, 84), s.ReceiveScaleCapabilities: (18, 20),
    s.HardwareAssistAttributes: (80, 80), s.NicSwitchParameters: (548, 548),
    s.DeleteSwitchParameters: (12, 12),
    s.VPortParameters: (572, 576), s.DeleteVPortParameters: (12, 12), s.VfParameters: (1632, 1632),
    s.FreeVfParameters: (10, 12), s.ResetVfParameters: (6, 6), s.ReceiveFilterParameters: (44, 44),
    s.FilterFieldParameters: (56, 56), s.FilterClearParameters: (16, 16), s.FilterMoveParameters: (24, 24)}

OFFSETS = {
    s.NicSwitchCapabilitiesStructure: {"NicSwitchCapabilities": 32, "MaxNumSwitches": 36, "MaxNumVPorts": 40,
                                       "MaxNumVFs": 48, "MaxNumQueuePairs": 52,
                                       "MaxNumQueuePairsPerNonDefaultVPort": 68, "MaxNumMacAddresses": 92},
    s.ReceiveFilterCapabilitiesStructure: {"EnabledFilterTypes": 8, "NumQueues": 16,
                                           "SupportedQueueProperties": 20, "SupportedMacHeaderFields": 32,
                                           "MaxLookaheadSplitSize": 52},
    s.HardwareAssistAttributes: {"HardwareReceiveFilterCapabilities": 16, "HardwareNicSwitchCapabilities": 32,
                                 "HardwareSriovCapabilities": 48, "CurrentSriovCapabilities": 56},
    s.NicSwitchParameters: {"SwitchType": 8, "SwitchFriendlyName": 16, "NumVFs": 532},
    s.VPortParameters: {"VPortId": 12, "AttachedFunctionId": 532, "NumQueuePairs": 536, "VPortState": 544,
                        "ProcessorAffinity": 552, "LookaheadSize": 568},
    s.VfParameters: {"VMName": 12, "NicName": 1044, "MacAddressLength": 1560, "CurrentMacAddress": 1594,
                     "VFId": 1626, "RequestorId": 1628},
    s.ReceiveFilterParameters: {"FilterId": 16, "FieldParametersArrayOffset": 20, "VPortId": 40},
    s.FilterFieldParameters: {"HeaderField": 16, "FieldValue": 24, "ResultValue": 40},
    s.FilterMoveParameters: {"FilterId": 4, "SourceVPortId": 12, "DestVPortId": 20}}


@pytest.mark.parametrize("cls", SIZES, ids=lambda cls: cls.__name__)
def test_sizes_are_documented(cls):
    constant, whole = SIZES[cls]
    assert ctypes.sizeof(cls) == whole
    assert s.HEADERS.get(cls, (0, 0, constant))[2] == constant


@pytest.mark.parametrize("cls", OFFSETS, ids=lambda cls: cls.__name__)
def test_offsets_are_documented(cls):
    assert {name: getattr(cls, name).offset for name in OFFSETS[cls]} == OFFSETS[cls]


def test_golden_bytes_of_both_capability_structures():
    vf = s.made(s.SriovCapabilitiesStructure, SriovCapabilities=VF_SRIOV_CAPABILITIES)
    pf = s.made(s.SriovCapabilitiesStructure, SriovCapabilities=PF_SRIOV_CAPABILITIES)
    assert bytes(vf) == bytes.fromhex("80010C00 00000000 05000000")
    assert bytes(pf) == bytes.fromhex("80010C00 00000000 03000000")


def test_hypervisor_header_bytes():
    assert bytes(s.made(s.HypervisorInfo))[:4] == bytes.fromhex("80010C00")


def test_a_zeroed_structure_with_a_good_header_carries_nothing():
    empty = ctypes.pointer(s.made(s.NicSwitchCapabilitiesStructure))
    assert s.carries_nothing(empty) and s.carries_nothing(None)
    empty.contents.MaxNumVFs = 1
    assert not s.carries_nothing(empty)
    headless = s.NicSwitchCapabilitiesStructure()
    assert not s.carries_nothing(ctypes.pointer(headless))


@pytest.mark.parametrize("preferred, rss_or_vmq, sriov, vmq, rss, enabled", [
    (1, 1, 1, 1, 1, {"sriov", "vmq"}), (1, 1, 0, 1, 1, {"vmq"}), (1, 0, 0, 0, 1, set()),
    (0, 1, 1, 1, 1, {"vmq"}),
    (0, 1, 1, 0, 1, set()), (0, 0, 1, 1, 1, {"rss"}), (0, 0, 1, 1, 0, set()), (1, 1, 1, 0, 1, {"sriov"}),
    (1, 0, 1, 1, 1, {"sriov"}), (1, 0, 0, 1, 1, set())])
def test_decision_table(preferred, rss_or_vmq, sriov, vmq, rss, enabled):
    assert enabled_features(preferred, rss_or_vmq, sriov, vmq, rss) == enabled


PROBES = {"_NDIS_SRIOV_CAPABILITIES": s.SriovCapabilitiesStructure,
          "_NDIS_NIC_SWITCH_CAPABILITIES": s.NicSwitchCapabilitiesStructure,
          "_NDIS_RECEIVE_FILTER_CAPABILITIES": s.ReceiveFilterCapabilitiesStructure,
          "_NDIS_NIC_SWITCH_PARAMETERS": s.NicSwitchParameters,
          "_NDIS_NIC_SWITCH_VF_PARAMETERS": s.VfParameters,
          "_NDIS_NIC_SWITCH_VPORT_PARAMETERS": s.VPortParameters,
          "_NDIS_NIC_SWITCH_DELETE_SWITCH_PARAMETERS": s.DeleteSwitchParameters,
          "_NDIS_NIC_SWITCH_DELETE_VPORT_PARAMETERS": s.DeleteVPortParameters,
          "_NDIS_NIC_SWITCH_FREE_VF_PARAMETERS": s.FreeVfParameters,
          "_NDIS_SRIOV_RESET_VF_PARAMETERS": s.ResetVfParameters,
          "_NDIS_RECEIVE_FILTER_PARAMETERS": s.ReceiveFilterParameters,
          "_NDIS_RECEIVE_FILTER_FIELD_PARAMETERS": s.FilterFieldParameters,
          "_NDIS_RECEIVE_FILTER_CLEAR_PARAMETERS": s.FilterClearParameters,
          "_NDIS_RECEIVE_FILTER_MOVE_FILTER_PARAMETERS": s.FilterMoveParameters,
          "_NDIS_RECEIVE_SCALE_CAPABILITIES": s.ReceiveScaleCapabilities}


COMPILER = shutil.which("x86_64-w64-mingw32-gcc")


@pytest.mark.outside
@pytest.mark.skipif(COMPILER is None, reason="mingw-w64 (its headers and compiler) is not installed")
def test_layouts_and_codes_agree_with_the_public_headers(tmp_path):
    checks = [f"_Static_assert(sizeof(struct {name}) == {ctypes.sizeof(cls)}, \"{name}\");"
              for name, cls in PROBES.items()]
    for name, cls in PROBES.items():
        for member, *_ in cls._fields_:
            if not member.startswith(("NdisReserved", "_")):
                checks.append(f"_Static_assert(__builtin_offsetof(struct {name}, {member}) == "
                              f"{getattr(cls, member).offset}, \"{name}.{member}\");")
    checks += [f"_Static_assert(OID_{oid.name} == {oid.value:#x}, \"{oid.name}\");" for oid in Oid
               if oid.name != "SRIOV_VF_INVALIDATE_CONFIG_BLOCK"]
    source = tmp_path / "probe.c"
    head = ["#define UM_NDIS630", "#define NTDDI_VERSION 0x06020000", "#define _WIN32_WINNT 0x0602",
            "#include <winsock2.h>", "#include <windows.h>", "#include <ntddndis.h>"]
    source.write_text("\n".join([*head, *checks, ""]))
    done = subprocess.run([COMPILER, "-fsyntax-only", str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_not_accepted_does_not_pass_for_success():
    assert Status.NOT_ACCEPTED != Status.SUCCESS and Status.NOT_ACCEPTED >> 31 == 0
