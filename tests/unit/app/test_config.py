"""Settings: each mistake is one line that says which, where, and what is allowed."""

from pathlib import Path

import pytest

from s4allcities.app.config import AppConfig, ConfigError, check_config, load_config
from s4allcities.app.upkeep import retention_limits
from s4allcities.domain import ScaledClock, SystemClock


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "s4.toml"
    path.write_text(text)
    return path


def test_nothing_gives_the_defaults() -> None:
    assert load_config(None) == AppConfig()
    assert isinstance(AppConfig().make_clock(), SystemClock)


def test_a_file_is_read(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, """
        site = "here"
        devices = ["box-1"]
        [server]
        port = 9000
        [history_days]
        env = 9
        [[eve_files]]
        path = "eve.json"
        [clock]
        speed = 5.0
    """))  # fmt: skip
    assert (config.site, config.devices, config.server.port) == ("here", ("box-1",), 9000)
    assert config.eve_files[0].sensor == "ids-1"
    assert isinstance(config.make_clock(), ScaledClock)
    assert retention_limits(config.history_days).history_days["env"] == 9
    assert retention_limits({"detection": 2}).detection_days == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = [", "not TOML"),
        ("colour = 1", "unknown field `colour`"),
        ("[server]\nport = 'x'", "$.server.port"),
        ("[server]\nport = 70000", "server.port is 70000; allowed are 0 (a free one) to 65535"),
        (
            "[server]\nhost = '0.0.0.0'",
            "server.host is 0.0.0.0: others can reach it; set server.tls_cert and tls_key",
        ),
        ("[nats]\nmqtt_host = '0.0.0.0'", "set nats.mqtt_tls_cert and mqtt_tls_key, or use 127.0.0.1"),
        ("[server]\ntls_cert = 'a'", "server.tls_cert and its key belong together"),
        ("[server]\ntls_cert = 'a'\ntls_key = 'b'", "server.tls_cert: a: no such file"),
        ("[clock]\nspeed = 0.0", "clock.speed is 0.0"),
        ("[clock]\nspeed = nan", "clock.speed is nan"),
        ("[history_days]\nenv = 0", "history_days.env is 0; allowed are days above 0"),
        ("[streams]\nraw_hours = 0", "streams.raw_hours is 0; allowed are numbers above 0"),
        ("[streams]\nobs_hours = 0.5", "streams.obs_hours 0.5; the second must be more"),
        ("mode = 'fun'", "$.mode"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, text))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not TOML"):
        load_config(tmp_path / "bytes.toml")
    config = load_config(written(tmp_path, f"[nats]\nurl = 'nats://x'\npassword_file = '{tmp_path}/none'"))
    with pytest.raises(ConfigError, match=r"nats\.password_file .*none: cannot be read"):
        config.nats.password()


def test_an_address_with_tls_is_allowed(tmp_path: Path) -> None:
    for name in ("c.pem", "k.pem"):
        (tmp_path / name).write_text("")
    text = f"[server]\nhost = '0.0.0.0'\ntls_cert = '{tmp_path}/c.pem'\ntls_key = '{tmp_path}/k.pem'"
    assert check_config(load_config(written(tmp_path, text))).server.host == "0.0.0.0"
