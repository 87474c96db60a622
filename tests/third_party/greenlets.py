# Greenlets in threads: each thread has gevent's hub of its own, sleeps by it and by the kernel, and switches greenlets by hand.
import threading, time

import gevent, greenlet


def switches(count):
    def child(number):
        while True:
            number = greenlet.getcurrent().parent.switch(number + 1)

    other, number = greenlet.greenlet(child), 0
    for _ in range(count):
        number = other.switch(number)
    return number


def worker(results):
    def job(number):
        gevent.sleep(0.001 * (number % 5))
        time.sleep(0.0005)
        return number

    jobs = [gevent.spawn(job, number) for number in range(50)]
    gevent.joinall(jobs)
    computed = sum(range(200000)) % 2  # until it is preempted; 0
    results.append(sum(job.value for job in jobs) + switches(1000) + computed)


results = []
threads = [threading.Thread(target=worker, args=(results,)) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"{len(results)} threads, {set(results)}")
