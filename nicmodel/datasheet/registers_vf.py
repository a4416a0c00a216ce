"""The VF's registers: BAR0 of a virtual function of the 82599 (10EDh), 16 KB, and those of the X550 for receive side scaling.

Queue arrays have eight elements in the address map; those past the pool's queues read 0 and ignore writes. Rows that
a VF reset leaves alone are `kept` (82599 specification update, clarification 5).
"""

from typing import Any

from nicmodel.datasheet.registers import PARTIAL, STORAGE, Register, bits
from nicmodel.datasheet.rss import HASH_TYPES, TYPES_LSB

QUEUES = 8
SOURCE_RSS = "X550, its public drivers"
SOURCE_VF, SOURCE_RX, SOURCE_TX = "82599 8.3.5", "82599 8.3.5 (receive)", "82599 8.3.5 (transmit)"
CAUSES = bits(CAUSE=(0, 3))

VFCTRL = Register("VFCTRL", 0x0000, access="WO", fields=bits(RST=26), doc="RST: reset this function",
                  source=SOURCE_VF)
VFSTATUS = Register("VFSTATUS", 0x0008, access="RO", fields=bits(LU=7, NUM_VFS=(10, 8), IOV_ACTIVE=18, GIO=19),
                    doc="copy of the PF's STATUS; reading it flushes earlier writes", source=SOURCE_VF)
VFLINKS = Register("VFLINKS", 0x0010, access="RO", fields=bits(SPEED=(28, 2), UP=30), doc="copy of LINKS",
                   source=SOURCE_VF)
VFFRTIMER = Register("VFFRTIMER", 0x0048, access="RO", models=PARTIAL, doc="free-running timer, us (unit assumed)",
                     source=SOURCE_VF)
VFMBMEM = Register("VFMBMEM", 0x0200, stride=4, count=16, doc="mailbox RAM, shared with PFMBMEM", source=SOURCE_VF)
VFMAILBOX = Register("VFMAILBOX", 0x02FC, reset=0x40, mask=0xFF,
                     fields=bits(REQ=(0, 1, "WO"), ACK=(1, 1, "WO"), VFU=2, PFU=(3, 1, "RO"), PFSTS=(4, 1, "RC"),
                                 PFACK=(5, 1, "RC"), RSTI=(6, 1, "RO"), RSTD=(7, 1, "RC")),
                     doc="VFU sticks only while PFU is 0; any write carries the whole byte", source="82599 8.3.5.1.5")
VFPSRTYPE = Register("VFPSRTYPE", 0x0300, models=PARTIAL, fields=bits(RQPL=(29, 3)), kept=True,
                     doc="RQPL: bits of an indirection table entry that name the queue; header split types are not modelled",
                     source=SOURCE_VF)
VFMRQC = Register("VFMRQC", 0x3000, rss=True, source=SOURCE_RSS,
                  fields=bits(RSSEN=0, **{each.name: TYPES_LSB + each.bit for each in HASH_TYPES}),
                  doc="receive side scaling of this function, and the kinds of frames that are hashed")
VFRSSRK = Register("VFRSSRK", 0x3100, stride=4, count=10, rss=True, doc="its key; first byte lowest. 0 after reset (assumed)",
                   source=SOURCE_RSS)
VFRETA = Register("VFRETA", 0x3200, stride=4, count=16, rss=True, source=SOURCE_RSS,
                  doc="its indirection table, a byte an entry. 0 after reset (assumed)")

VTEICR = Register("VTEICR", 0x0100, access="RC/W1C", mask=7, fields=CAUSES, models=PARTIAL, source="82599 8.3.5.2",
                  doc="interrupt causes; those of queues clear themselves as their message leaves")
VTEICS = Register("VTEICS", 0x0104, access="WO/W1S", shows="VTEICR", mask=7, fields=CAUSES, doc="set causes",
                  source="82599 8.3.5.2")
VTEIMS = Register("VTEIMS", 0x0108, access="W1S", mask=7, fields=CAUSES, doc="mask set and read",
                  source="82599 8.3.5.2")
VTEIMC = Register("VTEIMC", 0x010C, access="WO/W1C", shows="VTEIMS", mask=7, fields=CAUSES, doc="mask clear",
                  source="82599 8.3.5.2")
VTEIAC = Register("VTEIAC", 0x0110, mask=7, fields=CAUSES, doc="clear a cause when its message leaves",
                  source="82599 8.3.5.2")
VTEIAM = Register("VTEIAM", 0x0114, mask=7, models=STORAGE, fields=CAUSES, doc="mask when the message leaves (not modelled)",
                  source="82599 8.3.5.2")
VTIVAR = Register("VTIVAR", 0x0120, stride=4, count=4, mask=0x81818181,
                  doc="vector of Rx 2n, Tx 2n, Rx 2n+1, Tx 2n+1; valid bit 7", source="82599 8.3.5.2")
VTIVAR_MISC = Register("VTIVAR_MISC", 0x0140, mask=0x83, fields=bits(VECTOR=(0, 2), VALID=7),
                       doc="vector of the mailbox cause", source="82599 8.3.5.2")
