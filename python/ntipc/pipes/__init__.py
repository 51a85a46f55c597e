r"""Named pipes: a server and a client talk, in messages or in bytes, and each learns when the other is gone.

A server makes a pipe by name and accepts clients, each of which gets an *instance* of its own. From outside to inside:

* ``server``, ``client``, ``anonymous``: what a program calls to get a :class:`Pipe`
* ``pipe``, ``transfers``, ``stream``: what it does with one
* ``end``, ``server_end``, ``client_end``: the two ends of an instance, with NT's states, calls and statuses
* ``channel``, ``settings``: what carries the bytes, and what an instance is made of
* ``offers``, ``listener``: how servers and clients meet by the name

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
