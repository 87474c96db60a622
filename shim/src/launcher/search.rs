//! Where a command may be: the candidates that execvp(3) tries, in its order.

use std::ffi::{CStr, CString, OsStr, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What glibc searches when PATH is not set: `confstr(_CS_PATH)`.
const DEFAULT_PATH: &[u8] = b"/bin:/usr/bin";

/// The paths to try for a command, given the value of PATH.
pub(super) fn candidates(command: &CStr, path: Option<&[u8]>) -> Vec<CString> {
    let name = command.to_bytes();
    if name.is_empty() {
        return Vec::new();
    }
    if name.contains(&b'/') {
        return vec![command.to_owned()];
    }
    path.unwrap_or(DEFAULT_PATH)
        .split(|&b| b == b':')
        .map(|directory| match directory {
            // An empty element is the current directory.
            b"" => command.to_owned(),
            _ => CString::new([directory, b"/", name].concat()).expect("made of C strings"),
        })
        .collect()
}

/// Whether execvp(3) looks further after this error (`__execvpe_common` in glibc's posix/execvpe.c).
pub(super) fn looks_further(errno: c_int) -> bool {
    let passing = [libc::EACCES, libc::ENOENT, libc::ESTALE, libc::ENOTDIR, libc::ENODEV, libc::ETIMEDOUT];
    passing.contains(&errno)
}

/// What execve(2) would say of a file before it looks into it: the errno.
pub(super) fn probe(file: &CStr) -> Result<(), c_int> {
    // SAFETY: faccessat(2) wants a C string.
    let answer = unsafe { libc::faccessat(libc::AT_FDCWD, file.as_ptr(), libc::X_OK, libc::AT_EACCESS) };
    if answer != 0 {
        return Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EACCES));
    }
    match Path::new(OsStr::from_bytes(file.to_bytes())).metadata() {
        Ok(data) if data.is_file() => Ok(()),
        Ok(data) if data.is_dir() => Err(libc::EISDIR),
        Ok(_) => Err(libc::EACCES),
        Err(e) => Err(e.raw_os_error().unwrap_or(libc::EACCES)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(command: &CStr, path: Option<&[u8]>) -> Vec<CString> {
        candidates(command, path)
    }

    #[test]
    fn a_name_with_a_slash_is_not_searched() {
        assert_eq!(paths(c"./a", Some(b"/bin")), [c"./a".to_owned()]);
    }

    #[test]
    fn a_name_is_searched_in_the_order_of_path() {
        let expected = [c"/x/a".to_owned(), c"a".to_owned(), c"/y/a".to_owned()];
        assert_eq!(paths(c"a", Some(b"/x::/y")), expected);
    }

    #[test]
    fn without_path_the_system_directories_are_searched() {
        assert_eq!(paths(c"a", None), [c"/bin/a".to_owned(), c"/usr/bin/a".to_owned()]);
    }

    #[test]
    fn an_empty_name_is_nowhere() {
        assert!(paths(c"", Some(b"/bin")).is_empty());
    }
}
