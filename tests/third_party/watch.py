"""Watches a process and its descendants until it ends: watch.py PID LIBRARY FILE.

FILE holds `THREADS SEEN`: the most kernel threads that any one of the processes had at any moment, and 1 if LIBRARY was seen in
the maps of one of them. It is written anew whenever it changes, so that it can be read at any time; what an earlier watch has
left in it counts on.
"""

import os
import sys
import time


def descendants(pid):
    yield pid
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as children:
                for child in children.read().split():
                    yield from descendants(int(child))
    except (FileNotFoundError, ProcessLookupError):
        pass  # it ended while we looked


def threads(pid):
    """Kernel threads of a process; 0 for a zombie."""
    with open(f"/proc/{pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return 0 if fields["State"].split()[0] == "Z" else int(fields["Threads"])


def main():
    pid, library, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    most, seen, written = 0, 0, None
    if os.path.exists(path):
        with open(path) as file:
            most, seen = map(int, file.read().split())
    while True:
        alive = False
        for process in descendants(pid):
            try:
                count = threads(process)
                most = max(most, count)
                alive = alive or (process == pid and count > 0)
                if not seen:
                    with open(f"/proc/{process}/maps") as maps:
                        seen = int(library in maps.read())
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                pass
        if (most, seen) != written:
            with open(path + ".new", "w") as file:
                file.write(f"{most} {seen}\n")
            os.rename(path + ".new", path)
            written = (most, seen)
        if not alive:
            return
        time.sleep(0.02)


main()
