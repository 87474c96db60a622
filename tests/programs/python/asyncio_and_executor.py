"""asyncio with run_in_executor and to_thread, streams, subprocesses, call_soon_threadsafe from threads."""
import asyncio
import threading
import time


def blocking(x):
    time.sleep(0.005)
    return x * 2


async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def client(port, own):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for i in range(10):
        writer.write(f"{own} {i}\n".encode())
        assert await reader.readline() == f"{own} {i}\n".encode()
    writer.close()
    await writer.wait_closed()
    return own


async def main():
    loop = asyncio.get_running_loop()
    print(sum(await asyncio.gather(*(loop.run_in_executor(None, blocking, i) for i in range(50)))))
    print(sum(await asyncio.gather(*(asyncio.to_thread(blocking, i) for i in range(50)))))
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(sum(await asyncio.gather(*(client(port, i) for i in range(30)))))
    server.close()
    future = loop.create_future()
    threading.Thread(target=lambda: loop.call_soon_threadsafe(future.set_result, "from a thread")).start()
    print(await future)
    process = await asyncio.create_subprocess_exec("/bin/echo", "from a child", stdout=asyncio.subprocess.PIPE)
    print((await process.communicate())[0])


asyncio.run(main())
