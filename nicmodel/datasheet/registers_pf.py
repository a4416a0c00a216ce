"""The PF's registers that SR-IOV and the data path need: BAR0 of the 82599's physical function.

Arrays sized for 64 pools or 128 queues on the real part go on from 0x20000 up for adapters with more (an extension
of ours; the real part has its flash window there). Adapters of the real part's size do not decode that region.
"""

from typing import Any

from nicmodel.datasheet.registers import PARTIAL, STORAGE, Register, bits

POOLS = 257                       # 256 VFs and the PF; the real part has 64
QUEUES = 514                      # the real part has 128
ADDRESSES = 512                   # receive addresses; the real part has 128
POOL_WORDS = (POOLS + 31) // 32
EXTENSION_BASE = 0x20000          # registers from here up are not 82599
RESET_PS = 1_000_000              # CTRL.RST reads 1 this long; drivers poll it ten times, 1 us apart. assumed

# 8.2.3.1 general
CTRL = Register("CTRL", 0x00000, fields=bits(GIO_DIS=2, LRST=(3, 1, "SC"), RST=(26, 1, "SC")), models=PARTIAL,
                doc="resets clear themselves; GIO_DIS only shows in STATUS", source="82599 8.2.3.1.1")
STATUS = Register("STATUS", 0x00008, access="RO", reset=0x80000, source="82599 8.2.3.1.2",
                  fields=bits(LAN_ID=(2, 2), LU=7, NUM_VFS=(10, 8), IOV_ACTIVE=18, GIO=19),
                  doc="NUM_VFS and IOV_ACTIVE follow the SR-IOV capability, GIO bus mastering")
CTRL_EXT = Register("CTRL_EXT", 0x00018, models=PARTIAL, source="82599 8.2.3.1.3",
                    fields=bits(PFRSTD=(14, 1, "SC"), NS_DIS=16, RO_DIS=17, DRV_LOAD=28),
                    doc="PFRSTD tells every VF that the PF is ready; the others are storage")
FRTIMER = Register("FRTIMER", 0x00048, access="RO", models=PARTIAL, doc="free-running timer, us (unit assumed)",
                   source="82599 8.2.3.1.10")
EEC = Register("EEC", 0x10010, reset=0x2710, models=PARTIAL, source="82599 8.2.3.2.1",
               fields=bits(REQ=6, GNT=(7, 1, "RO"), PRES=(8, 1, "RO"), ARD=(9, 1, "RO")),
               doc="EEPROM present and read; GNT follows REQ. No EEPROM answers behind it")
SWSM = Register("SWSM", 0x10140, fields=bits(SMBI=(0, 1, "RS"), SWESMBI=1), source="82599 8.2.3.2.8",
                doc="semaphores: reading takes SMBI, writing 0 gives it back; no firmware competes for SWESMBI")
SW_FW_SYNC = Register("SW_FW_SYNC", 0x10160, models=STORAGE, doc="which unit software owns; no firmware competes",
                      source="82599 8.2.3.2.9")

# 8.2.3.3 PCIe
GCR_EXT = Register("GCR_EXT", 0x11050, fields=bits(VT_MODE=(0, 2), BUFFERS_CLEAR=30, MSIX_EN=31),
                   doc="VT_MODE: 0 none, 1 16 pools, 2 32 pools, 3 64 pools or more", source="82599 8.2.3.3.2")
POOLS_16, POOLS_32, POOLS_64 = 1, 2, 3                               # VT_MODE, in GPIE too
QUEUES_PER_POOL = {0: 0, POOLS_16: 8, POOLS_32: 4, POOLS_64: 2}      # by VT_MODE; without pools none has any

# 8.2.3.5 interrupts
PF_CAUSES = bits(RTXQ=(0, 16), MAILBOX=19, LSC=20, OTHER=31)
EICR = Register("EICR", 0x00800, access="RC/W1C", fields=PF_CAUSES, models=PARTIAL, source="82599 8.2.3.5.1",
                doc="causes; bit n of RTXQ is vector n. Those of queues clear themselves as their message leaves")
