"""``libntipc.so``: the calls of Windows in C ABI, for programs in C and all that can call C.

``python -m ntipc.clib build`` compiles the library and its header with gcc. Each function of the library is a stub that
starts the Python interpreter at the first call and jumps to the function of that name in :mod:`ntipc.win32`.

* ``prototypes``: the C declarations, held against the tables of exports
* ``constants``: the header's constants, from pywin32's tables and :mod:`ntipc.ntdll`
* ``building``: header and stubs, and the compiler
* ``runtime``, ``own_calls``: what runs in the C program's process
"""
