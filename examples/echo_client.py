"""500 threading.Thread clients of an echo server, all connected at the same time, blocking all the way.

    python3 examples/echo_client.py PORT [CLIENTS [MESSAGES]]

Every byte that comes back is compared with what was sent. Natively this is a process of 501 kernel threads.
"""

import socket
import sys
import threading
import time

from kernel_threads import kernel_threads

MESSAGE = 64


class Client(threading.Thread):
    def __init__(self, number, port, messages, all_connected, counted):
        super().__init__(daemon=True)  # so that main can give up when one fails
        self.number, self.port, self.messages = number, port, messages
        self.all_connected, self.counted = all_connected, counted
        self.echoed = 0

    def run(self):
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            for i in range(self.messages):
                self.echoed += self.exchange(connection, i)
                if i == 0:  # everybody is here: let main count
                    self.all_connected.wait()
                    self.counted.wait()

    def exchange(self, connection, i):
        """Sends one message that no other client sends; true if the same came back."""
        message = f"client {self.number}, message {i}".encode().ljust(MESSAGE, b".")
        connection.sendall(message)
        return connection.recv(MESSAGE, socket.MSG_WAITALL) == message


def main():
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} PORT [CLIENTS [MESSAGES]]")
    port = int(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    messages = int(sys.argv[3]) if len(sys.argv) > 3 else 4

    # A client that failed never comes to the barrier; the rest then fail after a minute instead of waiting for ever.
    all_connected, counted = threading.Barrier(count + 1, timeout=60), threading.Barrier(count + 1, timeout=60)
    before = time.monotonic()
    clients = [Client(i, port, messages, all_connected, counted) for i in range(count)]
    for client in clients:
        client.start()
    all_connected.wait()
    kernel = kernel_threads()
    counted.wait()
    for client in clients:
        client.join()
    seconds = time.monotonic() - before

    echoed = sum(client.echoed for client in clients)
    print("clients:            ", count)
    print("messages echoed:    ", echoed)
    print("messages wrong:     ", count * messages - echoed)
    print("kernel threads used:", kernel)
    print(f"seconds:             {seconds:.2f}")
    sys.exit(echoed != count * messages)


if __name__ == "__main__":
    main()
