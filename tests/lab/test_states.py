"""What a run says that has become of the PF and the VFs: closed is only what did not come up."""

from __future__ import annotations

import pytest

import nicmodel as nm
from nicmodel.lab.report import closings

FLR = {"at": "20us", "kind": "flr", "vf": 1}


def states(life=(), faults=()):
    """The state of the PF and of two VFs after 300 us, and what is said of those that do not run."""
    result = nm.run("vf_scaling", num_vfs=2, load="100kpps", warmup="0ps", duration="300us",
                    life={"events": list(life)}, faults={"events": list(faults)})
    return [row["state"] for row in (result.simulated["pf"], *result.simulated["vfs"])], list(closings(result))


@pytest.mark.parametrize(("kind", "who", "expected"), [
    ("sleep", {"vf": 1}, ["running", "running", "asleep"]),
    ("guest_flr", {"vf": 1}, ["running", "running", "halted"]),
    ("pf_sleep", {}, ["asleep", "silent", "silent"]),
    ("pf_halt", {}, ["halted", "synthetic", "synthetic"]),
    ("pf_surprise", {}, ["halted", "synthetic", "synthetic"]),
])
def test_what_was_put_to_rest_on_purpose_has_not_failed(kind, who, expected):
    at = "285us" if kind == "guest_flr" else "10us"               # so that its driver is not back before the end
    found, said = states([{"at": at, "kind": kind, **who}])
    assert found == expected and not any("closed" in line for line in said)


@pytest.mark.parametrize("life", [[], [{"at": "30us", "kind": "detach_vf", "vf": 0}]])
def test_a_vf_that_the_host_has_reset_is_silent(life):
    found, said = states(life, [FLR])
    assert found[2] == "silent" and said == ["VF 1 is silent: its driver runs, and none of its queues is open."]
    assert states(life)[0][2] == "running"
