"""A plug-in host: it offers functions and memory to plug-ins in processes of their own. Run it: it starts one."""

import subprocess
import sys

import ntipc

PLUG_IN = """
import sys, ntipc

with ntipc.Process.open(int(sys.argv[1])) as host:
    text = "a plug-in was here".encode()
    place = host.allocate(len(text))
    host.write_memory(place, text)
    words = host.start_thread("__main__:count_words", place, len(text))
    print("plug-in: the host counts", words.result(), "words")
    broken = host.start_thread("__main__:count_words", place, -1)
    try:
        broken.result()
    except ValueError as problem:
        print("plug-in: the host refuses:", problem)
    host.free(place)
    try:
        host.start_thread("os:abort")
    except ntipc.AccessDenied:
        print("plug-in: the host starts nothing that it has not marked")
    sys.exit(words.exit_code)
"""


@ntipc.remote
def count_words(place: int, size: int) -> int:
    """Count the words of a text that a plug-in has put into this process."""
    if not 0 <= size <= 1 << 20:
        raise ValueError(f"a text has up to a MiB, not {size} bytes")
    with ntipc.Process.current() as here:  # what is not mapped is an error here, and no crash
        return len(here.read_memory(place, size).split())


def main() -> int:
    """Allow plug-ins to come, start one, wait for it."""
    ntipc.allow_remote(memory=True, threads=True)
    plug_in = subprocess.Popen([sys.executable, "-c", PLUG_IN, str(ntipc.Process.current().pid)])
    code = plug_in.wait()
    print(f"host: the plug-in ended with {code}")
    return 0 if code == 4 else 1


if __name__ == "__main__":
    sys.exit(main())
