"""CPU time of process trees, from /proc: what the product, its database and its broker used."""

import os
from collections.abc import Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def stat_fields(line: str) -> tuple[int, float]:
    """A line of /proc/PID/stat -> the parent's id, and seconds of CPU: its own and those of its children that ended.

    A child's time moves to its parent when the parent learns that it ended, so the sum over a tree loses nothing when
    a process of it ends.
    """
    fields = line.rpartition(")")[2].split()
    return int(fields[1]), sum(int(field) for field in fields[11:15]) / TICKS


def tree(parents: Mapping[int, int], root: int) -> set[int]:
    """This process and everything below it; `parents` says who started whom."""
    found = {root}
    below = True
    while below:
        below = {pid for pid, parent in parents.items() if parent in found} - found
        found |= below
    return found


def cpu_seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds, user and system, that each of these processes with everything below it has used so far."""
    stats = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stats[int(entry.name)] = stat_fields((entry / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                continue
    parents = {pid: parent for pid, (parent, _seconds) in stats.items()}
    return {name: sum(stats[pid][1] for pid in tree(parents, root) if pid in stats) for name, root in roots.items()}


def machine_seconds() -> float:
    """CPU seconds that all processes of this machine together have used so far."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, _first_line().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def _first_line() -> str:
    return Path("/proc/stat").read_text().partition("\n")[0]


def parent_of(pid: int) -> int:
    """The id of the process that started this one, or took it over."""
    return stat_fields(Path(f"/proc/{pid}/stat").read_text())[0]