VFPBACL = Register("VFPBACL", 0x0148, access="W1C", models=STORAGE, doc="clear pending bits (not modelled)",
                   source="82599 8.3.5.2")
VTRSCINT = Register("VTRSCINT", 0x0180, stride=4, count=2, models=STORAGE, doc="RSC delay",
                     source="82599 8.3.5.2")
VTEITR = Register("VTEITR", 0x0820, stride=4, count=2, fields=bits(ITR_INT=(3, 9), CNT_WDIS=(31, 1, "WO")), models=PARTIAL,
                  doc="throttle of vectors 0 and 1, in 2.048 us; counters are the data plane's", source="82599 8.3.5.2")


def _queue(name: str, base: int, offset: int, **more: Any) -> Register:
    source = SOURCE_RX if base == 0x1000 else SOURCE_TX
    return Register(name, base + offset, stride=0x40, count=QUEUES, source=source, **more)


VFRDBAL = _queue("VFRDBAL", 0x1000, 0x00, mask=0xFFFFFF80, doc="ring base, low; 128-byte aligned")
VFRDBAH = _queue("VFRDBAH", 0x1000, 0x04, doc="ring base, high")
VFRDLEN = _queue("VFRDLEN", 0x1000, 0x08, mask=0xFFF80, doc="ring bytes, a multiple of 128")
VFDCA_RXCTRL = _queue("VFDCA_RXCTRL", 0x1000, 0x0C, reset=0xA200, models=STORAGE, kept=True)
VFRDH = _queue("VFRDH", 0x1000, 0x10, mask=0xFFFF, kept=True, doc="head; read-only while enabled")
VFSRRCTL = _queue("VFSRRCTL", 0x1000, 0x14, reset=0x0402, kept=True, models=PARTIAL,
                  fields=bits(BSIZEPACKET=(0, 5), BSIZEHEADER=(8, 6), DESCTYPE=(25, 3), DROP_EN=28),
                  doc="buffer size in KB, drop when empty; every DESCTYPE works as advanced, one buffer")
VFRDT = _queue("VFRDT", 0x1000, 0x18, hot=True, mask=0xFFFF, kept=True, doc="tail")
VFRXDCTL = _queue("VFRXDCTL", 0x1000, 0x28, kept=True, models=PARTIAL,
                  fields=bits(ENABLE=25, SWFLSH=(26, 1, "SC"), VME=30),
                  doc="enable; kept but for ENABLE. Tags are not stripped: VME is storage")
VFRSCCTL = _queue("VFRSCCTL", 0x1000, 0x2C, models=STORAGE, doc="receive side coalescing (not modelled)")
VFTDBAL = _queue("VFTDBAL", 0x2000, 0x00, mask=0xFFFFFF80, doc="ring base, low; 128-byte aligned")
VFTDBAH = _queue("VFTDBAH", 0x2000, 0x04, doc="ring base, high")
VFTDLEN = _queue("VFTDLEN", 0x2000, 0x08, mask=0xFFF80, doc="ring bytes, a multiple of 128")
VFDCA_TXCTRL = _queue("VFDCA_TXCTRL", 0x2000, 0x0C, reset=0x2A00, models=STORAGE, kept=True)
VFTDH = _queue("VFTDH", 0x2000, 0x10, mask=0xFFFF, kept=True, doc="head; read-only while enabled")
VFTDT = _queue("VFTDT", 0x2000, 0x18, hot=True, mask=0xFFFF, kept=True, doc="tail")
VFTXDCTL = _queue("VFTXDCTL", 0x2000, 0x28, kept=True, models=PARTIAL,
                  fields=bits(PTHRESH=(0, 7), HTHRESH=(8, 7), WTHRESH=(16, 7), ENABLE=25, SWFLSH=(26, 1, "SC")),
                  doc="thresholds and enable; kept but for ENABLE. PTHRESH and HTHRESH are storage")
VFTDWBAL = _queue("VFTDWBAL", 0x2000, 0x38, models=STORAGE, kept=True,
                  doc="head write-back address (not modelled)")
VFTDWBAH = _queue("VFTDWBAH", 0x2000, 0x3C, models=STORAGE, kept=True)

VFGPRC = Register("VFGPRC", 0x101C, access="RO", doc="good packets received", source="82599 8.3.5.6")
VFGORC_LSB = Register("VFGORC_LSB", 0x1020, access="RO", doc="good octets received, low",
                      source="82599 8.3.5.6")
VFGORC_MSB = Register("VFGORC_MSB", 0x1024, access="RO", mask=0xF, doc="good octets received, bits 35:32",
                      source="82599 8.3.5.6")
VFMPRC = Register("VFMPRC", 0x1034, access="RO", models=PARTIAL, doc="multicast received; reads 0",
                  source="82599 8.3.5.6")
VFGPTC = Register("VFGPTC", 0x201C, access="RO", doc="good packets transmitted", source="82599 8.3.5.6")
VFGOTC_LSB = Register("VFGOTC_LSB", 0x2020, access="RO", doc="good octets transmitted, low",
                      source="82599 8.3.5.6")
VFGOTC_MSB = Register("VFGOTC_MSB", 0x2024, access="RO", mask=0xF, doc="good octets transmitted, bits 35:32",
                      source="82599 8.3.5.6")
