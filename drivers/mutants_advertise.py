"""Broken on purpose: what a driver reads of its registry and advertises (KW, ADV)."""

from __future__ import annotations

from drivers.mutant import mutant
from drivers.pf import PfMiniport
from nicmodel.datasheet.ndis_structures import SriovCapabilitiesStructure, made


class _Flags(PfMiniport):
    """Reports ``flags`` as its SriovCapabilities."""

    flags = 0

    def sriov_capabilities(self) -> SriovCapabilitiesStructure:
        return made(SriovCapabilitiesStructure, SriovCapabilities=self.flags)


@mutant("pf_reports_vf_flags", "ADV-01")
class ReportsVfFlags(_Flags):
    flags = 0x5


def pf_with_flags(flags: int) -> type[PfMiniport]:
    """A PF driver that reports these SriovCapabilities."""
    return type(f"PfFlags{flags:X}", (_Flags,), {"flags": flags})
