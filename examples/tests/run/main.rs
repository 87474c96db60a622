//! Compiles and runs every example: natively first, then under the library, strict, with one and two carriers.
//!
//! The library is `$PATCHALL_LIB`, or the one in `target/release`; without either only the native half runs, and says so.
//!
//! | file | |
//! |---|---|
//! | `counting` | examples that count kernel threads |
//! | `tutorials` | those of the README's tables |
//! | `expected` | what these are to print |
//! | `ways` | how they are run |

mod counting;
mod expected;
mod tutorials;
mod ways;