EICS = Register("EICS", 0x00808, access="W1S", shows="EICR", fields=PF_CAUSES, source="82599 8.2.3.5.2",
                doc="sets causes; reads EICR without clearing it")
EIMS = Register("EIMS", 0x00880, access="W1S", mask=0x7FFFFFFF, fields=PF_CAUSES, doc="mask set and read",
                source="82599 8.2.3.5.3")
EIMC = Register("EIMC", 0x00888, access="WO/W1C", shows="EIMS", mask=0x7FFFFFFF, fields=PF_CAUSES, doc="mask clear",
                source="82599 8.2.3.5.4")
EIAC = Register("EIAC", 0x00810, mask=0x4000FFFF, fields=bits(RTXQ=(0, 16), TIMER=30), source="82599 8.2.3.5.5",
                doc="clear a cause when its message leaves: those of queues and of the TCP timer alone")
EIAM = Register("EIAM", 0x00890, models=STORAGE, doc="mask when the message leaves (not modelled)",
                source="82599 8.2.3.5.6")
EITR = Register("EITR", 0x00820, stride=4, count=513, extension=((0x12300, 24), (0x21800, 129)), models=PARTIAL,
                fields=bits(ITR_INT=(3, 9), CNT_WDIS=(31, 1, "WO")), source="82599 8.2.3.5.12",
                doc="throttle of a vector, in 2.048 us: the PF's from 0 up, VFs' from 128 down; counters are the data plane's")
EITRSEL = Register("EITRSEL", 0x00894, doc="bit k: the EITRs that VF 32 + k and vectors of the PF's share are the VF's",
                   source="82599 8.2.3.5.14")
ITR_UNIT_PS = 2_048_000         # what EITR and VTEITR count in, at 10 Gb/s: 2.048 us. ixgbe drivers
LONGEST_ITR_PS = (2 ** EITR.ITR_INT.width - 1) * ITR_UNIT_PS
VF_THROTTLES, REAL_EITRS, PF_EITRS = 2, 129, 64
IVAR = Register("IVAR", 0x00900, stride=4, count=(QUEUES + 1) // 2, extension=((0x20000, 64),),
                doc="vector of Rx 2n, Tx 2n, Rx 2n+1, Tx 2n+1; valid bit 7", source="82599 8.2.3.5.10")
IVAR_VALID = 0x80               # of a byte of IVAR, of IVAR_MISC, and of those of VFs: it names a vector
IVAR_VECTOR, IVAR_MISC_VECTOR = 0x3F, 0x7F
IVAR_MISC = Register("IVAR_MISC", 0x00A00, fields=bits(TCP=(0, 8), OTHER=(8, 8)), doc="vector of the other causes",
                     source="82599 8.2.3.5.11")
GPIE = Register("GPIE", 0x00898, models=STORAGE, fields=bits(MSIX_MODE=4, VT_MODE=(14, 2), EIAME=30, PBA_SUPPORT=31),
                doc="interrupt mode", source="82599 8.2.3.5.18")

# 8.2.3.22 mailbox and virtualisation
PFMBICR = Register("PFMBICR", 0x00710, stride=4, count=17, extension=((0x20800, 4),), access="W1C",
                   doc="bit v mod 16: VF v's request; 16 + v mod 16: its acknowledgement", source="82599 8.2.3.5.21")
PFMBIMR = Register("PFMBIMR", 0x00720, stride=4, count=17, extension=((0x20880, 4),), reset=0xFFFFFFFF,
                   doc="mask of the above; comes up enabled", source="82599 8.2.3.5.22")
PFVFLRE = Register("PFVFLRE", 0x00600, stride=4, count=POOL_WORDS, extension=((0x001C0, 1), (0x20900, 2)), access="RO",
                   aliases=((0x00604, 4, 1, 1),), doc="VF v was reset", source="82599 8.2.3.5.19")
PFVFLREC = Register("PFVFLREC", 0x00700, stride=4, count=POOL_WORDS, extension=((0x20940, 2),), access="W1C",
                    shows="PFVFLRE", doc="clears PFVFLRE and reads it", source="82599 8.2.3.5.20")
