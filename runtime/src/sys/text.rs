//! Text put together where nothing may allocate or format: in signal handlers and in the engine.

use super::{nr, syscall3};

/// Bytes of a [`Text`].
const ROOM: usize = 4096;

/// A text on its way to a descriptor, written in large pieces. What is still in it is lost without [`Text::flush`].
pub struct Text {
    fd: i32,
    bytes: [u8; ROOM],
    used: usize,
}

impl Text {
    /// An empty one.
    pub fn to(fd: i32) -> Self {
        Text { fd, bytes: [0; ROOM], used: 0 }
    }

    /// Appends bytes.
    pub fn put(&mut self, s: &[u8]) -> &mut Self {
        for c in s {
            if self.used == ROOM {
                self.flush();
            }
            self.bytes[self.used] = *c;
            self.used += 1;
        }
        self
    }

    /// Appends a string of C's in a buffer that it may fill.
    pub fn put_c(&mut self, s: &[u8]) -> &mut Self {
        self.put(s.split(|c| *c == 0).next().unwrap_or(s))
    }

    /// Appends a number.
    pub fn decimal(&mut self, v: u64) -> &mut Self {
        self.number(v, 10, 1)
    }

    /// Appends an address.
    pub fn hex(&mut self, v: u64) -> &mut Self {
        self.put(b"0x").number(v, 16, 1)
    }

    /// Appends nanoseconds as seconds with three decimals.
    pub fn seconds(&mut self, ns: u64) -> &mut Self {
        self.decimal(ns / 1_000_000_000).put(b".").number(ns / 1_000_000 % 1000, 10, 3)
    }

    fn number(&mut self, mut v: u64, base: u64, least: usize) -> &mut Self {
        let mut digits = [b'0'; 20];
        let mut first = digits.len();
        while v != 0 || digits.len() - first < least {
            first -= 1;
            digits[first] = b"0123456789abcdef"[(v % base) as usize];
            v /= base;
        }
        self.put(&digits[first..])
    }

    /// Writes what there is.
    pub fn flush(&mut self) {
        // SAFETY: the bytes are readable; there is nobody to tell of an error.
        unsafe { syscall3(nr(libc::SYS_write), self.fd as usize, self.bytes.as_ptr() as usize, self.used) };
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Text;
    use std::io::Read;
    use std::os::fd::AsRawFd;

    #[test]
    fn numbers_and_strings_are_written_as_they_are() {
        let (mut read, write) = std::io::pipe().expect("a pipe");
        let mut t = Text::to(write.as_raw_fd());
        t.put(b"a ").put_c(b"name\0\0rest").put(b" ").decimal(0).put(b" ").decimal(u64::MAX).put(b" ").hex(0xab0c);
        t.put(b" ").seconds(61_007_999_999).put(&[b'.'; 5000]).flush();
        drop(write);
        let mut all = String::new();
        read.read_to_string(&mut all).expect("text");
        assert_eq!(all, format!("a name 0 {} 0xab0c 61.007{}", u64::MAX, ".".repeat(5000)));
    }
}
