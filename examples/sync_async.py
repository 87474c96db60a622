"""Ten tasks that sleep for half a second: one after another, and in a thread each. An unmodified program.

    patchall python3 examples/sync_async.py

```text in any order
Synchronous:
Task 0 done
…
Task 9 done
use time is: 5.0 s
Asynchronous:
Task 0 done
…
Task 9 done
use time is: 0.5 s
all at once is faster: True
```
"""

import threading
import time


def task(number):
    time.sleep(0.5)
    # In one piece with the end of the line: the others print, too.
    print(f"Task {number} done\n", end="")


def synchronous():
    for i in range(10):
        task(i)


def asynchronous():
    threads = [threading.Thread(target=task, args=(i,)) for i in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def timed(f):
    begin = time.monotonic()
    f()
    took = time.monotonic() - begin
    print(f"use time is: {took:.1f} s")
    return took


print("Synchronous:")
one_by_one = timed(synchronous)
print("Asynchronous:")
at_once = timed(asynchronous)
print("all at once is faster:", at_once < one_by_one)