PFMAILBOX = Register("PFMAILBOX", 0x04B00, stride=4, count=256, extension=((0x21000, 64),), mask=0x1F,
                     fields=bits(STS=(0, 1, "WO"), ACK=(1, 1, "WO"), VFU=(2, 1, "RO"), PFU=3, RVFU=(4, 1, "WO")),
                     doc="the PF's end of VF v's mailbox; PFU sticks only while VFU is 0, RVFU takes VFU back",
                     source="82599 8.2.3.22.21")
PFMBMEM = Register("PFMBMEM", 0x13000, stride=4, count=16 * 256, extension=((0x24000, 16 * 64),),
                   doc="mailbox RAM, 16 words a VF", source="82599 8.2.3.22.22")
VT_CTL = Register("VT_CTL", 0x051B0, fields=bits(VT_ENA=0, DEF_PL=(7, 6), DEF_PL_EXT=(13, 3), DIS_DEF_PL=29, REPL_EN=30),
                  doc="default pool; DEF_PL_EXT are its bits 8:6 (extension). Replication is not modelled",
                  source="82599 8.2.3.27.1", models=PARTIAL)
VFRE = Register("VFRE", 0x051E0, stride=4, count=POOL_WORDS, extension=((0x20980, 2),), doc="pools that may receive",
                source="82599 8.2.3.27.4")
VFTE = Register("VFTE", 0x08110, stride=4, count=POOL_WORDS, extension=((0x209C0, 2),), doc="pools that may send",
                source="82599 8.2.3.27.5")
VMOLR = Register("VMOLR", 0x0F000, stride=4, count=POOLS, extension=((0x21400, 64),), models=PARTIAL,
                 fields=bits(AUPE=24, ROMPE=25, ROPE=26, BAM=27, MPE=28), source="82599 8.2.3.27.14",
                 doc="AUPE: untagged frames accepted; the others are storage (no replication yet)")
VLVF = Register("VLVF", 0x0F100, stride=4, count=64, fields=bits(VLAN_ID=(0, 12), VI_EN=31), doc="VLAN of a pool filter",
                source="82599 8.2.3.27.15")
VLVFB = Register("VLVFB", 0x0F200, stride=4, count=128, doc="pools 0-63 of VLVF n/2", source="82599 8.2.3.27.16")
VLVFB_EXT = Register("VLVFB_EXT", 0x22000, stride=4, count=64 * POOL_WORDS, source="extension",
                     doc="pools of VLVF n/9, words 2 and up (extension)")
VFTA = Register("VFTA", 0x0A000, stride=4, count=128, models=STORAGE, source="82599 8.2.3.7.11",
                doc="VLAN filter table (VLVF decides)")
VLNCTRL = Register("VLNCTRL", 0x05088, reset=0x8100, fields=bits(VET=(0, 16), VFE=30), doc="VFE: filter on VLANs",
                   source="82599 8.2.3.7.2")
RAL = Register("RAL", 0x0A200, stride=8, count=ADDRESSES, extension=((0x22C00, 128),), aliases=((0x05400, 8, 0, 16),),
               doc="receive address, first four bytes", source="82599 8.2.3.7.8")
RAH = Register("RAH", 0x0A204, stride=8, count=ADDRESSES, extension=((0x22C04, 128),), aliases=((0x05404, 8, 0, 16),),
               fields=bits(ADDRESS=(0, 16), AV=31), doc="its last two bytes, and whether it counts", source="82599 8.2.3.7.9")
MPSAR_LO = Register("MPSAR_LO", 0x0A600, stride=8, count=ADDRESSES, extension=((0x28000, 128),),
                    doc="pools 31:0 of a receive address", source="82599 8.2.3.7.10")
MPSAR_HI = Register("MPSAR_HI", 0x0A604, stride=8, count=ADDRESSES, extension=((0x28004, 128),),
                    doc="pools 63:32", source="82599 8.2.3.7.10")
