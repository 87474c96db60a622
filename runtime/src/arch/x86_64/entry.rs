//! The way into the engine and out of it.
//!
//! ```text
//! program                     trampoline of a site              here                          hub stack
//!   mov eax, 0 ; jmp ────────▶ lea r11, [L] ; jmp ───────────▶ gate_entry
//!                                                               not virtual: jmp r11 ─▶ L: syscall
//!                                                               registers -> record
//!                                                               rsp = hub_sp, jmp hub_ip ───▶ 2: of enter_program
//!                                                                                              dispatch, perhaps park
//!                             L+2: ◀─────────────────────────── leave_engine ◀──────────────── enter_program
//! ```
//!
//! * Nothing is written to the program's stack, not even below the red zone: rcx and r11 are the kernel's to clobber, and
//!   the record is found through FS.
//! * There is no `call` or `ret` between the program and the hub, so the return-address predictor stays in step.
//! * A signal may arrive at any instruction. Between [`ENTRY_CRITICAL`]'s bounds the registers are half in the record: the
//!   handler lets the code run on, it is in the engine a moment later. Between [`EXIT_CRITICAL`]'s bounds the record is
//!   still whole: the handler may send the thread back to the hub as if it had never left. A signal in the hub before that
//!   sets `resched`, at which the exit looks once `inside` is down: no signal falls between.

use crate::sched::os_thread::{OsThread, Trap};
use crate::sched::thread::{Regs, Thread};
use core::arch::{asm, global_asm};
use core::mem::offset_of;
use core::sync::atomic::AtomicU8;

/// One byte a system call number: non-zero sends it to the engine.
pub(crate) static VIRTUAL: [AtomicU8; 512] = [const { AtomicU8::new(0) }; 512];

