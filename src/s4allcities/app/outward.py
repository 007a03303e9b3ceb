"""Makes what goes out to others by rule: CAP chains of alerts, and notifications with their receipts."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from s4allcities.awareness.alarms.profiles import load_profiles
from s4allcities.domain import Clock, Event, Notification
from s4allcities.exchange.cap_chain import CapChains
from s4allcities.exchange.notify import Notifier, NotifyError, make_channel
from s4allcities.formats.cap import sign_cap
from s4allcities.site import Site
from s4allcities.store.layout import DataDir

from .config import AppConfig, ConfigError

__all__ = ("make_chains", "make_notifier")


def make_chains(config: AppConfig, site: Site) -> CapChains | None:
    """Make what writes CAP chains of alerts. :raises ConfigError: key or certificate cannot be read."""
    rule = config.cap_alerts
    if rule is None:
        return None
    sign = None
    if config.cap_key and config.cap_certificate:
        try:
            key, certificate = (
                Path(config.cap_key).read_bytes(),
                Path(config.cap_certificate).read_bytes(),
            )
        except OSError as error:
            raise ConfigError(f"cap_key, cap_certificate: cannot be read: {error}") from None
        sign = partial(sign_cap, key_pem=key, certificate_pem=certificate)
    folder = DataDir(Path(config.data_dir)).root / "cap" / "alerts"
    return CapChains(folder, site, rule, sign=sign)


def make_notifier(
    config: AppConfig,
    site: Site,
    publish: Callable[[Event], Awaitable[object]],
    clock: Clock,
    earlier: Sequence[Notification],
) -> Notifier | None:
    """Make what tells people outside. :raises ConfigError: a secret of a channel cannot be read."""
    if not config.notify:
        return None
    try:
        channels = [make_channel(each) for each in config.notify]
    except NotifyError as error:
        raise ConfigError(str(error)) from None
    share = {slug: each.share for slug, each in load_profiles().items()} | config.share
    return Notifier(channels, share, publish, clock, site.name, earlier)
