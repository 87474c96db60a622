//! The harness: each program under `programs/` runs natively first, then under patchall; the two must agree.
//! `README.md` says how to write a program and how to run one.

#[cfg(test)]
mod harness;

/// One module per area, one per program in it, and in that the tests `native`, `carriers_1`, `carriers_2`, `carriers_4`.
/// `build.rs` makes the list from the directory, so that a file which no test runs cannot exist.
#[cfg(test)]
mod programs {
    /// The tests of one program.
    macro_rules! program {
        ($name:ident, $path:literal) => {
            mod $name {
                use crate::harness;

                #[test]
                fn native() {
                    harness::runs_natively($path);
                }

                #[test]
                fn carriers_1() {
                    harness::agrees_with_native($path, 1);
                }

                #[test]
                fn carriers_2() {
                    harness::agrees_with_native($path, 2);
                }

                #[test]
                fn carriers_4() {
                    harness::agrees_with_native($path, 4);
                }
            }
        };
    }

    include!(concat!(env!("OUT_DIR"), "/programs.rs"));
}