global_asm!(
    r#"
    .text
    // Saves every general register of the program in its record (rcx); rax is OsThread afterwards.
    .macro PATCHALL_SAVE
    mov [rcx + {R} + {rax}], rax
    mov [rcx + {R} + {rbx}], rbx
    mov [rcx + {R} + {rbp}], rbp
    mov [rcx + {R} + {rsp}], rsp
    mov [rcx + {R} + {rdi}], rdi
    mov [rcx + {R} + {rsi}], rsi
    mov [rcx + {R} + {rdx}], rdx
    mov [rcx + {R} + {r8}], r8
    mov [rcx + {R} + {r9}], r9
    mov [rcx + {R} + {r10}], r10
    mov [rcx + {R} + {r11}], r11
    mov [rcx + {R} + {r12}], r12
    mov [rcx + {R} + {r13}], r13
    mov [rcx + {R} + {r14}], r14
    mov [rcx + {R} + {r15}], r15
    movaps [rcx + {X} + 0x00], xmm0
    movaps [rcx + {X} + 0x10], xmm1
    movaps [rcx + {X} + 0x20], xmm2
    movaps [rcx + {X} + 0x30], xmm3
    movaps [rcx + {X} + 0x40], xmm4
    movaps [rcx + {X} + 0x50], xmm5
    movaps [rcx + {X} + 0x60], xmm6
    movaps [rcx + {X} + 0x70], xmm7
    movaps [rcx + {X} + 0x80], xmm8
    movaps [rcx + {X} + 0x90], xmm9
    movaps [rcx + {X} + 0xa0], xmm10
    movaps [rcx + {X} + 0xb0], xmm11
    movaps [rcx + {X} + 0xc0], xmm12
    movaps [rcx + {X} + 0xd0], xmm13
    movaps [rcx + {X} + 0xe0], xmm14
    movaps [rcx + {X} + 0xf0], xmm15
    mov rax, [rcx + {os}]
    mov byte ptr [rax + {inside}], 1
    .endm

    // Goes to PASS unless the call in rax is virtual and made by a virtual thread outside the engine; rcx is its record.
    .macro PATCHALL_WANTED PASS
    cmp rax, 512
    jae \PASS
    lea rcx, [rip + {V}]
    cmp byte ptr [rcx + rax], 0
    je \PASS
    mov rcx, qword ptr [rip + patchall_current@GOTTPOFF]
    mov rcx, fs:[rcx]
    test rcx, rcx
    jz \PASS
    mov rcx, [rcx + {os}]
    cmp byte ptr [rcx + {inside}], 0
    jne \PASS
    mov rcx, qword ptr [rip + patchall_current@GOTTPOFF]
    mov rcx, fs:[rcx]
    .endm

    .globl patchall_entry_first
    .hidden patchall_entry_first
patchall_entry_first:

    // From a site of libc or ld.so. In: r11 = the site's native syscall; everything else is the program's.
    .globl patchall_gate_entry
    .hidden patchall_gate_entry
    .type patchall_gate_entry,@function
    .p2align 5
patchall_gate_entry:
    .cfi_startproc
    .cfi_undefined rip
    PATCHALL_WANTED 8f
    PATCHALL_SAVE
    mov byte ptr [rcx + {full}], 0
    cld
    mov rsp, [rax + {hub_sp}]
    jmp [rax + {hub_ip}]
8:  jmp r11
    .cfi_endproc
    .size patchall_gate_entry, . - patchall_gate_entry

    // The same from a site of any other object, where whole vector registers may be live.
    .globl patchall_gate_entry_full
    .hidden patchall_gate_entry_full
    .type patchall_gate_entry_full,@function
    .p2align 5
patchall_gate_entry_full:
    .cfi_startproc
    .cfi_undefined rip
    PATCHALL_WANTED 8f
    PATCHALL_SAVE
    cld
    mov byte ptr [rcx + {full}], 1
    mov rsi, rax
    mov eax, [rsi + {xmask}]
    mov edx, [rsi + {xmask} + 4]
    mov rdi, [rsi + {xarea}]
    xsave64 [rdi]
    mov rsp, [rsi + {hub_sp}]
    jmp [rsi + {hub_ip}]
8:  jmp r11
    .cfi_endproc
    .size patchall_gate_entry_full, . - patchall_gate_entry_full

    .globl patchall_entry_last
    .hidden patchall_entry_last
patchall_entry_last:

    // rdi = record, rsi = OsThread: go on in the program at regs.rip.
    .globl patchall_exit_first
    .hidden patchall_exit_first
    .type patchall_leave_engine,@function
    .p2align 5
patchall_leave_engine:
patchall_exit_first:
    .cfi_startproc
    .cfi_undefined rip
    mov byte ptr [rsi + {inside}], 0
    cmp byte ptr [rsi + {resched}], 0
    jne 9f
    cmp byte ptr [rdi + {full}], 0
    jne 7f
    movaps xmm0, [rdi + {X} + 0x00]
    movaps xmm1, [rdi + {X} + 0x10]
    movaps xmm2, [rdi + {X} + 0x20]
    movaps xmm3, [rdi + {X} + 0x30]
    movaps xmm4, [rdi + {X} + 0x40]
    movaps xmm5, [rdi + {X} + 0x50]
    movaps xmm6, [rdi + {X} + 0x60]
    movaps xmm7, [rdi + {X} + 0x70]
    movaps xmm8, [rdi + {X} + 0x80]
    movaps xmm9, [rdi + {X} + 0x90]
    movaps xmm10, [rdi + {X} + 0xa0]
    movaps xmm11, [rdi + {X} + 0xb0]
    movaps xmm12, [rdi + {X} + 0xc0]
    movaps xmm13, [rdi + {X} + 0xd0]
    movaps xmm14, [rdi + {X} + 0xe0]
    movaps xmm15, [rdi + {X} + 0xf0]
6:  mov rax, [rdi + {R} + {rax}]
    mov rbx, [rdi + {R} + {rbx}]
    mov rbp, [rdi + {R} + {rbp}]
    mov rsi, [rdi + {R} + {rsi}]
    mov rdx, [rdi + {R} + {rdx}]
    mov r8, [rdi + {R} + {r8}]
    mov r9, [rdi + {R} + {r9}]
    mov r10, [rdi + {R} + {r10}]
    mov r11, [rdi + {R} + {r11}]
    mov r12, [rdi + {R} + {r12}]
    mov r13, [rdi + {R} + {r13}]
    mov r14, [rdi + {R} + {r14}]
    mov r15, [rdi + {R} + {r15}]
    mov rcx, [rdi + {R} + {rip}]
    mov rsp, [rdi + {R} + {rsp}]
    mov rdi, [rdi + {R} + {rdi}]
    jmp rcx
7:  mov eax, [rsi + {xmask}]
    mov edx, [rsi + {xmask} + 4]
    mov rcx, [rsi + {xarea}]
    xrstor64 [rcx]
    jmp 6b
    // A signal came after the hub's last look and found the flag `inside` up: back, as if a handler had sent it.
9:  mov byte ptr [rsi + {inside}], 1
    mov byte ptr [rsi + {trap}], {again}
    mov rsp, [rsi + {hub_sp}]
    jmp [rsi + {hub_ip}]

    // rdi = ucontext, rsi = OsThread: go on in the program with every register as in a signal frame.
    // rt_sigreturn takes the frame at rsp - 8, so rsp is the ucontext (arch/x86/kernel/signal_64.c).
    .globl patchall_leave_by_sigreturn
    .hidden patchall_leave_by_sigreturn
patchall_leave_by_sigreturn:
    mov byte ptr [rsi + {inside}], 0
    cmp byte ptr [rsi + {resched}], 0
    jne 9b
    mov rsp, rdi
    mov eax, 15
    syscall
    ud2
    .globl patchall_exit_end
    .hidden patchall_exit_end
patchall_exit_end:
    .cfi_endproc
    .size patchall_leave_engine, . - patchall_leave_engine

    // Where the program's signal handlers return to. rsp points to the ucontext. The CFI is that of glibc's __restore_rt
    // (sysdeps/unix/sysv/linux/x86_64/libc_sigaction.c): a signal frame whose registers lie in the ucontext.
    .globl patchall_restorer
    .hidden patchall_restorer
    .type patchall_restorer,@function
    .p2align 4
    .cfi_startproc
    .cfi_signal_frame
    .cfi_escape 0x0f, 4, 0x77, 0xa0, 1, 0x06
    .cfi_escape 0x10, 8, 2, 0x77, 0x28
    .cfi_escape 0x10, 9, 2, 0x77, 0x30
    .cfi_escape 0x10, 10, 2, 0x77, 0x38
    .cfi_escape 0x10, 11, 3, 0x77, 0xc0, 0
    .cfi_escape 0x10, 12, 3, 0x77, 0xc8, 0
    .cfi_escape 0x10, 13, 3, 0x77, 0xd0, 0
    .cfi_escape 0x10, 14, 3, 0x77, 0xd8, 0
    .cfi_escape 0x10, 15, 3, 0x77, 0xe0, 0
    .cfi_escape 0x10, 5, 3, 0x77, 0xe8, 0
    .cfi_escape 0x10, 4, 3, 0x77, 0xf0, 0
    .cfi_escape 0x10, 6, 3, 0x77, 0xf8, 0
    .cfi_escape 0x10, 3, 3, 0x77, 0x80, 1
    .cfi_escape 0x10, 1, 3, 0x77, 0x88, 1
    .cfi_escape 0x10, 0, 3, 0x77, 0x90, 1
    .cfi_escape 0x10, 2, 3, 0x77, 0x98, 1
    .cfi_escape 0x10, 7, 3, 0x77, 0xa0, 1
    .cfi_escape 0x10, 16, 3, 0x77, 0xa8, 1
    nop
patchall_restorer:
    mov rax, 15
    lea r11, [rip + 5f]
    jmp patchall_gate_entry
5:  syscall
    ud2
    .cfi_endproc
    .size patchall_restorer, . - patchall_restorer
"#,
    V = sym VIRTUAL,
    R = const offset_of!(Thread, regs),
    X = const offset_of!(Thread, xmm),
    os = const offset_of!(Thread, os),
    full = const offset_of!(Thread, full),
    inside = const offset_of!(OsThread, inside),
    resched = const offset_of!(OsThread, resched),
    trap = const offset_of!(OsThread, trap),
    again = const Trap::Again as u8,
    hub_sp = const offset_of!(OsThread, hub_sp),
    hub_ip = const offset_of!(OsThread, hub_ip),
    xmask = const offset_of!(OsThread, xsave_mask),
    xarea = const offset_of!(OsThread, xsave_area),
    rax = const offset_of!(Regs, rax),
    rbx = const offset_of!(Regs, rbx),
    rbp = const offset_of!(Regs, rbp),
    rsp = const offset_of!(Regs, rsp),
    rdi = const offset_of!(Regs, rdi),
    rsi = const offset_of!(Regs, rsi),
    rdx = const offset_of!(Regs, rdx),
    r8 = const offset_of!(Regs, r8),
    r9 = const offset_of!(Regs, r9),
    r10 = const offset_of!(Regs, r10),
    r11 = const offset_of!(Regs, r11),
    r12 = const offset_of!(Regs, r12),
    r13 = const offset_of!(Regs, r13),
    r14 = const offset_of!(Regs, r14),
    r15 = const offset_of!(Regs, r15),
    rip = const offset_of!(Regs, rip),
);

