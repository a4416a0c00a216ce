"""What was probably meant by a name that there is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def meant(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks like this one, in whatever case; None if none does.

    >>> [meant(name, ["vf_scaling", "one_vf"]) for name in ("vf_scalling", "VF_SCALING", "nosuch")]
    ['vf_scaling', 'vf_scaling', None]
    """
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), list(by_lower), 1)
    return by_lower[near[0]] if near else None


def nearest_or(name: str, known: Iterable[str], label: str, others: str) -> str:
    """Half a sentence: `label`, and the known name that is nearest; or else `others`, where the known ones are to be found."""
    near = meant(name, known)
    return f"{label} is {near}" if near else others
