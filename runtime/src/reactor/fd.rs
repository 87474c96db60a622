//! What is known of each descriptor, and who waits on it.

use super::afterlife;
use super::mode::Mode;
use crate::arch;
use crate::mem::Table;
use crate::sched::state::Wake;
use crate::sched::waiter::Waiter;
use crate::sched::wake;
use crate::sys::spin::Spin;
use crate::sys::{self, nr};
use core::cell::Cell;
use core::ptr::null;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering::*};

/// What a descriptor is, as far as reading and writing differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Not asked yet.
    Unknown = 0,
    /// A TCP connection: a short read means that it is drained.
    Tcp = 1,
    /// Any other socket: a message a call, or a stream whose reads may stop at a boundary (UNIX: where descriptors lie).
    Socket = 2,
    /// A pipe or FIFO.
    Pipe = 3,
    /// Regular files, directories, block devices: never "not ready".
    File = 4,
    /// Anything else that may be polled: terminals, eventfd, timerfd, inotify.
    Other = 5,
    /// Any other stream socket: a blocking write goes on until all is written.
    Stream = 6,
    /// SOCK_SEQPACKET: write(2) ends a record, send(2) only if told to.
    Packets = 7,
}

impl Kind {
    const ALL: [Kind; 8] =
        [Kind::Unknown, Kind::Tcp, Kind::Socket, Kind::Pipe, Kind::File, Kind::Other, Kind::Stream, Kind::Packets];

    /// Whether it is a socket of whatever type.
    #[inline(always)]
    pub(crate) fn is_socket(self) -> bool {
        matches!(self, Kind::Tcp | Kind::Socket | Kind::Stream | Kind::Packets)
    }

    /// Whether it is a stream socket.
    #[inline(always)]
    pub(crate) fn is_stream(self) -> bool {
        matches!(self, Kind::Tcp | Kind::Stream)
    }
}

/// An entry of the table. All-zero: nothing is known. On a cache line of its own.
#[repr(align(64))]
pub(crate) struct Fd {
    pub(super) waiters: Spin<List>,
    /// `EPOLL*` bits that may be ready; only meaningful once registered.
    pub(crate) ready: AtomicU32,
    /// Counts the lives of the number.
    generation: AtomicU32,
    kind: AtomicU8,
    registered: AtomicU8,
    /// See there.
    pub(super) mode: Mode,
    /// Held by a call that asks for readiness first and is made then: nobody of ours takes away what was seen.
    pub(crate) turn: Spin<()>,
    /// A helper is in a call on it that must be made by one at a time.
    pub(crate) in_helper: AtomicBool,
    /// Calls that go on under this number, which is ours, after theirs was closed.
    pub(super) guests: AtomicU32,
    /// The node that was linked last: where to look first, not to be followed.
    last: AtomicUsize,
}

pub(super) struct List(*const FdWait);
// SAFETY: pointers to nodes in records, which stay; followed under the lock.
unsafe impl Send for List {}

/// A waiter's node on one descriptor.
#[repr(C)]
pub(crate) struct FdWait {
    next: Cell<*const FdWait>,
    prev: Cell<*const FdWait>,
    pub(super) waiter: Cell<*const Waiter>,
    pub(super) seq: Cell<u64>,
    pub(super) fd: Cell<i32>,
    pub(super) events: Cell<u32>,
    linked: Cell<bool>,
    /// The call goes on with its open file when the number is closed. Under the list's lock, as the next one.
    pub(super) stays: Cell<bool>,
    /// It does so now, under `fd`.
    pub(super) moved: Cell<bool>,
}

impl FdWait {
    /// The number under which the wait went on after the one it began with was closed.
    #[inline(always)]
    pub(crate) fn moved_to(&self) -> Option<i32> {
        self.moved.get().then(|| self.fd.get())
    }

    /// A new call begins.
    #[inline(always)]
    pub(crate) fn begin(&self) {
        self.moved.set(false);
    }
}

/// The highest number of which anything was ever known.
static HIGHEST: AtomicU32 = AtomicU32::new(0);
static TABLE: Table<Fd> = Table::new();

/// EPOLLERR and EPOLLHUP concern everyone, RDHUP the readers.
const ALWAYS: u32 = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
const RDHUP: u32 = libc::EPOLLRDHUP as u32;
const IN: u32 = libc::EPOLLIN as u32;

