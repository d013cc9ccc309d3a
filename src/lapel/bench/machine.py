"""What a figure was measured on: without it a figure says nothing."""

from __future__ import annotations

import os
import platform
import re
import resource
import sys
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("lapel", "numpy", "onnxruntime", "lancedb", "pyarrow", "pillow")


def machine() -> dict[str, object]:
    """Processor, cores that this process may use, memory, system, versions; JSON-ready."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def resident_mb() -> int:
    """Memory that this process holds now (where the system tells), or its peak, in MB of a million bytes."""
    statm = Path("/proc/self/statm")
    if statm.is_file():
        return round(int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6)
    return round(peak_bytes() / 1e6)


def peak_bytes() -> int:
    """Greatest memory that this process held; on Linux without what its parent held when it forked."""
    status = Path("/proc/self/status")
    if status.is_file() and (told := re.search(r"VmHWM:\s+(\d+)", status.read_text())):
        return 1024 * int(told[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (ValueError, OSError, AttributeError):
        return None
