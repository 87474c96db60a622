"""Native client that makes many requests at the same time and compares every byte: client.py [OPTIONS] HOST:PORT.

Prints `N requests, S s` and ends with 0 when every answer was right and the requests overlapped (a quarter of the serial time at
most); else the first thing that was wrong, and 1.
"""

import argparse
import http.client
import ssl
import sys
import threading
import time

from pattern import body, path

parser = argparse.ArgumentParser()
parser.add_argument("server", help="where the content comes from")
parser.add_argument("--proxy", help="HTTP proxy to ask instead")
parser.add_argument("--tls", action="store_true", help="the server speaks TLS, with whatever certificate")
parser.add_argument("--file", help="every request is GET /FILE, answered by the content of --content")
parser.add_argument("--content")
parser.add_argument("--clients", type=int, default=100)
parser.add_argument("--requests", type=int, default=4, help="of each client, each on a connection of its own")
parser.add_argument("--bytes", type=int, default=20000)
parser.add_argument("--delay", type=int, default=300, help="ms that the origin thinks about each")
options = parser.parse_args()

wrong = []
content = open(options.content, "rb").read() if options.file else None


def connect():
    address = options.proxy or options.server
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(address, timeout=60, context=context)
    return http.client.HTTPConnection(address, timeout=60)


def request(number):
    url = f"/{options.file}" if options.file else path(number, options.bytes, options.delay)
    expected = content if options.file else body(number, options.bytes)
    connection = connect()
    try:
        prefix = f"http://{options.server}" if options.proxy else ""
        connection.request("GET", prefix + url, headers={"Host": options.server, "Connection": "close"})
        answer = connection.getresponse()
        got = answer.read()
        if answer.status != 200:
            wrong.append(f"request {number}: status {answer.status}")
        elif got != expected:
            wrong.append(f"request {number}: {len(got)} bytes that are not the {len(expected)} expected")
    except (OSError, http.client.HTTPException) as error:
        wrong.append(f"request {number}: {error!r}")
    finally:
        connection.close()


def client(first):
    for i in range(options.requests):
        request(first + i)


threads = [threading.Thread(target=client, args=(i * options.requests,)) for i in range(options.clients)]
start = time.monotonic()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
seconds = time.monotonic() - start

total = options.clients * options.requests
if wrong:
    sys.exit(print(f"{len(wrong)} of {total} requests wrong, first: {wrong[0]}") or 1)
if not options.file and seconds > total * options.delay / 1000 / 4:
    sys.exit(print(f"{total} requests of {options.delay} ms took {seconds:.1f} s: they did not overlap") or 1)
print(f"{total} requests in {seconds:.1f} s")
