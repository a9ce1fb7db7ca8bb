"""python3 server.py NAME PORT: answers every request with its name."""

import http.server
import sys

NAME, PORT = sys.argv[1], int(sys.argv[2])


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # so connections are kept
    wbufsize = -1                  # head and body go out together

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(NAME)))
        self.end_headers()
        self.wfile.write(NAME.encode())

    def log_message(self, *words):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Answers).serve_forever()
