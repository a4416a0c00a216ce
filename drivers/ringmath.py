"""Ring arithmetic: indices wrap here and nowhere else; everybody else speaks of *used* and *free*.

A ring of N descriptors holds N - 1: head == tail means that nothing is the hardware's.
"""

from __future__ import annotations


def used(head: int, tail: int, size: int) -> int:
    """Descriptors between head and tail, those the hardware owns.

    >>> used(6, 2, 8), used(3, 3, 8)
    (4, 0)
    """
    return (tail - head) % size


def free(head: int, tail: int, size: int) -> int:
    """Descriptors that may still be given to the hardware.

    >>> free(6, 2, 8), free(3, 3, 8)
    (3, 7)
    """
    return size - 1 - used(head, tail, size)


def advance(index: int, steps: int, size: int) -> int:
    """An index moved forward.

    >>> advance(6, 3, 8)
    1
    """
    return (index + steps) % size
