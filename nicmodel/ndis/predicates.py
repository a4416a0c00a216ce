"""All predicates: importing this file registers them with the judge."""

from nicmodel.ndis import rules_advertise, rules_generic, rules_pf, rules_vf

__all__ = ["rules_advertise", "rules_generic", "rules_pf", "rules_vf"]
