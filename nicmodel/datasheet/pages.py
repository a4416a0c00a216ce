"""Pages in `docs/` quote what the code knows between two markers, `<!-- WORD: NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path


def marked(word: str) -> re.Pattern[str]:
    """What stands between the markers of a word: the first marker, its name, the last marker."""
    return re.compile(rf"(<!-- {word}: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(text: str, places: re.Pattern[str], known: Mapping[str, str]) -> str:
    """A page with all that is marked as it is now. ValueError: there is nothing of that name."""
    def now(found: re.Match[str]) -> str:
        if found[2] not in known:
            raise ValueError(f'there is nothing named "{found[2]}": one of {", ".join(known)} is allowed')
        return found[1] + known[found[2]] + found[3]

    return places.sub(now, text)


def renew(names: Sequence[str], places: re.Pattern[str], known: Mapping[str, str]) -> None:
    """Renew the named pages in place; without a name print everything."""
    for name in names:
        page = Path(name)
        page.write_text(renewed(page.read_text(), places, known))
    if not names:
        print("\n".join(f"## {name}\n\n{table}" for name, table in known.items()), end="")
