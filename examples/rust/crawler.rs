//! A crawler: three pages over HTTPS at the same time. rustls knows nothing of coroutines; it reads and writes a stream.
//!
//! The site is in this program too, and needs half a second for each page.
//!
//! ```text in any order
//! GET: https://localhost/python
//! GET: https://localhost/yahoo
//! GET: https://localhost/github
//! 6000 bytes received from https://localhost/python
//! 5000 bytes received from https://localhost/yahoo
//! 6000 bytes received from https://localhost/github
//! run time is: 0.5 s
//! ```

use patchall::net::{SocketAddr, TcpStream};
use patchall::{StreamServer, join_all, sleep, spawn};
use patchall_examples::http;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// For `localhost`, and with a key that everybody knows: good for an example only.
const CERTIFICATE: &[u8] = include_bytes!("../tls/certificate.pem");
const KEY: &[u8] = include_bytes!("../tls/key.pem");

/// A thousand bytes for each letter of the path's name.
fn page(path: &str) -> Option<Vec<u8>> {
    sleep(Duration::from_millis(500));
    Some(vec![b'.'; path.trim_start_matches('/').len() * 1000])
}

fn serve(connection: TcpStream, config: Arc<ServerConfig>) -> Result<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(config)?, connection);
    http::answer(&mut stream, page)?;
    stream.conn.send_close_notify();
    Ok(stream.conn.complete_io(&mut stream.sock).map(drop)?)
}

fn get_page(url: &str, site: SocketAddr, config: Arc<ClientConfig>) -> Result<()> {
    println!("GET: {url}");
    let (host, path) =
        url.strip_prefix("https://").and_then(|rest| rest.split_once('/')).ok_or("a URL of another kind")?;
    let tls = ClientConnection::new(config, host.to_owned().try_into()?)?;
    let text = http::get(StreamOwned::new(tls, TcpStream::connect(site)?), &format!("/{path}"))?;
    println!("{} bytes received from {url}", text.len());
    Ok(())
}

fn main() -> Result<()> {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE)?;
    let key = PrivateKeyDer::from_pem_slice(KEY)?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.clone()], key)?;
    let config = Arc::new(config);
    let site = StreamServer::bind("127.0.0.1:0", move |connection, from| {
        if let Err(error) = serve(connection, config.clone()) {
            eprintln!("{from}: {error}");
        }
    })?;
    site.start();
    let address = site.local_addr()?;

    let mut trusted = RootCertStore::empty();
    trusted.add(certificate)?;
    let config = Arc::new(ClientConfig::builder().with_root_certificates(trusted).with_no_client_auth());

    let begin = Instant::now();
    let urls = ["https://localhost/python", "https://localhost/yahoo", "https://localhost/github"];
    let crawlers = urls.map(|url| {
        let config = config.clone();
        spawn(move || get_page(url, address, config))
    });
    for result in join_all(crawlers) {
        result.unwrap()?;
    }
    println!("run time is: {:.1} s", begin.elapsed().as_secs_f64());
    Ok(())
}
