"""gdb commands for a program under patchall, live or from a core file:

    (gdb) source scripts/gdb/patchall.py
    (gdb) patchall threads            every virtual thread: tid, state, what it waits for and since when
    (gdb) patchall bt N [full]        the backtrace of the thread with number (or tid) N
    (gdb) patchall bt all
    (gdb) patchall registers N        its registers, as `info registers` shows them
    (gdb) patchall gcore FILE         a core file of the live process, with the stacks (gdb's own gcore leaves them out)

gdb knows the kernel's threads, which here are a few carriers. The engine keeps its own in records, and describes these by an
exported symbol, `patchall_debug`, so that this script needs no debug information (the layout is in `Descriptor`, and in
runtime/src/sched/debug.rs).

A backtrace of a thread that is not on any carrier starts from the registers in its record. No register of the process is written
for that, which a core file would not allow: while such a backtrace is taken, an unwinder of ours says about the innermost frame of
the selected kernel thread that its caller has the registers of the virtual thread, and the rest is gdb's own unwinding. The
innermost frame, which has nothing to do with it, is cut from what gdb prints. gdb 13 or newer.
"""

import contextlib
import functools
import os
import re
import struct
import time

import gdb
from gdb.unwinder import Unwinder, register_unwinder

MAGIC = int.from_bytes(b"PATCHALL", "little")
VERSION = 2
STATES = ("ready", "running", "parked")
RUNNING = STATES.index("running")
PARKED = STATES.index("parked")
PHASE_PARKED = 2  # of the state word's low byte (runtime/src/sched/state.rs)
RESUME_CALL, RESUME_SAVED = 1, 2  # how a thread goes on (runtime/src/sched/thread.rs)
JUMP = 0xE9  # jmp rel32
REGISTERS = "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi rip eflags rsp".split()
# Those of a preempted thread, as the kernel lays them out (struct sigcontext).
SAVED_REGISTERS = "r8 r9 r10 r11 r12 r13 r14 r15 rdi rsi rbp rbx rdx rax rcx rsp rip eflags".split()
NAME_SIZE = 16


def memory(address, size):
    return gdb.selected_inferior().read_memory(address, size).tobytes()


def c_string(address, most=64):
    """The string at an address; bytes that cannot be read (or are not text) do not stop a listing."""
    if not address:
        return ""
    try:
        return gdb.Value(address).cast(gdb.lookup_type("char").pointer()).string(errors="replace", length=-1)[:most]
    except gdb.error:
        return f"<at {address:#x}>"


class Descriptor:
    """`patchall_debug` in the library: all little-endian, in C's layout."""

    FIELDS = struct.Struct("<QIIQIIQII4Q12I")

    def __init__(self):
        try:
            address = int(gdb.parse_and_eval("(unsigned long) &patchall_debug"))
        except gdb.error:
            raise gdb.GdbError("no symbol patchall_debug: the program is not under patchall, or its libraries are not loaded yet") from None
        try:
            fields = self.FIELDS.unpack(memory(address, self.FIELDS.size))
        except gdb.error as error:
            raise gdb.GdbError(f"cannot read patchall_debug (is the program running?): {error}") from None
        magic, version, self.size, self.chunks, self.first, self.records, self.names, self.name_size, self.names_length, *rest = fields
        self.clock, offsets = rest[:4], rest[4:]
        if magic != MAGIC:
            raise gdb.GdbError("no thread has been made yet: patchall is dormant in this process")
        if version != VERSION:
            raise gdb.GdbError(f"the library describes its threads in version {version}, this script knows {VERSION}: use the one of that release")
        (self.state, self.tid, self.fs, self.regs, self.os, self.os_current, self.resume, self.saved, self.saved_regs, self.nr,
         self.parked_at, self.name) = offsets
        ends = (self.state + 8, self.tid + 4, self.fs + 8, self.regs + 8 * len(REGISTERS), self.os + 8, self.resume + 1, self.saved + 8,
                self.nr + 2, self.parked_at + 8, self.name + NAME_SIZE)
        if max(ends) > self.size:
            raise gdb.GdbError(f"patchall_debug is damaged: a field ends at {max(ends)} of a record of {self.size} bytes")

    def chunk_addresses(self):
        """Where the chunks of records are, the oldest first: so a record keeps its number."""
        chunks = []
        chunk = word(self.chunks)
        while chunk:
            chunks.append(chunk)
            chunk = word(chunk)
        return reversed(chunks)

    def threads(self):
        """Every thread there is, in the order of the records."""
        number = 0
        for chunk in self.chunk_addresses():
            records = memory(chunk + self.first, self.size * self.records)
            for i in range(self.records):
                record = records[i * self.size:(i + 1) * self.size]
                if struct.unpack_from("<i", record, self.tid)[0]:
                    yield Thread(number, chunk + self.first + i * self.size, record, self)
                number += 1

    def call(self, number):
        """The name of a system call."""
        known = number < self.names_length
        return known and c_string(self.names + number * self.name_size) or f"system call {number}"

    def nanoseconds(self, stamp):
        """A time stamp on the monotonic clock, by two moments at which both were read; None before the second one."""
        stamp1, ns1, stamp2, ns2 = self.clock
        if stamp2 <= stamp1:
            return None
        return ns2 + (stamp - stamp2) * (ns2 - ns1) // (stamp2 - stamp1)


