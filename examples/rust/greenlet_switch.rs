//! The smallest greenlets: 12, over to the other, 56, and back. The last line of the second one is never reached.
//!
//! ```text
//! 12
//! 56
//! 34
//! ```

use patchall::Greenlet;

fn main() {
    let gr1 = Greenlet::empty();
    let gr2 = Greenlet::empty();
    gr1.run({
        let gr2 = gr2.clone();
        move |()| {
            println!("12");
            gr2.switch(());
            println!("34");
            // The end leads to the parent, which is who made the greenlet: main.
        }
    });
    gr2.run({
        let gr1 = gr1.clone();
        move |()| {
            println!("56");
            gr1.switch(());
            println!("78");
        }
    });
    gr1.switch(());
    assert!(gr1.is_dead() && !gr2.is_dead());
}
