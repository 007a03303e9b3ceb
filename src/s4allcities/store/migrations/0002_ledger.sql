-- The hash-chained ledger. `subject` is an index only: it keeps one statement from being entered twice.
CREATE TABLE ledger (
    sequence INTEGER PRIMARY KEY,
    t_us     INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    subject  TEXT    NOT NULL UNIQUE,
    record   BLOB    NOT NULL,
    previous BLOB    NOT NULL,
    hash     BLOB    NOT NULL
);

-- What people said and who they are. The ledger holds only the reference: SHA-256 over salt and text. Deleting a row
-- here erases the personal data and leaves the chain whole.
CREATE TABLE ledger_text (
    reference TEXT PRIMARY KEY,
    salt      BLOB NOT NULL,
    text      TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX ledger_text_by_text ON ledger_text (text);
