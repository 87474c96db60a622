//! The harness: each program runs natively first, then under patchall; the two must agree.
