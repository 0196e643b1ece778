"""A letter: a greeting of the build, a signature of the config. Who has the token reads it."""
import hmac
import http.server


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


class Letter(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        given = self.headers.get("Authorization", "")
        private = hmac.compare_digest(given.encode(), ("Bearer " + read("/run/secrets/token")).encode())
        text = f"{read('/srv/greeting')}\n{'(between us)' if private else ''}\n{read('/signature')}\n"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments):
        pass


http.server.ThreadingHTTPServer(("", 8000), Letter).serve_forever()
