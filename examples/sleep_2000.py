"""Two thousand Python threads that sleep for a second, all at the same time.

    python3 examples/sleep_2000.py [THREADS [SECONDS]]
"""

import sys
import threading
import time

from kernel_threads import kernel_threads


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    duration = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    slept = []

    def sleeper(number):
        time.sleep(duration)
        slept.append(number)

    before = time.monotonic()
    threads = [threading.Thread(target=sleeper, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    kernel = kernel_threads()
    for thread in threads:
        thread.join()

    print("threads that slept: ", len(set(slept)))
    print("kernel threads used:", kernel)
    print(f"seconds:             {time.monotonic() - before:.2f}")
    sys.exit(sorted(slept) != list(range(count)))


if __name__ == "__main__":
    main()
