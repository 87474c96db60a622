"""multiprocessing by fork from a process with threads: pool, queue, shared values and locks, pipes."""
import multiprocessing
import threading

context = multiprocessing.get_context("fork")


def square(x):
    return x * x


def adds(value, lock, count):
    for _ in range(count):
        with lock:
            value.value += 1


def threads_of_its_own(queue):
    threads = [threading.Thread(target=queue.put, args=(i,)) for i in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    stop = threading.Event()
    idle = threading.Thread(target=stop.wait)
    idle.start()
    with context.Pool(4) as pool:
        print(sum(pool.map(square, range(1000))))
    value, lock, queue = context.Value("l", 0), context.Lock(), context.Queue()
    processes = [context.Process(target=adds, args=(value, lock, 500)) for _ in range(4)]
    processes.append(context.Process(target=threads_of_its_own, args=(queue,)))
    for process in processes:
        process.start()
    print(sorted(queue.get() for _ in range(10)))
    for process in processes:
        process.join()
        assert process.exitcode == 0
    print(value.value)
    stop.set()
    idle.join()


main()
