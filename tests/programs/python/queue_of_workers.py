"""threading with queue.Queue, locks, conditions, events, semaphores, barriers, timers and thread-local data."""
import queue
import threading
import time

work, results = queue.Queue(maxsize=10), queue.Queue()
local = threading.local()


def worker(own):
    local.own = own
    while (item := work.get()) is not None:
        time.sleep(0)
        assert local.own == own
        results.put(item * item)
        work.task_done()
    work.task_done()


threads = [threading.Thread(target=worker, args=(i,)) for i in range(20)]
for thread in threads:
    thread.start()
for i in range(1000):
    work.put(i)
for _ in threads:
    work.put(None)
work.join()
for thread in threads:
    thread.join()
print(sum(results.get() for _ in range(1000)))

barrier, event, semaphore = threading.Barrier(10), threading.Event(), threading.BoundedSemaphore(3)
condition, turn, inside, most = threading.Condition(), 0, 0, 0


def meets(own):
    global turn, inside, most
    barrier.wait()
    with condition:
        condition.wait_for(lambda: turn == own)
        turn += 1
        condition.notify_all()
    event.wait()
    with semaphore:
        inside += 1
        most = max(most, inside)
        time.sleep(0.001)
        inside -= 1


threads = [threading.Thread(target=meets, args=(i,)) for i in range(10)]
for thread in threads:
    thread.start()
threading.Timer(0.01, event.set).start()
for thread in threads:
    thread.join()
print(turn, most <= 3)
began = time.monotonic()
print(threading.Event().wait(0.02), time.monotonic() - began >= 0.02)
lock = threading.Lock()
lock.acquire()
print(lock.acquire(timeout=0.02), lock.acquire(blocking=False))
