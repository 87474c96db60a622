//! Making threads and processes: clone(2), clone3(2).
//!
//! A thread of libc's becomes a record whose first step is to return 0 from the very same call, on the stack and with the
//! TLS block that libc gave. Everything else is the kernel's, with what the child of a fork needs done.

use super::{Step, err};
use crate::arch;
use crate::gate;
use crate::process;
use crate::sched::thread::{Resume, ThreadRef};
use crate::sched::{bound, make_ready, tids, timer};
use crate::sys::kernel::CloneArgs;
use crate::sys::{self, user};
use core::sync::atomic::Ordering::*;

/// clone(2), with the argument order of x86-64.
pub(crate) fn clone(t: ThreadRef) -> Step {
    let flags = t.arg(0) as u64;
    let args = CloneArgs {
        flags: flags & !0xff,
        exit_signal: flags & 0xff,
        stack: t.arg(1) as u64,
        parent_tid: t.arg(2) as u64,
        child_tid: t.arg(3) as u64,
        tls: t.arg(4) as u64,
        ..Default::default()
    };
    dispatch(t, &args)
}

/// clone3(2).
pub(crate) fn clone3(t: ThreadRef) -> Step {
    if t.arg(1) < size_of::<CloneArgs>() {
        return Step::Native;
    }
    match user::get::<CloneArgs>(t.arg(0)) {
        Ok(args) => dispatch(t, &args),
        Err(f) => f.into(),
    }
}

/// fork(2): a clone without flags.
pub(crate) fn fork(t: ThreadRef) -> Step {
    dispatch(t, &CloneArgs { exit_signal: libc::SIGCHLD as u64, ..Default::default() })
}

/// vfork(2).
pub(crate) fn vfork(t: ThreadRef) -> Step {
    let flags = (libc::CLONE_VM | libc::CLONE_VFORK) as u64;
    dispatch(t, &CloneArgs { flags, exit_signal: libc::SIGCHLD as u64, ..Default::default() })
}

fn dispatch(t: ThreadRef, args: &CloneArgs) -> Step {
    let has = |f: i32| args.flags & f as u64 != 0;
    if has(libc::CLONE_THREAD) {
        // Only libc's own threads have a TLS block whose layout we know; others are the kernel's.
        if has(libc::CLONE_SETTLS) && gate::is_libc_call(t.regs().r11 as usize) {
            return make_thread(t, args);
        }
        process::foreign_thread();
        return Step::Native;
    }
    // It may ask to be told of the end of its parent, which is an OS thread (PR_SET_PDEATHSIG).
    t.os().keeps.store(true, Relaxed);
    // The child has all our open files.
    crate::reactor::mode::all_shared();
    if has(libc::CLONE_VM) {
        // vfork, posix_spawn: the child runs on our memory until it execs.
        t.vfork.set(true);
        return Step::Native;
    }
    process::fork(t)
}

fn make_thread(t: ThreadRef, args: &CloneArgs) -> Step {
    if tids::live() >= timer::room() {
        return err(libc::EAGAIN);
    }
    if !process::second_thread() {
        return err(libc::EAGAIN);
    }
    let Ok(child) = ThreadRef::new() else { return err(libc::EAGAIN) };
    let has = |f: i32| args.flags & f as u64 != 0;
    // The slot of the new TLS block. A block that cannot be written is not one of libc's.
    let slot = (args.tls as usize).wrapping_add_signed(arch::current_offset());
    if user::put(slot, &(child.as_ptr() as usize)).is_err() {
        // SAFETY: nobody knows it yet.
        unsafe { child.free() };
        return err(libc::EFAULT);
    }
    if t.home().is_some() && bound::inherit(child).is_err() {
        // SAFETY: nobody knows it yet.
        unsafe { child.free() };
        return err(libc::EAGAIN);
    }
    tids::assign(child);
    let tid = child.tid.get();
    let regs = child.regs();
    *regs = *t.regs();
    regs.rax = 0;
    regs.rsp = args.stack + args.stack_size;
    regs.rip = regs.r11 + super::SYSCALL_LEN;
    // SAFETY: the caller's registers are in its record, and the child is known to nobody yet.
    unsafe { *child.xmm.get() = *t.xmm.get() };
    child.fs.set(args.tls);
    child.lowest_sp.set(regs.rsp);
    child.fp_control.set(arch::fp_control());
    child.resume.set(Resume::Regs);
    child.call.deadline.set(crate::sched::timer::NEVER);
    child.name.set(t.name.get());
    child.signals.inherit(&t.signals);
    if has(libc::CLONE_CHILD_CLEARTID) {
        child.clear_tid.set(args.child_tid as usize);
        process::learn_tid_word(args.child_tid as usize - args.tls as usize);
    }
    // The kernel ignores a fault in these stores, too (kernel/fork.c).
    if has(libc::CLONE_PARENT_SETTID) {
        let _ = user::put(args.parent_tid as usize, &tid);
    }
    if has(libc::CLONE_CHILD_SETTID) {
        let _ = user::put(args.child_tid as usize, &tid);
    }
    process::STATS.threads_made.fetch_add(1, Relaxed);
    make_ready(child);
    Step::Done(tid as isize)
}

/// A fork as the kernel is asked for it: from the registers of the call.
pub(crate) fn raw_fork(t: ThreadRef) -> isize {
    let r = t.regs();
    // SAFETY: a call the program made, without CLONE_VM: the child has a copy of everything.
    unsafe {
        let (a, b, c) = (r.rdi as usize, r.rsi as usize, r.rdx as usize);
        sys::syscall6(r.rax as usize, a, b, c, r.r10 as usize, r.r8 as usize, r.r9 as usize)
    }
}
