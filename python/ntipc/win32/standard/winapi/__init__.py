"""What ``_winapi`` is made of: the calls of :mod:`ntipc.win32.binding`, with the interpreter's conventions.

* ``calls``: numbers for handles, and ``OSError`` with ``winerror`` in place of ``pywintypes.error``
* ``overlapped``: what stands for an operation that goes on
* ``pipes``: pipes and files
* ``objects``: waits, events, mutexes, handles
* ``processes``: processes
* ``sections``: named memory by address
"""
