//! The address space as `/proc/self/maps` tells it (proc_pid_maps(5)).
//!
//! Read by raw system calls: once the gate is open, libc's own `read` may park its caller.

use core::ops::Range;

use super::Error;
use super::kernel::{self, Errno};

/// One line of the map.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) range: Range<usize>,
    pub(super) read: bool,
    pub(super) exec: bool,
    pub(super) offset: usize,
    pub(super) device: u64,
    /// Zero for anonymous memory and the kernel's own regions.
    pub(super) inode: u64,
    pub(super) name: String,
}

/// All regions, in order of address.
pub(super) fn regions() -> Result<Vec<Region>, Error> {
    let text = read_all(c"/proc/self/maps").map_err(Error::Maps)?;
    Ok(text.split(|&byte| byte == b'\n').filter_map(|line| parse(&String::from_utf8_lossy(line))).collect())
}

fn parse(line: &str) -> Option<Region> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let flags = fields.next()?.as_bytes();
    let offset = usize::from_str_radix(fields.next()?, 16).ok()?;
    let (major, minor) = fields.next()?.split_once(':')?;
    let inode = fields.next()?.parse().ok()?;
    Some(Region {
        range: usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?,
        read: flags.first() == Some(&b'r'),
        exec: flags.get(2) == Some(&b'x'),
        offset,
        device: u64::from_str_radix(major, 16).ok()? << 32 | u64::from_str_radix(minor, 16).ok()?,
        inode,
        name: fields.next().unwrap_or("").trim_start().to_owned(),
    })
}

fn read_all(path: &core::ffi::CStr) -> Result<Vec<u8>, Errno> {
    let fd = kernel::open(path, libc::O_RDONLY)?;
    let mut text = vec![0u8; 64 << 10];
    let mut filled = 0;
    let outcome = loop {
        if filled == text.len() {
            text.resize(2 * filled, 0);
        }
        match kernel::read(fd, &mut text[filled..]) {
            Ok(0) => break Ok(()),
            Ok(count) => filled += count,
            Err(Errno(libc::EINTR)) => {}
            Err(errno) => break Err(errno),
        }
    };
    kernel::close(fd);
    text.truncate(filled);
    outcome.map(|()| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_path_with_spaces() {
        let region =
            parse("7f01000-7f03000 r-xp 00002000 fe:01 247030                     /opt/a b/c (deleted)").unwrap();
        assert_eq!(region.range, 0x7f01000..0x7f03000);
        assert!(region.read && region.exec);
        assert_eq!((region.offset, region.device, region.inode), (0x2000, 0xfe << 32 | 1, 247030));
        assert_eq!(region.name, "/opt/a b/c (deleted)");
    }

    #[test]
    fn anonymous_memory_has_no_name() {
        let region = parse("7f01000-7f03000 rw-p 00000000 00:00 0 ").unwrap();
        assert_eq!((region.exec, region.inode, region.name.as_str()), (false, 0, ""));
    }

    #[test]
    fn this_process_has_a_stack_and_code() {
        let regions = regions().unwrap();
        assert!(regions.iter().any(|region| region.name == "[stack]"));
        let here = this_process_has_a_stack_and_code as *const () as usize;
        assert!(regions.iter().any(|region| region.exec && region.range.contains(&here)));
        assert!(regions.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
    }
}
