"""Everything but the clients, on this machine."""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"  # an ordinary user's lacks the folder of nginx
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LIMPETS = ("limpet 1", "limpet 2")

# What stands around our nginx.conf in an nginx of its own. It tells clients which limpet answered: of two, the last one.
NGINX = """
daemon off;
pid pid;
events {}
http {
    access_log off;
    add_header X-Limpet $upstream_addr;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
    include two-frontends.conf;
}
"""


class Trouble(Exception):
    """What keeps the example from running, in words for whoever started it."""


def find(name, remedy):
    found = shutil.which(name, path=PATH)
    if not found:
        raise Trouble(f"{name} is not installed: {remedy}")
    return os.path.abspath(found)


def find_limpet():
    """$LIMPET, or the one that was built here, or the one that is installed."""
    built = HERE.parents[1] / "build" / "limpet"
    named = os.environ.get("LIMPET") or (built if built.exists() else "limpet")
    return find(named, "./dev build makes it, meson install -C build installs it")


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(names):
    """Below those that the kernel gives to clients: so a limpet finds its port free when it comes back."""
    ports = filter(is_free, random.sample(range(10000, 32000), 1000))
    return dict(zip(names, ports))


def is_open(address):
    """A port of this machine, or the path of a Unix socket."""
    family, where = (socket.AF_UNIX, address) if isinstance(address, str) else (socket.AF_INET, ("127.0.0.1", address))
    with socket.socket(family) as probe:
        return probe.connect_ex(where) == 0


@contextmanager
def undisturbed():
    """Signals wait until it is over: else a program might be started of which nobody knows."""
    noted = []
    handlers = {number: signal.signal(number, lambda *_: noted.append(True)) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if noted:
        raise KeyboardInterrupt


class Program:
    """Runs until stop() or kill(), and may be started again. It has started when its address is open."""

    def __init__(self, folder, address, command):
        self.folder, self.address, self.command = folder, address, list(map(str, command))
        self.process, self.log = None, folder / "output"
        folder.mkdir()

    @property
    def output(self):
        return self.log.read_text(errors="replace")

    def start(self):
        # In a session of its own: Ctrl-C reaches us alone, and we end everything in order.
        with open(self.log, "ab") as log, undisturbed():
            self.process = subprocess.Popen(self.command, cwd=self.folder, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)
        self.wait_until(lambda: is_open(self.address), "does not start")

    def wait_until(self, condition, complaint):
        deadline = time.monotonic() + 10
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Trouble(f"{self.command[0]} {complaint}:\n{self.output[-2000:]}")
            time.sleep(0.02)

    def stop(self):
        """It finishes what it has begun."""
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def restart(self):
        self.stop()
        self.start()

    def kill(self):
        """At once, with all processes of its own."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class House:
    """Its files are those beside this one, with addresses of this machine in them. `running` has its programs by name."""

    def __init__(self, folder):
        self.folder, self.running = Path(folder), {}
        self.limpet = find_limpet()
        self.nginx = find("nginx", "apt install nginx-light")
        self.memcached = find("memcached", "apt install memcached")
        self.ports = free_ports([*"abcd", *LIMPETS, "limpet without d", "limpet with d", "nginx"])
        self.socket = f"{folder}/memcached/socket"
        subprocess.run([self.limpet, "secret", "--append", self.folder / "secret"], check=True, capture_output=True)

    def address(self, name):
        return f"127.0.0.1:{self.ports[name]}"

    def text(self, file):
        """What a file says, for this machine."""
        text = (HERE / file).read_text()
        for there, here in (("10.0.0.11:3000", self.address("a")), ("10.0.0.12:3000", self.address("b")),
                            ("10.0.0.13:3000", self.address("c")), ("10.0.0.14:3000", self.address("d")),
                            ("10.0.1.1:8080", self.address("limpet 1")), ("10.0.1.2:8080", self.address("limpet 2")),
                            ("listen 80;", f"listen {self.address('nginx')};"), ("trust: 10.0.2.1", "trust: 127.0.0.1"),
                            ("10.0.1.9:11211", f"unix:{self.socket}"), ("/etc/limpet/secret", f"{self.folder}/secret")):
            text = text.replace(there, here)
        return text

    def write_limpet(self, name, with_d=False, with_table=True):
        """Its file, which it reads when it starts."""
        text = self.text("limpet.yaml").replace('":8080"', f'"{self.address(name)}"')
        text = text.replace("/var/lib/limpet/pins", f"{self.folder}/{name}.pins")
        if with_d:
            text = text.replace("# d:", "d:")
        if not with_table:
            text = re.sub(r"(?m)^(pins| *stick):.*\n", "", text)
        file = self.folder / f"{name}.yaml"
        file.write_text(text)
        return file

    def run(self, name, *command, at=None):
        self.running[name] = Program(self.folder / name, at or self.ports[name], command)
        self.running[name].start()

    def start_limpet(self, name, **options):
        self.run(name, self.limpet, "serve", "-c", self.write_limpet(name, **options))

    def start_server(self, name):
        self.run(name, sys.executable, "-B", HERE / "server.py", name, self.ports[name])

    def start_memcached(self):
        # root has to say who it will be; and limpet's engine is somebody else then, who must be let in.
        as_root = ["-u", "root", "-a", "0777"] if os.geteuid() == 0 else []
        self.run("memcached", self.memcached, "-s", self.socket, *as_root, at=self.socket)

    def start_nginx(self):
        (self.folder / "nginx.conf").write_text(NGINX)
        (self.folder / "two-frontends.conf").write_text(self.text("nginx.conf"))
        self.run("nginx", self.nginx, "-p", self.folder, "-e", "stderr", "-c", self.folder / "nginx.conf")

    def start(self):
        for name in "abc":
            self.start_server(name)
        self.start_memcached()
        for name in LIMPETS:
            self.start_limpet(name)
        self.start_nginx()

    def count_pins(self):
        """In memcached, which holds one thing more."""
        with socket.socket(socket.AF_UNIX) as talk:
            talk.connect(self.socket)
            talk.sendall(b"stats\r\nquit\r\n")
            said = talk.makefile("rb").read()
        return int(re.search(rb"STAT curr_items (\d+)", said)[1]) - 1

    def stop(self):
        """What was started last ends first."""
        for program in reversed(self.running.values()):
            program.stop()
