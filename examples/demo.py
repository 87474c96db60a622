"""One process, a threaded server and 500 threaded clients of it: first as it is, then under patchall.

    cargo run --release -- python3 examples/demo.py [CLIENTS]

Nothing in here knows about coroutines. The server is socketserver.ThreadingTCPServer (a thread per connection), each client is a
threading.Thread with a blocking socket, and each request makes its thread sleep for a tenth of a second, as a query to a
database would. The program runs itself once natively, for the comparison, and then does the same work where it stands.
"""

import collections
import json
import os
import resource
import socket
import socketserver
import subprocess
import sys
import threading
import time

from kernel_threads import kernel_threads

REQUESTS = 5  # of each client, one after another
THINKING = 0.1  # seconds that the server needs for a request


class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 4096
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Says nothing: the client sees its connection end, and its requests are missing in the count."""


class Shout(socketserver.StreamRequestHandler):
    """Reads a line, thinks about it, answers in capitals."""

    def handle(self):
        for line in self.rfile:
            time.sleep(THINKING)
            self.wfile.write(line.upper())


def client(port, number, everybody, right_answers):
    """Sends its requests one after another and notes which answers were right."""
    try:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            stream = connection.makefile("rwb")
            for request in range(REQUESTS):
                stream.write(b"request %d of client %d\n" % (request, number))
                stream.flush()
                if stream.readline() == b"REQUEST %d OF CLIENT %d\n" % (request, number):
                    right_answers.append((number, request))
                if request == 0:
                    everybody.wait()  # all clients are connected now, and main counts
    except (OSError, threading.BrokenBarrierError):
        everybody.abort()  # not served: let the others go on, its answers are missing in the count


def serve(clients):
    """The work: `clients` clients served at the same time. Returns what it took."""
    right_answers = []
    counted = []
    everybody = threading.Barrier(clients, action=lambda: counted.append(kernel_threads()), timeout=60)
    start = time.monotonic()
    with Server(("127.0.0.1", 0), Shout) as server:
        port = server.server_address[1]
        # Daemons, so that the program ends when the system has no thread left for one of them.
        loop = threading.Thread(target=server.serve_forever, daemon=True)
        loop.start()
        arguments = [(port, number, everybody, right_answers) for number in range(clients)]
        threads = [threading.Thread(target=client, args=a, daemon=True) for a in arguments]
        for number, thread in enumerate(threads):
            try:
                thread.start()
            except RuntimeError as error:
                sys.exit(f"{error} for client {number + 1}")
        for thread in threads:
            thread.join()
        server.shutdown()
        loop.join()
    used = resource.getrusage(resource.RUSAGE_SELF)
    answered = collections.Counter(number for number, request in set(right_answers))
    return {
        "clients": sum(answers == REQUESTS for answers in answered.values()),
        "requests": sum(answered.values()),
        "threads": 2 * clients + 2,  # clients, connections, the server's loop and main
        "kernel": counted[0] if counted else 0,
        "wall": time.monotonic() - start,
        "cpu": used.ru_utime + used.ru_stime,
    }


def serve_natively(clients):
    """The same in a process of its own, without patchall."""
    environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD" and not k.startswith("PATCHALL_")}
    command = [sys.executable, __file__, "--child", str(clients)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode == 0:
        return json.loads(done.stdout)
    print("natively it failed:", (done.stderr.splitlines() or ["no reason given"])[-1], "\n")
    return None


def under_patchall():
    with open("/proc/self/maps") as maps:
        return "libpatchall_shim" in maps.read()


ROWS = [
    ("clients served", lambda r: f"{r['clients']:,}"),
    ("requests answered right", lambda r: f"{r['requests']:,}"),
    ("threads in the program", lambda r: f"{r['threads']:,}"),
    ("wall time", lambda r: f"{r['wall']:.2f} s"),
    ("CPU time", lambda r: f"{r['cpu']:.2f} s"),
    ("kernel threads", lambda r: f"{r['kernel']:,}"),
]


def main():
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(serve(int(sys.argv[2]))))
        return 0

    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    serially = clients * REQUESTS * THINKING
    print(f"{clients} clients, {REQUESTS} requests each, {THINKING} s of waiting per request:")
    print(f"one after another that would be {serially:.0f} s.\n", flush=True)

    columns = {}
    if under_patchall():
        columns["native"] = serve_natively(clients)
        columns["patchall"] = serve(clients)
    else:
        columns["native"] = serve(clients)

    print(" " * 26 + "".join(f"{title:>12}" for title in columns))
    for label, value in ROWS:
        print(f"{label:<26}" + "".join(f"{value(r) if r else 'failed':>12}" for r in columns.values()))
    if "patchall" not in columns:
        print("\nThis was without patchall. To compare: cargo run --release -- python3 examples/demo.py")

    wanted = clients * REQUESTS
    return int(any(r is not None and r["requests"] != wanted for r in columns.values()))


if __name__ == "__main__":
    sys.exit(main())