MPSAR_EXT = Register("MPSAR_EXT", 0x2C000, stride=4, count=ADDRESSES * POOL_WORDS, source="extension",
                     doc="pools of receive address n/9, words 2 and up (extension)")
MTA = Register("MTA", 0x05200, stride=4, count=128, models=STORAGE, source="82599 8.2.3.7.7",
               doc="multicast hash table (not modelled)")
UTA = Register("UTA", 0x0F400, stride=4, count=128, models=STORAGE, source="82599 8.2.3.27.13",
               doc="unicast hash table (not modelled)")
MCSTCTRL = Register("MCSTCTRL", 0x05090, models=STORAGE, fields=bits(MO=(0, 2), MFE=2), source="82599 8.2.3.7.3")
FCTRL = Register("FCTRL", 0x05080, models=STORAGE, fields=bits(SBP=1, MPE=8, UPE=9, BAM=10), source="82599 8.2.3.7.1")
VMVIR = Register("VMVIR", 0x08000, stride=4, count=64, models=STORAGE, doc="port VLAN (not modelled)",
                 source="82599 8.2.3.27.17")
PFVFSPOOF = Register("PFVFSPOOF", 0x08200, stride=4, count=(POOLS + 7) // 8, extension=((0x21E00, 8),),
                     fields=bits(MACAS=(0, 8), VLANAS=(8, 8)), source="82599 8.2.3.27.6", models=PARTIAL,
                     doc="anti-spoofing of pools 8n to 8n+7, while PFDTXGSWC.LBE is set; untagged frames are in any VLAN")
VMECM = Register("VMECM", 0x08790, stride=4, count=POOL_WORDS, extension=((0x21E80, 2),), source="82599 8.2.3.27.13",
                 doc="pools whose spoofed frames SSVPC counts")
SSVPC = Register("SSVPC", 0x08780, access="RC", source="82599 8.2.3.23.72", doc="frames dropped by anti-spoofing")
PFDTXGSWC = Register("PFDTXGSWC", 0x08220, fields=bits(LBE=0), doc="loopback between pools",
                     source="82599 8.2.3.27.7")
QDE = Register("QDE", 0x02F04, fields=bits(QDE=0, IDX=(8, 7), WE=16, RE=17, IDX_EXT=(18, 3)), models=PARTIAL,
               source="82599 8.2.3.27.3",
               doc="drop when queue IDX has no descriptor; IDX_EXT are bits 9:7 of the index (extension)")


# 8.2.3.8 and 8.2.3.9 queues
def _rx(name: str, offset: int, **more: Any) -> Register:
    return Register(name, 0x01000 + offset, stride=0x40, count=QUEUES,
                    extension=((0x0D000 + offset, 64), (0x40000 + offset, 128)), source="82599 8.2.3.8", **more)


def _tx(name: str, offset: int, **more: Any) -> Register:
    return Register(name, 0x06000 + offset, stride=0x40, count=QUEUES, extension=((0x50000 + offset, 128),),
                    source="82599 8.2.3.9", **more)


RDBAL = _rx("RDBAL", 0x00, mask=0xFFFFFF80, doc="ring base, low; 128-byte aligned")
RDBAH = _rx("RDBAH", 0x04, doc="ring base, high")
RDLEN = _rx("RDLEN", 0x08, mask=0xFFF80, doc="ring bytes, a multiple of 128")
DCA_RXCTRL = _rx("DCA_RXCTRL", 0x0C, reset=0xA200, models=STORAGE, kept=True, aliases=((0x02200, 4, 0, 16),))
RDH = _rx("RDH", 0x10, mask=0xFFFF, kept=True, doc="head; read-only while enabled")
SRRCTL = _rx("SRRCTL", 0x14, reset=0x0402, kept=True, models=PARTIAL, aliases=((0x02100, 4, 0, 16),),
             fields=bits(BSIZEPACKET=(0, 5), BSIZEHEADER=(8, 6), DESCTYPE=(25, 3), DROP_EN=28),
             doc="buffer size in KB, drop when empty; every DESCTYPE works as advanced, one buffer")
