"""Bytes of an Ethernet frame and of what is around it on the wire. Source: IEEE 802.3."""

FCS_BYTES = 4             # counted in a frame's size; the adapter adds and strips it
MINIMUM_FRAME = 64        # FCS included; a shorter one is padded
STANDARD_FRAME = 1518     # FCS and a tag included: more is a jumbo; the limit after a reset. 82599 8.2.3.22.8
PREAMBLE_BYTES = 8        # with the start delimiter: passes before a frame
GAP_BYTES = 12            # passes after it
AROUND_BYTES = PREAMBLE_BYTES + GAP_BYTES
PAUSE_QUANTUM_BYTES = 64  # 512 bit times
MAX_QUANTA = 0xFFFF              # a PAUSE frame has sixteen bits for them. IEEE 802.3, annex 31B
