"""plugin.py - somebody else's code: gives prices, and tries what code that isn't trusted tries."""
import http.server
import json
import os
import socket


def reach(host, port):
    """True when a connection can be had."""
    try:
        socket.create_connection((host, port), timeout=1).close()
        return True
    except OSError:
        return False


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        answer = {"price": 42}
        if self.path == "/tries":
            answer = {"kernel": os.uname().release, "processes it sees": sum(name.isdigit() for name in os.listdir("/proc")),
                      "reaches the internet": reach("1.1.1.1", 443)}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


print("the plug-in runs", flush=True)
http.server.ThreadingHTTPServer(("", 9000), Handler).serve_forever()
