"""Two thousand threads are alive at the same time, meet, and end."""
import threading

COUNT = 2000
lock, all_here, leave = threading.Lock(), threading.Event(), threading.Event()
here = 0


def comes_and_waits():
    global here
    with lock:
        here += 1
        if here == COUNT:
            all_here.set()
    leave.wait()


threading.stack_size(256 * 1024)
threads = [threading.Thread(target=comes_and_waits) for _ in range(COUNT)]
for thread in threads:
    thread.start()
all_here.wait()
print(threading.active_count())
leave.set()
for thread in threads:
    thread.join()
print(threading.active_count())
