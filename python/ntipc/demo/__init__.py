"""One job done by several processes, one of which is killed on the way: ``ntipc demo``.

The job is an index of all identifiers in a tree of source files. What each module is for:

* ``identifiers``: what an identifier is, which files are read, and the same job done by one process
* ``corpus``: the files in one section, written once, read by all
* ``index``: the index in another section, with the journal that makes it repairable
* ``board``: the named objects that the processes agree on
* ``worker``: the program of a worker process
* ``coordinator``: starts the workers, kills one, waits, compares
* ``report``: the live display and the table at the end
"""