RDT = _rx("RDT", 0x18, hot=True, mask=0xFFFF, kept=True, doc="tail")
RXDCTL = _rx("RXDCTL", 0x28, kept=True, models=PARTIAL, fields=bits(ENABLE=25, SWFLSH=(26, 1, "SC"), VME=30),
             doc="enable; kept but for ENABLE. Tags are not stripped: VME is storage")
RSCCTL = _rx("RSCCTL", 0x2C, models=STORAGE)
TDBAL = _tx("TDBAL", 0x00, mask=0xFFFFFF80, doc="ring base, low; 128-byte aligned")
TDBAH = _tx("TDBAH", 0x04, doc="ring base, high")
TDLEN = _tx("TDLEN", 0x08, mask=0xFFF80, doc="ring bytes, a multiple of 128")
DCA_TXCTRL = _tx("DCA_TXCTRL", 0x0C, reset=0x2A00, models=STORAGE, kept=True)
TDH = _tx("TDH", 0x10, mask=0xFFFF, kept=True, doc="head; read-only while enabled")
TDT = _tx("TDT", 0x18, hot=True, mask=0xFFFF, kept=True, doc="tail")
TXDCTL = _tx("TXDCTL", 0x28, kept=True, models=PARTIAL,
             fields=bits(PTHRESH=(0, 7), HTHRESH=(8, 7), WTHRESH=(16, 7), ENABLE=25, SWFLSH=(26, 1, "SC")),
             doc="thresholds and enable; kept but for ENABLE. PTHRESH and HTHRESH are storage")
TDWBAL = _tx("TDWBAL", 0x38, models=STORAGE, kept=True, doc="head write-back (not modelled)")
TDWBAH = _tx("TDWBAH", 0x3C, models=STORAGE, kept=True)

RDRXCTL = Register("RDRXCTL", 0x02F00, reset=0x00100008, fields=bits(CRCSTRIP=1, DMAIDONE=(3, 1, "RO")), models=PARTIAL,
                   doc="DMAIDONE reads 1; the others are storage", source="82599 8.2.3.8.8")
RXCTRL = Register("RXCTRL", 0x03000, fields=bits(RXEN=0), doc="receive enable", source="82599 8.2.3.8.10")
RXPBSIZE = Register("RXPBSIZE", 0x03C00, stride=4, count=8, reset=0x00080000, models=STORAGE, source="82599 8.2.3.8.9")
TXPBSIZE = Register("TXPBSIZE", 0x0CC00, stride=4, count=8, reset=0x00028000, models=STORAGE, source="82599 8.2.3.9.13")
MRQC = Register("MRQC", 0x0EC80, aliases=((0x05818, 4, 0, 1),), models=PARTIAL,
                fields=bits(MRQE=(0, 4), MULTIPLE_RSS=13), source="82599 8.2.3.7.12",
                doc="multiple receive queues. MULTIPLE_RSS (X550) lets every pool have its own RSS; the PF's RSS is not modelled")
PSRTYPE = Register("PSRTYPE", 0x0EA00, stride=4, count=64, aliases=((0x05480, 4, 0, 16),), models=STORAGE,
                   source="82599 8.2.3.7.4")
DMATXCTL = Register("DMATXCTL", 0x04A80, reset=0x81000000, fields=bits(TE=0), models=PARTIAL, doc="transmit enable",
                    source="82599 8.2.3.9.2")
MTQC = Register("MTQC", 0x08120, models=STORAGE, source="82599 8.2.3.9.15")
RTTDCS = Register("RTTDCS", 0x04900, reset=0x00C00000, models=STORAGE, fields=bits(ARBDIS=6),
                  source="82599 8.2.3.10.2")
SECTXCTRL = Register("SECTXCTRL", 0x08800, models=STORAGE, source="82599 8.2.3.12.1")
SECRXCTRL = Register("SECRXCTRL", 0x08D00, models=STORAGE, fields=bits(SECRX_DIS=0, RX_DIS=1),
                     source="82599 8.2.3.12.8")
