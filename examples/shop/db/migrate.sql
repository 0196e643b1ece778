-- May run any number of times: every "up" that has to start the API runs it again.
SET client_min_messages = warning;

CREATE TABLE IF NOT EXISTS product (
    id integer PRIMARY KEY,
    name text NOT NULL,
    price_cents integer NOT NULL CHECK (price_cents >= 0)
);

INSERT INTO product (id, name, price_cents) VALUES
    (1, 'lighthouse', 129900),
    (2, 'buoy', 4900),
    (3, 'foghorn', 8900)
ON CONFLICT (id) DO NOTHING;

CREATE TABLE IF NOT EXISTS visit (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now()
);
