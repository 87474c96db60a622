"""concurrent.futures: a pool of threads, results in order, as completed, exceptions, time-outs, cancelled futures."""
import concurrent.futures
import time


def square(x):
    time.sleep(0.001)
    return x * x


def fails(x):
    raise ValueError(x)


with concurrent.futures.ThreadPoolExecutor(max_workers=50) as pool:
    print(sum(pool.map(square, range(500))))
    futures = {pool.submit(square, i): i for i in range(100)}
    for future in concurrent.futures.as_completed(futures):
        assert future.result() == futures[future] ** 2
    try:
        pool.submit(fails, 7).result()
    except ValueError as error:
        print("raised", error)
    slow = pool.submit(time.sleep, 0.2)
    try:
        slow.result(timeout=0.01)
    except concurrent.futures.TimeoutError:
        print("timed out")
with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
    first, second = pool.submit(time.sleep, 0.05), pool.submit(square, 2)
    print("cancelled", second.cancel())
