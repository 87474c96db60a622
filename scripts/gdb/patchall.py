"""gdb commands for a program under patchall, live or from a core file:

    (gdb) source scripts/gdb/patchall.py
    (gdb) patchall threads            every virtual thread: tid, state, what it waits for and since when
    (gdb) patchall bt N [full]        the backtrace of the thread with number (or tid) N
    (gdb) patchall bt all
    (gdb) patchall registers N        its registers, as `info registers` shows them

gdb knows the kernel's threads, which here are a few carriers. The engine keeps its own in a table, and describes it by an exported
symbol, `patchall_debug`, so that this script needs no debug information (the layout is in `Descriptor`).

A backtrace of a thread that is not on any carrier starts from the registers in its record. No register of the process is written
for that, which a core file would not allow: while such a backtrace is taken, an unwinder of ours says about the innermost frame of
the selected kernel thread that its caller has the registers of the virtual thread, and the rest is gdb's own unwinding. The
innermost frame, which has nothing to do with it, is cut from what gdb prints. gdb 13 or newer.
"""

import contextlib
import struct
import time

import gdb
from gdb.unwinder import Unwinder, register_unwinder

MAGIC = int.from_bytes(b"PATCHALL", "little")
VERSION = 1
# Of a record: u32 state, i32 tid, u64 fs, u64 regs[18], u64 reason (address of a C string, or 0), u64 since (ns of
# CLOCK_MONOTONIC), char name[16]; each at the offset that the descriptor gives.
STATES = ("unused", "ready", "running", "parked", "ended")
RUNNING = STATES.index("running")
REGISTERS = "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi rip eflags rsp".split()
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

    FIELDS = struct.Struct("<QIIQQ7I")

    def __init__(self):
        try:
            address = int(gdb.parse_and_eval("(unsigned long) &patchall_debug"))
        except gdb.error:
            raise gdb.GdbError("no symbol patchall_debug: the program is not under patchall, or its libraries are not loaded yet") from None
        try:
            fields = self.FIELDS.unpack(memory(address, self.FIELDS.size))
        except gdb.error as error:
            raise gdb.GdbError(f"cannot read patchall_debug (is the program running?): {error}") from None
        magic, version, self.size, self.base, self.length, *offsets = fields
        if magic != MAGIC:
            raise gdb.GdbError("no thread has been made yet: patchall is dormant in this process")
        if version != VERSION:
            raise gdb.GdbError(f"the library describes its threads in version {version}, this script knows {VERSION}: use the one of that release")
        self.state, self.tid, self.fs, self.regs, self.reason, self.since, self.name = offsets
        ends = (self.state + 4, self.tid + 4, self.fs + 8, self.regs + 8 * len(REGISTERS), self.reason + 8, self.since + 8, self.name + NAME_SIZE)
        if max(ends) > self.size:
            raise gdb.GdbError(f"patchall_debug is damaged: a field ends at {max(ends)} of a record of {self.size} bytes")

    def threads(self):
        """Every thread of the table that is in use, in the order of its slots."""
        for number in range(self.length):
            record = memory(self.base + number * self.size, self.size)
            thread = Thread(number, record, self)
            if thread.state not in (STATES.index("unused"), STATES.index("ended")):
                yield thread


class Thread:
    def __init__(self, number, record, at):
        def field(form, offset):
            return struct.unpack_from(form, record, offset)

        self.number = number
        (self.state,) = field("<I", at.state)
        (self.tid,) = field("<i", at.tid)
        (self.fs,) = field("<Q", at.fs)
        self.registers = dict(zip(REGISTERS, field(f"<{len(REGISTERS)}Q", at.regs)))
        self.reason = c_string(field("<Q", at.reason)[0])
        (self.since,) = field("<Q", at.since)
        self.name = field(f"{NAME_SIZE}s", at.name)[0].split(b"\0")[0].decode(errors="replace")

    def state_name(self):
        return STATES[self.state] if self.state < len(STATES) else f"state {self.state}"

    def waiting(self):
        """What it waits for and since when. A core file has no `now`: there it is the time of the machine's clock."""
        if self.state_name() != "parked":
            return ""
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


class Patchall(gdb.Command):
    """Virtual threads of a program under patchall: `patchall threads`, `patchall bt N|all`, `patchall registers N`."""

    def __init__(self):
        super().__init__("patchall", gdb.COMMAND_STACK, prefix=True)


class Threads(gdb.Command):
    """List the virtual threads: number, tid, name, state, what each waits for and since when."""

    def __init__(self):
        super().__init__("patchall threads", gdb.COMMAND_STACK)

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

    def invoke(self, argument, from_tty):
        if not argument.strip().isdigit():
            raise gdb.GdbError("patchall registers N, with a number out of `patchall threads`, or a tid")
        (thread,) = chosen(argument.strip())
        if thread.state == RUNNING:
            raise gdb.GdbError(f"virtual thread {thread.number} is running: its registers are those of a carrier (`info threads`)")
        print(UNWINDER.info_registers(thread), end="")


UNWINDER = ParkedFrames()
register_unwinder(None, UNWINDER, replace=True)
Patchall()
Threads()
Backtrace()
Registers()
