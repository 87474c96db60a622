"""Three loops that say who runs and sleep by time.sleep: an unmodified program.

    patchall python3 examples/loops.py

```text in any order
loop-1 0
loop-2 0
loop-3 0
loop-1 1
loop-2 1
loop-3 1
…
loop-1 4
loop-2 4
loop-3 4
use time is: 2.5 s
```
"""

import threading
import time


def f(n):
    for i in range(n):
        # In one piece with the end of the line: the others print, too.
        print(f"{threading.current_thread().name} {i}\n", end="")
        time.sleep(0.5)


begin = time.monotonic()
loops = [threading.Thread(target=f, args=(5,), name=f"loop-{i}") for i in (1, 2, 3)]
for loop in loops:
    loop.start()
for loop in loops:
    loop.join()
print(f"use time is: {time.monotonic() - begin:.1f} s")