def word(address):
    return struct.unpack("<Q", memory(address, 8))[0]


def current_of(address):
    """The thread an OS thread runs; 0 where a core file has left the engine's own stacks out."""
    try:
        return word(address)
    except gdb.error:
        return 0


class Thread:
    def __init__(self, number, address, record, at):
        def field(form, offset):
            return struct.unpack_from(form, record, offset)

        self.number = number
        (self.tid,) = field("<i", at.tid)
        (self.fs,) = field("<Q", at.fs)
        (os_thread,) = field("<Q", at.os)
        if os_thread and current_of(os_thread + at.os_current) == address:
            self.state = RUNNING
        elif field("<Q", at.state)[0] & 0xFF == PHASE_PARKED:
            self.state = PARKED
        else:
            self.state = STATES.index("ready")
        (resume,) = field("<B", at.resume)
        (saved,) = field("<Q", at.saved)
        if resume == RESUME_SAVED and saved:
            values = struct.unpack(f"<{len(SAVED_REGISTERS)}Q", memory(saved + at.saved_regs, 8 * len(SAVED_REGISTERS)))
            self.registers = dict(zip(SAVED_REGISTERS, values))
        else:
            self.registers = dict(zip(REGISTERS, field(f"<{len(REGISTERS)}Q", at.regs)))
            self.leave_trampoline(resume)
        (number,) = field("<H", at.nr)
        self.reason = at.call(number)
        self.since = at.nanoseconds(field("<Q", at.parked_at)[0])
        self.name = field(f"{NAME_SIZE}s", at.name)[0].split(b"\0")[0].decode(errors="replace")

    def leave_trampoline(self, resume):
        """Sets rip to where the program will go on: r11 is the address of the `syscall` in the gate's trampoline of the call, and
        what follows it there is a jump back to the program's own code, which alone an unwinder knows."""
        behind = self.registers["r11"] + 2
        if resume == RESUME_CALL:
            self.registers["rip"] = behind
        if self.registers["rip"] == behind:
            with contextlib.suppress(gdb.error):
                opcode, distance = struct.unpack("<Bi", memory(behind, 5))
                if opcode == JUMP:
                    self.registers["rip"] = behind + 5 + distance

    def state_name(self):
        return STATES[self.state]

    def waiting(self):
        """What it waits for and since when. A core file has no `now`: there it is the time of the machine's clock."""
        if self.state != PARKED:
            return ""
        if self.since is None:
            return self.reason
        if is_live():
            return f"{self.reason} for {max(0.0, (time.monotonic_ns() - self.since) / 1e9):.3f} s"
        return f"{self.reason} since {self.since / 1e9:.3f} s after boot"

    def title(self):
        return f"Virtual thread {self.number} (tid {self.tid}) \"{self.name}\", {self.state_name()} {self.waiting()}".rstrip()


def is_live():
    return "Local core dump file" not in gdb.execute("info files", to_string=True)


