-- Tokens of locks, and their challenge-response pairs that were not used yet.
CREATE TABLE lock_token (
    name    TEXT    PRIMARY KEY,
    role    TEXT    NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0,
    t_us    INTEGER NOT NULL
) WITHOUT ROWID;

-- A challenge stays, without its response, once it was used: so it is never enrolled and asked a second time.
CREATE TABLE lock_pair (
    token     TEXT NOT NULL REFERENCES lock_token (name) ON DELETE CASCADE,
    challenge BLOB NOT NULL,
    response  BLOB,
    PRIMARY KEY (token, challenge)
) WITHOUT ROWID;
CREATE INDEX lock_pair_unused ON lock_pair (token) WHERE response IS NOT NULL;
