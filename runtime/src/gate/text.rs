//! Changing the program's code.
//!
//! Two ways, and why each:
//!
//! - **In place, through `/proc/self/mem`**, while the process has a single thread. The kernel
//!   writes to the private pages although they are not writable (`FOLL_FORCE`, fs/proc/base.c), so
//!   the code stays executable all the while, is never writable, and stays the file's mapping, with
//!   its name in `/proc/self/maps`. One write is one system call: the thread itself, signal
//!   handlers included, sees a patch whole or not at all.
//! - **By replacing pages**, when there are other threads, or no `/proc/self/mem` (not mounted; not
//!   dumpable; refused by `proc_mem.force_override`, Linux 6.12). The pages concerned are copied,
//!   the copy is patched, made executable and moved over the original by one mremap(2). A thread
//!   that runs there meanwhile takes a page fault and waits for the move (the fault needs the lock
//!   that mremap holds), so it runs either the old code or the new. Such a run of pages is
//!   anonymous from then on and has its own line in `/proc/self/maps`.
//!
//! What a thread finds when it was in the middle of a window: see `window`. Not used, and why:
//! mprotect to writable and back (other threads cannot run the code meanwhile, and going back may
//! be refused, which would be the end of the process: PR_SET_MDWE, SELinux execmod); breakpoints (a
//! thread that blocks SIGTRAP, as every one does inside pthread_create, is killed by one).
//!
//! Unsafe: this is the one file that changes code.

use core::ops::Range;

use super::kernel::{self, Errno, PAGE};
use super::{Error, Threads};

/// The longest x86-64 instruction.
const LONGEST: usize = 15;
/// Unchanged pages between changed ones that are replaced as well, rather than split the mapping.
const BRIDGED: usize = 64 * PAGE;

/// A change of a few bytes.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    address: usize,
    length: u8,
    original: [u8; LONGEST],
    replacement: [u8; LONGEST],
}

impl Patch {
    /// `original` and `replacement` have the same length, at most that of an instruction.
    pub(super) fn new(address: usize, original: &[u8], replacement: &[u8]) -> Patch {
        let fixed = |bytes: &[u8]| {
            let mut fixed = [0; LONGEST];
            fixed[..bytes.len()].copy_from_slice(bytes);
            fixed
        };
        let length = replacement.len() as u8;
        Patch { address, length, original: fixed(original), replacement: fixed(replacement) }
    }

    fn range(&self) -> Range<usize> {
        self.address..self.address + usize::from(self.length)
    }

    fn replacement(&self) -> &[u8] {
        &self.replacement[..usize::from(self.length)]
    }

    fn undone(&self) -> Patch {
        Patch { original: self.replacement, replacement: self.original, ..self.clone() }
    }

    /// The first byte that is not as `expected`.
    fn differs(&self, expected: &[u8; LONGEST]) -> Option<usize> {
        self.range().zip(expected).find_map(|(address, expected)| {
            // SAFETY: a patch lies in the code of an object that is mapped and readable. Volatile,
            // since the kernel changes these bytes.
            let now = unsafe { (address as *const u8).read_volatile() };
            (now != *expected).then_some(address)
        })
    }
}

/// Do all patches stand in memory?
pub(super) fn applied(patches: &[Patch]) -> bool {
    patches.iter().all(|patch| patch.differs(&patch.replacement).is_none())
}

/// Makes all changes, in order, or none. `code` are the ranges of the object's executable segments.
///
/// [`Error::HalfPatched`] is the exception: what was changed could not be taken back, and what it
/// leads to must stay.
///
/// # Safety
/// The patches must be those of a plan for an object that is mapped, and what they lead to must be
/// ready; with `Threads::One` the process must have no other thread.
pub(super) unsafe fn apply(patches: &[Patch], code: &[Range<usize>], threads: Threads) -> Result<(), Error> {
    if let Some(address) = patches.iter().find_map(|patch| patch.differs(&patch.original)) {
        return Err(Error::TextChanged { address });
    }
    match threads {
        // SAFETY: the caller's promise.
        Threads::One => unsafe { write(patches).or_else(|_| replace(patches, code)) },
        // SAFETY: the caller's promise.
        Threads::Many => unsafe { replace(patches, code) },
    }
}

/// Takes back what [`apply`] has made.
///
/// # Safety
/// As for [`apply`].
pub(super) unsafe fn revert(patches: &[Patch], code: &[Range<usize>], threads: Threads) -> Result<(), Error> {
    let undone: Vec<Patch> = patches.iter().rev().map(Patch::undone).collect();
    // SAFETY: the caller's promise.
    unsafe { apply(&undone, code, threads) }.map_err(|error| match error {
        Error::TextNotWritable(errno) | Error::NoNewCode(errno) | Error::NoNearMemory(errno) => {
            Error::HalfPatched(errno)
        }
        other => other,
    })
}

/// Writes in place. On an error nothing is changed.
unsafe fn write(patches: &[Patch]) -> Result<(), Error> {
    let memory = kernel::open(c"/proc/self/mem", libc::O_RDWR).map_err(Error::TextNotWritable)?;
    let put = |patch: &Patch| {
        // SAFETY: one thread only, which is here; the bytes are those of the plan.
        match unsafe { kernel::write_at(memory, patch.replacement(), patch.address) } {
            Ok(_) if patch.differs(&patch.replacement).is_none() => Ok(()),
            Ok(_) => Err(Error::TextNotWritable(Errno(libc::EIO))),
            Err(errno) => Err(Error::TextNotWritable(errno)),
        }
    };
    let mut outcome = Ok(());
    for (index, patch) in patches.iter().enumerate() {
        outcome = put(patch);
        if outcome.is_err() {
            // What could be written a moment ago can be written again. This one may be half there.
            for done in patches[..=index].iter().rev() {
                let _ = put(&done.undone());
            }
            break;
        }
    }
    kernel::close(memory);
    outcome
}

