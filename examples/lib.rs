//! Programs a newcomer runs first; `README.md` lists them. Here is what several of them need and none is about.

pub mod http;