/// Whether `ready` has something for who waits for `wanted`.
#[inline(always)]
fn concerns(wanted: u32, ready: u32) -> bool {
    ready & (wanted | ALWAYS) != 0 || (ready & RDHUP != 0 && wanted & IN != 0)
}

pub(super) fn reserve(descriptors: usize) -> Result<(), i32> {
    // SAFETY: all-zero is an entry; there is one thread.
    unsafe { TABLE.reserve(descriptors) }
}

/// Gives the table back.
///
/// # Safety
/// Nobody uses an entry.
pub(super) unsafe fn give_up() {
    // SAFETY: by contract.
    unsafe { TABLE.shrink(0) };
}

/// How many descriptors the table has room for.
pub(crate) fn room() -> usize {
    TABLE.len()
}

/// What is known of a descriptor; `None` for numbers out of the table.
#[inline(always)]
pub(crate) fn entry(fd: i32) -> Option<&'static Fd> {
    if fd < 0 {
        return None;
    }
    TABLE.get(fd as usize)
}

impl Fd {
    /// What the descriptor is; asks the kernel the first time. `None`: it is not open.
    pub(crate) fn kind(&self, fd: i32) -> Option<Kind> {
        match Kind::ALL[self.kind.load(Relaxed) as usize & 7] {
            Kind::Unknown => {
                let k = ask_kind(fd)?;
                self.set_kind(k);
                Some(k)
            }
            k => Some(k),
        }
    }

    /// Sets what a descriptor is known to be.
    pub(crate) fn set_kind(&self, k: Kind) {
        let number = (&raw const *self as usize - TABLE.as_ptr() as usize) / size_of::<Fd>();
        if number as u32 > HIGHEST.load(Relaxed) {
            HIGHEST.fetch_max(number as u32, Relaxed);
        }
        self.kind.store(k as u8, Relaxed);
    }

    /// Makes sure that the descriptor is in the epoll. Under the list's lock.
    pub(super) fn register(&self, fd: i32) -> Result<(), i32> {
        if self.registered.load(Relaxed) == 0 {
            self.ready.store(0, SeqCst);
            HIGHEST.fetch_max(fd as u32, Relaxed);
            super::register(fd, self.generation.load(Relaxed))?;
            self.registered.store(1, SeqCst);
        }
        Ok(())
    }

    /// Whether events of this kind are known not to be ready: a call may park without trying.
    #[inline(always)]
    pub(crate) fn is_drained(&self, events: u32) -> bool {
        self.registered.load(Relaxed) != 0 && !concerns(events, self.ready.load(SeqCst))
    }

    /// To be called before a try: what arrives from now on comes as an edge. Gives what was ready of these, for
    /// [`still_ready`](Self::still_ready).
    #[inline(always)]
    pub(crate) fn about_to_try(&self, events: u32) -> u32 {
        if self.registered.load(Relaxed) == 0 || self.ready.load(Relaxed) & events == 0 {
            return 0;
        }
        self.ready.fetch_and(!events, SeqCst) & events
    }

    /// After a try that may have left something: the edge has been, and will not come again. Whoever parked meanwhile,
    /// because the bits were absent, tries again.
    #[inline(always)]
    pub(crate) fn still_ready(&self, events: u32) {
        if self.registered.load(Relaxed) != 0 && self.ready.load(Relaxed) & events != events {
            let mut list = self.waiters.lock();
            self.ready.fetch_or(events, SeqCst);
            list.wake(events);
        }
    }

    /// What it is, if that is known.
    pub(crate) fn known_kind(&self) -> Option<Kind> {
        Some(Kind::ALL[self.kind.load(Relaxed) as usize & 7]).filter(|k| *k != Kind::Unknown)
    }

    /// Whether no more will come: the other side has closed, or an error is there.
    pub(crate) fn at_end(&self) -> bool {
        self.ready.load(Relaxed) & (ALWAYS | RDHUP) != 0
    }

    /// Whether urgent data came at any time: a short read may have stopped at it.
    #[inline(always)]
    pub(crate) fn had_urgent(&self) -> bool {
        self.ready.load(Relaxed) & libc::EPOLLPRI as u32 != 0
    }
}

