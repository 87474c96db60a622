//! An image downloader: three images are fetched over HTTP at the same time and written to files.
//!
//! The site is in this program too, and needs half a second for each image.
//!
//! ```text
//! img_1.jpg: 10000 bytes
//! img_2.jpg: 20000 bytes
//! img_3.jpg: 30000 bytes
//! run time is: 0.5 s
//! ```

use patchall::net::{SocketAddr, TcpStream};
use patchall::{StreamServer, join_all, sleep, spawn};
use patchall_examples::http;
use std::path::Path;
use std::time::{Duration, Instant};

/// `/img_2.jpg` is 20,000 bytes, and so on.
fn image(path: &str) -> Option<Vec<u8>> {
    let number: usize = path.strip_prefix("/img_")?.strip_suffix(".jpg")?.parse().ok()?;
    sleep(Duration::from_millis(500));
    Some(vec![0xD8; number * 10_000])
}

fn download(name: &str, site: SocketAddr, directory: &Path) -> std::io::Result<()> {
    let image = http::get(TcpStream::connect(site)?, &format!("/{name}"))?;
    std::fs::write(directory.join(name), image)
}

fn main() -> std::io::Result<()> {
    let site = StreamServer::bind("127.0.0.1:0", |connection, from| {
        if let Err(error) = http::answer(connection, image) {
            eprintln!("{from}: {error}");
        }
    })?;
    site.start();
    let address = site.local_addr()?;
    let directory = std::env::temp_dir().join(format!("patchall-images-{}", std::process::id()));
    std::fs::create_dir(&directory)?;

    let begin = Instant::now();
    let names = ["img_1.jpg", "img_2.jpg", "img_3.jpg"];
    let downloads = names.map(|name| {
        let directory = directory.clone();
        spawn(move || download(name, address, &directory))
    });
    for (name, result) in names.iter().zip(join_all(downloads)) {
        result.unwrap()?;
        println!("{name}: {} bytes", directory.join(name).metadata()?.len());
    }
    println!("run time is: {:.1} s", begin.elapsed().as_secs_f64());
    std::fs::remove_dir_all(directory)
}
