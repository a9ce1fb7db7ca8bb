"""Other people's programs, each in a folder of the test's own."""

import os
import shutil
import subprocess
from pathlib import Path

from support.ports import free_port
from support.proc import wait_until

NODE_FOLDER = Path(__file__).resolve().parents[1] / "node"
NODE_VERSIONS_FOLDER = Path(__file__).resolve().parents[1] / "node-versions"

# In each of which Node's cluster protocol was seen; and the one that tests run on where none is named, so that they see the
# same on every machine.
NODE_VERSIONS = (16, 18, 20, 22, 24, 26)
NODE_VERSION = 20


def find(name):
    """An ordinary user's PATH lacks the folders of servers."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    assert found, f"{name} is not installed (./dev deps)"
    return found


def is_listening(port):
    """Looked up in the kernel's table, so that nobody gets a connection for it."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as file:
            for line in file:
                words = line.split()
                if words[3] == "0A" and words[1].endswith(f":{port:04X}"):
                    return True
    return False


class Program:
    """Runs until stop(); ready when it listens on its ports."""

    def __init__(self, folder, command, ports, env=None):
        self.output = Path(folder) / f"{Path(command[0]).name}.{ports[0]}.log"
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        ready = wait_until(lambda: all(map(is_listening, ports)) or self.process.poll() is not None, 20)
        if not ready or self.process.poll() is not None:
            self.stop()
            raise AssertionError(f"{command[0]} does not start:\n{self.output.read_text()}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)


class Nginx(Program):
    """nginx with these lines in its `http` block; the servers in them listen on `ports`."""

    def __init__(self, folder, http, ports, workers=1):
        own = Path(folder) / f"nginx-{ports[0]}"
        own.mkdir()
        user = "user root;" if os.geteuid() == 0 else ""
        paths = "".join(f"{name}_temp_path {own}/{name};\n"
                        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (own / "nginx.conf").write_text(f"""
            {user} daemon off; worker_processes {workers}; pid {own}/pid; error_log {own}/error.log;
            events {{ worker_connections 4096; }}
            http {{ access_log off; {paths} {http} }}""")
        command = [find("nginx"), "-p", str(own), "-e", str(own / "error.log"), "-c", str(own / "nginx.conf")]
        super().__init__(own, command, ports)


def nginx_in_front(folder, target):
    """As most people have it: adds X-Forwarded-For, one connection to the upstream per request."""
    port = free_port()
    front = Nginx(folder, f"""
        server {{
            listen 127.0.0.1:{port};
            keepalive_requests 1000000;
            location / {{
                proxy_pass http://{target.address};
                proxy_set_header Host $host;
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            }}
        }}""", [port])
    front.address = f"127.0.0.1:{port}"
    return front


def nginx_that_keeps_connections(folder, target, connections=8):
    """As documentation has it for WebSockets and for speed: few connections to the upstream, for all clients, and HTTP/1.1."""
    port = free_port()
    front = Nginx(folder, f"""
        map $http_upgrade $hop {{ default upgrade; '' ''; }}
        upstream target {{ server {target.address}; keepalive {connections}; keepalive_requests 1000000; }}
        server {{
            listen 127.0.0.1:{port};
            client_max_body_size 0;
            location / {{
                proxy_pass http://target;
                proxy_http_version 1.1;
                proxy_set_header Host $http_host;
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection $hop;
            }}
        }}""", [port])
    front.address = f"127.0.0.1:{port}"
    return front


class Haproxy(Program):
    """HAProxy in tcp mode in front of one server; `bind` and `server` are what stands behind those two words."""

    def __init__(self, folder, target, bind="", server=""):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        own = Path(folder) / f"haproxy-{port}"
        own.mkdir()
        (own / "haproxy.cfg").write_text(f"""
            global
                maxconn 100
            defaults
                mode tcp
                timeout connect 5s
                timeout client 10s
                timeout server 10s
            listen all
                bind {self.address} {bind}
                server target {target.address} {server}
            """.replace("            ", ""))
        super().__init__(own, [find("haproxy"), "-q", "-db", "-f", str(own / "haproxy.cfg")], [port])


class Crowd:
    """Named HTTP servers inside one nginx: quick, for thousands of requests."""

    def __init__(self, folder, names):
        ports = {name: free_port() for name in names}
        lines = "".join(f'server {{ listen 127.0.0.1:{port}; return 200 "{name}\\n"; }}\n'
                        for name, port in ports.items())
        self.nginx = Nginx(folder, lines, list(ports.values()))
        self.servers = {name: f"127.0.0.1:{port}" for name, port in ports.items()}

    def stop(self):
        self.nginx.stop()


def node(version=None):
    """The program. npm has it in these versions for this kind of machine; on others what is installed has to do."""
    program = NODE_VERSIONS_FOLDER / "node_modules" / f"node-{version or NODE_VERSION}" / "bin" / "node"
    if version is None and not program.exists():
        return find("node")
    assert program.exists(), f"Node {version} is not installed (./dev deps)"
    return str(program)


def node_script(name):
    assert (NODE_FOLDER / "node_modules").is_dir(), "the npm packages are not installed (./dev deps)"
    return str(NODE_FOLDER / name)


class Node(Program):
    """A script of tests/node."""

    def __init__(self, folder, script, *arguments, ports):
        super().__init__(folder, [node(), node_script(script), *map(str, arguments)], ports)


def run_node(script, *arguments, within=60):
    """A script that ends by itself; returns what it printed."""
    done = subprocess.run([node(), node_script(script), *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=within, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
