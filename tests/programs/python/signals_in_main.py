"""Python runs signal handlers in main while threads work: SIGALRM by setitimer, SIGUSR1 from a thread, KeyboardInterrupt."""
import os
import signal
import threading
import time

seen, stop = [], False


def handler(number, frame):
    assert threading.current_thread() is threading.main_thread()
    seen.append(number)


def works():
    while not stop:
        time.sleep(0.001)


def interrupts():
    os.kill(os.getpid(), signal.SIGUSR1)
    while signal.SIGUSR1 not in seen:
        time.sleep(0.001)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    while signal.SIGALRM not in seen:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)


signal.signal(signal.SIGUSR1, handler)
signal.signal(signal.SIGALRM, handler)
threads = [threading.Thread(target=works) for _ in range(10)]
for thread in threads:
    thread.start()
interrupter = threading.Thread(target=interrupts)
try:
    interrupter.start()
    while True:
        time.sleep(1000)
except KeyboardInterrupt:
    print("interrupted")
stop = True
interrupter.join()
for thread in threads:
    thread.join()
print([signal.Signals(number).name for number in seen])
