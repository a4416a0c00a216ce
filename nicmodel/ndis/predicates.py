"""All predicates: importing this file registers them with the judge."""

from nicmodel.ndis import (
    rules_advertise,
    rules_channel,
    rules_frames,
    rules_generic,
    rules_hardware,
    rules_pf,
    rules_requests,
    rules_running,
    rules_stack,
    rules_switch,
    rules_vf,
    rules_vport,
)

__all__ = ["rules_advertise", "rules_channel", "rules_frames", "rules_generic", "rules_hardware", "rules_pf", "rules_requests",
           "rules_running", "rules_stack", "rules_switch", "rules_vf", "rules_vport"]
