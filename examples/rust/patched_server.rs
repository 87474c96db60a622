//! The server with a coroutine for each client, written with std's sockets alone, and patched. For `talk_clients`.
//!
//!     cargo run --release -p patchall-examples --example patched_server [PORT [CLIENTS]]
//!
//! Without arguments it listens on port 8080 and ends when it has served 500 clients.
//!
//! ```text
//! listening on port …
//! client 127.0.0.1:… msg: client-… say hello 0
//! …
//! client 127.0.0.1:… msg: client-… say hello 2
//! 500 clients, 1500 messages
//! ```

use patchall::{monkey, spawn};
use std::io::{Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

patchall::export_hooks!();

/// Until the client goes. How many messages came.
fn talk(mut connection: TcpStream, address: SocketAddr) -> Result<u32> {
    let mut room = [0; 1024];
    let mut messages = 0;
    loop {
        let n = connection.read(&mut room)?;
        if n == 0 {
            return Ok(messages);
        }
        let message = &room[..n];
        println!("client {address} msg: {}", String::from_utf8_lossy(message));
        connection.write_all(&message.to_ascii_uppercase())?;
        messages += 1;
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u16>().expect("a number"));
    let port = arguments.next().unwrap_or(8080);
    let clients = arguments.next().unwrap_or(500);

    monkey::patch_all();
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening on port {}", listener.local_addr()?.port());
    let mut talks = Vec::new();
    for _ in 0..clients {
        let (connection, address) = listener.accept()?;
        talks.push(spawn(move || talk(connection, address)));
    }

    let mut messages = 0;
    for talk in talks {
        messages += talk.join().unwrap()?;
    }
    println!("{clients} clients, {messages} messages");
    Ok(())
}