SECRXSTAT = Register("SECRXSTAT", 0x08D04, access="RO", reset=1, fields=bits(RDY=0), doc="reads ready",
                     source="82599 8.2.3.12.9")

# 8.2.3.22 MAC
HLREG0 = Register("HLREG0", 0x04240, reset=0x08000403, models=PARTIAL,
                  fields=bits(TXCRCEN=0, RXCRCSTRP=1, JUMBOEN=2, TXPADEN=10),
                  doc="JUMBOEN lets frames grow up to MAXFRS; the others are storage", source="82599 8.2.3.22.8")
MAXFRS = Register("MAXFRS", 0x04268, reset=0x05EE0000, fields=bits(MFS=(16, 16)), doc="largest frame, FCS included",
                  source="82599 8.2.3.22.13")
LINKS = Register("LINKS", 0x042A4, access="RO", reset=0x70000000, models=PARTIAL,
                 fields=bits(SPEED=(28, 2), UP=30), doc="link state; SPEED is always 3, full speed", source="82599 8.2.3.22.20")
AUTOC = Register("AUTOC", 0x042A0, reset=0x2000, models=STORAGE, source="82599 8.2.3.22.19")
GPRC = Register("GPRC", 0x04074, access="RC", doc="good packets received, all functions", source="82599 8.2.3.23.18")
GPTC = Register("GPTC", 0x04080, access="RC", doc="good packets transmitted, all functions",
                source="82599 8.2.3.23.21")


# words that several fields, or several registers, make up
def put_default_pool(pool: int) -> int:
    """A pool in VT_CTL, in the data sheet's field and its extension.

    >>> get_default_pool(put_default_pool(256)), put_default_pool(63) == VT_CTL.DEF_PL.mask
    (256, True)
    """
    return VT_CTL.DEF_PL.put(pool) | VT_CTL.DEF_PL_EXT.put(pool >> VT_CTL.DEF_PL.width)


def get_default_pool(word: int) -> int:
    """The pool that a word of VT_CTL names."""
    return VT_CTL.DEF_PL.get(word) | VT_CTL.DEF_PL_EXT.get(word) << VT_CTL.DEF_PL.width


def ivar_lsb(queue: int, transmit: bool) -> int:
    """The lowest bit of a queue's byte in its word of IVAR, or of VTIVAR.

    >>> [ivar_lsb(queue, transmit) for queue in (4, 5) for transmit in (False, True)]
    [0, 8, 16, 24]
    """
    return 16 * (queue % 2) + 8 * transmit


def itr_units(interval_ps: int) -> int:
    """ITR_INT of EITR and VTEITR for a least interval: rounded down, and the longest there is for more.

    >>> itr_units(2_047_999), itr_units(50_000_000), itr_units(10**12)
    (0, 24, 511)
    """
    return min(interval_ps, LONGEST_ITR_PS) // ITR_UNIT_PS


def vf_throttle(vf: int, vector: int) -> int:
    """The element of EITR that throttles a VF's vector 0 or 1. The data sheet's table is not public: assumed.

    >>> vf_throttle(0, 0), vf_throttle(63, 1), vf_throttle(64, 0)
    (128, 1, 129)
    """
    number = VF_THROTTLES * vf + vector
    return REAL_EITRS - 1 - number if number < REAL_EITRS - 1 else number + 1


def throttled_vf(element: int, select: int) -> tuple[int, int] | None:
    """(VF, vector) that an element of EITR throttles, with EITRSEL as it is; None: a vector of the PF's.

    >>> throttled_vf(128, 0), throttled_vf(64, 0), throttled_vf(64, 1), throttled_vf(0, 0)
    ((0, 0), None, (32, 0), None)
    """
    if not element:
        return None
    vf, vector = divmod(REAL_EITRS - 1 - element if element < REAL_EITRS else element - 1, VF_THROTTLES)
    shared = element <= PF_EITRS
    return None if shared and not select >> vf - PF_EITRS // VF_THROTTLES & 1 else (vf, vector)
