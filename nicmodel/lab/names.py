"""What was probably meant by a name that there is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def meant(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks like this one; None if none does.

    >>> meant("vf_scalling", ["vf_scaling", "one_vf"]), meant("nosuch", ["vf_scaling", "both_ways"])
    ('vf_scaling', None)
    """
    return next(iter(difflib.get_close_matches(name, list(known), 1)), None)


def nearest_or(name: str, known: Iterable[str], label: str, others: str) -> str:
    """Half a sentence: `label`, and the known name that is nearest; or else `others`, where the known ones are to be found."""
    near = meant(name, known)
    return f"{label} is {near}" if near else others
