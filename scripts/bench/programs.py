"""Runs the bench programs: which variants there are, on which CPU, and how their `name value` lines are read."""

import os
import re
import select
import subprocess


class Failed(Exception):
    """A program that did not do its work. Its figures are missing from the table and the run ends with 1."""


class Variant:
    """A way to run a threaded program: natively, or under the library with so many carriers."""

    def __init__(self, name, environment):
        self.name = name
        self.environment = environment


def variants(library):
    """Native first; the others only if there is a library."""
    clean = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD" and not k.startswith("PATCHALL_")}
    result = {"native": Variant("native", clean)}
    if library:
        for carriers in (1, 2):
            ours = {"LD_PRELOAD": library, "PATCHALL_STRICT": "1", "PATCHALL_CARRIERS": str(carriers)}
            result[f"patchall {carriers}"] = Variant(f"patchall {carriers}", clean | ours)
    return result


class Bench:
    """The compiled programs and the machine."""

    def __init__(self, directory, library):
        self.directory = directory
        self.library = library
        self.variants = variants(library)
        cpus = sorted(os.sched_getaffinity(0))
        # The program under test on one CPU, what loads it on another, if there is one.
        self.cpu, self.load_cpu = cpus[0], cpus[1 % len(cpus)]

    def command(self, name, *arguments, cpu=None, variant="native"):
        """The program pinned to `cpu`. `taskset` itself runs without the library."""
        path = os.path.join(self.directory, name)
        environment = self.variants[variant].environment
        ours = [f"{k}={v}" for k, v in environment.items() if k == "LD_PRELOAD" or k.startswith("PATCHALL_")]
        pinned = ["taskset", "-c", str(cpu)] if cpu is not None else []
        return [*pinned, "env", *ours, path, *map(str, arguments)]

    def run(self, name, *arguments, cpu=None, variant="native", timeout=120):
        """Runs a program to its end and returns its figures as a dictionary."""
        command = self.command(name, *arguments, cpu=cpu, variant=variant)
        return self.run_command(command, f"{name} {' '.join(map(str, arguments))} ({variant})", timeout)

    def run_command(self, command, what=None, timeout=120):
        """The same for any command."""
        what = what or " ".join(command)
        try:
            done = subprocess.run(command, env=self.clean(), capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{what}: no end after {timeout} s") from None
        if done.returncode:
            reason = done.stderr.strip().splitlines()
            raise Failed(f"{what}: exit {done.returncode}: {reason[-1] if reason else 'no message'}")
        return figures(done.stdout)

    def clean(self):
        return self.variants["native"].environment


def figures(text):
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2}


class Server:
    """An echo server for the length of a `with`. `wrapper` is put in front (perf, strace); `pid` is the server's own."""

    def __init__(self, bench, program, variant, wrapper=()):
        self.command = [*wrapper, *bench.command(program, cpu=bench.cpu, variant=variant)]
        self.environment = bench.clean()
        self.what = f"{program} ({variant})"

    def __enter__(self):
        self.process = subprocess.Popen(self.command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], 20)
        line = self.process.stdout.readline() if ready else ""
        match = re.fullmatch(r"port (\d+)\n", line)
        if not match:
            self.process.kill()
            reason = self.process.communicate()[1].strip().splitlines()
            raise Failed(f"{self.what}: did not start: {reason[-1] if reason else line!r}")
        self.port = int(match[1])
        self.pid = youngest(self.process.pid)
        return self

    def __exit__(self, *exception):
        try:
            os.kill(self.pid, 15)
        except ProcessLookupError:
            pass
        self.process.communicate(timeout=30)


def youngest(pid):
    """Follows single children down: `perf stat taskset env server` is a chain, and the server is at its end."""
    while True:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            below = children.read().split()
        if not below:
            return pid
        pid = int(below[-1])
