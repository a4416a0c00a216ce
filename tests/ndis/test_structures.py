"""Layouts of the NDIS structures are those of the public headers, byte for byte."""

from __future__ import annotations

import ctypes

import pytest

from nicmodel.datasheet import ndis_structures as s
from nicmodel.datasheet.ndis import (
    PF_SRIOV_CAPABILITIES,
    VF_SRIOV_CAPABILITIES,
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


def test_not_accepted_does_not_pass_for_success():
    assert Status.NOT_ACCEPTED != Status.SUCCESS and Status.NOT_ACCEPTED >> 31 == 0
