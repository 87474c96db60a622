"""An image downloader: urllib in three threads, each image into a file. An unmodified program, as its library is.

    patchall python3 examples/image_downloader.py

The site is in this program too, and needs half a second for each image.

```text in any order
img_1.jpg: 10000 bytes
img_2.jpg: 20000 bytes
img_3.jpg: 30000 bytes
run time is: 0.5 s
```
"""

import pathlib
import tempfile
import threading
import time
import urllib.request

from site_here import site

IMAGES = {"img_1.jpg": 10_000, "img_2.jpg": 20_000, "img_3.jpg": 30_000}


def downloader(path, url):
    with urllib.request.urlopen(url) as response:
        data = response.read()
    path.write_bytes(data)
    # In one piece with the end of the line: the others print, too.
    print(f"{path.name}: {path.stat().st_size} bytes\n", end="")


with site({f"/{name}": size for name, size in IMAGES.items()}) as port, tempfile.TemporaryDirectory() as directory:
    begin = time.monotonic()
    threads = [
        threading.Thread(target=downloader, args=(pathlib.Path(directory, name), f"http://127.0.0.1:{port}/{name}"))
        for name in IMAGES
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"run time is: {time.monotonic() - begin:.1f} s")
