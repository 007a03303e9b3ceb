-- What was said of risk and context, and when: for questions about the past. One row for each statement, thinned for
-- facts that change all the time; removed after the days of the retention table.
CREATE TABLE past (
    kind TEXT    NOT NULL,
    key  TEXT    NOT NULL,
    t_us INTEGER NOT NULL,
    body BLOB    NOT NULL,
    PRIMARY KEY (kind, key, t_us)
) WITHOUT ROWID;
CREATE INDEX past_by_time ON past (t_us);
