//! Structures exactly as the kernel lays them out, where libc's differ or do not exist.

/// `struct __kernel_timespec`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Timespec {
    /// Seconds.
    pub sec: i64,
    /// Nanoseconds, 0 to 999,999,999.
    pub nsec: i64,
}

impl Timespec {
    /// Nanoseconds, saturating; `None` for what the kernel answers with EINVAL (`timespec64_valid`).
    pub fn nanos(self) -> Option<u64> {
        if self.sec < 0 || !(0..1_000_000_000).contains(&self.nsec) {
            return None;
        }
        Some((self.sec as u64).saturating_mul(1_000_000_000).saturating_add(self.nsec as u64))
    }

    /// The duration of so many nanoseconds.
    pub fn from_nanos(n: u64) -> Self {
        Timespec { sec: (n / 1_000_000_000) as i64, nsec: (n % 1_000_000_000) as i64 }
    }
}

/// `struct kernel_sigaction` (arch/x86/include/uapi/asm/signal.h), not libc's.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct SigAction {
    /// `SIG_DFL`, `SIG_IGN` or a function.
    pub handler: usize,
    /// `SA_*`.
    pub flags: u64,
    /// The function a handler returns to.
    pub restorer: usize,
    /// Signals blocked while the handler runs.
    pub mask: u64,
}

/// The `SA_RESTORER` flag: without it the kernel refuses to deliver on x86-64.
pub const SA_RESTORER: u64 = 0x0400_0000;

/// `struct robust_list_head` (include/uapi/linux/futex.h).
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct RobustListHead {
    /// First entry; bit 0 marks a PI futex.
    pub next: usize,
    /// From an entry to its futex word.
    pub futex_offset: isize,
    /// The entry being locked or unlocked when the thread died.
    pub pending: usize,
}

/// `struct clone_args` up to `CLONE_ARGS_SIZE_VER2`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct CloneArgs {
    /// `CLONE_*`.
    pub flags: u64,
    /// For `CLONE_PIDFD`.
    pub pidfd: u64,
    /// Where the child's tid is stored in the child, and cleared at its death.
    pub child_tid: u64,
    /// Where the child's tid is stored for the parent.
    pub parent_tid: u64,
    /// Signal at the child's death.
    pub exit_signal: u64,
    /// Lowest byte of the stack.
    pub stack: u64,
    /// Its size.
    pub stack_size: u64,
    /// New FS base.
    pub tls: u64,
}

/// A general register file in the order of `mcontext_t.gregs` (arch/x86 `struct sigcontext`).
#[repr(C)]
#[derive(Clone, Copy, Default)]
#[allow(missing_docs)]
pub struct SigContext {
    pub r8: u64,
    pub r9: u64,
    pub r10: u64,
    pub r11: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub rdx: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rsp: u64,
    pub rip: u64,
    pub rflags: u64,
    pub cs_gs_fs_ss: u64,
    pub err: u64,
    pub trapno: u64,
    pub oldmask: u64,
    pub cr2: u64,
    /// Address of the FXSAVE/XSAVE image, or 0.
    pub fpstate: u64,
    pub reserved: [u64; 8],
}

/// `stack_t`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct SigStack {
    /// Lowest address.
    pub sp: usize,
    /// `SS_*`.
    pub flags: i32,
    /// Padding the kernel leaves alone.
    pub pad: i32,
    /// Size in bytes.
    pub size: usize,
}

/// `struct futex_waitv`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct FutexWaiter {
    /// What the word holds.
    pub value: u64,
    /// The word.
    pub addr: u64,
    /// `FUTEX2_*`.
    pub flags: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// `struct ucontext` of the kernel: its signal mask is 8 bytes, libc's is 128.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct UContext {
    /// `UC_FP_XSTATE` and friends.
    pub flags: u64,
    /// Always 0.
    pub link: usize,
    /// The alternate stack at the time.
    pub stack: SigStack,
    /// The registers.
    pub mcontext: SigContext,
    /// The mask to be restored.
    pub sigmask: u64,
}

/// `siginfo_t` as 128 bytes of which the engine reads the first words.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct SigInfo {
    /// Signal number.
    pub signo: i32,
    /// Unused on input.
    pub errno: i32,
    /// Why: `SI_USER`, `SI_TIMER`, `SEGV_MAPERR`...
    pub code: i32,
    /// Padding.
    pub pad: i32,
    /// What follows depends on `code`: pid and uid, an address, a value.
    pub fields: [u64; 14],
}

impl SigInfo {
    /// All zero.
    pub const EMPTY: SigInfo = SigInfo { signo: 0, errno: 0, code: 0, pad: 0, fields: [0; 14] };
}

/// What the kernel pushes for a handler (`struct rt_sigframe`, arch/x86/include/asm/sigframe.h).
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct SigFrame {
    /// Return address: the restorer.
    pub restorer: usize,
    /// The interrupted context.
    pub uc: UContext,
    /// The signal.
    pub info: SigInfo,
}

/// `struct epoll_event`, packed on x86-64.
#[repr(C, packed)]
#[derive(Clone, Copy, Default)]
pub struct EpollEvent {
    /// `EPOLL*` bits.
    pub events: u32,
    /// The caller's.
    pub data: u64,
}

/// `struct iovec`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct IoVec {
    /// First byte.
    pub base: usize,
    /// Bytes.
    pub len: usize,
}
const _: () = assert!(size_of::<SigContext>() == 256 && size_of::<UContext>() == 304 && size_of::<SigFrame>() == 440);
