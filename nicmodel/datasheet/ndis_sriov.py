"""One VF through its PF: configuration space, configuration blocks, reset, power, identity, BARs."""

from __future__ import annotations

import ctypes
from ctypes import LittleEndianStructure, c_uint8, c_uint16, c_uint32, c_uint64

from nicmodel.datasheet.ndis_object import DataAt, Luid, NdisStructure, ObjectHeader, words

PCI_TYPE0_ADDRESSES = 6                # BARs of a function
MAX_CONFIG_BLOCK = 128                 # VPCI_MAX_READ_WRITE_BLOCK_SIZE, itself still legal
BLOCK_MASK_BITS = 64                   # blocks that have a bit in BlockMask, a ULONGLONG
INVALIDATE_BLOCK_ALL_VFS = 0xFFFF      # SRIOV_INVALIDATE_BLOCK_ALL_VFS
RESOURCE_TYPE_MEMORY = 3               # CmResourceTypeMemory


class ReadConfigSpaceParameters(NdisStructure):
    """NDIS_SRIOV_READ_VF_CONFIG_SPACE_PARAMETERS: the data read goes to BufferOffset."""

    NAME = "NDIS_SRIOV_READ_VF_CONFIG_SPACE_PARAMETERS"
    NDIS_SIZEOF = 20
    TAIL = DataAt("BufferOffset", "Length")
    _fields_ = [("Header", ObjectHeader), ("VFId", c_uint16), *words("Offset", "Length", "BufferOffset")]


class WriteConfigSpaceParameters(NdisStructure):
    """NDIS_SRIOV_WRITE_VF_CONFIG_SPACE_PARAMETERS: the data to write is at BufferOffset."""

    NAME = "NDIS_SRIOV_WRITE_VF_CONFIG_SPACE_PARAMETERS"
    NDIS_SIZEOF = 20
    TAIL = DataAt("BufferOffset", "Length")
    _fields_ = ReadConfigSpaceParameters._fields_


class ReadConfigBlockParameters(NdisStructure):
    """NDIS_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS: the block read goes to BufferOffset."""

    NAME = "NDIS_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS"
    NDIS_SIZEOF = 20
    TAIL = DataAt("BufferOffset", "Length")
    _fields_ = [("Header", ObjectHeader), ("VFId", c_uint16), *words("BlockId", "Length", "BufferOffset")]


class WriteConfigBlockParameters(NdisStructure):
    """NDIS_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS: the block to write is at BufferOffset."""

    NAME = "NDIS_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS"
    NDIS_SIZEOF = 20
    TAIL = DataAt("BufferOffset", "Length")
    _fields_ = ReadConfigBlockParameters._fields_


class ResetVfParameters(NdisStructure):
    """NDIS_SRIOV_RESET_VF_PARAMETERS."""

    NAME = "NDIS_SRIOV_RESET_VF_PARAMETERS"
    NDIS_SIZEOF = 6
    _fields_ = [("Header", ObjectHeader), ("VFId", c_uint16)]


class SetPowerStateParameters(NdisStructure):
    """NDIS_SRIOV_SET_VF_POWER_STATE_PARAMETERS. WakeEnable is 0 when PowerState is D0."""

    NAME = "NDIS_SRIOV_SET_VF_POWER_STATE_PARAMETERS"
    NDIS_SIZEOF = 13
    _fields_ = [("Header", ObjectHeader), ("VFId", c_uint16), ("PowerState", c_uint32), ("WakeEnable", c_uint8)]


class ConfigStateParameters(NdisStructure):
    """NDIS_SRIOV_CONFIG_STATE_PARAMETERS: known from the headers only, no page describes it."""

    NAME = "NDIS_SRIOV_CONFIG_STATE_PARAMETERS"
    NDIS_SIZEOF = 12
    _fields_ = [("Header", ObjectHeader), *words("BlockId", "Length")]


class VendorDeviceIdInfo(NdisStructure):
    """NDIS_SRIOV_VF_VENDOR_DEVICE_ID_INFO: VFId in, the two ids out."""

    NAME = "NDIS_SRIOV_VF_VENDOR_DEVICE_ID_INFO"
    NDIS_SIZEOF = 10
    _fields_ = [("Header", ObjectHeader), ("VFId", c_uint16), ("VendorId", c_uint16), ("DeviceId", c_uint16)]


class ProbedBarsInfo(NdisStructure):
    """NDIS_SRIOV_PROBED_BARS_INFO: six ULONGs, one a BAR, go to BaseRegisterValuesOffset."""

    NAME = "NDIS_SRIOV_PROBED_BARS_INFO"
    NDIS_SIZEOF = 8
    TAIL = DataAt("BaseRegisterValuesOffset", PCI_TYPE0_ADDRESSES * ctypes.sizeof(c_uint32))
    _fields_ = [("Header", ObjectHeader), *words("BaseRegisterValuesOffset")]


class MemoryResource(LittleEndianStructure):
    """CM_PARTIAL_RESOURCE_DESCRIPTOR holding a memory range: packed to 4 bytes, as long as its largest variant."""

    _pack_ = 4
    _layout_ = "ms"
    _fields_ = [("Type", c_uint8), ("ShareDisposition", c_uint8), ("Flags", c_uint16), ("Start", c_uint64),
                ("Length", c_uint32), ("_pad", c_uint32)]


class BarResourcesInfo(NdisStructure):
    """NDIS_SRIOV_BAR_RESOURCES_INFO: one CM_PARTIAL_RESOURCE_DESCRIPTOR goes to BarResourcesOffset."""

    NAME = "NDIS_SRIOV_BAR_RESOURCES_INFO"
    NDIS_SIZEOF = 12
    TAIL = DataAt("BarResourcesOffset", ctypes.sizeof(MemoryResource))
    _fields_ = [("Header", ObjectHeader), ("VFId", c_uint16), ("BarIndex", c_uint16), ("BarResourcesOffset", c_uint32)]


class PfLuidInfo(NdisStructure):
    """NDIS_SRIOV_PF_LUID_INFO."""

    NAME = "NDIS_SRIOV_PF_LUID_INFO"
    NDIS_SIZEOF = 12
    _fields_ = [("Header", ObjectHeader), ("Luid", Luid)]


class VfSerialNumberInfo(NdisStructure):
    """NDIS_SRIOV_VF_SERIAL_NUMBER_INFO."""

    NAME = "NDIS_SRIOV_VF_SERIAL_NUMBER_INFO"
    NDIS_SIZEOF = 8
    _fields_ = [("Header", ObjectHeader), *words("SerialNumber")]


class InvalidateConfigBlockInfo(NdisStructure):
    """NDIS_SRIOV_VF_INVALIDATE_CONFIG_BLOCK_INFO: bit n of BlockMask is block n."""

    NAME = "NDIS_SRIOV_VF_INVALIDATE_CONFIG_BLOCK_INFO"
    NDIS_SIZEOF = 16
    _fields_ = [("Header", ObjectHeader), ("BlockMask", c_uint64)]


class OverlyingAdapterInfo(NdisStructure):
    """NDIS_SRIOV_OVERLYING_ADAPTER_INFO (NDIS 6.70): known from a public header only."""

    NAME = "NDIS_SRIOV_OVERLYING_ADAPTER_INFO"
    NDIS_SIZEOF = 20
    _fields_ = [("Header", ObjectHeader), *words("Flags", "IfIndex", "NdisReserved1", "NdisReserved2")]
