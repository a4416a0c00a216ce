"""How pages that contradict each other (C) or are silent (G) were read: question, decision, the rules that follow it.

A decision is ours; docs/ndis.md argues the ones that cost most thought. Rows of rules name these ids in their sentences.
"""

from __future__ import annotations

from typing import NamedTuple


class Reading(NamedTuple):
    """One question the pages leave, and its answer here."""

    id: str
    question: str
    decision: str
    rules: tuple[str, ...] = ()


READINGS: tuple[Reading, ...] = (
    Reading("C-01", "Which capability flags does a VF report: a step, its note and the structure page disagree.",
            "0x5 for a VF, 0x3 for a PF.", ("VF-INIT-10", "ADV-01", "ADV-02")),
    Reading("C-02", "Must both pointers of a pair of capabilities be set together?",
            "No: the pages of each role decide; a structure of zeros under a good header counts as NULL.",
            ("VF-INIT-13", "VF-INIT-14", "PF-INIT-09", "PF-INIT-10", "PF-INIT-11", "ADV-03")),
    Reading("C-03", "Of which kind are some requests: the summary and their own pages differ.", "A request's own page decides.",
            ("OID-01", "OID-04")),
    Reading("C-04", "What does FREE_VF of a busy or unknown VF return?",
            "INVALID_PARAMETER from the driver, FILE_NOT_FOUND from NDIS to its caller.", ("VF-ALLOC-14",)),
    Reading("C-05", "Does a PF read *SRIOV whatever is preferred?",
            "*SriovPreferred first, *SRIOV only if that is 1; enabled if both are.", ("PF-INIT-07", "PF-INIT-08", "KW-11")),
    Reading("C-06", "Does FREE_VF free hardware or software?", "Software; hardware stays until virtualization is off.",
            ("TEARDOWN-04", "VF-ALLOC-15")),
    Reading("C-07", "Is a VF tied to its VM before the switch is created?", "When it is allocated, long after that.",
            ("VF-ALLOC-04",)),
    Reading("C-08", "May the number of queue pairs change, and is the default VPort's one?", "Fixed and one, at NDIS 6.30.",
            ("VPORT-10", "SWITCH-17")),
    Reading("C-09", "Does a filter on the address alone take tagged frames?", "Untagged frames and VLAN id 0 only.",
            ("FILTER-07",)),
    Reading("C-10", "Which member takes the filter capabilities that are enabled?", "The current one.", ("PF-INIT-11",)),
    Reading("C-11", "What is a protocol given when it binds?", "The parameters of binding, not those of attaching.",
            ("ADV-27",)),
    Reading("C-12", "Who issues PROBED_BARS, and how long is its buffer?", "NDIS; 8 bytes and six ULONGs.", ("BAR-01", "BAR-02")),
    Reading("C-13", "Pages name constants of other structures, or none that exist.", "Those of the public headers.",
            ("STRUCT-02",)),
    Reading("C-14", "Does a write of configuration space return data?", "No, nothing comes back.", ("CFG-05",)),
    Reading("C-15", "Who checks a request, and how is a short buffer named?", "NDIS and the driver; INVALID_LENGTH.",
            ("OID-08", "OID-09")),
    Reading("C-16", "Does NOT_ACCEPTED mean a reset or a removal?", "Either.", ("GEN-OID-04", "RESET-07")),
    Reading("C-17", "How is the preference of RSS or VMQ spelled?", "*RssOrVmqPreference.", ("KW-07",)),
    Reading("C-18", "Who asks for the switch?", "NDIS alone.", ("SWITCH-01",)),
    Reading("C-19", "May SR-IOV and VMQ be enabled together?", "Yes, and then no VM queue is advertised.", ("KW-14", "ADV-16")),
    Reading("C-20", "Is a VF's driver halted first or when the VF is freed?", "First.", ("DN-03", "TEARDOWN-02")),
    Reading("C-21", "Is a miniport initialised anew when its stacks unbind?", "Features are chosen at initialisation only.",
            ("PF-INIT-08",)),
    Reading("C-22", "How many processors does the affinity of a PF VPort name?", "Exactly one.", ("VPORT-11",)),
    Reading("C-23", "Is a VPort activated by a set or by a method request?", "By a set.", ("VPORT-12",)),
    Reading("C-24", "Are VPorts deleted with the switch?", "By DELETE_VPORT, before it.", ("SWITCH-14",)),
    Reading("C-25", "The default VPort's id has three names.", "It is 0.", ("VPORT-01",)),
    Reading("C-26", "Text and header name the partitions differently.", "The values decide: 1 parent, 2 child.",
            ("VF-INIT-04", "PF-INIT-05")),
    Reading("C-27", "Is a NumVFs of 0 an error?", "While enabling; it is required while disabling.", ("SWITCH-10", "SWITCH-11")),
    Reading("C-28", "What fills NDIS's copy of a VF's parameters?", "ALLOCATE_VF.", ("VF-ALLOC-17",)),
    Reading("C-29", "Where is a VF's serial number asked for?", "In the guest, of NDIS.", ("EXPOSE-04",)),
    Reading("C-30", "Which VF does NdisMInvalidateConfigBlock name?", "The one to be told.", ("BACKCH-06",)),
    Reading("C-31", "May there be a switch without SR-IOV?", "From NDIS 6.60 on, where it is advertised.", ("ADV-20",)),
    Reading("C-32", "Is a block of 128 bytes legal?", "Yes.", ("BACKCH-05",)),
    Reading("C-33", "A page about PF initialisation was withdrawn.", "The pages it linked to stand for it.", ("UP-04",)),
    Reading("C-34", "Does NetVSC unbind before or after the halt?", "Before: unbind, pause, halt.", ("HALT-VF-02",)),
    Reading("C-35", "Which hash flags of VMMQ go together?", "All three.", ("ADV-21",)),
    Reading("G-01", "How is a requester id laid out?", "Segment, bus, function; judged are presence and uniqueness only.",
            ("VF-ALLOC-08",)),
    Reading("G-02", "What does initialisation return in the wrong partition?", "FAILURE.", ("VF-INIT-05", "PF-INIT-05")),
    Reading("G-03", "What happens under another hypervisor, or none?", "A VF fails, a PF is an ordinary NIC.",
            ("VF-INIT-06", "PF-INIT-06")),
    Reading("G-04", "Does NDIS check capability flags?", "The library takes them; the judge closes the adapter.",
            ("VF-INIT-10", "ADV-01")),
    Reading("G-05", "How is a request for a VF that is not allocated refused?", "INVALID_PARAMETER.",
            ("OID-09", "CFG-03", "RESET-02", "POWER-03", "BACKCH-03", "BAR-04", "EXPOSE-02")),
    Reading("G-06", "How long is a structure whose size is not its room?", "As long as its size says.", ("OID-08",)),
    Reading("G-07", "What does a reset of an attached VF leave?", "Everything on the switch.", ("RESET-05",)),
    Reading("G-08", "What does a reset of the PF do to VFs?", "They fall silent; ids, VPorts and filters survive.",
            ("RESET-07",)),
    Reading("G-09", "Who answers for frames between the move of a filter and a ready VF?", "They are dropped and counted.",
            ("UP-13",)),
    Reading("G-10", "Who tells the adapter which addresses a VF may send from?", "A setting of the adapter.", ("FILTER-18",)),
    Reading("G-11", "How does a PF learn how many vectors a VF has?", "Every VF's table has the same size.", ("INTR-12",)),
    Reading("G-12", "In which order are ids and BARs of a VF asked for?", "Any; no rule demands one.", ("UP-15",)),
    Reading("G-13", "May a VF use the back channel while it initialises?", "Yes.", ("BACKCH-01",)),
    Reading("G-14", "What is a VF's link while the port's is down?", "Down as well.", ("VF-INIT-25",)),
    Reading("G-15", "Who inserts and strips a VM's VLAN tag on the VF path?", "The guest; the switch leaves tags alone.",
            ("FILTER-09",)),
)
