//! `switch` goes on in a greenlet and brings it a value; what comes back is the value of the next switch to here.
//!
//! If the greenlet has not begun, it begins, and the value is its argument.
//!
//! ```text
//! the greenlet begins with 1
//! main is given 10
//! the greenlet is given 2
//! main is given 20
//! the greenlet ends with 30
//! the greenlet is dead: true
//! a switch to it comes straight back, with 4
//! ```

use patchall::Greenlet;

fn main() {
    let main = Greenlet::current();
    let greenlet = Greenlet::new(move |first: i32| {
        println!("the greenlet begins with {first}");
        let second = main.switch(10);
        println!("the greenlet is given {second}");
        let third = main.switch(20);
        third * 10
    });

    println!("main is given {}", greenlet.switch(1));
    println!("main is given {}", greenlet.switch(2));
    println!("the greenlet ends with {}", greenlet.switch(3));
    println!("the greenlet is dead: {}", greenlet.is_dead());
    println!("a switch to it comes straight back, with {}", greenlet.switch(4));
}