unsafe extern "C" {
    fn patchall_gate_entry();
    fn patchall_gate_entry_full();
    fn patchall_leave_engine();
    fn patchall_leave_by_sigreturn();
    fn patchall_restorer();
    static patchall_entry_first: u8;
    static patchall_entry_last: u8;
    static patchall_exit_first: u8;
    static patchall_exit_end: u8;
}

/// Where the trampolines of libc's and ld.so's sites go.
pub(crate) fn gate_entry() -> usize {
    patchall_gate_entry as *const () as usize
}

/// Where those of all other objects go.
pub(crate) fn gate_entry_full() -> usize {
    patchall_gate_entry_full as *const () as usize
}

/// What the program's signal handlers return to.
pub(crate) fn restorer() -> usize {
    patchall_restorer as *const () as usize
}

/// A stretch of code that signal handlers must know.
pub(crate) struct Stretch {
    first: *const u8,
    last: *const u8,
}
// SAFETY: addresses of code.
unsafe impl Sync for Stretch {}

impl Stretch {
    /// Whether `pc` is in it.
    pub(crate) fn contains(&self, pc: usize) -> bool {
        (self.first as usize..self.last as usize).contains(&pc)
    }
}

/// See the header.
pub(crate) static ENTRY_CRITICAL: Stretch =
    Stretch { first: &raw const patchall_entry_first, last: &raw const patchall_entry_last };
