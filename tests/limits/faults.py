"""Lets one system call of set-up fail after the other, by strace, and looks at what becomes of the program.

    faults.py LIBRARY PROGRAM

PROGRAM is threads.c, run as `threads 8`. Of each kind of call that the engine makes from the moment it begins to open the gate, every
one fails once, alone and with all that follow. Then the program must end well: with virtual threads, with native ones and a line
that says why, or with pthread_create's own error. Calls that the program makes natively, too, are not failed here.
"""

import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

FAULTS = {
    "mmap": "ENOMEM", "mprotect": "ENOMEM EACCES", "madvise": "EINVAL EPERM", "mremap": "ENOMEM",
    "open": "ENOENT EMFILE EACCES", "openat": "ENOENT EMFILE", "read": "EIO", "getdents64": "EIO", "pwrite64": "EIO EPERM",
    "epoll_create1": "EMFILE ENOSYS", "eventfd2": "EMFILE ENOSYS", "epoll_ctl": "ENOSPC ENOMEM EPERM",
    "epoll_pwait2": "ENOSYS EPERM", "fcntl": "EINVAL EMFILE", "socket": "EPERM EMFILE", "bind": "EPERM EADDRINUSE",
    "timer_create": "EAGAIN", "timer_settime": "EINVAL", "clone": "EAGAIN", "sigaltstack": "ENOMEM EPERM", "rt_sigaction": "EPERM",
    "set_robust_list": "EPERM", "get_robust_list": "EPERM", "prctl": "EPERM", "prlimit64": "EPERM", "sched_getaffinity": "EPERM",
    "waitid": "EPERM", "ppoll": "ENOMEM", "preadv2": "EOPNOTSUPP ENOSYS EPERM", "pwritev2": "EOPNOTSUPP ENOSYS EPERM",
}
library, program = sys.argv[1:]
environment = dict(os.environ, LC_ALL="C", PATCHALL_STATS="json", PATCHALL_LOG="warn")


def run(rule, trace):
    words = ["strace", "-f", "-qq", "-o", trace, "-E", "LD_PRELOAD=" + library, "-E", "PATCHALL_CARRIERS=2"]
    words += ["-e", "inject=" + rule] if rule else []
    return subprocess.run(words + [program, "8"], env=environment, capture_output=True, text=True, timeout=30)


def calls():
    """How often the first thread makes each call before it begins to open the gate, and in all."""
    before, whole = collections.Counter(), collections.Counter()
    with tempfile.NamedTemporaryFile("r") as trace:
        run(None, trace.name)
        lines = trace.read().splitlines()
    first, begun = lines[0].split()[0], False
    for line in lines:
        if match := re.match(r"(\d+) +(\w+)\(", line):
            begun |= "/proc/self/task" in line
            if match[1] == first:
                whole[match[2]] += 1
                before[match[2]] += not begun
            else:
                whole[match[2]] += whole[match[2]] == 0
    return before, whole


def judge(rule):
    """None when all is well, else what is wrong."""
    try:
        done = run(rule, "/dev/null")
    except subprocess.TimeoutExpired:
        return "hangs"
    lines = done.stderr.splitlines()
    reports = [json.loads(line) for line in lines if line.startswith("{")]
    said = [line for line in lines if not line.startswith("{")]
    ends_well = done.stdout == "all\n" or re.fullmatch(r"\d+, then (Resource temporarily unavailable|Permission denied)\n", done.stdout)
    if done.returncode != 0 or not ends_well or len(reports) != 1:
        return f"exit {done.returncode}, printed {done.stdout!r} and {done.stderr[:400]!r}"
    native = [line for line in said if line.startswith("patchall: threads run natively: ")]
    if len(said) != len(native) or len(native) != (reports[0]["mode"] == "native"):
        return f"{reports[0]['mode']}, but said {said}"
    return None


def main():
    before, whole = calls()
    rules = []
    for call, errors in FAULTS.items():
        numbers = list(range(before[call] + 1, whole[call] + 1))
        # Hundreds of calls of one kind (a write for each site): the ends and some between.
        if len(numbers) > 24:
            numbers = numbers[:8] + numbers[8:-8:len(numbers) // 8] + numbers[-8:]
        rules += [f"{call}:error={error}:when={n}{on}" for error in errors.split() for n in numbers for on in ("", "+")]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for rule, wrong in zip(rules, pool.map(judge, rules)):
            if wrong:
                failed += 1
                print(f"FAILED: {rule}: {wrong}")
    if len(rules) < 200:
        failed += 1
        print(f"FAILED: only {len(rules)} faults were made: does strace work here?")
    print(f"{len(rules)} faults")
    print(f"{len(rules) - failed} passed, {failed} failed")
    return failed > 0


sys.exit(main())
