"""Layouts of the NDIS structures are those of the public headers, byte for byte."""

from __future__ import annotations

import ctypes

import pytest

from nicmodel.datasheet import (
    ndis_attributes,
)
from nicmodel.datasheet import ndis_structures as s
from nicmodel.datasheet.ndis import (
    PF_SRIOV_CAPABILITIES,
    VF_SRIOV_CAPABILITIES,
    Status,
    enabled_features,
)

SIZES = {                     # NDIS_SIZEOF, sizeof
    s.HypervisorInfo: (12, 12), s.SriovCapabilitiesStructure: (12, 12), s.NicSwitchCapabilitiesStructure: (116, 116),
    s.ReceiveFilterCapabilitiesStructure: (84, 84), s.ReceiveScaleCapabilities: (18, 20),
    s.ReceiveScaleParameters: (40, 40),
    s.NicSwitchParameters: (548, 548), s.DeleteSwitchParameters: (12, 12), s.SwitchInfo: (572, 572),
    s.SwitchInfoArray: (16, 16), s.VPortParameters: (572, 576), s.DeleteVPortParameters: (12, 12),
    s.VPortInfo: (576, 576), s.VPortInfoArray: (28, 28), s.VfParameters: (1632, 1632), s.FreeVfParameters: (10, 12),
    s.VfInfo: (1632, 1632), s.VfInfoArray: (24, 24), s.ReadConfigSpaceParameters: (20, 20),
    s.WriteConfigSpaceParameters: (20, 20), s.ReadConfigBlockParameters: (20, 20), s.WriteConfigBlockParameters: (20, 20),
    s.ResetVfParameters: (6, 6), s.SetPowerStateParameters: (13, 16), s.ConfigStateParameters: (12, 12),
    s.VendorDeviceIdInfo: (10, 10), s.ProbedBarsInfo: (8, 8), s.BarResourcesInfo: (12, 12), s.PfLuidInfo: (12, 12),
    s.VfSerialNumberInfo: (8, 8), s.InvalidateConfigBlockInfo: (16, 16), s.OverlyingAdapterInfo: (20, 20),
    s.ReceiveFilterParameters: (44, 44), s.FilterFieldParameters: (56, 56), s.FilterClearParameters: (16, 16),
    s.FilterMoveParameters: (24, 24), s.ReceiveFilterInfo: (16, 16), s.ReceiveFilterInfoArray: (28, 28),
    s.RegistrationAttributes: (28, 32), s.AddDeviceRegistrationAttributes: (20, 24), s.GeneralAttributes: (224, 224),
    s.HardwareAssistAttributes: (80, 80), s.SharedMemoryParameters: (68, 72), s.OidRequest: (236, 240),
    s.StatisticsInfo: (152, 152), s.InterruptModerationParameters: (12, 12), s.LinkParameters: (32, 32)}

OFFSETS = {
    s.NicSwitchCapabilitiesStructure: {"NicSwitchCapabilities": 32, "MaxNumSwitches": 36, "MaxNumVPorts": 40,
                                       "MaxNumVFs": 48, "MaxNumQueuePairs": 52,
                                       "MaxNumQueuePairsPerNonDefaultVPort": 68, "MaxNumMacAddresses": 92},
    s.ReceiveFilterCapabilitiesStructure: {"EnabledFilterTypes": 8, "NumQueues": 16,
                                           "SupportedQueueProperties": 20, "SupportedMacHeaderFields": 32,
                                           "MaxLookaheadSplitSize": 52},
    s.HardwareAssistAttributes: {"HardwareReceiveFilterCapabilities": 16, "HardwareNicSwitchCapabilities": 32,
                                 "HardwareSriovCapabilities": 48, "CurrentSriovCapabilities": 56},
    s.RegistrationAttributes: {"MiniportAdapterContext": 8, "AttributeFlags": 16, "InterfaceType": 24},
    s.AddDeviceRegistrationAttributes: {"MiniportAddDeviceContext": 8, "Flags": 16},
    s.GeneralAttributes: {"MaxXmitLinkSpeed": 24, "LookaheadSize": 64, "PowerManagementCapabilities": 72,
                          "SupportedPacketFilters": 84, "MacAddressLength": 92, "CurrentMacAddress": 126,
                          "RecvScaleCapabilities": 160, "IfConnectorPresent": 182, "SupportedOidList": 200,
                          "SupportedOidListLength": 208, "PowerManagementCapabilitiesEx": 216},
    s.ReceiveScaleParameters: {"HashInformation": 8, "IndirectionTableSize": 12, "IndirectionTableOffset": 16,
                               "HashSecretKeySize": 20, "HashSecretKeyOffset": 24, "ProcessorMasksOffset": 28},
    s.SharedMemoryParameters: {"QueueId": 8, "SharedMemoryHandle": 16, "Length": 32, "SGListBuffer": 56, "VPortId": 64},
    s.OidRequest: {"RequestType": 4, "RequestId": 16, "DATA": 32, "NdisReserved": 72, "MiniportReserved": 200,
                   "SupportedRevision": 232},
    s.MemoryResource: {"Flags": 2, "Start": 4, "Length": 12},
    s.InvalidateConfigBlockInfo: {"BlockMask": 8}, s.SetPowerStateParameters: {"PowerState": 8, "WakeEnable": 12},
    s.ReadConfigSpaceParameters: {"VFId": 4, "Offset": 8, "BufferOffset": 16},
    s.VPortInfo: {"VPortId": 4, "Flags": 8, "ProcessorAffinity": 552, "NumFilters": 572},
    s.NicSwitchParameters: {"SwitchType": 8, "SwitchFriendlyName": 16, "NumVFs": 532},
    s.VPortParameters: {"VPortId": 12, "AttachedFunctionId": 532, "NumQueuePairs": 536, "VPortState": 544,
                        "ProcessorAffinity": 552, "LookaheadSize": 568},
    s.VfParameters: {"VMName": 12, "NicName": 1044, "MacAddressLength": 1560, "CurrentMacAddress": 1594,
                     "VFId": 1626, "RequestorId": 1628},
    s.ReceiveFilterParameters: {"FilterId": 16, "FieldParametersArrayOffset": 20, "VPortId": 40},
    s.FilterFieldParameters: {"HeaderField": 16, "FieldValue": 24, "ResultValue": 40},
    s.FilterMoveParameters: {"FilterId": 4, "SourceVPortId": 12, "DestVPortId": 20}}


