"""One NumPy array in two processes, without a copy. The second process is a program of its own: it knows a name."""

import subprocess
import sys

import numpy

import ntipc

NAME = "example array"
SHAPE = (1000, 1000)
SIZE = SHAPE[0] * SHAPE[1] * 8


def double() -> int:
    """The other program: double every number."""
    with ntipc.Section.open(NAME) as section, section.map() as view:
        array = numpy.frombuffer(memoryview(view), numpy.float64).reshape(SHAPE)
        array *= 2
        del array  # a view that NumPy still uses cannot be unmapped
    return 0


def main() -> int:
    """Fill the array, let the other program double it, look."""
    with ntipc.Section(NAME, SIZE) as section, section.map() as view:
        array = numpy.frombuffer(memoryview(view), numpy.float64).reshape(SHAPE)
        array[:] = numpy.arange(array.size).reshape(SHAPE)
        expected = 2 * array.sum()
        subprocess.run([sys.executable, __file__, "double"], check=True)
        print(f"sum after the other program: {array.sum():,.0f}, expected {expected:,.0f}")
        right = bool(array.sum() == expected)
        del array
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(double() if sys.argv[1:] == ["double"] else main())