class ParkedFrames(Unwinder):
    """While `registers` is set, makes a parked thread's frames the callers of the innermost frame of the selected thread."""

    def __init__(self):
        super().__init__("patchall parked threads")
        self.registers = None
        self.innermost = None

    def __call__(self, pending):
        # The innermost frame is known by its registers and not by its level, which counts the functions inlined in it. A parked
        # thread has another stack pointer.
        if self.registers is None or registers_of(pending) != self.innermost:
            return None
        # Below the parked thread's stack pointer, or gdb takes its frames for inner ones of this one and stops (frame_id_inner).
        info = pending.create_unwind_info(FrameId(gdb.Value(self.registers["rsp"] - 16), pending.read_register("rip")))
        for name, value in self.registers.items():
            size = pending.read_register(name).type.sizeof
            kind = gdb.lookup_type("unsigned long" if size == 8 else "unsigned int")
            info.add_saved_register(name, gdb.Value(value & (2 ** (8 * size) - 1)).cast(kind))
        return info

    @contextlib.contextmanager
    def in_place(self, thread):
        """For the length of a `with`: how many frames are the kernel thread's own before those of the parked thread.

        gdb takes the innermost frame for one that has made a call, and looks for the function of the next one at rip - 1. In a
        parked thread that is right, since rip is behind a `syscall`; a thread that was preempted at the first instruction of a
        function is shown in the one before it.
        """
        level = gdb.selected_frame().level()
        self.innermost = registers_of(gdb.newest_frame())
        self.registers = thread.registers | {"fs_base": thread.fs}
        gdb.invalidate_cached_frames()
        try:
            frame, foreign = gdb.newest_frame(), 1
            while frame.type() == gdb.INLINE_FRAME:
                frame, foreign = frame.older(), foreign + 1
            # The kernel thread's innermost frame may be main's, where gdb would stop.
            with gdb.with_parameter("backtrace past-main", True):
                yield foreign
        finally:
            self.registers = None
            gdb.invalidate_cached_frames()
            nth_frame(level).select()

    def backtrace(self, thread, arguments):
        """The lines of the parked thread's backtrace, numbered from 0."""
        with self.in_place(thread) as foreign:
            lines = gdb.execute(f"backtrace {arguments}", to_string=True).splitlines()
        return list(without(foreign, lines))

    def info_registers(self, thread):
        with self.in_place(thread) as foreign:
            nth_frame(foreign).select()
            return gdb.execute("info registers " + " ".join(sorted(REGISTERS)), to_string=True)


def nth_frame(level):
    frame = gdb.newest_frame()
    for _ in range(level):
        frame = frame.older()
    return frame


def registers_of(frame):
    return int(frame.read_register("rip")), int(frame.read_register("rsp"))


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


def without(foreign, lines):
    """The lines of a backtrace without those of its first `foreign` frames, the others numbered from 0."""
    ours = False
    for line in lines:
        if line.startswith("#"):
            number, rest = line[1:].split(None, 1)
            ours = int(number) >= foreign
            line = f"#{int(number) - foreign:<3}{rest}"
        if ours or line.startswith("Backtrace stopped"):
            yield line


def on_a_carrier(thread, arguments):
    """The backtrace of a running thread: that of the kernel thread which has its FS base; None when none has."""
    selected, frame = gdb.selected_thread(), gdb.selected_frame()
    try:
        for kernel_thread in gdb.selected_inferior().threads():
            kernel_thread.switch()
            if int(gdb.newest_frame().read_register("fs_base")) & (2**64 - 1) == thread.fs:
                return gdb.execute(f"backtrace {arguments}", to_string=True).splitlines()
    finally:
        selected.switch()
        frame.select()
    return None


def in_c(command):
    """Runs a command with gdb's expressions and types in C, whatever language the selected frame is written in (the engine's is Rust)."""

    @functools.wraps(command)
    def run(*arguments):
        with gdb.with_parameter("language", "c"):
            return command(*arguments)

    return run


class Patchall(gdb.Command):
    """Virtual threads of a program under patchall: `patchall threads`, `patchall bt N|all`, `patchall registers N`."""

    def __init__(self):
        super().__init__("patchall", gdb.COMMAND_STACK, prefix=True)


