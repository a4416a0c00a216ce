"""Books of a window from made-up sums, of an `x520` with three VFs."""

from __future__ import annotations

import numpy as np

from nicmodel.datasheet.arbiters import ARBITERS, CAUSES, LINES
from nicmodel.datasheet.books import POOLS, SERVED, WAITS
from nicmodel.datasheet.profiles import HOSTS, PROFILES
from nicmodel.device import plane_config
from nicmodel.lab import books
from nicmodel.lab.workload import Workload
from nicmodel.sim.results import AGENT_DTYPE, AUDIT_DTYPE, FUNCTION_DTYPE, LINK_DTYPE, POOL_DTYPE

FUNCTIONS, PS = 4, 10_000_000
CONFIG = plane_config(PROFILES["x520"], HOSTS["xeon"], num_vfs=FUNCTIONS - 1, books=True)
WORKLOAD = Workload(CONFIG, tx_cost_ps=20_000, rx_cost_ps=25_000, batch=32)
CAPACITIES = (CONFIG.tags, CONFIG.read_buffer, CONFIG.tx_buffer, CONFIG.rx_buffer, CONFIG.host_ph, CONFIG.host_pd,
              CONFIG.host_nph, CONFIG.device_ph, CONFIG.device_pd, CONFIG.device_cplh, CONFIG.device_cpld)


def sums(**values):
    """Results of a plane that has done nothing but what is said: name -> {index: amount}."""
    pools = np.zeros(len(POOLS), POOL_DTYPE)
    pools["capacity"] = CAPACITIES
    audit = np.zeros(len(POOLS), AUDIT_DTYPE)
    audit["capacity"] = audit["free"] = CAPACITIES
    found = {
        "functions": np.zeros(FUNCTIONS, FUNCTION_DTYPE), "links": np.zeros(4, LINK_DTYPE),
        "lines": np.zeros((len(LINES), len(CAUSES)), np.int64),
        "waits": np.zeros((FUNCTIONS, 2, len(WAITS) + 1), np.int64), "grants": np.zeros(len(ARBITERS), np.int64),
        "agents": np.array([(f, -1, 0, 0, 0) for f in range(1, FUNCTIONS)], AGENT_DTYPE), "pools": pools,
        "own_tags": np.zeros((FUNCTIONS, 2), np.int64), "served": np.zeros((len(SERVED), FUNCTIONS), np.int64),
        "interference": np.zeros((len(SERVED), FUNCTIONS, FUNCTIONS), np.int64), "audit": audit}
    for name, entries in values.items():
        for (*at, last), amount in entries.items():
            if isinstance(last, str):
                found[name][last][tuple(at)] = amount
            else:
                found[name][(*at, last)] = amount
    return found


def window(workload=WORKLOAD, opened=None, **values):
    return books.window(opened or sums(), sums(**values), PS, workload)
