"""How a program's own modules, and only they, come by the modules of Windows under their own names.

* ``rule``: which modules are the program's own
* ``gate``: what an import statement gives them, and the record of it
* ``standard``: the standard library as Windows has it, offered through the gate
* ``running``: a program as the main program
* ``inheriting``: the same for the Python processes that it starts
"""
