"""usage: python_server.py NAME PORT [1.0|1.1]: Python's own http.server. /facts tells of the request in JSON; /bytes/N
sends N bytes; everything else is answered with the server's name. As HTTP/1.0, bytes end with the connection."""

import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME, PORT = sys.argv[1], int(sys.argv[2])
PIECE = bytes(at % 251 for at in range(1 << 16))


class Handler(BaseHTTPRequestHandler):
    protocol_version = f"HTTP/{(sys.argv[3:] or ['1.1'])[0]}"

    def pieces(self):
        """Of the body, which http.server leaves to its user."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        else:
            left = int(self.headers.get("Content-Length", 0))
            while left:
                piece = self.rfile.read(min(left, 1 << 16))
                left -= len(piece)
                yield piece

    def answer(self):
        hash, length = hashlib.sha256(), 0
        for piece in self.pieces():
            hash.update(piece)
            length += len(piece)
        if self.path.startswith("/bytes/"):
            self.send(count=int(self.path.split("/")[2]))
        elif self.path.startswith("/facts"):
            self.send(json.dumps({
                "name": NAME, "method": self.command, "target": self.path, "version": self.request_version[5:],
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "length": length, "digest": hash.hexdigest()}).encode())
        else:
            self.send(f"{NAME}\n".encode())

    def send(self, body=b"", count=0):
        self.send_response(200)
        if self.protocol_version == "HTTP/1.1" or not count:
            self.send_header("Content-Length", str(count or len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        while count:
            body = PIECE[:count]
            count -= len(body)
            if count:
                self.wfile.write(body)
        self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = answer

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 512


Server(("127.0.0.1", PORT), Handler).serve_forever()
