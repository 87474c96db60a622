//! Random cases for the unit tests: the same ones in every run, and the number of the one that failed is printed.

/// A source of numbers (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// One below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// Runs `f` with so many different sources.
pub(crate) fn cases(count: u64, mut f: impl FnMut(&mut Random)) {
    struct Case(u64);
    impl Drop for Case {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("in random case {}", self.0);
            }
        }
    }
    for case in 0..count {
        let told = Case(case);
        f(&mut Random(case));
        drop(told);
    }
}
