"""Results as numpy structured arrays: one row a packet with one column a stage, one row a function, one row a link.

`DataPlane.results()` returns {"functions", "latency", "links", "lines", "inside", "rows", "interrupts", "received",
"ringless"}:
functions [F] of FUNCTION_DTYPE; latency int64 [F, 2 (Tx, Rx), LATENCY_BINS]; links [4] of LINK_DTYPE in the order of
LINK_NAMES; lines int64 [LINES, CAUSES] in ps; inside int64 [F, 2] frames; rows [n] of ROW_DTYPE by serial (empty
if not recorded; without those that `take_rows` has handed over); interrupts [n] of INTERRUPT_DTYPE in order; received int64
[rings], frames delivered by each Rx ring; ringless bool [agents], those that were to start and got no ring. All are copies.

And the books (docs/time.md 10), integer sums, all 0 without `books`; W is len(books.WAITS), S len(books.SERVED):

| key            | shape and unit                                                                                   |
| -------------- | ------------------------------------------------------------------------------------------------ |
| `waits`        | int64 [F, 2, W + 1], ps: waits of delivered rows; the last column: their latency                   |
| `row_waits`    | int64 [n, W], ps, one for each of `rows`; zeros for a row that is not delivered; n = 0 without rows or books |
| `grants`       | int64 [len(ARBITERS)]                                                                            |
| `agents`       | [agents] of AGENT_DTYPE: function and core as configured, ps of its passes, their number, frames received    |
| `pools`        | [len(books.POOLS)] of POOL_DTYPE: capacity in units (0: infinite), `used`, `queued` in unit x ps (they wrap) |
| `own_tags`     | int64 [F, 2]: used and queued of `tags`, the function's share, tag x ps                            |
| `served`       | int64 [S, F]: ticks of 1/1024 ps (up, down, wire), ps (walkers)                                    |
| `interference` | int64 [S, F (victim), F (culprit)], as `served`: what was served while sampled entries waited      |
| `audit`        | [len(books.POOLS)] of AUDIT_DTYPE, units: capacity == free + held at any time                      |
"""

import numpy as np

from nicmodel.datasheet.counters import FUNCTION_COUNTERS
from nicmodel.datasheet.stages import STAGES

FUNCTION_DTYPE = np.dtype([(c.name, np.int64) for c in FUNCTION_COUNTERS])
LINK_NAMES = (("pcie", "up"), ("pcie", "down"), ("wire", "tx"), ("wire", "rx"))
# tlps counts frames on the wire; tlp_bytes includes preamble and gap there. busy_ticks: 1/1024 ps.
LINK_DTYPE = np.dtype([("tlps", np.int64), ("tlp_bytes", np.int64), ("dllp_bytes", np.int64),
                       ("skp_bytes", np.int64), ("busy_ticks", np.int64)])
ROW_DTYPE = np.dtype([("serial", np.int64), ("kind", np.int32), ("outcome", np.int32), ("parent", np.int64),
                      ("function", np.int32), ("ring", np.int32), ("flow", np.int32), ("length", np.int32),
                      *((stage, np.int64) for stage in STAGES)])
INTERRUPT_DTYPE = np.dtype([("time", np.int64), ("function", np.int32), ("vector", np.int32)])
AGENT_DTYPE = np.dtype([("function", np.int32), ("core", np.int32), ("busy_ps", np.int64), ("passes", np.int64),
                        ("received", np.int64)])
POOL_DTYPE = np.dtype([("capacity", np.int64), ("used", np.int64), ("queued", np.int64)])
AUDIT_DTYPE = np.dtype([("capacity", np.int64), ("free", np.int64), ("held", np.int64)])
