"""The server of the benchmarks: fixed answers on loopback, as fast as can be had, in a process of its own.

``GET /v2/sections/{size}/groups/{id}`` answers with a group of that id and of ``size`` businesses. nginx where there is
one, else a protocol of ours; neither looks at a key or counts a quota.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.clients import Server

# nginx refuses longer quoted strings.
_NGINX_STRING = 4000

_NGINX = """
daemon off;
master_process off;
pid {place}/pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    variables_hash_max_size 8192;
    access_log off;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    tcp_nodelay on;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    default_type application/json;
{strings}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
{locations}
    }}
}}
"""


def business_ids(size: int) -> str:
    """The inside of the JSON array: ids of 24 hexadecimal digits, like real ones."""
    return ",".join(f'"5409c35a97bbc544{number:08x}"' for number in range(size))


def group(number: str, ids: str) -> str:
    return f'{{"id":{number},"name":"France","has_puller":false,"business_ids":[{ids}]}}'


def nginx_variables(name: str, text: str) -> tuple[list[str], str]:
    """The lines that define variables of a long text, and what stands for it in a string."""
    lines = []
    while len(text) > _NGINX_STRING - 200:
        # Variables are of a fixed width, so that the string that names them is cut between two of them.
        step = _NGINX_STRING - _NGINX_STRING % 20 if text.startswith("$") else _NGINX_STRING
        parts = [text[start : start + step] for start in range(0, len(text), step)]
        names = [f"$ids_{name}_{len(lines) + index:0>{14 - len(name)}}" for index in range(len(parts))]
        lines += [f"    map '' {one} {{ default '{part}'; }}" for one, part in zip(names, parts, strict=True)]
        text = "".join(names)
    return lines, text


def nginx_config(sizes: list[int], place: str, port: int) -> str:
    """A location for each size; its long text stands in as many variables as it takes."""
    strings, locations = [], []
    for size in sizes:
        lines, text = nginx_variables(str(size), business_ids(size))
        strings += lines
        body = group("$number", text)
        locations.append(
            f"        location ~ ^/v2/sections/{size}/groups/(?<number>[0-9]+)$ {{ return 200 '{body}'; }}"
        )
    return _NGINX.format(place=place, port=port, strings="\n".join(strings), locations="\n".join(locations))


def find_nginx() -> str | None:
    # Where Debian puts it, which is not on every user's path.
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


class FixedServer(asyncio.Protocol):
    """One connection of the server that stands in for nginx: looks at the path, and at nothing else.

    ``bodies``: the business ids of each section, as the inside of a JSON array.
    """

    _PATH = re.compile(rb"GET /v2/sections/(\d+)/groups/(\d+) ")

    def __init__(self, bodies: dict[int, str]) -> None:
        self.bodies = bodies
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its bases

    def data_received(self, data: bytes) -> None:
        *requests, self.received = (self.received + data).split(b"\r\n\r\n")
        for request in requests:
            found = self._PATH.match(request)
            if found is None:
                self.transport.close()
                return
            section, number = found.groups()
            body = group(number.decode(), self.bodies[int(section)]).encode()
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nServer: fixed\r\nContent-Type: application/json\r\n"
                b"Connection: keep-alive\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )


async def serve(sizes: list[int], port: int) -> None:
    bodies = {size: business_ids(size) for size in sizes}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: FixedServer(bodies), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_up(process: subprocess.Popen[bytes], port: int) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit("the server of the benchmarks did not start")


@contextmanager
def serving(sizes: list[int], core: int | None, *, nginx: bool = True) -> Iterator[Server]:
    """Run the server on that core; yield its URL and what it is."""
    program = find_nginx() if nginx else None
    port = free_port()
    with tempfile.TemporaryDirectory() as place:
        if program is not None:
            config = Path(place, "nginx.conf")
            config.write_text(nginx_config(sizes, place, port), encoding="utf-8")
            command = [program, "-p", place, "-e", "stderr", "-c", str(config)]
        else:
            command = [sys.executable, "-m", "benchmarks.bench_server", str(port), *map(str, sizes)]
        with subprocess.Popen(command) as process:
            try:
                if core is not None:
                    os.sched_setaffinity(process.pid, {core})
                wait_until_up(process, port)
                yield f"http://127.0.0.1:{port}/v2", describe(program)
            finally:
                process.terminate()


def describe(program: str | None) -> str:
    if program is None:
        return "an asyncio.Protocol of ours, as there is no nginx"
    done = subprocess.run([program, "-v"], capture_output=True, text=True, check=True)
    return done.stderr.strip().rpartition(" ")[2]


def main() -> None:
    port, *sizes = (int(argument) for argument in sys.argv[1:])
    try:
        from uvloop import new_event_loop  # noqa: PLC0415 - it need not be there
    except ImportError:
        new_event_loop = asyncio.new_event_loop
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(sizes, port))


if __name__ == "__main__":
    main()
