"""Randomness as a hash of (seed, stream, serial): no state, no draw order, no libm.

A change in one function leaves the others' draws alone. The compiled plane has a twin of `draw`.
"""

MASK = (1 << 64) - 1
READ_STREAM, DRAM_STREAM, TAIL_STREAM = 1, 2, 3    # purposes; a stream is purpose * STREAM_STEP + function
STREAM_STEP = 4096
SEED_FACTOR, STREAM_FACTOR, SERIAL_FACTOR = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB    # splitmix64's


def mix(seed: int, stream: int, serial: int) -> int:
    """A 64-bit hash of three integers (the finaliser is splitmix64's).

    >>> mix(1, 2, 3) == mix(1, 2, 3) != mix(1, 3, 2)
    True
    """
    x = (seed * SEED_FACTOR + stream * STREAM_FACTOR + serial * SERIAL_FACTOR) & MASK
    x = ((x ^ (x >> 30)) * STREAM_FACTOR) & MASK
    x = ((x ^ (x >> 27)) * SERIAL_FACTOR) & MASK
    return x ^ (x >> 31)


def draw(seed: int, stream: int, serial: int, below: int) -> int:
    """An integer in [0, below), below <= 2**32."""
    return ((mix(seed, stream, serial) >> 32) * below) >> 32
