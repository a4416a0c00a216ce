"""Standardized registry keywords of SR-IOV, VMQ and RSS, and which feature they enable."""

from __future__ import annotations

SRIOV_KEYWORDS = ("*SRIOV", "*SriovPreferred")
NIC_SWITCH_KEY = "NicSwitches\\0\\"
NIC_SWITCH_KEYWORDS = tuple(NIC_SWITCH_KEY + name for name in
                            ("*Flags", "*SwitchType", "*SwitchId", "*SwitchName", "*NumVFs"))
"""Keywords only a PF may read (standardized-inf-keywords-for-sr-iov)."""
NUM_VFS = NIC_SWITCH_KEY + "*NumVFs"

VMQ_KEYWORDS = ("*VMQ", "*VMQVlanFiltering", "*VMQLookaheadSplit")
RSS_KEYWORDS = ("*RSS", "*RssOnHostVPorts")
PREFERENCE_KEYWORDS = ("*SriovPreferred", "*RssOrVmqPreference")
DEFAULT_SWITCH_NAME = "Default Switch"


_SPELLING = {keyword.lower(): keyword for keyword in (
    *SRIOV_KEYWORDS, *NIC_SWITCH_KEYWORDS, *VMQ_KEYWORDS, *RSS_KEYWORDS, *PREFERENCE_KEYWORDS)}


def spelled(keyword: str) -> str:
    """A registry keyword as its page spells it, however a driver does: names are caseless.

    >>> spelled("*sriov"), spelled("*JumboPacket")
    ('*SRIOV', '*JumboPacket')
    """
    return _SPELLING.get(keyword.lower(), keyword)


def is_sriov_keyword(keyword: str) -> bool:
    """Whether a registry keyword is one of the standardized SR-IOV or switch keywords (names are caseless).

    >>> is_sriov_keyword("*sriov"), is_sriov_keyword("NicSwitches\\\\0\\\\*NumVFs"), is_sriov_keyword("*RSS")
    (True, True, False)
    """
    lower = keyword.lower()
    return lower in {k.lower() for k in SRIOV_KEYWORDS} or lower.startswith("nicswitches\\")


def enabled_features(sriov_preferred: int, rss_or_vmq: int, sriov: int, vmq: int, rss: int) -> frozenset[str]:
    """Which of "sriov", "vmq", "rss" a PF enables (handling-sr-iov--vmq--and-rss-standardized-inf-keywords).

    A missing preference counts as 0. Rows that the page omits (SR-IOV preferred, VMQ off or not preferred)
    follow the text of its steps.

    >>> sorted(enabled_features(1, 1, 1, 1, 1)), sorted(enabled_features(1, 0, 1, 1, 1))
    (['sriov', 'vmq'], ['sriov'])
    >>> sorted(enabled_features(0, 1, 1, 1, 1)), sorted(enabled_features(0, 0, 1, 1, 1))
    (['vmq'], ['rss'])
    """
    names: tuple[tuple[str, int], ...]
    if sriov_preferred:
        names = (("sriov", sriov), ("vmq", vmq and rss_or_vmq))
    elif rss_or_vmq:
        names = (("vmq", vmq),)
    else:
        names = (("rss", rss),)
    return frozenset(name for name, on in names if on)
