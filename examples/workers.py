"""Two workers that sleep by time.sleep: an unmodified program, whose threads become coroutines under patchall.

    patchall python3 examples/workers.py

```text in any order
running-work1...
running-work2...
running-work1...
running-work2...
running-work1...
running-work2...
use time is: 1.5 s
```
"""

import threading
import time


def work(name):
    for _ in range(3):
        # In one piece with the end of the line: the other prints, too.
        print(f"running-{name}...\n", end="")
        time.sleep(0.5)


begin = time.monotonic()
t1 = threading.Thread(target=work, args=("work1",))
t2 = threading.Thread(target=work, args=("work2",))
t1.start()
t2.start()
t1.join()
t2.join()
print(f"use time is: {time.monotonic() - begin:.1f} s")
