//! Signal frames on the program's stack: built as the kernel builds them, taken apart when the handler returns.
//!
//! ```text
//! rsp at the interruption ─ 128 (red zone), or top of the alternate stack
//!   extended state, 64-byte aligned
//!   siginfo
//!   ucontext            <- rdx, and rsp when the restorer runs
//!   return address      <- rsp at the handler's first instruction: 8 below a multiple of 16
//! ```
//!
//! The interrupted context shows program addresses only: a pc in a trampoline is given as the one in the original code it
//! stands for (an unwinder finds its way, and glibc's SIGCANCEL handler recognises its cancellable call), and translated
//! back on return.

use super::super::Step;
use super::{SigInfo, set_mask};
use crate::arch;
use crate::gate;
use crate::sched::saved::{self, SavedContext};
use crate::sched::thread::{Resume, ThreadRef};
use crate::sys::kernel::{SigAction, SigContext, SigFrame, SigStack, UContext};
use crate::sys::user;

const RED_ZONE: usize = 128;
/// `UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS` (arch/x86/include/uapi/asm/ucontext.h).
const UC_FP_XSTATE: u64 = 1;
const UC_SS: u64 = 2 | 4;
/// User code and stack segments (arch/x86/include/asm/segment.h).
const CS_SS: u64 = 0x33 | 0x2b << 48;
const FLAGS: u64 = 0x202;
const FXSAVE: usize = 512;
const MAGIC1: u32 = 0x4650_5853;
const MAGIC2: u32 = 0x4650_5845;

/// The interrupted context and its extended state, wherever they are kept.
struct Context {
    uc: UContext,
    vectors: Vectors,
}

#[expect(clippy::large_enum_variant, reason = "it lives for a moment, on the hub's stack")]
enum Vectors {
    /// In memory: address and bytes.
    At(usize, usize),
    /// The low halves only: an FXSAVE image.
    Legacy([u64; FXSAVE / 8]),
}

/// Lets the thread go on with the handler `a` for `info`.
pub(super) fn push(t: ThreadRef, a: &SigAction, info: &SigInfo) {
    let saved = t.saved.get();
    let context = if t.resume.get() == Resume::Saved && !saved.is_null() { from_saved(saved) } else { from_regs(t) };
    if write(t, a, info, context).is_err() {
        // No room for the frame: the kernel forces SIGSEGV (signal_setup_done), which no handler can take now.
        super::action::default(t, libc::SIGSEGV);
    }
    if !saved.is_null() {
        t.saved.set(core::ptr::null_mut());
        SavedContext::give(saved);
    }
    t.resume.set(Resume::Regs);
    // The vector state is in the frame; the handler begins with no more than a function does.
    t.full.set(false);
}

fn from_saved(saved: *mut SavedContext) -> Context {
    // SAFETY: the thread's own record, complete since the handler stored it.
    unsafe {
        let uc = *(*saved).uc.get();
        let at = uc.mcontext.fpstate as usize;
        Context { uc, vectors: Vectors::At(at, saved::vector_bytes(at)) }
    }
}

fn from_regs(t: ThreadRef) -> Context {
    let r = *t.regs();
    let m = SigContext {
        r8: r.r8,
        r9: r.r9,
        r10: r.r10,
        r11: FLAGS,
        r12: r.r12,
        r13: r.r13,
        r14: r.r14,
        r15: r.r15,
        rdi: r.rdi,
        rsi: r.rsi,
        rbp: r.rbp,
        rbx: r.rbx,
        rdx: r.rdx,
        rax: r.rax,
        rcx: r.rip,
        rsp: r.rsp,
        rip: r.rip,
        rflags: FLAGS,
        cs_gs_fs_ss: CS_SS,
        ..Default::default()
    };
    let uc = UContext { flags: UC_SS, mcontext: m, ..Default::default() };
    if t.full.get() {
        return Context { uc, vectors: xsave_image(t) };
    }
    // The FXSAVE image (Intel SDM 1, 10.5.1): control word, MXCSR and its mask, then the xmm registers at byte 160.
    let mut fx = [0u64; FXSAVE / 8];
    let control = arch::fp_control();
    fx[0] = control >> 32 & 0xffff;
    fx[3] = control & 0xffff_ffff | 0xffff << 32;
    // SAFETY: the thread is in the engine, its registers are in its record.
    let xmm = unsafe { (*t.xmm.get()).0 };
    for (i, x) in xmm.iter().enumerate() {
        fx[20 + 2 * i] = x[0];
        fx[21 + 2 * i] = x[1];
    }
    Context { uc, vectors: Vectors::Legacy(fx) }
}

/// The XSAVE image of a thread that came from a site outside libc, with the words by which the kernel knows its size.
fn xsave_image(t: ThreadRef) -> Vectors {
    let area = t.os().xsave_area.get();
    let n = arch::vector_state_size();
    // SAFETY: the area has room for the state and 4 bytes more; bytes 464 to 511 of an FXSAVE image are software's
    // (struct _fpx_sw_bytes: magic1, extended_size, xfeatures, xstate_size).
    unsafe {
        let sw = area.add(464).cast::<u32>();
        sw.write(MAGIC1);
        sw.add(1).write(n as u32 + 4);
        sw.add(2).cast::<u64>().write_unaligned(arch::xsave_mask());
        sw.add(4).write(n as u32);
        area.add(n).cast::<u32>().write_unaligned(MAGIC2);
    }
    Vectors::At(area as usize, n + 4)
}

