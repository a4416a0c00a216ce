"""Bytes of an Ethernet frame and of what is around it on the wire, and an address in words. Source: IEEE 802.3."""

FCS_BYTES = 4             # counted in a frame's size; the adapter adds and strips it
MINIMUM_FRAME = 64        # FCS included; a shorter one is padded
STANDARD_FRAME = 1518     # FCS and a tag included: more is a jumbo; the limit after a reset. 82599 8.2.3.22.8
PREAMBLE_BYTES = 8        # with the start delimiter: passes before a frame
GAP_BYTES = 12            # passes after it
AROUND_BYTES = PREAMBLE_BYTES + GAP_BYTES
PAUSE_QUANTUM_BYTES = 64  # 512 bit times
MAX_QUANTA = 0xFFFF              # a PAUSE frame has sixteen bits for them. IEEE 802.3, annex 31B
MAC_BYTES, ETHERTYPE_BYTES = 6, 2
ETHERTYPE_AT = 2 * MAC_BYTES     # behind destination and source; in a tagged frame the tag's, and its own behind the tag
HEADER_BYTES = ETHERTYPE_AT + ETHERTYPE_BYTES      # without a tag
TAG_BYTES = 4                    # of a VLAN: an ethertype, then priority and identifier. IEEE 802.1Q
VLAN_MASK = 0xFFF                # the identifier, in the second half of a tag


def frame_length(nbytes: int) -> int:
    """Bytes of a frame with its FCS, of which memory holds `nbytes`: a shorter one is padded.

    >>> frame_length(14), frame_length(60), frame_length(1514)
    (64, 64, 1518)
    """
    return max(MINIMUM_FRAME, nbytes + FCS_BYTES)


def words_of_address(mac: int) -> tuple[int, int]:
    """An address as registers and mailboxes carry it: four bytes and two, the first on the wire lowest.

    >>> [hex(word) for word in words_of_address(0x00_1B_21_00_00_07)]
    ['0x211b00', '0x700']
    """
    sent = mac.to_bytes(MAC_BYTES, "big")
    return int.from_bytes(sent[:4], "little"), int.from_bytes(sent[4:], "little")


def address_of_words(low: int, high: int) -> int:
    """The address in two words; what else the second one holds is passed over.

    >>> hex(address_of_words(0x211B00, 0x8000_0700))
    '0x1b21000007'
    """
    return int.from_bytes((low | (high & 0xFFFF) << 32).to_bytes(MAC_BYTES, "little"), "big")
