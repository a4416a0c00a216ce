"""The bits of advanced descriptors that the data plane reads and writes. Source: 82599 7.1.5 and 7.2.3.2."""

cdef enum:
    DESCRIPTOR_BYTES = 16
    TX_LENGTH_MASK = 0xFFFF
    TX_MAX_BYTES = 16383
    TX_DTYP_MASK = 0xF << 20
    TX_DTYP_DATA = 3 << 20
    TX_EOP = 1 << 24
    TX_IFCS = 1 << 25
    TX_RS = 1 << 27
    TX_DEXT = 1 << 29
    TX_PAYLEN_LSB = 14
    TX_DD = 1               # dword 3
    RX_DD = 1               # dword 2
    RX_EOP = 2
    RX_LB = 1 << 18
