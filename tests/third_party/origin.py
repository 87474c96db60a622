"""A threaded web server out of the standard library: origin.py PORT.

GET /NUMBER/BYTES/DELAY_MS answers after the delay with pattern.body(NUMBER, BYTES). It is the native origin behind the proxies,
and, as a thread-per-connection server that spends its time in time.sleep, a program under test itself.
"""

import http.server
import sys
import time

from pattern import body


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            number, length, delay_ms = map(int, self.path.strip("/").split("/"))
        except ValueError:
            self.send_error(404)
            return
        time.sleep(delay_ms / 1000)
        data = body(number, length)
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
