"""A crawler: three pages over HTTPS in a thread each. An unmodified program, as urllib, ssl and OpenSSL are.

    patchall python3 examples/crawler.py

The site is in this program too, and needs half a second for each page.

```text in any order
GET: /python
GET: /yahoo
GET: /github
6000 bytes received from /python
5000 bytes received from /yahoo
6000 bytes received from /github
run time is: 0.5 s
```
"""

import ssl
import threading
import time
import urllib.request

from site_here import TLS, site

PAGES = {"/python": 6000, "/yahoo": 5000, "/github": 6000}


def get_page(port, path):
    # In one piece with the end of the line: the others print, too.
    print(f"GET: {path}\n", end="")
    trusted = ssl.create_default_context(cafile=TLS / "certificate.pem")
    with urllib.request.urlopen(f"https://localhost:{port}{path}", context=trusted) as response:
        if response.status == 200:
            print(f"{len(response.read())} bytes received from {path}\n", end="")


with site(PAGES, tls=True) as port:
    begin = time.monotonic()
    threads = [threading.Thread(target=get_page, args=(port, path)) for path in PAGES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"run time is: {time.monotonic() - begin:.1f} s")
