#!/usr/bin/env python3
"""What preloading costs a program that does nothing: the time from posix_spawn to the end of /bin/true.

Prints medians and their ratio to native, of the same run with the variants taken in turns: native, an empty library
(what any preload costs), the library of patchall, and the launcher with it.

  scripts/bench-startup.py [ROUNDS]      (default 1000; the library from $CARGO_TARGET_DIR/release or target/release)
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def spawn(path, arguments, environment):
    """One start and end, in microseconds."""
    begin = time.perf_counter_ns()
    pid = os.posix_spawn(path, arguments, environment)
    _, status = os.waitpid(pid, 0)
    end = time.perf_counter_ns()
    if status != 0:
        sys.exit(f"{path} failed: status {status}")
    return (end - begin) / 1000


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    target = os.environ.get("CARGO_TARGET_DIR", Path(__file__).parent.parent / "target")
    built = Path(target, "release").resolve()
    library, launcher = built / "libpatchall_shim.so", built / "patchall"
    if not library.exists():
        sys.exit(f"there is no {library}; build it with cargo build --release")
    true = "/bin/true"
    with tempfile.TemporaryDirectory() as scratch:
        empty = Path(scratch, "empty.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "/dev/null", "-o", empty], check=True)
        variants = {
            "native": (true, [true], {}),
            "an empty library": (true, [true], {"LD_PRELOAD": str(empty)}),
            "patchall's library": (true, [true], {"LD_PRELOAD": str(library)}),
            "the launcher": (str(launcher), [str(launcher), true], {}),
        }
        times = {name: [] for name in variants}
        for _ in range(rounds):
            for name, variant in variants.items():
                times[name].append(spawn(*variant))
    native = statistics.median(times["native"])
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:20} {median:8.0f} us   {median / native:.2f} of native")


main()
