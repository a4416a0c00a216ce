"""nicmodel: a cycle-level model of an SR-IOV network adapter. The front door.

    import nicmodel as nm
    result = nm.run("vf_scaling", num_vfs=16)
    result.vfs            # a data frame, one row a VF
    result.plot()         # vf_scaling.png

    run(name, **keys)             one run: a RunResult
    sweep(name, axes, folder)     a grid of runs over local processes: a Swept
    scenario(name, **keys)        what would run, checked and complete: a Scenario

A name is that of a shipped scenario (`nicmodel list`) or of a TOML file; keys are those of `nicmodel list --keys`. What cannot
be is a ScenarioError, whose text is one sentence; a driver of one's own whose code fails is a DriverStumble.

Importing this is cheap: rooms are opened when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from nicmodel.lab.results import RunResult
    from nicmodel.lab.run import run
    from nicmodel.lab.scenario import Scenario
    from nicmodel.lab.sweep import Swept, sweep
    from nicmodel.sim.errors import DriverStumble, ScenarioError

__version__ = "0.1.0"
__all__ = ["DriverStumble", "RunResult", "Scenario", "ScenarioError", "Swept", "__version__", "run", "scenario", "sweep"]

_DOORS = {
    "run": "nicmodel.lab.run",
    "sweep": "nicmodel.lab.sweep",
    "RunResult": "nicmodel.lab.results",
    "Scenario": "nicmodel.lab.scenario",
    "Swept": "nicmodel.lab.sweep",
    "ScenarioError": "nicmodel.sim.errors",
    "DriverStumble": "nicmodel.sim.errors",
}


def scenario(name: str | Path, **overrides: Any) -> Scenario:
    """The scenario of a shipped name or a TOML file with some keys replaced, without running it.

    Its attributes are the keys, in base units: `scenario("imix").pcie.mps` is in bytes. `run` takes it. Raises ScenarioError.
    """
    from nicmodel.lab.loading import load

    return load(name, overrides, where="argument")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in _DOORS:
        raise AttributeError(f"module 'nicmodel' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_DOORS[name]), name)
