"""Other people's HTTP servers, each as an object with a `name` and an `address`, and curl."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from support.ports import free_port
from support.programs import Nginx, Node, Program, find

PIECE = bytes(at % 251 for at in range(1 << 16))

# nginx adds no connection of its own to those of the server, and takes bodies as large as they are.
_NGINX = """
    upstream node {{ server {address}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 0;
        root {root};
        location /file {{ }}
        location / {{
            proxy_pass http://node;
            proxy_http_version 1.1;
            proxy_set_header Connection $http_upgrade;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Host $http_host;
            proxy_max_temp_file_size 0;
        }}
    }}"""


def content(count):
    """What the servers send from /bytes/COUNT."""
    return (PIECE * (count // len(PIECE) + 1))[:count]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def node_server(folder, name):
    port = free_port()
    return _named(Node(folder, "peer_server.js", name, port, ports=[port]), name, port)


def python_server(folder, name, version):
    port = free_port()
    program = [sys.executable, "-B", str(Path(__file__).parent / "python_server.py"), name, str(port), version]
    return _named(Program(folder, program, [port]), name, port)


def nginx_server(folder, node):
    """With the file /file of 300,000 bytes; all else is answered by the Node server behind."""
    port = free_port()
    root = Path(folder) / "root"
    root.mkdir(mode=0o755)
    (root / "file").write_bytes(content(300000))
    return _named(Nginx(folder, _NGINX.format(port=port, root=root, address=node.address), [port]), "nginx", port)


def start_peer(folder, name, others):
    """`others(name)` is one of the other servers."""
    if name == "nginx":
        return nginx_server(folder, others("node"))
    if name.endswith("python"):
        return python_server(folder, name, "1.0" if name.startswith("old") else "1.1")
    return node_server(folder, name)


def _named(program, name, port):
    program.name, program.address = name, f"127.0.0.1:{port}"
    return program


def curl(*words, within=30, stdin=b""):
    """What it printed; it has to succeed."""
    command = [find("curl"), "--silent", "--show-error", "--max-time", str(within), *map(str, words)]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=within + 5, check=False)
    assert done.returncode == 0, (words, done.returncode, done.stderr.decode())
    return done.stdout


def curl_facts(*words, **more):
    """... of a server that answers at /facts."""
    return json.loads(curl(*words, **more))
