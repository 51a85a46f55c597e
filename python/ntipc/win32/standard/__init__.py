"""The standard library as Windows has it, for the program's own modules: what differs there from Linux.

* ``ctypes``: sizes, wide characters, ``windll`` and the last error; ``exports`` and ``beside``: the libraries behind it
* ``mmap``: tags; ``struct``: a ``long`` of four bytes; ``os_errors``: ``OSError`` with ``winerror``
* ``winapi``: what ``_winapi`` is made of
* ``multiprocessing``, ``asyncio``: connections and transports over named pipes
* ``subprocess``: command lines of Windows, handles that children inherit
* ``modules``: ``os``, ``sys`` and others, each a ``view`` of the interpreter's; ``device_paths``, ``environment``,
  ``files``: what ``os`` and ``open`` know of Windows
* ``program``: how the program's own modules are loaded

The interpreter's own modules go on with their own: :mod:`ntipc.win32.hook` gives these out, one import at a time.
"""
