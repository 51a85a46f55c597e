"""Operations that go on while the program does something else, as NT's overlapped ones do.

* ``operations``: one operation on an end of a pipe or on a mailslot: how it is tried, and what became of it
* ``lines``: the operations that wait their turn on one end, in one direction
* ``engine``: the thread that completes them when what they wait for comes
* ``files``: what a handle of a pipe, a mailslot or a file leads to: position, operations, completion port
* ``ports``: completion ports, which report operations that are done

>>> import ntipc
>>> from ntipc.overlapped.files import PipeFile
>>> from ntipc.overlapped.operations import Read
>>> reader, writer = ntipc.create_pipe()
>>> file = PipeFile(reader._end, overlapped=True)
>>> read = Read(reader._end, bytearray(10))
>>> file.start(read), read.is_done
(False, False)
>>> writer.write(b"late")
4
>>> read.wait(), read.size, bytes(read.buffer[:4])
(True, 4, b'late')
>>> file.close()
"""