/// fstat(2) tells files, pipes and sockets apart; SO_TYPE and SO_DOMAIN the sockets.
fn ask_kind(fd: i32) -> Option<Kind> {
    let mut st = core::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat fills the structure, which is the kernel's on x86-64 and AArch64.
    let (mode, rdev) = unsafe {
        if sys::is_err(sys::syscall2(nr(libc::SYS_fstat), fd as usize, st.as_mut_ptr() as usize)) {
            return None;
        }
        let st = st.assume_init_ref();
        (st.st_mode, st.st_rdev)
    };
    Some(match mode & libc::S_IFMT {
        libc::S_IFSOCK => match socket_option(fd, libc::SO_TYPE) {
            Some(libc::SOCK_STREAM) if socket_option(fd, libc::SO_PROTOCOL) == Some(libc::IPPROTO_TCP) => Kind::Tcp,
            Some(libc::SOCK_STREAM) => Kind::Stream,
            Some(libc::SOCK_SEQPACKET) => Kind::Packets,
            _ => Kind::Socket,
        },
        libc::S_IFIFO => Kind::Pipe,
        libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => Kind::File,
        // null, zero, full, random, urandom: drivers/char/mem.c.
        libc::S_IFCHR if libc::major(rdev) == 1 => Kind::File,
        _ => Kind::Other,
    })
}

pub(crate) fn socket_option(fd: i32, option: i32) -> Option<i32> {
    let (mut v, mut len) = (0i32, 4u32);
    let (v_at, len_at) = (&raw mut v as usize, &raw mut len as usize);
    // SAFETY: getsockopt writes at most `len` bytes and the length.
    let r = unsafe {
        let level = libc::SOL_SOCKET as usize;
        sys::syscall5(nr(libc::SYS_getsockopt), fd as usize, level, option as usize, v_at, len_at)
    };
    (!sys::is_err(r)).then_some(v)
}

/// What [`arm`] says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Armed {
    /// The node is linked: an event will wake the waiter.
    Waiting,
    /// It may be ready already: try first.
    Ready,
    /// It cannot be waited for (a regular file, a closed descriptor, an epoll loop): the errno of epoll_ctl.
    Unpollable(i32),
}

/// Links `node` for park `seq` of `w` on a descriptor.
pub(crate) fn arm(node: &FdWait, fd: i32, events: u32, w: &Waiter, seq: u64) -> Armed {
    link(node, fd, events, w, seq, true)
}

/// Like [`arm`], whatever is known to be ready: for who looks at the descriptor himself *after* this, as poll(2) does.
pub(crate) fn watch(node: &FdWait, fd: i32, events: u32, w: &Waiter, seq: u64) -> Armed {
    link(node, fd, events, w, seq, false)
}

fn link(node: &FdWait, fd: i32, events: u32, w: &Waiter, seq: u64, by_what_is_known: bool) -> Armed {
    let Some(e) = entry(fd) else { return Armed::Unpollable(libc::EBADF) };
    let mut list = e.waiters.lock();
    if let Err(errno) = e.register(fd) {
        return Armed::Unpollable(errno);
    }
    if by_what_is_known && concerns(events, e.ready.load(SeqCst)) {
        return Armed::Ready;
    }
    node.waiter.set(w);
    node.seq.set(seq);
    node.fd.set(fd);
    node.events.set(events);
    node.stays.set(by_what_is_known);
    e.last.store(&raw const *node as usize, Relaxed);
    list.link(node);
    Armed::Waiting
}

/// Takes a node out, if it is still in. After this no waker looks at it.
pub(crate) fn disarm(node: &FdWait) {
    while let Some(e) = entry(node.fd.get()) {
        let mut list = e.waiters.lock();
        // It may have been moved to another number's list before the lock was ours.
        if entry(node.fd.get()).is_some_and(|now| core::ptr::eq(now, e)) {
            return list.unlink(node);
        }
    }
}

impl List {
    pub(super) fn link(&mut self, node: &FdWait) {
        node.prev.set(null());
        node.next.set(self.0);
        // SAFETY: the head is null or a linked node.
        if let Some(first) = unsafe { self.0.as_ref() } {
            first.prev.set(node);
        }
        self.0 = node;
        node.linked.set(true);
    }