def end_of(cls, member):
    field = getattr(cls, member)
    return field.offset + field.size


@pytest.mark.parametrize("cls", s.STRUCTURES, ids=lambda cls: cls.__name__)
def test_sizes_are_documented(cls):
    assert (cls.NDIS_SIZEOF, ctypes.sizeof(cls)) == SIZES[cls]
    assert end_of(cls, cls._fields_[-1][0]) == cls.NDIS_SIZEOF
    assert s.HEADERS[cls] == (cls.TYPE, cls.REVISION, cls.NDIS_SIZEOF)


def test_plain_structures():
    assert [ctypes.sizeof(cls) for cls in (s.ObjectHeader, s.CountedName, s.GroupAffinity, s.Luid, s.MemoryResource)] == [
        4, 516, 16, 8, 20]


@pytest.mark.parametrize("cls, revision, last", [
    (s.NicSwitchCapabilitiesStructure, 1, "NdisReserved3"), (s.ReceiveFilterCapabilitiesStructure, 1, "MaxLookaheadSplitSize"),
    (s.ReceiveScaleCapabilities, 1, "NumberOfReceiveQueues"), (s.ReceiveScaleParameters, 1, "HashSecretKeyOffset"),
    (s.ReceiveFilterParameters, 1, "RequestedFilterIdBitCount"),
    (s.ReceiveFilterInfoArray, 1, "ElementSize"), (s.FilterFieldParameters, 1, "ResultValue"),
    (s.GeneralAttributes, 1, "AutoNegotiationFlags"), (s.SharedMemoryParameters, 1, "SGListBuffer"),
    (s.HardwareAssistAttributes, 1, "HDSplitAttributes"), (s.HardwareAssistAttributes, 2, "CurrentNicSwitchCapabilities"),
    (s.NicSwitchCapabilities660, 2, "NdisReserved17"), (s.NicSwitchParameters660, 1, "NdisReserved3")])
def test_earlier_revisions_end_at_a_member(cls, revision, last):
    assert cls.OTHER_REVISIONS[revision] == end_of(cls, last)


@pytest.mark.parametrize("cls, earlier, size", [(s.NicSwitchCapabilities660, s.NicSwitchCapabilitiesStructure, 132),
                                                (s.NicSwitchParameters660, s.NicSwitchParameters, 552)])
def test_later_revisions_append(cls, earlier, size):
    assert cls.NDIS_SIZEOF == ctypes.sizeof(cls) == earlier.OTHER_REVISIONS[cls.REVISION] == size
    assert getattr(cls, cls._fields_[0][0]).offset == earlier.NDIS_SIZEOF
    assert cls.OTHER_REVISIONS[earlier.REVISION] == earlier.NDIS_SIZEOF


@pytest.mark.parametrize("cls", OFFSETS, ids=lambda cls: cls.__name__)
def test_offsets_are_documented(cls):
    assert {name: getattr(cls, name).offset for name in OFFSETS[cls]} == OFFSETS[cls]


def test_golden_bytes_of_both_capability_structures():
    vf = s.made(s.SriovCapabilitiesStructure, SriovCapabilities=VF_SRIOV_CAPABILITIES)
    pf = s.made(s.SriovCapabilitiesStructure, SriovCapabilities=PF_SRIOV_CAPABILITIES)
    assert bytes(vf) == bytes.fromhex("80010C00 00000000 05000000")
    assert bytes(pf) == bytes.fromhex("80010C00 00000000 03000000")


def test_both_capability_words():
    assert (int(PF_SRIOV_CAPABILITIES), int(VF_SRIOV_CAPABILITIES)) == (0x3, 0x5)


def test_request_data_parts():
    q, m = ndis_attributes.QueryInformation, ndis_attributes.MethodInformation
    assert (ctypes.sizeof(q), q.BytesNeeded.offset, ctypes.sizeof(m), m.BytesNeeded.offset) == (32, 24, 40, 36)


@pytest.mark.parametrize("text", ["", "Default Switch", "ß名\U0001F600", "x" * 256])
def test_names_survive(text):
    name = s.CountedName.of(text)
    assert name.text == text and name.Length == len(text.encode("utf-16-le"))


def test_a_name_too_long_is_cut_at_512_bytes():
    name = s.CountedName.of("x" * 300)
    assert name.Length == 512 and name.text == "x" * 256 and name.String[256] == 0


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
