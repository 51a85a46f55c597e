"""The standard library as Windows has it, for the program's own modules: what differs there from Linux.

* ``ctypes``: sizes, wide characters, ``windll`` and the last error; ``exports``: the libraries behind it
* ``mmap``: tags; ``struct``: a ``long`` of four bytes; ``os_errors``: ``OSError`` with ``winerror``

The interpreter's own modules go on with their own: :mod:`ntipc.win32.hook` gives these out, one import at a time.
"""
