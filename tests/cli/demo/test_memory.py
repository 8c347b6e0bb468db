import subprocess
import sys

from abtest.cli.demo.memory import PeakMemory, process_tree_bytes

HOLD_100_MIB = "data = bytearray(100 * 2**20); print('ready', flush=True); input()"


def test_the_memory_of_children_counts() -> None:
    before = process_tree_bytes()
    with PeakMemory(interval_seconds=0.01) as peak:
        child = subprocess.Popen(
            [sys.executable, "-c", HOLD_100_MIB], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        while peak.bytes < before + 90 * 2**20:
            pass
        child.communicate("\n")
    assert peak.bytes >= before + 90 * 2**20