    /// Unlinks those who go on when the number is closed, and gives each to `f`.
    pub(super) fn take_staying(&mut self, mut f: impl FnMut(&FdWait)) {
        let mut p = self.0;
        // SAFETY: null or linked nodes; `next` is read before the node is unlinked.
        while let Some(n) = unsafe { p.as_ref() } {
            p = n.next.get();
            if n.stays.get() {
                self.unlink(n);
                f(n);
            }
        }
    }

    /// Whether anybody goes on when the number is closed.
    pub(super) fn any_staying(&self) -> bool {
        let mut p = self.0;
        // SAFETY: null or linked nodes.
        while let Some(n) = unsafe { p.as_ref() } {
            if n.stays.get() {
                return true;
            }
            p = n.next.get();
        }
        false
    }

    fn unlink(&mut self, node: &FdWait) {
        if !node.linked.replace(false) {
            return;
        }
        let (prev, next) = (node.prev.get(), node.next.get());
        // SAFETY: neighbours are null or linked nodes.
        unsafe {
            match prev.as_ref() {
                None => self.0 = next,
                Some(p) => p.next.set(next),
            }
            if let Some(n) = next.as_ref() {
                n.prev.set(prev);
            }
        }
    }

    /// Unlinks and wakes those whom `ready` concerns.
    fn wake(&mut self, ready: u32) {
        let mut p = self.0;
        // SAFETY: as above; `next` is read before the node is unlinked.
        while let Some(n) = unsafe { p.as_ref() } {
            p = n.next.get();
            if concerns(n.events.get(), ready) {
                let (w, seq) = (n.waiter.get(), n.seq.get());
                self.unlink(n);
                // SAFETY: a linked node's waiter is part of a record.
                wake(unsafe { &*w }, seq, Wake::Event);
            }
        }
    }
}

/// An event for this descriptor will be looked at soon: its entry is fetched.
#[inline(always)]
pub(super) fn fetch_entry(fd: u32) {
    if let Some(e) = entry(fd as i32) {
        arch::prefetch(&raw const *e as usize);
    }
}

/// It will be looked at next: whoever waits is fetched, which for a thread's own node is the line of the state word, too.
#[inline(always)]
pub(super) fn fetch_waiter(fd: u32) {
    if let Some(e) = entry(fd as i32) {
        let node = e.last.load(Relaxed);
        arch::prefetch(node);
        arch::prefetch(node.wrapping_sub(arch::LINE));
    }
}

/// The kernel reported events.
pub(super) fn event(fd: u32, generation: u32, events: u32) {
    let Some(e) = entry(fd as i32) else { return };
    let mut list = e.waiters.lock();
    if e.generation.load(Relaxed) == generation {
        e.ready.fetch_or(events, SeqCst);
        list.wake(events);
    }
}

/// The number is about to be closed or to become another file: everyone who waits looks again.
pub(crate) fn forget(fd: i32) {
    let Some(e) = entry(fd) else { return };
    if e.registered.load(Relaxed) == 0 && e.kind.load(Relaxed) == 0 {
        return;
    }
    let mut list = e.waiters.lock();
    e.generation.fetch_add(1, SeqCst);
    e.registered.store(0, SeqCst);
    e.kind.store(0, SeqCst);
    e.mode.forget();
    e.in_helper.store(false, SeqCst);
    e.ready.store(0, SeqCst);
    list.wake(!0);
}

/// The number is about to be closed. If its open file lives on elsewhere, the registration would, too.
pub(crate) fn closing(fd: i32) {
    let Some(e) = entry(fd) else { return };
    if e.registered.load(Relaxed) != 0 && (afterlife::keep(fd, e) || !e.is_private()) {
        super::unregister(fd);
    }
    forget(fd);
}

/// The numbers from `first` to `last` of which anything may be known.
pub(crate) fn known(first: u32, last: u32) -> impl Iterator<Item = i32> {
    let end = (last as usize + 1).min(HIGHEST.load(Relaxed) as usize + 1).min(TABLE.len());
    (first as usize..end).map(|fd| fd as i32)
}

/// For the child of a fork: nothing is registered in its epoll, nobody waits.
///
/// # Safety
/// No other thread exists.
pub(super) unsafe fn after_fork() {
    // SAFETY: by contract; zero is "nothing is known".
    unsafe { TABLE.clear() };
}

#[cfg(test)]
mod tests;
