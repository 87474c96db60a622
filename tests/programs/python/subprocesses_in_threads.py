# harness: kernel-threads=+18
"""subprocess from many threads at a time: output, input, status, time-out with kill."""
import subprocess
import sys
import threading

results = [None] * 12


def runs(own):
    text = subprocess.run(["/bin/cat"], input=b"x" * 100_000 + str(own).encode(), stdout=subprocess.PIPE, check=True).stdout
    assert text.endswith(str(own).encode()) and len(text) > 100_000
    status = subprocess.call(["/bin/sh", "-c", f"exit {own}"])
    try:
        subprocess.run(["/bin/sleep", "100"], timeout=0.05)
    except subprocess.TimeoutExpired:
        status += 100
    results[own] = status


threads = [threading.Thread(target=runs, args=(i,)) for i in range(len(results))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(results)
print(subprocess.check_output([sys.executable, "-c", "import threading; t = threading.Thread(target=print, args=('child',)); t.start(); t.join()"]))
