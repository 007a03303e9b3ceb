-- The newest version of every record the picture shows. `key` is the record's id, or what it is the latest of
-- (risk: zone/hypothesis, context: subject/attribute, sensor: its name). (version, sequence, ix) grows; the greatest
-- wins, so that repeats and reordering of messages leave the same rows.
CREATE TABLE record (
    kind     TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    ix       INTEGER NOT NULL,
    t_us     INTEGER NOT NULL,
    state    TEXT    NOT NULL DEFAULT '',
    parent   TEXT    NOT NULL DEFAULT '',
    body     BLOB    NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX record_by_state  ON record (kind, state, t_us);
CREATE INDEX record_by_parent ON record (kind, parent, t_us);

-- A ring of the newest detections.
CREATE TABLE detection (
    id       TEXT    PRIMARY KEY,
    t_us     INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    body     BLOB    NOT NULL
) WITHOUT ROWID;
CREATE INDEX detection_by_time     ON detection (t_us);
CREATE INDEX detection_by_sequence ON detection (sequence);

-- Rejected input: a ring of examples, and counts that never shrink.
CREATE TABLE rejected (
    id       TEXT    PRIMARY KEY,
    t_us     INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    source   TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    body     BLOB    NOT NULL
) WITHOUT ROWID;
CREATE INDEX rejected_by_time     ON rejected (t_us);
CREATE INDEX rejected_by_sequence ON rejected (sequence);
CREATE TABLE rejected_count (
    source    TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    count     INTEGER NOT NULL,
    t_last_us INTEGER NOT NULL,
    PRIMARY KEY (source, reason)
) WITHOUT ROWID;

-- What happened, in plain words, for people.
CREATE TABLE log (
    id          TEXT    PRIMARY KEY,
    t_us        INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,
    actor       TEXT    NOT NULL DEFAULT '',
    role        TEXT    NOT NULL DEFAULT '',
    text        TEXT    NOT NULL,
    alert_id    TEXT    NOT NULL DEFAULT '',
    order_id    TEXT    NOT NULL DEFAULT '',
    incident_id TEXT    NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX log_by_time     ON log (t_us);
CREATE INDEX log_by_alert    ON log (alert_id, t_us) WHERE alert_id <> '';
CREATE INDEX log_by_incident ON log (incident_id, t_us) WHERE incident_id <> '';

-- The state of each stage together with the last stream sequence inside it.
CREATE TABLE snapshot (
    stage     TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    sequence  INTEGER NOT NULL,
    state     BLOB    NOT NULL,
    PRIMARY KEY (stage, partition)
) WITHOUT ROWID;

-- How far each reader of a stream has come, and plain counters.
CREATE TABLE stream_offset (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
