"""Scenes of objects of processes, and of children that are started with handles."""

from crash.scenes import Scene, alone, signal

STRANGER = """
import subprocess
stranger = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
process = ntipc.Process.open(stranger.pid)
"""
ENDS = "stranger.stdin.close(); process.wait()"
PARTICIPANT = """
import subprocess, sys
child = ntipc.Process.start([sys.executable, "-c", "import ntipc; ntipc.Session(); print(flush=True); input()"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, inherit_handles=False)
child.stdout.readline()
"""
"""It ends with the victim, which holds the other end of its standard input."""
HEIR = "ntipc.Process.start(['true'], inherit_handles=[event]).wait()"
JOINING = """
import sys
environment = {**os.environ, "NTIPC_CRASH_AT": "HeirJoined"}
joins = [sys.executable, "-c", "import ntipc; ntipc.Session()"]
child = ntipc.Process.start(joins, inherit_handles=[event], env=environment)
child.wait() and child.exit_code == -9 and event.set()
other.wait()
"""

PROCESS_SCENES: dict[str, Scene] = {
    "LifeEnded": alone(ENDS, before=STRANGER),
    "LifeTold": alone(ENDS, before=STRANGER),
    "LifeAsked": alone("child.terminate()", before=PARTICIPANT),
    "HeirTaken": alone(HEIR, "event.info()['handles'] == 1"),
    "HeirFilled": alone(HEIR, "event.info()['handles'] == 1"),
    "HeirStarted": alone(HEIR, "event.info()['handles'] == 1"),
    "HeirNamed": alone(HEIR, "event.info()['handles'] == 1"),
    "HeirJoined": signal(JOINING, survives=True),
}