/// A copy of some pages that is to take their place.
struct Copy {
    memory: usize,
    pages: Range<usize>,
}

impl Drop for Copy {
    fn drop(&mut self) {
        // SAFETY: our own mapping; one that has been moved into place is forgotten instead.
        unsafe { kernel::unmap(self.memory, self.pages.len()) };
    }
}

/// Replaces the pages. On an error nothing is changed, but for [`Error::HalfPatched`].
unsafe fn replace(patches: &[Patch], code: &[Range<usize>]) -> Result<(), Error> {
    let runs = code.iter().flat_map(|segment| runs(patches, segment));
    // All that can be refused comes first.
    let copies: Result<Vec<Copy>, Error> = runs.map(|run| copy(run, patches)).collect();
    let mut done: Vec<Range<usize>> = Vec::new();
    for copy in copies? {
        // SAFETY: the copy differs from the original by whole patches only, each of which suits a
        // thread at any instruction (module `window`).
        match unsafe { kernel::replace(copy.memory, copy.pages.start, copy.pages.len()) } {
            Ok(()) => {
                done.push(copy.pages.clone());
                core::mem::forget(copy);
            }
            Err(errno) if done.is_empty() => return Err(Error::TextNotWritable(errno)),
            Err(errno) => {
                let made = patches.iter().filter(|patch| done.iter().any(|pages| pages.contains(&patch.address)));
                let undone: Vec<Patch> = made.map(Patch::undone).collect();
                // SAFETY: the caller's promise; the originals are right for everybody.
                unsafe { replace(&undone, code) }.map_err(|_| Error::HalfPatched(errno))?;
                return Err(Error::TextNotWritable(errno));
            }
        }
    }
    kernel::serialise_all_threads();
    Ok(())
}

/// The pages of `segment` that have patches, those nearby joined.
fn runs(patches: &[Patch], segment: &Range<usize>) -> Vec<Range<usize>> {
    let inside = patches.iter().filter(|patch| segment.contains(&patch.address));
    let mut places: Vec<Range<usize>> = inside.map(Patch::range).collect();
    places.sort_by_key(|place| place.start);
    let mut runs: Vec<Range<usize>> = Vec::new();
    for place in places {
        let pages = place.start & !(PAGE - 1)..place.end.next_multiple_of(PAGE);
        match runs.last_mut() {
            Some(run) if pages.start <= run.end + BRIDGED => run.end = run.end.max(pages.end),
            _ => runs.push(pages),
        }
    }
    runs
}

/// A patched copy of `pages`, executable.
fn copy(pages: Range<usize>, patches: &[Patch]) -> Result<Copy, Error> {
    let memory = kernel::map(0, pages.len()).map_err(Error::NoNearMemory)?;
    let copy = Copy { memory, pages };
    let pages = copy.pages.clone();
    // SAFETY: whole pages between patches of one object's code, all mapped and readable; the target
    // is fresh memory of the same size.
    unsafe {
        core::ptr::copy_nonoverlapping(pages.start as *const u8, memory as *mut u8, pages.len());
    }
    for patch in patches.iter().filter(|patch| pages.contains(&patch.address)) {
        let into = memory + (patch.address - pages.start);
        let bytes = patch.replacement();
        // SAFETY: `pages` holds the patch to its last byte (see `runs`), and the copy is as large.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), into as *mut u8, bytes.len()) };
    }
    // SAFETY: our own memory, written to no more.
    unsafe { kernel::make_code(memory, pages.len()) }.map_err(Error::NoNewCode)?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_is_not_as_it_was_scanned_is_not_touched() {
        let code = [0x90u8; 8];
        let start = code.as_ptr() as usize;
        let good = Patch::new(start, &[0x90, 0x90], &[0xcc, 0xcc]);
        let stale = Patch::new(start + 4, &[0x90, 0x91], &[0xcc, 0xcc]);
        let segment = start..start + code.len();
        for threads in [Threads::One, Threads::Many] {
            let segment = core::slice::from_ref(&segment);
            // SAFETY: nobody runs these bytes.
            let outcome = unsafe { apply(&[good.clone(), stale.clone()], segment, threads) };
            assert_eq!(outcome, Err(Error::TextChanged { address: start + 5 }));
            // Read anew: the compiler knows the array as constant.
            assert_eq!(good.differs(&good.original), None);
        }
    }

    #[test]
    fn pages_are_joined_only_within_a_segment_and_when_near() {
        let patch = |address| Patch::new(address, &[0; 5], &[1; 5]);
        let far = 0x10_5000 + BRIDGED;
        let patches = [patch(far), patch(0x10_0ffe), patch(0x10_3000), patch(0x100)];
        let segment = 0x10_0000..0x100_0000;
        assert_eq!(runs(&patches, &segment), [0x10_0000..0x10_4000, far..far + PAGE]);
        assert_eq!(runs(&patches, &(0..0x10_0000)), core::slice::from_ref(&(0..0x1000)));
    }
}
