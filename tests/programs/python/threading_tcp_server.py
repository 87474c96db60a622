# harness: limit=60
"""socketserver.ThreadingTCPServer serves 200 clients, each a thread, at the same time."""
import socket
import socketserver
import threading

CLIENTS = 200
everybody = threading.Barrier(CLIENTS)


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = CLIENTS
    daemon_threads = False


served = [0] * CLIENTS


def client(own):
    with socket.create_connection(server.server_address) as connection, connection.makefile("rwb") as stream:
        everybody.wait()
        for i in range(10):
            stream.write(f"client {own} line {i}\n".encode())
            stream.flush()
            assert stream.readline() == f"CLIENT {own} LINE {i}\n".encode()
            served[own] += 1


with Server(("127.0.0.1", 0), Handler) as server:
    main = threading.Thread(target=server.serve_forever)
    main.start()
    threads = [threading.Thread(target=client, args=(i,)) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.shutdown()
    main.join()
print(sum(served), min(served))
