"""The words that PF and VF drivers exchange through the 82599's mailbox RAM.

Word 0: message id in bits 15:0, count or flag in 23:16, and three flags that the PF sets in its replies.
Source: public ixgbe/ixgbevf drivers (an agreement between drivers, not of the hardware).
"""

from enum import IntEnum

ACK = 1 << 31                    # the request was granted
NACK = 1 << 30                   # it was refused
CTS = 1 << 29                    # the PF is ready for more; in every reply but that to RESET
WORDS = 16                       # of 32 bits, per VF
MAX_HASHES = 30                  # of SET_MULTICAST: 12 bits each, two a word, as many as fit behind the first word

# API values on the wire, newest first: 1.3, 1.2, 1.1, 1.0.
API_VERSIONS = (4, 3, 2, 0)
RSS_VERSIONS = API_VERSIONS[:2]  # those that know GET_RETA and GET_RSS_KEY


class Message(IntEnum):
    """Message ids; VF to PF unless said otherwise."""

    RESET = 0x01
    SET_MAC_ADDR = 0x02
    SET_MULTICAST = 0x03
    SET_VLAN = 0x04
    SET_LPE = 0x05
    SET_MACVLAN = 0x06
    API_NEGOTIATE = 0x08
    GET_QUEUES = 0x09
    GET_RETA = 0x0A
    GET_RSS_KEY = 0x0B
    UPDATE_XCAST_MODE = 0x0C
    GET_LINK_STATE = 0x10
    PF_CONTROL_MSG = 0x0100      # PF to VF
