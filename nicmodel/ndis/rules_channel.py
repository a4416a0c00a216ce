"""Predicates of BACKCH and of MSI-X entries (INTR-05): configuration blocks, and notices that they are stale."""

from __future__ import annotations

from nicmodel.datasheet.ndis import BLOCK_MASK_BITS, INVALIDATE_BLOCK_ALL_VFS, MAX_CONFIG_BLOCK, Oid
from nicmodel.ndis.answered import asked_of, refused
from nicmodel.ndis.checker import INITIALIZE, Call, Judgement, Seen, answers, broken, obeyed, rule
from nicmodel.ndis.irql import Irql
from nicmodel.ndis.seen import HALT, HALT_RETURNS

READ, WRITE, INVALIDATE = "NdisMReadConfigBlock", "NdisMWriteConfigBlock", "NdisMInvalidateConfigBlock"
READ_REQUEST, WRITE_REQUEST = Oid.SRIOV_READ_VF_CONFIG_BLOCK, Oid.SRIOV_WRITE_VF_CONFIG_BLOCK
STALE = Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK


@rule("BACKCH-01", on=[READ, WRITE])
def blocks_are_a_vfs(call: Call, seen: Seen) -> Judgement | None:
    if seen.role == "PF":
        return broken("only a VF's miniport may call this")
    above = call.args.get("irql", Irql.PASSIVE) > Irql.APC
    return broken("called above APC_LEVEL") if above else obeyed("called by a VF, at APC_LEVEL or below")


@rule("BACKCH-05", on=[READ, WRITE, *answers(READ_REQUEST, WRITE_REQUEST)])
def transfers_are_short(call: Call, seen: Seen) -> Judgement | None:
    if "length" in call.args:
        length = call.args["length"]
        return obeyed(f"{length} bytes") if length <= MAX_CONFIG_BLOCK else broken(f"{length} bytes in one transfer")
    asked = asked_of(call, seen)
    if asked is None or asked.Length <= MAX_CONFIG_BLOCK:
        return None
    return refused(call, f"a transfer of {asked.Length} bytes")


@rule("BACKCH-06", on=[INVALIDATE])
def notices_name_something(call: Call, seen: Seen) -> Judgement | None:
    vf, mask = call.args["vf"], call.args["mask"]
    if call.args.get("irql", Irql.PASSIVE) > Irql.DISPATCH:
        return broken("called above DISPATCH_LEVEL")
    if not 0 < mask < 1 << BLOCK_MASK_BITS:
        return broken(f"the mask {mask:#x} names no block of the first {BLOCK_MASK_BITS}")
    if vf != INVALIDATE_BLOCK_ALL_VFS and vf not in seen.switch.vfs:
        return broken(f"VF {vf} is not allocated")
    return obeyed(f"blocks {mask:#x}")


@rule("BACKCH-09", on=[HALT])
def stale_blocks_are_read_again(call: Call, seen: Seen) -> Judgement | None:
    if seen.removed:
        return None
    last_read = {c.args["block_id"]: c.time_ps for c in seen.calls.get(READ, ())}
    first_read = {c.args["block_id"]: c.time_ps for c in reversed(seen.calls.get(READ, [])) if not c.failed}
    judged = None
    for request in seen.calls.get("MiniportOidRequest", ()):
        if request.args["oid"] != STALE:
            continue
        mask = getattr(request.args["buffer"], "BlockMask", 0)
        for block, first in first_read.items():
            if block >= BLOCK_MASK_BITS or not mask >> block & 1 or first >= request.time_ps:
                continue
            if last_read[block] < request.time_ps:
                return broken(f"block {block} was told to be stale at {request.time_ps} ps and not read again")
            judged = obeyed(f"block {block} was read again")
    return judged


@rule("INTR-05", on=["NdisMConfigMSIXTableEntry"])
def entries_change_while_there_are_messages(call: Call, seen: Seen) -> Judgement | None:
    alive = seen.runs(INITIALIZE) or seen.initialized and not seen.any(HALT_RETURNS)
    return obeyed("between initialisation and halt") if alive else broken("outside the time from initialisation to halt")
