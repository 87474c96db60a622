"""A web site on this machine, with a thread for each request and half a second of work for each page."""

import contextlib
import http.server
import pathlib
import ssl
import threading
import time

TLS = pathlib.Path(__file__).parent / "tls"


class Page(http.server.BaseHTTPRequestHandler):
    """Answers with the number of bytes that `size` has for the path."""

    sizes = {}

    def do_GET(self):
        time.sleep(0.5)
        size = self.sizes.get(self.path)
        self.send_response(404 if size is None else 200)
        self.send_header("Content-Length", str(size or 0))
        self.end_headers()
        self.wfile.write(b"." * (size or 0))

    def log_message(self, *_):
        """Quiet: the example is about who asks."""


@contextlib.contextmanager
def site(sizes, tls=False):
    """Serves pages, given as path: size, while the block runs. Gives the port."""
    handler = type("Handler", (Page,), {"sizes": sizes})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
            # The handshake is the connection's thread's work, not the one's that accepts.
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        loop = threading.Thread(target=server.serve_forever)
        loop.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            loop.join()
