// harness: kernel-threads=+18
//! std::process and std::net in threads: output of children, stdin through pipes, TcpListener with a thread each.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

fn children(own: usize) {
    let output = Command::new("/bin/echo").arg(own.to_string()).output().expect("echo runs");
    assert_eq!(output.stdout, format!("{own}\n").into_bytes());
    let mut cat = Command::new("/bin/cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("cat runs");
    let mut input = cat.stdin.take().expect("piped");
    let writer = thread::spawn(move || input.write_all(&vec![b'x'; 300_000]).expect("cat reads"));
    let mut text = String::new();
    cat.stdout.take().expect("piped").read_to_string(&mut text).expect("UTF-8");
    writer.join().expect("no panic");
    assert_eq!(text.len(), 300_000);
    assert!(cat.wait().expect("it ends").success());
    assert_eq!(Command::new("/bin/sh").args(["-c", "exit 3"]).status().expect("sh runs").code(), Some(3));
}

fn main() {
    let threads: Vec<_> = (0..6).map(|own| thread::spawn(move || children(own))).collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("bound");
    let server = thread::spawn(move || {
        let serve = |stream: TcpStream| {
            let mut lines = BufReader::new(stream.try_clone().expect("a descriptor is free"));
            let mut line = String::new();
            while lines.read_line(&mut line).expect("UTF-8") > 0 {
                (&stream).write_all(line.to_uppercase().as_bytes()).expect("the client reads");
                line.clear();
            }
        };
        let servers: Vec<_> = listener
            .incoming()
            .take(50)
            .map(|stream| thread::spawn(move || serve(stream.expect("accepted"))))
            .collect();
        servers.into_iter().for_each(|server| server.join().expect("no panic"));
    });
    let clients: Vec<_> = (0..50)
        .map(|own| {
            thread::spawn(move || {
                let stream = TcpStream::connect(address).expect("the server listens");
                let mut lines = BufReader::new(stream.try_clone().expect("a descriptor is free"));
                for i in 0..20 {
                    writeln!(&stream, "client {own} line {i}").expect("the server reads");
                    let mut line = String::new();
                    lines.read_line(&mut line).expect("UTF-8");
                    assert_eq!(line, format!("CLIENT {own} LINE {i}\n"));
                }
                stream.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout can be set");
                let error = (&stream).read(&mut [0]).expect_err("nothing comes");
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
            })
        })
        .collect();
    for client in clients {
        client.join().expect("no panic");
    }
    server.join().expect("no panic");
    println!("ok");
}
