//! Whether a program starts in secure-execution mode, in which ld.so ignores LD_PRELOAD (ld.so(8)).
//!
//! The rules are the kernel's: `bprm_fill_uid` in fs/exec.c for the bits, `cap_bprm_creds_from_file` in
//! security/commoncap.c for the rest. A set-user-ID program is an ordinary one for the user it belongs to.
//!
//! `unsafe` is used for the system calls that std does not have.

use std::ffi::CString;
use std::fmt;
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a program gains when it starts.
#[derive(Clone, Copy)]
pub(super) enum Privilege {
    User(u32),
    Group(u32),
    Capabilities,
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "setuid (runs as user {id})"),
            Self::Group(id) => write!(f, "setgid (runs as group {id})"),
            Self::Capabilities => f.write_str("it has file capabilities"),
        }
    }
}

/// What makes this program's start secure, if anything does.
pub(super) fn gained(file: &Path) -> Option<Privilege> {
    let data = file.metadata().ok()?;
    let name = CString::new(file.as_os_str().as_bytes()).ok()?;
    // SAFETY: these calls take no pointers and cannot fail.
    let ((user, group), real_user, real_group, no_new_privileges) = unsafe {
        (
            (libc::geteuid(), libc::getegid()),
            libc::getuid(),
            libc::getgid(),
            libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
        )
    };
    // SAFETY: statvfs(3) wants a C string and room for its answer; all zeroes is a valid value of it.
    let nosuid = unsafe {
        let mut file_system: libc::statvfs = mem::zeroed();
        libc::statvfs(name.as_ptr(), &mut file_system) == 0 && file_system.f_flag & libc::ST_NOSUID != 0
    };

    let bits_count = !nosuid && !no_new_privileges;
    let with = |bits: u32| bits_count && data.mode() & bits == bits;
    let user = if with(libc::S_ISUID) { data.uid() } else { user };
    // Without the execute bit S_ISGID once meant mandatory locking, and means nothing here.
    let group = if with(libc::S_ISGID | libc::S_IXGRP) { data.gid() } else { group };
    if user != real_user {
        Some(Privilege::User(user))
    } else if group != real_group {
        Some(Privilege::Group(group))
    } else if real_user != 0 && !nosuid && has_capabilities(&name) {
        Some(Privilege::Capabilities)
    } else {
        None
    }
}

/// Whether the file gives capabilities: the `security.capability` attribute, `struct vfs_cap_data` of
/// linux/capability.h, with the effective flag or a permitted bit set.
fn has_capabilities(name: &CString) -> bool {
    let mut words = [0_u32; 6];
    // SAFETY: getxattr(2) wants two C strings and room for its answer, of the size we give.
    let length = unsafe {
        libc::getxattr(
            name.as_ptr(),
            c"security.capability".as_ptr(),
            words.as_mut_ptr().cast(),
            mem::size_of_val(&words),
        )
    };
    // magic and flags; then permitted and inheritable, for each 32 capabilities.
    let [flags, permitted, _, permitted_high, ..] = words.map(u32::from_le);
    length > 0 && (flags & 1 != 0 || permitted != 0 || permitted_high != 0)
}
