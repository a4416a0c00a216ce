"""Drivers broken on purpose, one for each rule that a driver can break: their first report is that rule.

`MUTANTS` maps a name to the rule, the driver class and when the breach shows. A mutant changes one step of a good driver;
where the fault only shows in another place (partition, registry, a call that fails) its ``circumstances`` ask
for it. They serve the tests, the scenario with a bad VF, and people who want to see a report.
"""

from drivers import (
    mutants_advertise,
    mutants_any,
    mutants_hardware,
    mutants_life,
    mutants_pf,
    mutants_requests,
    mutants_switch,
    mutants_vf,
)
from drivers.mutant import LIFE, MUTANTS, START

__all__ = ["LIFE", "MUTANTS", "START", "mutants_advertise", "mutants_any", "mutants_hardware", "mutants_life", "mutants_pf",
           "mutants_requests", "mutants_switch", "mutants_vf"]
