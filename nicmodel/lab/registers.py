"""The register map as rows: read from the datasheet, ordered by offset."""

from __future__ import annotations

from typing import Any

from nicmodel.datasheet import registers_pf, registers_vf
from nicmodel.datasheet.registers import Register, registers_of


def register_rows() -> list[dict[str, Any]]:
    """One row a register or register array of BAR 0, PF then VF; offsets and resets are integers."""
    return [
        row(function, register)
        for function, module in (("pf", registers_pf), ("vf", registers_vf))
        for register in sorted(registers_of(vars(module)), key=lambda r: r.at)
    ]


def row(function: str, register: Register) -> dict[str, Any]:
    return {
        "function": function,
        "name": register.name,
        "offset": register.at,
        "stride": register.stride,
        "count": register.count,
        "access": register.access,
        "reset": register.reset,
        "modelled": register.models,
    }
