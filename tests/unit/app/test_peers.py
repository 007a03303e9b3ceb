"""The environment of peers, made for real from a list without packages, and what becomes of a peer that fails."""

from pathlib import Path

import pytest

from s4allcities.app.bench.peers import FOLDER, PeerAbsent, peer_environment, run_peer

ANSWER = (
    "import json, sys; request = json.load(sys.stdin); print(json.dumps({'sum': sum(request['numbers'])}))"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "bench-sums.txt").write_text("")
    scripts = tmp_path / "benchmarks" / "peers"
    scripts.mkdir(parents=True)
    (scripts / "adder.py").write_text(ANSWER)
    (scripts / "broken.py").write_text("raise SystemExit('the peer is broken')")
    (scripts / "silent.py").write_text("")
    return tmp_path


def silent(_line: str) -> None: ...


def test_a_peer_answers_what_it_is_asked_from_an_environment_that_is_made_once(checkout: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        answer = run_peer(checkout, "sums", "adder", {"numbers": [1, 2, 3]}, dict[str, int], say=said.append)
        assert answer == {"sum": 6}
    assert len(said) == 1
    assert (checkout / FOLDER / "sums" / "bin" / "python").exists()

    (checkout / "requirements" / "bench-sums.txt").write_text("# another list\n")
    peer_environment(checkout, "sums", said.append)
    assert len(said) == 2

    for script, why in [
        ("broken", "the peer is broken"),
        ("silent", "cannot be read"),
        ("none", "there is no benchmarks/peers/none.py"),
    ]:
        with pytest.raises(PeerAbsent, match=why):
            run_peer(checkout, "sums", script, {}, dict[str, int], say=silent)


def test_a_peer_that_nobody_listed_is_absent_with_a_reason(checkout: Path) -> None:
    with pytest.raises(PeerAbsent, match="bench-other"):
        peer_environment(checkout, "other", silent)


def test_packages_that_cannot_be_had_leave_no_half_made_environment(checkout: Path) -> None:
    wanted = checkout / "requirements" / "bench-sums.txt"
    wanted.write_text("no-hash-here==1.0\n")
    with pytest.raises(PeerAbsent):
        peer_environment(checkout, "sums", silent)
    assert not (checkout / FOLDER / "sums" / ".done").exists()
