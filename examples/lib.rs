//! Programs a newcomer runs first; `README.md` lists them.
