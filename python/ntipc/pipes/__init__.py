r"""Named pipes: a server and a client talk, in messages or in bytes, and each learns when the other is gone.

A server makes a pipe by name and accepts clients, each of which gets an *instance* of its own. From outside to inside:

* ``servers``, ``listeners``, ``connections``, ``anonymous``: what a program calls to get a :class:`Pipe`
* ``pipe``, ``talk``, ``stream``: what it does with one
* ``instances``, ``clients``, ``ends``, ``transfers``: the two ends of an instance, with NT's states, calls and statuses
* ``offers``: how servers and clients meet by the name; ``ways``, ``settings``: what an instance is made of; ``turns``:
  threads that do what one can do at a time

>>> import ntipc
>>> server = ntipc.PipeServer("greetings")
>>> client = ntipc.PipeClient(r"\\.\pipe\greetings")
>>> pipe = server.accept()
>>> client.send(b"hello")
>>> pipe.recv()
b'hello'
>>> import os
>>> pipe.peer.pid == client.peer.pid == os.getpid()
True
>>> pipe.close()
>>> client.recv()
Traceback (most recent call last):
ntipc.errors.EndOfStream: ...
"""

from ntipc.pipes.anonymous import create_pipe
from ntipc.pipes.client import PipeClient, call_pipe, wait_for_pipe
from ntipc.pipes.pipe import Pipe
from ntipc.pipes.server import PipeServer

__all__ = ["Pipe", "PipeClient", "PipeServer", "call_pipe", "create_pipe", "wait_for_pipe"]
