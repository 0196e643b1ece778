"""app.py - the trusted part: asks the plug-in, and gives up on it after some seconds instead of waiting for ever."""
import http.server
import json
import os
import signal
import sys
import urllib.request

PATIENCE = 15  # seconds that the plug-in has for an answer
MOST = 4096    # bytes of it that are read


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        try:
            with urllib.request.urlopen("http://plugin:9000" + ("/tries" if self.path == "/tries" else "/"), timeout=PATIENCE) as answer:
                said = json.loads(answer.read(MOST))
            status, said = 200, {"app's kernel": os.uname().release, "plugin": said}
        except (OSError, ValueError) as error:
            status, said = 503, {"plugin": "out of order: " + str(error)}
        body = json.dumps(said, indent=2).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("the app runs", flush=True)
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
