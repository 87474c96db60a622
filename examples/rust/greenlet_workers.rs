//! Two greenlets in turn: each switches to the other, by name, when it has done its part.
//!
//! ```text
//! running-work1...
//! running-work2...
//! running-work1...
//! running-work2...
//! running-work1...
//! running-work2...
//! ```

use patchall::Greenlet;

fn work(name: &'static str, other: &Greenlet<()>) -> impl FnOnce(()) + 'static {
    let other = other.clone();
    move |()| {
        for _ in 0..3 {
            println!("running-{name}...");
            other.switch(());
        }
    }
}

fn main() {
    // Each must know the other, so both are made before they are given what to do.
    let g1 = Greenlet::empty();
    let g2 = Greenlet::empty();
    g1.run(work("work1", &g2));
    g2.run(work("work2", &g1));

    g1.switch(());
    // The first one came to its end, which leads back to main; the second is still in its last switch.
}
