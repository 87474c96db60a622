//! select(2) and pselect6(2).
//!
//! The kernel looks at copies of the program's sets, because it overwrites what it is given and the sets must be whole
//! until the call ends; they are read anew at each look. The kernel ignores what lies beyond its table of descriptors
//! (fs/select.c, core_sys_select clamps n to max_fds), and programs pass getdtablesize() with sets of 128 bytes. How large
//! the table is, a process cannot tell, and the engine's own descriptors make it large. So beyond the first 1024 bits only
//! those of open descriptors count, unreadable memory is empty, and only words that change are written.

use super::ready::{self, Set};
use super::{Step, err};
use crate::sched::helper::Call;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::kernel::Timespec;
use crate::sys::user::{self, Fault};
use crate::sys::{self, nr};
use core::ptr::null_mut;

/// select(2): the timeout is a timeval, and is updated (Linux only; select(2), NOTES).
pub(crate) fn select(t: ThreadRef) -> Step {
    let timeout = t.arg(4);
    let mut deadline = ready::NO_WAIT;
    if t.woken().is_none() {
        if tids::live() == 1 {
            return Step::Native;
        }
        deadline = match timeval(timeout) {
            Ok(d) => d,
            Err(e) => return e,
        };
    }
    let step = run(t, deadline);
    if timeout != 0 && matches!(step, Step::Done(_) | Step::Interrupted) && t.call.deadline.get() != ready::NO_WAIT {
        let Timespec { sec, nsec } = Timespec::from_nanos(ready::left(t));
        // poll_select_finish ignores a fault.
        let _ = user::put(timeout, &[sec, nsec / 1000]);
    }
    step
}

/// pselect6(2): a timespec, updated; the last argument points to a mask's address and size.
pub(crate) fn pselect6(t: ThreadRef) -> Step {
    let (timeout, pack) = (t.arg(4), t.arg(5));
    let mut deadline = ready::NO_WAIT;
    if t.woken().is_none() {
        let [mask, size] = match if pack == 0 { Ok([0, 0]) } else { user::get::<[u64; 2]>(pack) } {
            Ok(m) => m,
            Err(f) => return f.into(),
        };
        // With a mask of its own the call is never the kernel's: masks are the engine's.
        if mask == 0 && tids::live() == 1 {
            return Step::Native;
        }
        deadline = match ready::deadline_at(timeout)
            .and_then(|d| ready::set_mask(t, mask as usize, size as usize).map(|()| d))
        {
            Ok(d) => d,
            Err(e) => return e,
        };
    }
    let step = run(t, deadline);
    ready::write_left(t, timeout, step)
}

fn run(t: ThreadRef, deadline: u64) -> Step {
    let n = t.arg(0) as i32;
    if n < 0 {
        return err(libc::EINVAL);
    }
    let sets = Sets {
        n: (n as usize).min(MOST),
        at: [t.arg(1), t.arg(2), t.arg(3)],
        call: t.regs().rax as usize,
        timeout: t.arg(4),
    };
    ready::wait(t, &sets, deadline)
}

/// Microseconds may be more than a million (fs/select.c, kern_select).
fn timeval(at: usize) -> Result<u64, Step> {
    if at == 0 {
        return Ok(crate::sched::timer::NEVER);
    }
    let [sec, usec] = user::get::<[i64; 2]>(at)?;
    let ts = Timespec { sec: sec.saturating_add(usec / 1_000_000), nsec: usec % 1_000_000 * 1000 };
    Ok(ready::deadline_ns(ts.nanos().ok_or(err(libc::EINVAL))?))
}

/// No descriptor is above this (`fs.nr_open`'s default).
const MOST: usize = 1 << 20;
/// Words of a set of FD_SETSIZE descriptors.
const SMALL: usize = 16;

/// The call's arguments.
struct Sets {
    n: usize,
    at: [usize; 3],
    call: usize,
    timeout: usize,
}

/// Engine memory for three sets, one behind the other.
struct Scratch {
    small: [u64; 3 * SMALL],
    large: *mut u64,
    words: usize,
}

impl Scratch {
    fn new(words: usize) -> Result<Scratch, i32> {
        let large = if words > SMALL { sys::map(3 * words * 8)?.cast() } else { null_mut() };
        Ok(Scratch { small: [0; 3 * SMALL], large, words })
    }

    fn set(&mut self, i: usize) -> &mut [u64] {
        let all: &mut [u64] = if self.large.is_null() {
            &mut self.small
        } else {
            // SAFETY: mapped in `new`, ours, zero or written since.
            unsafe { core::slice::from_raw_parts_mut(self.large, 3 * self.words) }
        };
        &mut all[i * self.words..(i + 1) * self.words]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.large.is_null() {
            // SAFETY: mapped in `new`.
            unsafe { sys::syscall2(nr(libc::SYS_munmap), self.large as usize, 3 * self.words * 8) };
        }
    }
}

fn is_open(fd: usize) -> bool {
    // SAFETY: F_GETFD has no effect.
    !sys::is_err(unsafe { sys::syscall2(nr(libc::SYS_fcntl), fd, libc::F_GETFD as usize) })
}

