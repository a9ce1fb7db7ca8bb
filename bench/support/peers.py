"""The contenders, each with the same work to do: one thread, three servers, the server chosen by a consistent hash of
the client's address, no access log, a minute of patience."""

import os

from support import machine
from support.processes import PROXY_CORE, Process, built, free_ports, installed, limpet

STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"

# A pair takes two descriptors, and 20,000 is a common hard limit.
MOST_PAIRS = 9500
# Splicing needs two descriptors more while bytes are on their way.
MOST_PIPES = 100


class Contender:
    """A kind of proxy: knows how to start one in front of servers on the given ports of 127.0.0.1."""

    name = None
    environment = None

    def start(self, server_ports, folder):
        port = free_ports()
        path = os.path.join(folder, f"{self.name.replace(' ', '-')}-{port}.conf")
        with open(path, "w") as f:
            f.write(self.configuration(port, server_ports, folder))
        process = Process(self.command(port, server_ports, path), PROXY_CORE, [port], self.environment)
        process.port = port
        return process

    def configuration(self, _port, _server_ports, _folder):
        return ""

    def command(self, port, server_ports, path):
        raise NotImplementedError

    def version(self):
        return "of this build"


class Limpet(Contender):
    """`splice` forces the relay's choice: always or never. `listener` adds keys to the listener."""

    def __init__(self, name="limpet", splice=None, listener="mode: tcp, client-from: none"):
        self.name = name
        self.environment = {"LIMPET_SPLICE": splice} if splice else None
        self.listener = listener

    def configuration(self, port, server_ports, folder):
        servers = ", ".join(f's{i}: "127.0.0.1:{p}"' for i, p in enumerate(server_ports))
        return f"""\
seed: bench
threads: 1
timeouts: {{idle: 60s}}
limits: {{connections: {MOST_PAIRS}}}
log: {{access: "off"}}
listeners:
  - {{bind: "127.0.0.1:{port}", {self.listener}, pool: app}}
pools:
  app: {{key: client, servers: {{{servers}}}}}
"""

    def command(self, port, server_ports, path):
        return [limpet(), "serve", "-c", path]

    def version(self):
        return machine.version([limpet(), "--version"])


class Nginx(Contender):
    """As a relay of streams: the module is a file of its own in Debian."""

    name = "nginx stream"

    def configuration(self, port, server_ports, folder):
        servers = "\n".join(f"        server 127.0.0.1:{p};" for p in server_ports)
        module = f"load_module {STREAM_MODULE};" if os.path.exists(STREAM_MODULE) else ""
        return f"""\
{module}
daemon off;
pid {folder}/nginx-{port}.pid;
error_log stderr crit;
worker_processes 1;
worker_rlimit_nofile {2 * MOST_PAIRS + 500};
events {{ worker_connections {2 * MOST_PAIRS + 200}; }}
stream {{
    access_log off;
    upstream app {{
        hash $remote_addr consistent;
{servers}
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        proxy_timeout 60s;
        proxy_pass app;
    }}
}}
"""

    def command(self, port, server_ports, path):
        return [installed("nginx"), "-e", "stderr", "-c", path]

    def version(self):
        return machine.version(["nginx", "-v"])


class Haproxy(Contender):
    """As a relay of streams. `splice` lets it move answers through pipes, as large as limpet's: with the kernel's 64 KiB
    it does no better than without. `rules` says what it must know before it chooses a server, `balance` by what."""

    def __init__(self, name="HAProxy tcp", splice=False, rules="", balance="source"):
        self.name = name
        self.tuning = f"tune.pipesize {256 << 10}" if splice else ""
        self.option = "option splice-response" if splice else ""
        self.rules = rules
        self.balance = balance

    def configuration(self, port, server_ports, folder):
        servers = "\n".join(f"    server s{i} 127.0.0.1:{p}" for i, p in enumerate(server_ports))
        return f"""\
global
    nbthread 1
    maxconn {MOST_PAIRS}
    maxpipes {MOST_PIPES}
    {self.tuning}
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    {self.option}
listen relay
    bind 127.0.0.1:{port} backlog 4096
    {self.rules}
    balance {self.balance}
    hash-type consistent
{servers}
"""

    def command(self, port, server_ports, path):
        return [installed("haproxy"), "-db", "-f", path]

    def version(self):
        return machine.version(["haproxy", "-v"])


class LimpetHttp(Limpet):
    """As a proxy of requests."""

    def __init__(self):
        super().__init__(listener="mode: http, trust: loopback")


class NginxHttp(Nginx):
    """As a proxy of requests. Connections last as long as anybody likes: after a thousand requests nginx would close them.
    Head and body of an answer of 10 KB fit into one buffer, so that one read and one write are enough. Newcomers are sent away
    where less than a sixteenth of the connections is free."""

    name = "nginx http"

    def configuration(self, port, server_ports, folder):
        servers = "\n".join(f"        server 127.0.0.1:{p};" for p in server_ports)
        return f"""\
daemon off;
pid {folder}/nginx-{port}.pid;
error_log stderr crit;
worker_processes 1;
worker_rlimit_nofile {2 * MOST_PAIRS + 1000};
events {{ worker_connections {2 * MOST_PAIRS + 900}; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 60s;
    proxy_temp_path {folder}/nginx-{port};
    client_body_temp_path {folder}/nginx-{port};
    upstream app {{
        hash $http_x_forwarded_for consistent;
{servers}
        keepalive 1024;
        keepalive_requests 1000000000;
        keepalive_timeout 60s;
    }}
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_buffer_size 16k;
    proxy_buffers 4 16k;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_set_header Connection "";
            proxy_pass http://app;
        }}
        location /upgrade {{
            proxy_set_header Connection upgrade;
            proxy_set_header Upgrade $http_upgrade;
            proxy_pass http://app;
        }}
    }}
}}
"""


class HaproxyHttp(Haproxy):
    """As a proxy of requests. It would close server connections of which it has had no need for five seconds."""

    def __init__(self):
        super().__init__("HAProxy http")

    def configuration(self, port, server_ports, folder):
        servers = "\n".join(f"    server s{i} 127.0.0.1:{p}" for i, p in enumerate(server_ports))
        return f"""\
global
    nbthread 1
    maxconn {MOST_PAIRS}
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout http-request 10s
    timeout http-keep-alive 60s
    timeout tunnel 1h
listen relay
    bind 127.0.0.1:{port} backlog 4096
    http-reuse always
    default-server pool-max-conn -1 pool-purge-delay 60s
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    balance hdr(X-Forwarded-For)
    hash-type consistent
{servers}
"""


class BareRelay(Contender):
    """The floor: it copies and does nothing else."""

    name = "bare relay"

    def command(self, port, server_ports, path):
        return [built("bench/bare_relay"), str(port), str(server_ports[0])]
