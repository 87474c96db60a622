"""An echo server out of the standard library, a thread per connection: socketserver.ThreadingTCPServer.

    python3 examples/echo_server.py PORT [CLIENTS]        (PORT 0: any free one)

It prints the port it listens on. After CLIENTS clients it says how many kernel threads that took, and ends; without CLIENTS it
serves for ever. Run it under `patchall` and only the last figure changes.
"""

import socketserver
import sys
import threading

from kernel_threads import kernel_threads


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 4096

    def __init__(self, address, clients):
        super().__init__(address, Echo)
        self.lock = threading.Lock()
        self.clients = clients
        self.connected = self.most_connected = self.served = self.most_kernel_threads = 0


class Echo(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        server = self.server
        with server.lock:
            server.connected += 1
            if server.connected > server.most_connected:
                server.most_connected = server.connected
                server.most_kernel_threads = max(server.most_kernel_threads, kernel_threads())

    def handle(self):
        while data := self.request.recv(4096):
            self.request.sendall(data)

    def finish(self):
        super().finish()
        server = self.server
        with server.lock:
            server.connected -= 1
            server.served += 1
            last = server.served == server.clients
        if last:
            server.shutdown()


def main():
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} PORT [CLIENTS]")
    clients = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with Server(("127.0.0.1", int(sys.argv[1])), clients) as server:
        print("listening on port", server.server_address[1], flush=True)
        server.serve_forever()
    print("clients served:     ", server.served)
    print("connected at once:  ", server.most_connected)
    print("kernel threads used:", server.most_kernel_threads)


if __name__ == "__main__":
    main()
