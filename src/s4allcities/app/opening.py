"""Opens what an installation stands on, in order: its stores, its broker, the accounts and sources of its devices."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from s4allcities.bus import Bus, DeviceUser, NatsServer
from s4allcities.bus import ServerConfig as BusServerConfig
from s4allcities.domain import Clock, Source
from s4allcities.edge.errors import EdgeError
from s4allcities.edge.mqtt_door import MqttDoor
from s4allcities.edge.sources.border import MAX_AGE_S
from s4allcities.edge.sources.mapped import MappedSource, load_mapping
from s4allcities.edge.sources.table import built_in_sources
from s4allcities.plugins import PluginError, source_plugins
from s4allcities.security.credentials import DeviceCredentials
from s4allcities.security.keys import InstallationKey
from s4allcities.security.ledger import HeadKeeper, LedgerChain
from s4allcities.site import Site
from s4allcities.store.accounts import SqliteAccounts
from s4allcities.store.buffered import BufferedHistory
from s4allcities.store.layout import DataDir
from s4allcities.store.ledger import LedgerStore
from s4allcities.store.opening import note_postgres, open_history, open_state
from s4allcities.store.recorder import EventRecorder
from s4allcities.store.snapshots import SqliteSnapshots
from s4allcities.store.sql import SqlDatabase

from .config import AppConfig, ConfigError

__all__ = (
    "STREAMS_READY",
    "Stores",
    "device_users",
    "devices_let_in",
    "make_door",
    "open_bus",
    "open_stores",
    "sources_of",
)

STREAMS_READY = "streams-2.ready"
"""A file that says: the streams of this form are in the server's data directory."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What an installation keeps, opened."""

    database: SqlDatabase
    snapshots: SqliteSnapshots
    recorder: EventRecorder
    ledger: LedgerStore
    heads: HeadKeeper
    history: BufferedHistory
    accounts: SqliteAccounts


def sources_of(config: AppConfig) -> list[Source]:
    """Make all sources: those of mapping files first, then third parties', then ours; the first that fits reads.

    :raises ConfigError: a mapping file cannot be read or is not right, or a plug-in cannot be used.
    """
    try:
        mapped = [MappedSource(load_mapping(Path(path))) for path in config.mappings]
    except (EdgeError, OSError) as error:
        raise ConfigError(f"mappings: {error}") from None
    try:
        theirs = source_plugins(config.plugins.sources, max_age_s=MAX_AGE_S)
    except PluginError as error:
        raise ConfigError(f"plugins.sources: {error}") from None
    return [*mapped, *theirs, *built_in_sources()]


def device_users(credentials: DeviceCredentials) -> list[DeviceUser]:
    """Give the accounts that devices have at the broker."""
    return [DeviceUser(name=name, password=password) for name, password in credentials.clear().items()]


async def open_stores(
    config: AppConfig, data: DataDir, heads: Path, key: InstallationKey, clock: Clock, stack: AsyncExitStack
) -> Stores:
    """Open what is kept; ``stack`` closes it."""
    note_postgres(data, config.postgres if config.postgres.url else None)
    database = open_state(data.root, alone=True, new=True)
    stack.push_async_callback(database.close)
    ledger = LedgerStore(database, LedgerChain())
    history = await open_history(data.root, clock=clock)
    stack.push_async_callback(history.close)
    return Stores(
        database=database,
        snapshots=SqliteSnapshots(database),
        recorder=EventRecorder(database, ledger),
        ledger=ledger,
        heads=HeadKeeper(heads, key),
        history=history,
        accounts=SqliteAccounts(database),
    )


async def open_bus(
    config: AppConfig, site: Site, clock: Clock, credentials: DeviceCredentials, stack: AsyncExitStack
) -> tuple[Bus, NatsServer | None]:
    """Connect to the broker that the settings name, or start our own; ``stack`` ends both."""
    server: NatsServer | None = None
    if config.nats.url:
        bus = await Bus.connect(
            config.nats.url,
            site=site.slug,
            clock=clock,
            user=config.nats.user,
            password=config.nats.password(),
        )
    else:
        settings = BusServerConfig(
            data_dir=Path(config.data_dir) / "nats",
            site=site.slug,
            port=config.nats.port,
        )
        # The first time, devices wait outside until what they are told is received has a place to be in.
        ready = settings.data_dir / STREAMS_READY
        users = device_users(credentials)
        server = await stack.enter_async_context(
            NatsServer(settings, devices=users if ready.exists() else ())
        )
        bus = await Bus.connect(
            server.url, site=site.slug, clock=clock, user=server.user, password=server.password
        )
    stack.push_async_callback(bus.close)
    await bus.ensure_streams(config.streams.limits())
    if server is not None and not ready.exists():
        await server.set_devices(users)
        ready.touch()
    return bus, server


def make_door(config: AppConfig, site: Site, clock: Clock, server: NatsServer | None) -> MqttDoor | None:
    """Make the door for MQTT devices before our own broker; an operator's own broker is their door.

    :raises ConfigError: the certificate or its key cannot be used.
    """
    if server is None:
        return None
    nats = config.nats
    tls = None
    if nats.mqtt_tls_cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            tls.load_cert_chain(nats.mqtt_tls_cert, nats.mqtt_tls_key)
        except (OSError, ssl.SSLError) as error:
            pair = f"nats.mqtt_tls_cert {nats.mqtt_tls_cert}, nats.mqtt_tls_key {nats.mqtt_tls_key}"
            raise ConfigError(f"{pair}: cannot be used: {error}") from None
    return MqttDoor(
        lambda user: (user,), clock, site=site.slug, broker_port=server.mqtt_port,
        host=nats.mqtt_host, port=nats.mqtt_port, tls=tls,
    )  # fmt: skip


@asynccontextmanager
async def devices_let_in(door: MqttDoor | None) -> AsyncIterator[None]:
    """Open the door for devices, until all that came in by it is answered.

    :raises ConfigError: nobody can listen on its address.
    """
    if door is None:
        yield
        return
    try:
        await door.start()
    except EdgeError as error:
        raise ConfigError(f"nats.mqtt_host, nats.mqtt_port: {error}") from None
    try:
        yield
    finally:
        await door.close()
