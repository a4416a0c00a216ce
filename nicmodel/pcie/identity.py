"""What the configuration tables leave to a profile and to the negotiated link, resolved. A pure function."""

from __future__ import annotations

from nicmodel.datasheet.pcie_link import PAYLOAD_SIZES
from nicmodel.datasheet.profiles import Profile
from nicmodel.sim.errors import ModelBug

PCIE_3 = 3                   # the first generation whose parts report a speeds vector
TAGS_5_BIT = 32


def payload_code(nbytes: int) -> int:
    """The field value of an MPS or MRRS of `nbytes`. Raises ModelBug if there is none.

    >>> payload_code(128), payload_code(512)
    (0, 2)
    """
    if nbytes not in PAYLOAD_SIZES:
        raise ModelBug(f"{nbytes} B is no payload or read request size")
    return PAYLOAD_SIZES.index(nbytes)


def hwinit_values(profile: Profile, gen: int | None = None, lanes: int | None = None) -> dict[str, int]:
    """A value per row of `HWINIT_VALUES`. `gen`, `lanes`: the negotiated link, by default the profile's."""
    speed, width = gen or profile.pcie_gen, lanes or profile.lanes
    max_speed = max(speed, profile.pcie_gen)
    company, serial = divmod(profile.mac_base, 1 << 24)
    return {
        "device_id": profile.device_id,
        "vf_device_id": profile.vf_device_id,
        "total_vfs": profile.total_vfs,
        "max_payload_code": payload_code(profile.mpss),
        "extended_tags": int(profile.tags > TAGS_5_BIT),
        "max_speed": max_speed,
        "max_width": max(width, profile.lanes),
        "speeds_vector": (1 << max_speed) - 1 if max_speed >= PCIE_3 else 0,
        "speed": speed,
        "width": width,
        "pf_vectors_minus_1": profile.pf_vectors - 1,
        "vf_vectors_minus_1": profile.vf_vectors - 1,
        "serial_low": 0xFF << 24 | serial,
        "serial_high": company << 8 | 0xFF,
    }
