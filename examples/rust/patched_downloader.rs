//! The image downloader with a library that knows nothing of coroutines: ureq, on std's sockets, patched.
//!
//! The site is in this program too, with std's sockets, and needs half a second for each image.
//!
//! ```text
//! img_1.jpg: 10000 bytes
//! img_2.jpg: 20000 bytes
//! img_3.jpg: 30000 bytes
//! run time is: 0.5 s
//! ```

use patchall::{join_all, monkey, spawn};
use patchall_examples::http;
use std::error::Error;
use std::net::TcpListener;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

patchall::export_hooks!();

/// `/img_2.jpg` is 20,000 bytes, and so on.
fn image(path: &str) -> Option<Vec<u8>> {
    let number: usize = path.strip_prefix("/img_")?.strip_suffix(".jpg")?.parse().ok()?;
    sleep(Duration::from_millis(500));
    Some(vec![0xD8; number * 10_000])
}

/// A coroutine for each request.
fn serve(listener: &TcpListener) {
    for connection in listener.incoming() {
        spawn(move || http::answer(connection?, image));
    }
}

fn download(url: &str, file: &Path) -> Result<(), Box<dyn Error>> {
    let image = ureq::get(url).call()?.into_body().read_to_vec()?;
    Ok(std::fs::write(file, image)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    monkey::patch_all();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    spawn(move || serve(&listener));
    let directory = std::env::temp_dir().join(format!("patchall-patched-images-{}", std::process::id()));
    std::fs::create_dir(&directory)?;

    let begin = Instant::now();
    let names = ["img_1.jpg", "img_2.jpg", "img_3.jpg"];
    let downloads = names.map(|name| {
        let file = directory.join(name);
        spawn(move || download(&format!("http://{address}/{name}"), &file))
    });
    for (name, result) in names.iter().zip(join_all(downloads)) {
        result.unwrap()?;
        println!("{name}: {} bytes", directory.join(name).metadata()?.len());
    }
    println!("run time is: {:.1} s", begin.elapsed().as_secs_f64());
    Ok(std::fs::remove_dir_all(directory)?)
}
