"""Lives for tests: a scenario of given events, and lives drawn at random, whose events can follow each other close together and
far apart."""

from __future__ import annotations

import random
from typing import Any

from nicmodel.lab.life_keys import ENDS, KINDS
from nicmodel.lab.loading import build
from nicmodel.lab.scenario import Scenario

GUESTS, EVENTS = 3, 7
GAPS_US = (0, 1, 5, 30, 160)
WHOLE_ADAPTER = ("pf_reset", "pf_halt", "pf_sleep", "pf_surprise", "re_enable")
RESETTING = ("pf_reset", "pf_resume", "re_enable")
AFTER_A_RESET_US = 10_500

PLAIN: dict[str, Any] = {"num_vfs": 2, "direction": "both", "load": "0.5Mpps", "warmup": 0, "duration": "400us"}


def scenario(*events: dict[str, Any], **keys: Any) -> Scenario:
    """A plain scenario with these events and keys."""
    return build({}, "life", PLAIN | keys | {"life.events": list(events)}, where="argument")


def drawn(seed: int) -> dict[str, Any]:
    """The keys of a scenario: who has a VF at first, what happens, load, profile, duration."""
    draw = random.Random(seed)
    attached = draw.randint(0, GUESTS)
    state = {v: "vf" if v < attached else "none" for v in range(GUESTS)}
    events: list[dict[str, Any]] = []
    pf, vfs, now = "up", GUESTS, 10
    while len(events) < EVENTS:
        now += draw.choice((*GAPS_US, draw.randint(1, 160)))
        kind = draw.choice([name for name, row in KINDS.items() if row.of_pf in ("", pf)
                            and (name not in WHOLE_ADAPTER or draw.random() < 0.3)] or ["re_enable"])
        row, event = KINDS[kind], {"at": f"{now}us", "kind": kind}
        if row.needs:
            free = row.needs != "none" or sum(of != "none" for of in state.values()) < vfs
            fitting = [v for v in state if state[v] == row.needs] if free else []
            if not fitting:
                continue
            event["vf"] = draw.choice(fitting)
            state[event["vf"]] = row.leaves
        if kind in ENDS:
            vfs = draw.randint(1, GUESTS) if kind == "re_enable" else 0
            state = {v: "vf" if v < vfs else "none" for v in range(GUESTS)}
            event |= {"num_vfs": vfs} if kind == "re_enable" else {}
        now += AFTER_A_RESET_US * (kind in RESETTING)
        pf = row.pf
        events.append(event)
    long = now > AFTER_A_RESET_US
    return {"num_vfs": GUESTS, "direction": draw.choice(("both", "both", "rx", "tx")), "warmup": 0, "duration": f"{now + 300}us",
            "load": "0.02Mpps" if long else draw.choice(("0.05Mpps", "0.3Mpps")), "profile": draw.choice(("x520", "vf100g")),
            "life.attached": attached, "life.events": events}
