"""CPU time of process trees, from /proc: what the product, its database and its broker used."""

import os
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def stat_fields(line: str) -> tuple[int, float]:
    """A line of /proc/PID/stat -> the parent's id, and seconds of CPU: its own and those of its children that ended.

    A child's time moves to its parent when the parent learns that it ended, so the sum over a tree loses nothing when
    a process of it ends.
    """
    fields = line.rpartition(")")[2].split()
    return int(fields[1]), sum(int(field) for field in fields[11:15]) / TICKS


def tree(parents: dict[int, int], roots: Iterable[int]) -> set[int]:
    """These processes and everything below them; `parents` says who started whom."""
    found = set(roots)
    below = True
    while below:
        below = {pid for pid, parent in parents.items() if parent in found} - found
        found |= below
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU seconds, in user and in system mode, that these processes and everything below them have used so far."""
    stats = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stats[int(entry.name)] = stat_fields((entry / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                continue
    inside = tree({pid: parent for pid, (parent, _seconds) in stats.items()}, roots)
    return sum(stats[pid][1] for pid in inside if pid in stats)


def machine_seconds() -> float:
    """CPU seconds that all processes of this machine together have used so far."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, _first_line().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def _first_line() -> str:
    return Path("/proc/stat").read_text().partition("\n")[0]


def parent_of(pid: int) -> int:
    """The id of the process that started this one, or took it over."""
    return stat_fields(Path(f"/proc/{pid}/stat").read_text())[0]