/// Whether `sp` lies on the alternate stack.
fn on_alt(alt: &SigStack, sp: usize) -> bool {
    alt.size != 0 && sp > alt.sp && sp - alt.sp <= alt.size
}

fn write(t: ThreadRef, a: &SigAction, info: &SigInfo, mut c: Context) -> Result<(), user::Fault> {
    let alt = t.signals.alt.get();
    let interrupted_sp = c.uc.mcontext.rsp as usize;
    let mut sp = interrupted_sp.wrapping_sub(RED_ZONE);
    if a.flags & libc::SA_ONSTACK as u64 != 0 && alt.size != 0 && !on_alt(&alt, interrupted_sp) {
        sp = alt.sp + alt.size;
    }
    let (from, len) = match &c.vectors {
        Vectors::At(at, n) => (*at, *n),
        Vectors::Legacy(fx) => (fx.as_ptr() as usize, FXSAVE),
    };
    sp = sp.wrapping_sub(len) & !63;
    if len > 0 {
        // SAFETY: `from` is one of our own areas, `len` bytes of it valid.
        unsafe { user::copy_out(sp, from as *const u8, len)? };
        c.uc.mcontext.fpstate = sp as u64;
        if len > FXSAVE {
            c.uc.flags |= UC_FP_XSTATE;
        }
    }
    let at = (sp.wrapping_sub(size_of::<SigFrame>()) & !15) - 8;
    c.uc.mcontext.rip = gate::original_pc(c.uc.mcontext.rip as usize) as u64;
    c.uc.sigmask = mask_to_save(t);
    c.uc.stack = SigStack { flags: if alt.size == 0 { libc::SS_DISABLE } else { alt.flags }, ..alt };
    user::put(at, &SigFrame { restorer: arch::restorer(), uc: c.uc, info: *info })?;
    start_handler(t, a, info.signo, at);
    Ok(())
}

/// The mask the handler's return brings back: that from before sigsuspend or ppoll, if one is running.
fn mask_to_save(t: ThreadRef) -> u64 {
    if t.signals.restore.replace(false) { t.signals.saved_mask.replace(0) } else { t.signals.mask() }
}

fn start_handler(t: ThreadRef, a: &SigAction, sig: i32, frame: usize) {
    let r = t.regs();
    r.rip = a.handler as u64;
    r.rsp = frame as u64;
    r.rdi = sig as u64;
    r.rsi = (frame + core::mem::offset_of!(SigFrame, info)) as u64;
    r.rdx = (frame + core::mem::offset_of!(SigFrame, uc)) as u64;
    r.rax = 0;
    let own = if a.flags & libc::SA_NODEFER as u64 != 0 { 0 } else { super::bit(sig) };
    t.signals.mask.store((t.signals.mask() | a.mask | own) & !super::UNBLOCKABLE, core::sync::atomic::Ordering::SeqCst);
    super::shared::retarget(t);
    // SS_AUTODISARM (sigaltstack(2)): the stack is no longer set while the handler runs.
    const SS_AUTODISARM: i32 = i32::MIN;
    if t.signals.alt.get().flags & SS_AUTODISARM != 0 {
        t.signals.alt.set(SigStack::default());
    }
}

/// rt_sigreturn(2), from our restorer: the stack pointer is at the ucontext.
pub(crate) fn sigreturn(t: ThreadRef) -> Step {
    let at = t.regs().rsp as usize;
    let Ok(mut uc) = user::get::<UContext>(at) else { return bad_frame(t) };
    let Ok(record) = SavedContext::take() else { return bad_frame(t) };
    // SAFETY: the record is ours.
    let record_ref = unsafe { &*record };
    let (to, room) = record_ref.vectors();
    let state = uc.mcontext.fpstate as usize;
    if state != 0 {
        let Some(n) = vector_bytes_of_program(state).filter(|n| *n <= room) else { return bad_frame(t) };
        // SAFETY: `to` has room for `n` bytes.
        if unsafe { user::copy_in(to, state, n) }.is_err() {
            return bad_frame(t);
        }
        uc.mcontext.fpstate = to as u64;
    }
    set_mask(t, uc.sigmask);
    restore_alt(t, &uc.stack);
    uc.mcontext.rip = gate::resume_pc(uc.mcontext.rip as usize) as u64;
    // SAFETY: as above.
    unsafe { record_ref.uc.get().write(uc) };
    let old = t.saved.replace(record);
    SavedContext::give(old);
    Step::Resume
}

fn restore_alt(t: ThreadRef, s: &SigStack) {
    // As restore_altstack: what cannot be set is left as it is.
    if s.flags & libc::SS_DISABLE != 0 {
        t.signals.alt.set(SigStack::default());
    } else if s.size >= libc::MINSIGSTKSZ {
        t.signals.alt.set(SigStack { flags: s.flags & !libc::SS_ONSTACK, ..*s });
    }
}

fn vector_bytes_of_program(state: usize) -> Option<usize> {
    let magic: u32 = user::get(state + 464).ok()?;
    let size: u32 = user::get(state + 468).ok()?;
    Some(if magic == MAGIC1 { (size as usize).max(FXSAVE) } else { FXSAVE })
}

/// A frame that cannot be read: SIGSEGV, as the kernel's badframe.
fn bad_frame(t: ThreadRef) -> Step {
    super::action::default(t, libc::SIGSEGV);
    Step::Done(0)
}
