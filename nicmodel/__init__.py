"""nicmodel: a cycle-level model of an SR-IOV network adapter. The front door.

    import nicmodel as nm
    result = nm.run("vf_scaling", num_vfs=16)
    result.vfs            # a data frame, one row a VF
    result.plot()         # vf_scaling.png

Importing this is cheap: rooms are opened when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nicmodel.lab.results import RunResult
    from nicmodel.lab.run import run
    from nicmodel.lab.scenario import Scenario
    from nicmodel.lab.sweep import sweep

__version__ = "0.1.0"
__all__ = ["RunResult", "Scenario", "__version__", "run", "scenario", "sweep"]

_DOORS = {
    "run": "nicmodel.lab.run",
    "sweep": "nicmodel.lab.sweep",
    "RunResult": "nicmodel.lab.results",
    "Scenario": "nicmodel.lab.scenario",
}


def scenario(name: str, **overrides: Any) -> Scenario:
    """The scenario of a shipped name or a TOML file with some keys replaced, without running it."""
    from nicmodel.lab.loading import load

    return load(name, overrides, where="argument")


def __getattr__(name: str) -> Any:
    if name not in _DOORS:
        raise AttributeError(f"module 'nicmodel' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_DOORS[name]), name)
