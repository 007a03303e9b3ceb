CREATE TABLE account (
    name          TEXT    PRIMARY KEY,
    role          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL DEFAULT '',
    disabled      INTEGER NOT NULL DEFAULT 0,
    t_us          INTEGER NOT NULL
) WITHOUT ROWID;

-- One-time login links, by the hash of their token.
CREATE TABLE login_link (
    token_hash   BLOB    PRIMARY KEY,
    name         TEXT    NOT NULL REFERENCES account (name) ON DELETE CASCADE,
    t_expires_us INTEGER NOT NULL
) WITHOUT ROWID;

-- Sessions, by the hash of their id.
CREATE TABLE session (
    id_hash   BLOB    PRIMARY KEY,
    name      TEXT    NOT NULL REFERENCES account (name) ON DELETE CASCADE,
    t_start_us INTEGER NOT NULL,
    t_seen_us  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_by_name ON session (name);

-- Acts that need two persons.
CREATE TABLE release (
    id    TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    body  BLOB NOT NULL
) WITHOUT ROWID;
