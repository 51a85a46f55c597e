"""An editor that runs once: later starts hand it the files to open, and their environment, and end.

    python examples/single_instance.py notes.txt &
    python examples/single_instance.py more.txt      # opened in the first
    python examples/single_instance.py --quit

However the first one ends, the next start takes its place. Without arguments it plays all of that by itself.
"""

import subprocess
import sys
import threading

import ntipc

NAME = "example editor"


def main(arguments: list[str]) -> int:
    """Be the first, or hand over what this was started with."""
    end = threading.Event()

    def open_files(start: ntipc.Start) -> int:
        files = start.argv[1:]
        if "--quit" in files:
            end.set()
            return 0
        print(f"editor: opens {', '.join(files)} in {start.environ.get('LANG', 'no language')}, for {start.pid}")
        return len(files)

    with ntipc.single_instance(NAME, open_files) as instance:
        if not instance.is_first:
            print(f"handed over: {instance.result} files are open there")
            return 0
        print(f"editor: runs, and opens {', '.join(arguments) or 'nothing'}")
        if not arguments:
            play()
        end.wait()
    return 0


def play() -> None:
    """Start it twice more, as somebody at a shell would."""
    for files in (["notes.txt", "more.txt"], ["--quit"]):
        subprocess.run([sys.executable, __file__, *files], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