class Threads(gdb.Command):
    """List the virtual threads: number, tid, name, state, what each waits for and since when."""

    def __init__(self):
        super().__init__("patchall threads", gdb.COMMAND_STACK)

    @in_c
    def invoke(self, argument, from_tty):
        rows = [("", "tid", "name", "state", "waits in")]
        rows += [(str(t.number), str(t.tid), t.name, t.state_name(), t.waiting()) for t in Descriptor().threads()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def chosen(which):
    """The threads meant by `all`, a number or a tid."""
    threads = list(Descriptor().threads())
    if which == "all":
        return threads
    found = [t for t in threads if t.number == int(which)] or [t for t in threads if t.tid == int(which)]
    if not found:
        raise gdb.GdbError(f"no virtual thread {which} (see `patchall threads`)")
    return found


class Backtrace(gdb.Command):
    """Print the backtrace of a virtual thread, by its number or tid, or of all: patchall bt N|all [full]."""

    def __init__(self):
        super().__init__("patchall bt", gdb.COMMAND_STACK)

    @in_c
    def invoke(self, argument, from_tty):
        which, *rest = argument.split()[:2] or [""]
        if not (which == "all" or which.isdigit()) or rest not in ([], ["full"]):
            raise gdb.GdbError("patchall bt N|all [full], with a number out of `patchall threads`, or a tid")
        for thread in chosen(which):
            print(thread.title())
            if thread.state == RUNNING:
                lines = on_a_carrier(thread, *rest or [""]) or ["It is on a carrier, inside the engine: `thread apply all bt` shows it."]
            else:
                lines = UNWINDER.backtrace(thread, *rest or [""])
            print("\n".join(lines) + "\n")


class Registers(gdb.Command):
    """Print the registers of a virtual thread that is on no carrier: patchall registers N."""

    def __init__(self):
        super().__init__("patchall registers", gdb.COMMAND_DATA)

    @in_c
    def invoke(self, argument, from_tty):
        if not argument.strip().isdigit():
            raise gdb.GdbError("patchall registers N, with a number out of `patchall threads`, or a tid")
        (thread,) = chosen(argument.strip())
        if thread.state == RUNNING:
            raise gdb.GdbError(f"virtual thread {thread.number} is running: its registers are those of a carrier (`info threads`)")
        print(UNWINDER.info_registers(thread), end="")


class Gcore(gdb.Command):
    """Write a core file with the stacks of all virtual threads: patchall gcore FILE.

    gdb's gcore gives a mapping up at the first page that cannot be read. All the stacks are one mapping, in which every guard page is
    such a page, so what gdb has left out is filled in. (The kernel's own core files are complete.)
    """

    # The warning that names the place, and the parts of an ELF file that matter (elf(5)).
    FAILED = re.compile(r"Memory read failed for corefile section, \d+ bytes at (0x[0-9a-f]+)")
    HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
    SEGMENT = struct.Struct("<IIQQQQQQ")
    PT_LOAD = 1
    PAGE = 4096
    PAGES = 512  # looked at together
    THERE = 3 << 62  # present or swapped (admin-guide/mm/pagemap.rst)

    def __init__(self):
        super().__init__("patchall gcore", gdb.COMMAND_DATA, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        if not argument or not is_live():
            raise gdb.GdbError("patchall gcore FILE, in a live process")
        failed = [int(address, 16) for address in self.FAILED.findall(gdb.execute(f"gcore {argument}", to_string=True))]
        process = gdb.selected_inferior().pid
        with open(argument, "r+b") as core, open(f"/proc/{process}/mem", "rb", 0) as mem, open(f"/proc/{process}/pagemap", "rb", 0) as map:
            filled = sum(self.fill(core, mem, map, at, end, offset) for at, end, offset in self.rests(core, failed))
        print(f"Saved corefile {argument} ({filled} pages of stacks filled in)")

    def rests(self, core, failed):
        """What is missing: addresses from and to, and where in the file it belongs."""
        header = self.HEADER.unpack(core.read(self.HEADER.size))
        table, count = header[5], header[10]
        core.seek(table)
        for _ in range(count):
            kind, _, offset, address, _, size, _, _ = self.SEGMENT.unpack(core.read(self.SEGMENT.size))
            for at in failed:
                if kind == self.PT_LOAD and address <= at < min(address + size, 1 << 47):
                    back = core.tell()
                    yield at, address + size, offset + at - address
                    core.seek(back)

    def fill(self, core, mem, map, at, end, offset):
        """Copies the pages that exist; those that cannot be read are guards. How many it were."""
        filled = 0
        for first in range(at, end, self.PAGE * self.PAGES):
            entries = os.pread(map.fileno(), 8 * self.PAGES, first // self.PAGE * 8)
            for i, (entry,) in enumerate(struct.iter_unpack("<Q", entries)):
                page = first + i * self.PAGE
                if entry & self.THERE and page < end:
                    with contextlib.suppress(OSError):
                        core.seek(offset + page - at)
                        core.write(os.pread(mem.fileno(), self.PAGE, page))
                        filled += 1
        return filled


UNWINDER = ParkedFrames()
register_unwinder(None, UNWINDER, replace=True)
Patchall()
Threads()
Backtrace()
Registers()
Gcore()
