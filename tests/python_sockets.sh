#!/bin/bash
# A server thread and fifty clients on sockets in one Python process, all connected before the first is answered.
. "$(dirname "$0")/preload/lib.sh"
name=python_sockets

check() {
    local said
    said=$(preload "$python" -c '
import socket, threading
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
def serve():
    connections = [listener.accept()[0] for _ in range(50)]
    for c in connections: c.sendall(c.recv(100).upper())
right = []
def client(n):
    with socket.create_connection(listener.getsockname()) as c:
        c.sendall(b"client %d" % n)
        right.append(c.recv(100) == b"CLIENT %d" % n)
threads = [threading.Thread(target=serve)] + [threading.Thread(target=client, args=(n,)) for n in range(50)]
for t in threads: t.start()
for t in threads: t.join()
print(sum(right), "clients answered")') || fail "python: exit $?"
    [ "$said" = "50 clients answered" ] || fail "said '$said'"
    expect_virtual
    # Some answers are there before they are asked for; the first clients have to wait for the last.
    expect "threads_made == 51 and parked('recvfrom', 'recv', 'read') >= 25"
}

main
