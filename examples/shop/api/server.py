"""The API of the shop: products from PostgreSQL by way of a cache in Redis, and a visit counter.

GET /products   the list; "cached" says where it came from
GET /visit      stores a visit in the database, and answers with how many there are
GET /health     200 when database and cache answer
"""
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import redis

CACHE_SECONDS = 30
cache = redis.Redis(host=os.environ["REDIS_HOST"], socket_timeout=2)
local = threading.local()


def database():
    """A connection for this thread, made when it is first needed or was lost."""
    connection = getattr(local, "connection", None)
    if connection is None or connection.closed:
        connection = local.connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=2)
        connection.autocommit = True
    return connection


def query(text):
    with database().cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


def products():
    known = cache.get("products")
    if known is not None:
        return {"cached": True, "products": json.loads(known)}
    rows = query("SELECT id, name, price_cents FROM product ORDER BY id")
    found = [{"id": i, "name": name, "price": f"{cents / 100:.2f}"} for i, name, cents in rows]
    cache.set("products", json.dumps(found), ex=CACHE_SECONDS)
    return {"cached": False, "products": found}


def visit():
    query("INSERT INTO visit DEFAULT VALUES RETURNING id")
    return {"visits": query("SELECT count(*) FROM visit")[0][0]}


def health():
    cache.ping()
    query("SELECT 1")
    return {"ok": True}


ROUTES = {"/": products, "/products": products, "/visit": visit, "/health": health}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):  # the name is the library's
        route = ROUTES.get(self.path)
        if route is None:
            self.reply(404, {"error": "no such page", "pages": sorted(ROUTES)})
            return
        try:
            self.reply(200, route())
        except (psycopg2.Error, redis.RedisError) as error:
            local.connection = None
            self.reply(503, {"error": str(error).strip()})

    def reply(self, status, value):
        body = (json.dumps(value) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):  # the name is the library's
        if self.path != "/health":
            print(f"{self.address_string()} {format % args}", flush=True)


def main():
    server = ThreadingHTTPServer(("0.0.0.0", 8000), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("shop api on port 8000", flush=True)
    server.serve_forever()
    print("shop api: bye", flush=True)


if __name__ == "__main__":
    sys.exit(main())
