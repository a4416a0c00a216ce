"""Exceptions for people: the scenario's author, the driver's author, the model's author.

Hardware never raises; it answers Unsupported Request, drops, counts or latches.
Every class here rebuilds itself from ``args`` (SimPy does so when a process fails) and pickles.
"""

from __future__ import annotations


class NicModelError(Exception):
    """Base of every error this package raises on purpose."""


class ScenarioError(NicModelError):
    """What the user asked for cannot be done; the message is one sentence naming key and remedy."""

    def __init__(self, message: str, key: str | None = None, file: str | None = None):
        super().__init__(message, key, file)
        self.message, self.key, self.file = message, key, file

    def __str__(self) -> str:
        return f"{self.file}: {self.message}" if self.file else self.message


class DriverFault(NicModelError):
    """A driver misused its handle, or hardware or the other side let it down: when, on which function; which rule, if any.

    In an entry point that may wait NDIS takes it for FAILURE.
    """

    def __init__(self, message: str, rule: str | None = None, time_ps: int | None = None,
                 function: str | None = None):
        super().__init__(message, rule, time_ps, function)
        self.message, self.rule, self.time_ps, self.function = message, rule, time_ps, function

    def __str__(self) -> str:
        where = f"{self.function} at {self.time_ps} ps: " if self.function is not None else ""
        return f"{where}{self.rule + ': ' if self.rule else ''}{self.message}"


class ModelBug(NicModelError):
    """An invariant of the model itself does not hold. Never expected in a run; please report it.

    Whoever uses a device, a domain, a clock or a plane by hand, and asks for what cannot be, gets it as well.
    A fault of the compiled plane says where: its kind (``memory`` or ``invariant``), the stage (an event of
    ``stages.EVENTS`` or an arbiter), the packet (serial of its row), the function, a value, and when.
    """

    def __init__(self, message: str, kind: str | None = None, stage: str | None = None, packet: int | None = None,
                 function: str | None = None, value: int | None = None, time_ps: int | None = None):
        super().__init__(message, kind, stage, packet, function, value, time_ps)
        self.message, self.kind, self.stage, self.packet = message, kind, stage, packet
        self.function, self.value, self.time_ps = function, value, time_ps

    def __str__(self) -> str:
        return self.message


class TooManySteps(ModelBug):
    """More steps of the clock than whoever runs it allows (`Clock.steps_left`)."""


class DriverStumble(NicModelError):
    """A driver's own code failed: it raised, gave back what is no answer, or waits for what never comes."""