/// Calls `f` with the index of each bit of a word that is number `w` of its set.
fn each_bit(w: usize, mut bits: u64, mut f: impl FnMut(usize)) {
    while bits != 0 {
        f(w * 64 + bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

/// Takes descriptors that are not open out of words.
fn drop_closed(words: &mut [u64], first: usize) {
    for (w, word) in words.iter_mut().enumerate() {
        let mut open = *word;
        each_bit(0, *word, |b| {
            if !is_open((first + w) * 64 + b) {
                open &= !(1 << b);
            }
        });
        *word = open;
    }
}

impl Sets {
    fn words(&self) -> usize {
        self.n.div_ceil(64)
    }

    /// Copies the program's sets; bits from `n` on are not looked at.
    fn load(&self, s: &mut Scratch) -> Result<(), Fault> {
        let rest = self.n % 64;
        for (i, at) in self.at.into_iter().enumerate().filter(|(_, at)| *at != 0) {
            let set = s.set(i);
            let sure = set.len().min(SMALL);
            // SAFETY: the slice is ours.
            unsafe { user::copy_in(set.as_mut_ptr().cast(), at, sure * 8)? };
            for (k, part) in set[sure..].chunks_mut(SMALL).enumerate() {
                let from = at + (sure + k * SMALL) * 8;
                // SAFETY: as above.
                if unsafe { user::copy_in(part.as_mut_ptr().cast(), from, part.len() * 8) }.is_err() {
                    part.fill(0);
                    break;
                }
            }
            if let Some(last) = set.last_mut()
                && rest != 0
            {
                *last &= (1 << rest) - 1;
            }
            drop_closed(&mut set[sure..], sure);
        }
        Ok(())
    }

    /// Writes a result; beyond what every process has room for, where it differs from what is there.
    fn store(&self, i: usize, result: &[u64]) -> Result<(), Fault> {
        if self.at[i] == 0 {
            return Ok(());
        }
        for (w, word) in result.iter().enumerate() {
            let at = self.at[i] + w * 8;
            if w < SMALL || user::get::<u64>(at).is_ok_and(|old| old != *word) {
                user::put(at, word)?;
            }
        }
        Ok(())
    }

    fn attempt(&self, s: &mut Scratch, again: bool) -> Result<isize, Fault> {
        loop {
            self.load(s)?;
            if again {
                (0..3).for_each(|i| drop_closed(s.set(i), 0));
            }
            let zero = [0i64; 2];
            let mut p = [0usize; 3];
            for (i, p) in p.iter_mut().enumerate().filter(|(i, _)| self.at[*i] != 0) {
                *p = s.set(i).as_mut_ptr() as usize;
            }
            // SAFETY: sets of our own, of `n` bits; a zero timeout does not wait.
            let r = unsafe { sys::syscall5(nr(libc::SYS_select), self.n, p[0], p[1], p[2], &raw const zero as usize) };
            if again && r == -libc::EBADF as isize {
                // Closed between the two calls.
                continue;
            }
            if r > 0 {
                for (i, events) in EVENTS.into_iter().enumerate() {
                    self.store(i, s.set(i))?;
                    for (w, word) in s.set(i).iter().enumerate() {
                        each_bit(w, *word, |fd| ready::found_ready(fd as i32, events));
                    }
                }
            }
            return Ok(r);
        }
    }
}

/// The events of each set (fs/select.c: POLLIN_SET, POLLOUT_SET, POLLEX_SET; ERR and HUP wake anyhow).
const EVENTS: [u32; 3] = [(libc::EPOLLIN | libc::EPOLLRDHUP) as u32, libc::EPOLLOUT as u32, libc::EPOLLPRI as u32];

impl Set for Sets {
    fn look(&self, again: bool) -> isize {
        match Scratch::new(self.words()) {
            Ok(mut s) => self.attempt(&mut s, again).unwrap_or(-libc::EFAULT as isize),
            Err(e) => -e as isize,
        }
    }

    fn watch(&self, t: ThreadRef, seq: u64) -> Result<(), i32> {
        let mut s = Scratch::new(self.words())?;
        if self.load(&mut s).is_err() {
            // The look that follows tells.
            return Ok(());
        }
        let mut count = 0;
        for w in 0..self.words() {
            count += (s.set(0)[w] | s.set(1)[w] | s.set(2)[w]).count_ones() as usize;
        }
        let alone = count == 1;
        if count > 1 {
            t.fd_waits.reserve(count)?;
        }
        let mut result = Ok(());
        for w in 0..self.words() {
            let word = [s.set(0)[w], s.set(1)[w], s.set(2)[w]];
            each_bit(w, word[0] | word[1] | word[2], |fd| {
                let events = (0..3).filter(|i| word[*i] >> (fd % 64) & 1 != 0).fold(0, |e, i| e | EVENTS[i]);
                if result.is_ok() {
                    result = ready::watch_one(t, fd as i32, events, seq, alone);
                }
            });
        }
        result
    }

    fn none(&self) -> isize {
        let zero = [0u64; 1];
        for i in 0..3 {
            if self.at[i] == 0 {
                continue;
            }
            for w in 0..self.words() {
                let part = Sets { at: [self.at[i] + w * 8, 0, 0], ..*self };
                if part.store(0, &zero).is_err() && w < SMALL {
                    return -libc::EFAULT as isize;
                }
            }
        }
        0
    }

    /// With the program's own timeout: what is left of it is not known to the set.
    fn as_call(&self, _: isize) -> Call {
        [self.call, self.n, self.at[0], self.at[1], self.at[2], self.timeout, 0]
    }
}
