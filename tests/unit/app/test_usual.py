from s4allcities.app.usual import usual_of


def test_a_history_has_a_band_and_says_where_something_unusual_began() -> None:
    points = [(i * 60_000_000, 20.0 + (i % 4) * 0.1 + (40.0 if i == 150 else 0.0)) for i in range(200)]
    rows = usual_of(points)
    assert [(t_us, value) for t_us, value, *_ in rows] == points
    assert all(low is None and high is None for _, _, low, high, _ in rows[:51])
    assert all(low is not None and high is not None and low <= high for _, _, low, high, _ in rows[60:])
    assert [i for i, row in enumerate(rows) if row[4]] == [150]


def test_nothing_is_nothing() -> None:
    assert usual_of([]) == []
