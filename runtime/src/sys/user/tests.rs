//! Copies from and to memory that may not be there. The test's own handler of SIGSEGV does what the engine's does.

use super::*;
use crate::testing::cases;
use std::sync::Once;

const PAGE: usize = 4096;

extern "C" fn on_fault(sig: i32, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a context; the default action for a fault that is not ours ends the test.
    unsafe {
        let pc = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_RIP as usize];
        match fixup(*pc as usize) {
            Some(out) => *pc = out as i64,
            None => drop(libc::signal(sig, libc::SIG_DFL)),
        }
    }
}

fn handle_faults() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: a handler of this type, on whatever stack.
        unsafe {
            let mut a: libc::sigaction = core::mem::zeroed();
            a.sa_sigaction = on_fault as *const () as usize;
            a.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER | libc::SA_ONSTACK;
            for sig in [libc::SIGSEGV, libc::SIGBUS] {
                assert_eq!(libc::sigaction(sig, &a, core::ptr::null_mut()), 0);
            }
        }
    });
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Page {
    Open,
    ReadOnly,
    Closed,
    /// MADV_GUARD_INSTALL; closed on a kernel without it.
    Guard,
    /// Behind the end of the file: SIGBUS.
    Beyond,
}
// No unmapped ones: another test of this process could be given the place meanwhile.
const KINDS: [Page; 5] = [Page::Open, Page::ReadOnly, Page::Closed, Page::Guard, Page::Beyond];

/// Pages of the given kinds, byte `i` of which is `i as u8` where it can be read.
struct Memory {
    at: usize,
    pages: Vec<Page>,
}

impl Memory {
    fn new(pages: &[Page]) -> Memory {
        handle_faults();
        let len = pages.len() * PAGE;
        // SAFETY: a new mapping, parts of which are changed; an empty file for the pages beyond its end.
        unsafe {
            let at = super::super::map(len).expect("memory") as usize;
            (0..len).for_each(|i| ((at + i) as *mut u8).write(i as u8));
            for (i, kind) in pages.iter().enumerate() {
                let page = (at + i * PAGE) as *mut libc::c_void;
                let refused = match kind {
                    Page::Open => 0,
                    Page::ReadOnly => libc::mprotect(page, PAGE, libc::PROT_READ),
                    Page::Closed => libc::mprotect(page, PAGE, libc::PROT_NONE),
                    Page::Guard if libc::madvise(page, PAGE, 102) == 0 => 0,
                    Page::Guard => libc::mprotect(page, PAGE, libc::PROT_NONE),
                    Page::Beyond => {
                        let file = libc::memfd_create(c"empty".as_ptr(), 0);
                        let (prot, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_FIXED);
                        let mapped = libc::mmap(page, PAGE, prot, flags, file, 0);
                        libc::close(file);
                        (mapped != page) as i32
                    }
                };
                assert_eq!(refused, 0, "{kind:?}: {}", std::io::Error::last_os_error());
            }
            Memory { at, pages: pages.to_vec() }
        }
    }

    /// How many bytes from `offset` on can be read, or written.
    fn good(&self, offset: usize, len: usize, write: bool) -> usize {
        let fits = |i: &usize| match self.pages[(offset + i) / PAGE] {
            Page::Open => true,
            Page::ReadOnly => !write,
            _ => false,
        };
        (0..len).take_while(fits).count()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the test's own.
        unsafe { libc::munmap(self.at as *mut _, self.pages.len() * PAGE) };
    }
}

#[test]
fn a_copy_in_is_whole_or_a_fault() {
    cases(300, |random| {
        let m = Memory::new(&[(); 4].map(|()| if random.below(2) == 0 { Page::Open } else { KINDS[random.below(5)] }));
        for _ in 0..20 {
            let offset = random.below(4 * PAGE);
            let len = random.below(4 * PAGE - offset + 1);
            let mut to = vec![0xAA; len];
            // SAFETY: `to` has the room.
            let r = unsafe { copy_in(to.as_mut_ptr(), m.at + offset, len) };
            let good = m.good(offset, len, false);
            assert_eq!(r, if good == len { Ok(()) } else { Err(Fault) });
            assert!(to[..good].iter().enumerate().all(|(i, b)| *b == (offset + i) as u8));
            assert!(to[good..].iter().all(|b| *b == 0xAA));
        }
    });
}

#[test]
fn a_copy_out_writes_up_to_the_first_page_that_refuses() {
    cases(300, |random| {
        let m = Memory::new(&[(); 4].map(|()| if random.below(2) == 0 { Page::Open } else { KINDS[random.below(5)] }));
        let offset = random.below(4 * PAGE);
        let len = random.below(4 * PAGE - offset + 1);
        let from = vec![0x55; len];
        // SAFETY: `from` can be read.
        let r = unsafe { copy_out(m.at + offset, from.as_ptr(), len) };
        let good = m.good(offset, len, true);
        assert_eq!(r, if good == len { Ok(()) } else { Err(Fault) });
        for i in (0..4 * PAGE).filter(|i| m.good(*i, 1, false) == 1) {
            let written = (offset..offset + good).contains(&i);
            // SAFETY: a page that can be read.
            let b = unsafe { ((m.at + i) as *const u8).read_volatile() };
            assert_eq!(b, if written { 0x55 } else { i as u8 });
        }
    });
}

#[test]
fn words_are_loaded_and_changed_or_a_fault() {
    for kind in KINDS {
        let m = Memory::new(&[kind]);
        let (readable, writable) = (m.good(0, 4, false) == 4, m.good(0, 4, true) == 4);
        let (at, word) = (m.at + 8, 0x0b0a_0908);
        assert_eq!(load(at), if readable { Ok(word) } else { Err(Fault) }, "{kind:?}");
        assert_eq!(cas(at, 1, 2), if writable { Ok(word) } else { Err(Fault) }, "{kind:?}");
        assert_eq!(cas(at, word, 7), if writable { Ok(word) } else { Err(Fault) }, "{kind:?}");
        assert_eq!(update(at, |w| w + 1), if writable { Ok(7) } else { Err(Fault) }, "{kind:?}");
        assert_eq!(
            load(at),
            if writable {
                Ok(8)
            } else if readable {
                Ok(word)
            } else {
                Err(Fault)
            },
            "{kind:?}"
        );
    }
}

#[test]
fn addresses_that_no_program_has_are_faults() {
    handle_faults();
    for at in [0, 1, 0x7fff_ffff_fffd, 1 << 47, 1 << 63, 0xffff_8000_0000_0000, usize::MAX - 3, usize::MAX] {
        assert_eq!(load(at), Err(Fault), "{at:#x}");
        assert_eq!(cas(at, 0, 0), Err(Fault), "{at:#x}");
        assert_eq!(get::<u64>(at), Err(Fault), "{at:#x}");
        assert_eq!(put(at, &1u64), Err(Fault), "{at:#x}");
    }
    let mut byte = 0u8;
    for len in [1 << 47, usize::MAX] {
        // SAFETY: too long for any program: nothing is copied.
        assert_eq!(unsafe { copy_in(&mut byte, 0x1000, len) }, Err(Fault));
    }
}