/// See the header. The final jump counts: rcx is not yet the program's.
pub(crate) static EXIT_CRITICAL: Stretch =
    Stretch { first: &raw const patchall_exit_first, last: &raw const patchall_exit_end };

/// Leaves the hub by jumping to `$how` with rdi and rsi set; goes on behind it when something comes back to the hub. Every
/// register is an output or saved by hand (rbx and rbp, which asm! may not name); the hub's stack pointer and the address
/// to come back to are stored before leaving.
macro_rules! leave_hub {
    ($how:path, $rdi:expr, $os:expr) => {
        asm!(
            "push rbx",
            "push rbp",
            "lea rax, [rip + 2f]",
            "mov [rsi + {ip}], rax",
            "mov [rsi + {sp}], rsp",
            "jmp {how}",
            "2:",
            "pop rbp",
            "pop rbx",
            ip = const offset_of!(OsThread, hub_ip),
            sp = const offset_of!(OsThread, hub_sp),
            how = sym $how,
            inout("rdi") $rdi => _, inout("rsi") $os => _,
            out("r12") _, out("r13") _, out("r14") _, out("r15") _,
            clobber_abi("sysv64"),
        )
    };
}

/// Leaves the hub for the program; comes back when the thread enters the gate or is sent back by a signal handler.
///
/// # Safety
/// Runs on `os`'s hub stack with `t`'s FS loaded; `t.regs` says where to go on.
#[inline(never)]
pub(crate) unsafe fn enter_program(os: &OsThread, t: &Thread) {
    // SAFETY: by contract, and see `leave_hub`.
    unsafe { leave_hub!(patchall_leave_engine, t, os) };
}

/// Like [`enter_program`], for a thread whose whole context lies in a signal frame at `ucontext`: by rt_sigreturn.
///
/// # Safety
/// As [`enter_program`]; `ucontext` is one the kernel wrote, with mask and alternate stack set for this OS thread.
#[inline(never)]
pub(crate) unsafe fn enter_saved(os: &OsThread, ucontext: usize) {
    // SAFETY: by contract, and see `leave_hub`.
    unsafe { leave_hub!(patchall_leave_by_sigreturn, ucontext, os) };
}

/// Starts an OS thread on the stack that ends at `top`, which calls `f(arg)` and never returns; gives its tid or an error.
///
/// # Safety
/// The stack is unused; the flags make a thread (CLONE_VM | CLONE_THREAD ...).
pub(crate) unsafe fn clone_thread(flags: usize, top: usize, f: unsafe extern "C" fn(usize) -> !, arg: usize) -> isize {
    let r: isize;
    // SAFETY: the child takes `f` and `arg` from registers, which clone(2) copies, and touches only its own stack.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone as isize => r,
            in("rdi") flags, in("rsi") top, in("rdx") 0usize, in("r10") 0usize, in("r8") 0usize,
            in("r12") f, in("r13") arg,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    r
}
