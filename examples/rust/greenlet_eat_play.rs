//! To eat and to play, by turns: each switch says who is meant.
//!
//! ```text
//! alex is eat1
//! alex is play1
//! alex is eat2
//! alex is play2
//! ```

use patchall::Greenlet;

fn main() {
    let eat = Greenlet::empty();
    let play = Greenlet::empty();
    eat.run({
        let play = play.clone();
        move |name: &str| {
            println!("{name} is eat1");
            play.switch("alex");
            println!("{name} is eat2");
            play.switch("alex")
        }
    });
    play.run({
        let eat = eat.clone();
        move |name: &str| {
            println!("{name} is play1");
            eat.switch("alex");
            println!("{name} is play2");
            name
        }
    });
    eat.switch("alex");
}
