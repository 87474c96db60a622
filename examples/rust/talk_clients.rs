//! 500 clients of a server at once, in one thread. For `talk_server`, or any server that answers in capitals.
//!
//!     cargo run --release -p patchall-examples --example talk_clients [PORT]
//!
//! ```text in any order
//! CLIENT-0 SAY HELLO 0
//! CLIENT-0 SAY HELLO 1
//! CLIENT-0 SAY HELLO 2
//! …
//! CLIENT-499 SAY HELLO 0
//! CLIENT-499 SAY HELLO 1
//! CLIENT-499 SAY HELLO 2
//! 500 clients had 1500 answers
//! ```

use patchall::net::TcpStream;
use patchall::task::Builder;
use patchall::{current, join_all};
use std::io::{Read, Result, Write};

/// Says hello three times. How many answers came.
fn client(port: u16) -> Result<u32> {
    // A connection of its own: one that all share would have a single address.
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    let me = current();
    let name = me.name().unwrap_or("nobody");
    let mut answers = 0;
    for count in 0..3 {
        let message = format!("{name} say hello {count}");
        connection.write_all(message.as_bytes())?;
        let mut answer = vec![0; message.len()];
        connection.read_exact(&mut answer)?;
        println!("{}", String::from_utf8_lossy(&answer));
        answers += 1;
    }
    Ok(answers)
}

fn main() -> Result<()> {
    let port = std::env::args().nth(1).map_or(8080, |a| a.parse().expect("a port"));
    let mut clients = Vec::new();
    for i in 0..500 {
        clients.push(Builder::new().name(format!("client-{i}")).spawn(move || client(port))?);
    }
    let count = clients.len();
    let mut answers = 0;
    for result in join_all(clients) {
        answers += result.unwrap()?;
    }
    println!("{count} clients had {answers} answers");
    Ok(())
}
