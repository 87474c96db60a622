"""What is measured. Each function runs one round of one measure and returns {variant: value} for that round.

A round runs all variants back to back in a random order, so that a busy moment of the machine does not always hit the same one.
"""

import os
import random
import shutil
import subprocess
import tempfile

from programs import Failed, Server


def shuffled(names):
    names = list(names)
    random.shuffle(names)
    return names


class Measures:
    def __init__(self, bench, quick, failed):
        self.bench = bench
        self.quick = quick
        self.failed = failed  # called with a message when a variant could not be measured

    def each(self, variants, measure):
        """`measure(variant)` for each variant that exists here, in a random order."""
        values = {}
        for name in shuffled(variants):
            if name != "epoll" and name not in self.bench.variants:
                continue
            try:
                values[name] = measure(name)
            except Failed as failure:
                self.failed(str(failure))
        return values

    def server(self, name, wrapper=()):
        if name == "epoll":
            return Server(self.bench, "echo_epoll", "native", wrapper)
        return Server(self.bench, "echo_threads", name, wrapper)

    def echo(self, connections):
        """CPU time of the server per request, ns. Requests per second would also measure the load generator."""
        window, warmup = (0.3, 0.2) if self.quick else (1.5, 0.4)

        def measure(name):
            with self.server(name) as server:
                load = ["-p", server.port, "-c", connections, "-w", warmup, "-t", window, "-P", server.pid]
                return self.bench.run("load", *load, cpu=self.bench.load_cpu)["cpu_ns_per_request"]

        return self.each(["native", "epoll", "patchall 1", "patchall 2"], measure)

    def system_calls(self, connections):
        """System calls per request: two lives of the server with different numbers of requests, and the difference, so
        that start and end cancel out; many requests, since how many threads still see the end varies."""
        few, many = connections * 20, connections * (400 if self.quick else 2000)

        def measure(name):
            return (self.calls_in_a_life(name, connections, many) - self.calls_in_a_life(name, connections, few)) / (many - few)

        return self.each(["native", "epoll", "patchall 1", "patchall 2"], measure)

    def calls_in_a_life(self, name, connections, requests):
        with tempfile.NamedTemporaryFile("r") as report:
            with self.server(name, counter(report.name)) as server:
                self.bench.run("load", "-p", server.port, "-c", connections, "-n", requests, cpu=self.bench.load_cpu)
            return counted(report.read())

    def pinned(self, program, *arguments, key="ns"):
        """A program whose variants all run on one CPU, so that native threads do not gain by a second one."""

        def measure(name):
            return self.bench.run(program, *arguments, cpu=self.bench.cpu, variant=name)[key]

        return self.each(["native", "patchall 1"], measure)

    def switch(self, kind):
        return self.pinned("switch", kind, 20_000 if self.quick else 200_000)

    def create_join(self, batch):
        return self.pinned("create_join", batch, 5_000 if self.quick else 50_000)

    def growth(self, batch):
        """KiB by which a process grew that makes and joins a million threads."""

        def measure(name):
            return self.bench.run("create_join", batch, 1_000_000, cpu=self.bench.cpu, variant=name)["grown_kib"]

        return self.each(["patchall 1"], measure)

    def sleep_all(self):
        """Seconds that 10,000 threads take to sleep one each."""

        def measure(name):
            return self.bench.run("sleep_all", 10_000, variant=name)["seconds"]

        return self.each(["native", "patchall 1"], measure)

    def first_thread(self):
        """Microseconds for the first thread, with which the gate opens."""
        return self.pinned("create_join", 1, 1, key="first_us")

    def calls(self, kind):
        return self.pinned("calls", kind, 200_000 if self.quick else 2_000_000)

    def sleepers(self, threads):
        """Bytes per sleeping thread that the process answers for: resident and page tables."""

        def measure(name):
            figures = self.bench.run("sleepers", threads, variant=name)
            if "stopped_at" in figures:
                raise Failed(f"sleepers {threads} ({name}): no more threads after {figures['stopped_at']:.0f}")
            self.whole_system[name] = figures["system"]
            return figures["resident"] + figures["page_tables"]

        self.whole_system = {}
        return self.each(["native", "patchall 1"], measure)

    def sleepers_system(self, threads):
        """By how much the machine's free memory shrank per thread, in the round just measured by `sleepers`."""
        return self.whole_system

    def libraries(self):
        """What is preloaded where nothing makes a thread; "-" is nothing."""
        libraries = {"native": "-", "empty library": os.path.join(self.bench.directory, "empty.so")}
        if self.bench.library:
            libraries["patchall"] = self.bench.library
        return libraries

    def fork(self):
        """A process without threads that forks, and its child ends: ns."""
        times = 300 if self.quick else 3000
        values = {}
        for name, library in shuffled(self.libraries().items()):
            preload = ["env", f"LD_PRELOAD={library}"] if library != "-" else []
            program = os.path.join(self.bench.directory, "fork")
            values[name] = self.bench.run_command(["taskset", "-c", str(self.bench.cpu), *preload, program, str(times)])["ns"]
        return values

    def start_up(self):
        """Starting /bin/true, us."""
        libraries = self.libraries()
        times = 30 if self.quick else 200
        try:
            figures = self.bench.run("startup", times, "/bin/true", *libraries.values(), cpu=self.bench.cpu)
        except Failed as failure:
            self.failed(str(failure))
            return {}
        return {name: figures[f"us{i}"] for i, name in enumerate(libraries)}


def counter(report):
    """perf counts system calls without slowing the server down; strace does where perf may not."""
    perf = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", report]
    if shutil.which("perf") and subprocess.run([*perf, "true"], capture_output=True).returncode == 0:
        return [*perf, "--"]
    if shutil.which("strace"):
        return ["strace", "-f", "-c", "-o", report]
    raise Failed("system calls: neither perf (with raw_syscalls:sys_enter) nor strace is to be had")


def counted(report):
    """The total out of what perf (`1234,,raw_syscalls:sys_enter,..`) or strace (last line `100.00 .. 1234 .. total`) wrote."""
    for line in report.splitlines():
        if "raw_syscalls:sys_enter" in line and line.split(",")[0].isdigit():
            return int(line.split(",")[0])
        if line.endswith(" total"):
            return int(line.split()[3])
    raise Failed(f"system calls: nothing counted in {report[-200:]!r}")
