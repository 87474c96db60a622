//! What was wrong in the environment: collected without allocating, told in one line, and only once.
//!
//! "Once" is for a whole tree of processes. The process that tells also sets the bad variables aside, by writing their
//! prefix in lower case where they stand in the environment block; the processes it starts inherit them so, find nothing
//! to tell, and use the defaults as it does. (A marker variable would have to be added to `environ`, which cannot be
//! done before `main` without moving it.)

use core::ffi::{CStr, c_char};
use core::fmt;

use super::{Config, PREFIX, Wrong};

/// A variable that was refused.
#[derive(Clone, Copy, Debug)]
pub struct Problem {
    /// Its entry `PATCHALL_NAME=VALUE` in the environment block.
    pub(super) entry: *mut c_char,
    pub(super) wrong: Wrong,
}

impl Problem {
    /// The whole entry, name and value.
    fn bytes(&self) -> &[u8] {
        // SAFETY: `from_environ` was promised NUL-terminated strings, and `Problems` are told before `main` could
        // change them.
        unsafe { CStr::from_ptr(self.entry) }.to_bytes()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Long enough to recognise what was meant; more would push the reason out of the line.
        const SHOWN: usize = 80;
        let entry = self.bytes();
        let cut = entry.len().min(SHOWN);
        let dots = if cut < entry.len() { "..." } else { "" };
        write!(f, "{}{dots} ({})", entry[..cut].escape_ascii(), self.wrong)
    }
}

/// The variables that were refused: the first few, and how many more.
#[derive(Debug)]
pub struct Problems {
    first: [Option<Problem>; Self::KEPT],
    more: usize,
}

impl Problems {
    const KEPT: usize = 8;

    pub(super) const NONE: Self = Self { first: [None; Self::KEPT], more: 0 };

    pub(super) fn add(&mut self, problem: Problem) {
        match self.first.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = Some(problem),
            None => self.more += 1,
        }
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first[0].is_none()
    }

    fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.first.iter().flatten()
    }

    /// Sets the bad variables aside, so that no process started from here tells of them again.
    ///
    /// # Safety
    /// `envp` is what [`Config::from_environ`] read these from; it is still there, may be written, and nobody else uses
    /// it meanwhile: so it is before `main`.
    pub unsafe fn set_aside(&self, envp: *const *mut c_char) {
        for problem in self.first.iter().flatten() {
            for i in 0..PREFIX.len() {
                // SAFETY: the entry began with the prefix when it was read, and the caller promises that it is still
                // there and ours to write.
                unsafe {
                    let byte = problem.entry.add(i);
                    *byte = (*byte).cast_unsigned().to_ascii_lowercase().cast_signed();
                }
            }
        }
        if self.more > 0 {
            // SAFETY: as the caller promises; those set aside are not found again, so this ends.
            unsafe {
                let (_, rest) = Config::from_environ(Config::DEFAULT, envp);
                rest.set_aside(envp);
            }
        }
    }
}

impl fmt::Display for Problems {
    /// One line, without the newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ignored, the default holds: ")?;
        for (i, problem) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{problem}")?;
        }
        if self.more > 0 {
            write!(f, " and {} more", self.more)?;
        }
        Ok(())
    }
}
