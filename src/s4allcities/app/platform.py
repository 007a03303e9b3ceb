"""The composition root: makes every part, joins them, starts and stops them in order."""

import asyncio
import os
import secrets
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import structlog
from litestar import Request

from s4allcities.awareness.picture import Picture, PictureHub, PictureServices, Replies, site_document
from s4allcities.bus import REJECTED_TTL_S, Bus, BusError, NatsServer, StageRunner, Ticker
from s4allcities.bus.hosts import ProcessHost, StageHost
from s4allcities.bus.stuck import StepWatch, WatchedHost
from s4allcities.domain import Clock, Context, Event, Risk, Stage, derived_ulid
from s4allcities.edge.actuators.signs import SignActuator
from s4allcities.edge.health import HealthMonitor
from s4allcities.edge.ingest import EdgeNode
from s4allcities.edge.intake import Intake
from s4allcities.edge.router import HttpDoor
from s4allcities.edge.sources.table import SourceTable
from s4allcities.edge.together import Together
from s4allcities.exchange.cap import CapWriter
from s4allcities.exchange.notify import Notifier
from s4allcities.privacy.pseudonyms import Pseudonyms
from s4allcities.privacy.redaction import Redactor
from s4allcities.security.authorisation import may
from s4allcities.security.credentials import DeviceCredentials
from s4allcities.security.errors import SecurityError
from s4allcities.security.keys import InstallationKey
from s4allcities.security.passwords import Passwords
from s4allcities.security.sessions import Sessions
from s4allcities.security.two_person import Releases
from s4allcities.security.users import FirstLink, Users
from s4allcities.site import Site, load_site
from s4allcities.store.layout import DataDir

from .accounting import Accounting
from .alarm_figures import AlarmFigures, alarm_metrics
from .assure.files import newest_report
from .assure.nightly import Nightly, run_in_process
from .assure.nightly import Work as TrialWork
from .config import AppConfig
from .desk import CapReleaseDesk
from .eve_files import EveFollower
from .fact_feed import FactFeed
from .gate import SecurityGate
from .handed import Handed
from .metrics import metrics_text
from .opening import Stores, device_users, devices_let_in, make_door, open_bus, open_stores, sources_of
from .options import LiveOptions
from .outward import make_chains, make_notifier
from .readings import Readings
from .recording import Recording, restore_picture
from .server import WebServer, build_app, page_folder
from .stage_worker import Work
from .stage_worker import command as worker_command
from .stages import build_stages
from .standstill import stood_still
from .upkeep import Upkeep, forget_lost_positions, retention_limits
from .usual import usual_of

__all__ = ("Platform", "open_platform")

log = structlog.get_logger(__name__)

DEVICES_LOOK_S = 2.0
SPEAKS_WHEN_NEWS = frozenset({"ids"})
"""Kinds of sensors whose silence says nothing."""
SNAPSHOT_EVERY_S = 5.0


class Platform:
    """All parts of one installation, made and joined. `open_platform` makes one; `run` runs it."""

    def __init__(
        self,
        config: AppConfig,
        site: Site,
        clock: Clock,
        stores: Stores,
        bus: Bus,
        server: NatsServer | None,
        credentials: DeviceCredentials,
        users: Users,
        sessions: Sessions,
    ) -> None:
        self.config = config
        self.site = site
        self.clock = clock
        self.bus = bus
        self.nats = server
        self.users = users
        self.sessions = sessions
        self._stores = stores
        self._credentials = credentials
        self._random = Random(secrets.randbits(128))
        folder = Path(config.site)
        self._alarms = config.alarms | {"shadow": config.shadow}
        self.stages: tuple[Stage[Any], ...] = build_stages(
            site,
            folder,
            seed=config.seed,
            alarms=self._alarms,
            detectors=config.detectors,
            plugins=config.plugins.detectors,
        )
        self.watch = StepWatch()
        self._stood_still = stood_still(Path(config.data_dir), self.stages)
        self.runners = [
            StageRunner(
                stage,
                bus,
                stores.snapshots,
                mode=config.mode,
                snapshot_every_s=SNAPSHOT_EVERY_S,
                host=self._host_of(stage),
            )
            for stage in self.stages
        ]
        self.picture = Picture(site)
        self.hub = PictureHub(self.picture, epoch=secrets.token_hex(8))
        self.replies = Replies()
        self.handed = Handed(bus, stores.database, credentials, clock)
        self.door = make_door(config, site, clock, server)
        self.edge = self._make_edge()
        self.cap = CapWriter(DataDir(Path(config.data_dir)).root / "cap", site)
        self.readings = Readings(bus, stores.history, self.hub, clock)
        self.alarms = AlarmFigures(clock)
        self.notifier: Notifier | None = None
        self.chains = make_chains(self.config, self.site)
        self.facts = FactFeed(bus.publish_batch)
        self.recording = Recording(
            bus,
            stores.recorder,
            self.hub,
            self.replies,
            clock,
            followers=(
                self.alarms.follow,
                self._act,
                self._share,
                self._tell,
                self._chain,
                self.facts.follow,
            ),
        )
        self.upkeep = Upkeep(
            stores.database, stores.history, sessions, stores.ledger, stores.heads, clock,
            retention_limits(config.history_days),
        )  # fmt: skip
        self.eve = [
            EveFollower(each, Path(config.data_dir) / "eve", bus.publish_raw) for each in config.eve_files
        ]
        self.desk = CapReleaseDesk(
            Releases(stores.accounts, clock), self.cap, stores.ledger, clock, self.picture.orders.get
        )
        self.accounting = Accounting(
            bus,
            self.edge,
            self.runners,
            stores.recorder,
            stores.history,
            server,
            self.door,
            Path(config.data_dir),
        )
        self.web = WebServer(self._make_app(folder, sessions), config.server)

    def _host_of(self, stage: Stage[Any]) -> StageHost:
        """Give a heavy stage a process of its own, a light one as soon as it was stuck: no alert waits for either."""
        config = self.config
        work = Work(
            stage=stage.name, site=config.site, seed=config.seed, parent=os.getpid(), alarms=self._alarms,
            detectors=config.detectors, plugins=config.plugins.detectors,
        )  # fmt: skip
        process = ProcessHost(stage.name, worker_command(work))
        if stage.heavy:
            return process
        apart = stage.name == self._stood_still
        if apart:
            log.error("the last run stood still in a stage; it gets a process of its own", stage=stage.name)
        return WatchedHost(stage, self.watch, process, isolated=apart)

    def _make_edge(self) -> EdgeNode:
        zones = {spec.slug: spec.zone for spec in self.site.sensors}
        sources = sources_of(self.config)
        names = Pseudonyms()
        redactor = Redactor(pseudonym=lambda name: names.of(name, self.clock.now_us()))
        intake = Intake(SourceTable(sources), redactor.redact)
        expected = {
            spec.slug: spec.family for spec in self.site.sensors if spec.family not in SPEAKS_WHEN_NEWS
        }
        health = HealthMonitor(expected)
        return EdgeNode(
            self.bus,
            intake,
            clock=self.clock,
            zones=zones,
            health=health,
            door=self.door,
            on_handed=self.handed.take,
            mode=self.config.mode,
        )

    def _make_app(self, folder: Path, sessions: Sessions) -> Any:
        gate = SecurityGate(self.users, sessions, self._credentials, self._enter_refusal, self.clock)
        services = PictureServices(
            hub=self.hub,
            replies=self.replies,
            clock=self.clock,
            publish=self.bus.publish_event,
            history=self._history,
            site_json=site_document(self.site, folder),
            random=self._random,
            mode=self.config.mode,
            accounting=self._report,
            past=self._past,
            disclose=self._disclose,
            usual=usual_of,
            assurance=partial(newest_report, DataDir(Path(self.config.data_dir)).root),
            plans=LiveOptions(self.site, lambda: self.hub.picture.collections, self.clock),
        )
        refused = Together(self._refused_by_http)
        door = HttpDoor(self._speaks_for(gate), self.bus.publish_raws, refused, self.clock)
        return build_app(
            services,
            gate,
            door,
            self.desk,
            health=self.health,
            metrics_text=self._metrics,
            page=page_folder(),
            metrics_open=self.config.server.metrics_open,
            secure=bool(self.config.server.tls_cert),
        )

    def health(self) -> dict[str, bool]:
        """Tell part by part what works now."""
        return {
            "bus": self.bus.connected,
            "record": not self.recording.failing,
            "history": not self.readings.failing,
            "upkeep": not self.upkeep.errors,
        }

    @staticmethod
    def _speaks_for(gate: SecurityGate) -> Callable[[Request[Any, Any, Any]], Awaitable[str | None]]:
        async def authenticate(request: Request[Any, Any, Any]) -> str | None:
            person = request.scope.get("user")
            if person is not None and may(getattr(person, "role", ""), "observations.write"):
                return "*"
            return await gate.device(request.headers.get("authorization", ""))

        return authenticate

    async def _refused_by_http(self, events: Sequence[Event]) -> None:
        await self.bus.publish_events(events, stage="http", ttl_s=REJECTED_TTL_S)

    async def _report(self) -> dict[str, Any]:
        return await self.accounting.report() | {"parts": self.health()}

    async def _metrics(self) -> str:
        return metrics_text(
            await self.accounting.report(), self.health(), self.hub.clients, alarm_metrics(self.alarms.kpis())
        )

    async def _past(self, t_us: int) -> tuple[list[Risk], list[Context]]:
        recorder = self._stores.recorder
        return await recorder.risks_at(t_us), await recorder.context_at(t_us)

    async def _history(self, sensor: str, t_from_us: int, t_to_us: int) -> dict[str, list[tuple[int, float]]]:
        history = self._stores.history
        names = [name.quantity for name in history.series() if name.sensor == sensor]
        found = {}
        for quantity in names:
            t_us, value = await history.query(sensor, quantity, t_from_us, t_to_us)
            found[quantity] = list(zip(t_us.tolist(), value.tolist(), strict=True))
        return found

    async def _disclose(self, record: dict[str, Any], personal: dict[str, str]) -> None:
        now_us = self.clock.now_us()
        subject = derived_ulid(now_us, "disclosure", secrets.token_hex(8))
        await self._stores.ledger.append("disclosure", subject, now_us, record, personal)

    async def _enter_refusal(self, who: str, action: str, reason: str) -> None:
        now_us = self.clock.now_us()
        subject = derived_ulid(now_us, "refused", who, action, secrets.token_hex(4))
        record = {"action": action, "reason": reason}
        await self._stores.ledger.append("refused", subject, now_us, record, {"who": who})

    async def _act(self, events: Any) -> None:
        if self.handed.signs is not None:
            for event in events:
                await self.handed.signs.see(event)

    async def _tell(self, events: Any) -> None:
        if self.notifier is not None:
            await self.notifier.follow(events)

    async def _chain(self, events: Any) -> None:
        if self.chains is not None:
            await self.chains.share(events)

    async def _share(self, events: Any) -> None:
        await self.cap.share(events)

    async def run(self, *, ready: asyncio.Event | None = None, stop: asyncio.Event) -> None:
        """Run all parts until ``stop`` is set; sets ``ready`` when the page can be opened."""
        recorder = self._stores.recorder
        # Kernels are loaded before anybody is served: on the event loop they would hold everything up for seconds.
        kernels = asyncio.create_task(asyncio.to_thread(self._load_kernels))
        await restore_picture(recorder, self.hub)
        self.alarms.take(await recorder.alerts(limit=5000))
        earlier = await recorder.notifications(limit=5000)
        self.notifier = make_notifier(self.config, self.site, self.bus.publish_event, self.clock, earlier)
        self.handed.signs = signs = SignActuator(
            self.bus, self.clock, earlier=await recorder.commands(limit=-1)
        )
        await self._take_up()
        await kernels
        async with self._watched(), devices_let_in(self.door), asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(runner.run()) for runner in self.runners]
            running += [
                tasks.create_task(part)
                for part in (
                    self.recording.run(),
                    self.edge.run(),
                    self.readings.run(),
                    signs.run(),
                    Ticker(self.bus).run(),
                    self.upkeep.run(),
                    *([self.notifier.run()] if self.notifier is not None else []),
                    *(follower.run() for follower in self.eve),
                    *([self._nightly().run()] if self.config.assure.nightly else []),
                    self._watch_devices(),
                    self._show_platform(),
                )
            ]
            web = tasks.create_task(self.web.run())
            await self.web.ready()
            if ready is not None:
                ready.set()
            await stop.wait()
            self.web.stop()
            await web
            await self.edge.stop()
            for task in running:
                task.cancel()
        await self.upkeep.sign(final=True)

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Watch for stuck steps; signals reach the main thread only, so elsewhere nothing is watched."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        with self.watch:
            yield

    def _load_kernels(self) -> None:
        for stage in self.stages:
            if not stage.heavy:
                stage.start()

    async def _take_up(self) -> None:
        """Give signs and partners what was decided before a crash; both know what they have done already."""
        recorder = self._stores.recorder
        past: list[Event] = [*await recorder.incidents(), *await recorder.alerts(), *await recorder.courses()]
        past += await recorder.orders()
        await self._act(past)
        await self._share(past)
        # The stream of readings keeps a day: an event that began before it must be said again.
        await self.facts.follow(await recorder.context("event"))
        await self.desk.resume()

    def _nightly(self) -> Nightly:
        config = self.config

        async def work(due_us: int) -> None:
            await run_in_process(
                TrialWork(
                    site=config.site, data_dir=config.data_dir, days=config.assure.days, now_us=due_us,
                    budget_s=config.assure.budget_s, parent=os.getpid(), detectors=config.detectors,
                )
            )  # fmt: skip

        return Nightly(self.clock, config.assure.at, work)

    async def _watch_devices(self) -> None:
        """Give the broker new device credentials as soon as they are in the file."""
        path = self._credentials.path
        known = path.stat().st_mtime_ns if path.exists() else 0
        while self.nats is not None:
            await asyncio.sleep(DEVICES_LOOK_S)
            changed = path.stat().st_mtime_ns if path.exists() else 0
            if changed != known:
                known = changed
                await self._take_devices_over(self.nats)

    async def _take_devices_over(self, server: NatsServer) -> None:
        """A file that cannot be used changes nothing: the credentials before it rule on."""
        try:
            self._credentials.reload()
            await server.set_devices(device_users(self._credentials))
        except (SecurityError, BusError) as error:
            log.error("new device credentials were not taken over", error=str(error))

    async def _show_platform(self) -> None:
        while True:
            total, on_time = self.picture.live.counts()
            before = self.readings.rows
            await asyncio.sleep(1.0)
            self.picture.show_kpis(self.alarms.shown())
            self.picture.set_platform(
                mode=self.config.mode,
                demo=self.config.demo,
                site=self.site.slug,
                sensors_total=total,
                sensors_on_time=on_time,
                rejected=sum(self.picture.rejected_by_reason.values()),
                observations_per_s=self.readings.rows - before,
                connected=self.bus.connected,
            )
            waiting = await self.desk.open()
            self.picture.show_releases(
                {each.id: {"id": each.id, "order_id": each.order_id, "state": "waiting", "actor": each.asked_by}
                 for each in waiting}
            )  # fmt: skip


@asynccontextmanager
async def open_platform(config: AppConfig) -> AsyncIterator[tuple[Platform, list[FirstLink]]]:
    """Make a platform from its settings; also gives the one-time links of a first start. Closes all it opened."""
    site = load_site(config.site)
    clock = config.make_clock()
    data = DataDir(Path(config.data_dir))
    data.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with AsyncExitStack() as stack:
        key = InstallationKey.open(data.keys)
        credentials = DeviceCredentials(data.keys / "devices.json", clock)
        credentials.ensure([*(spec.slug for spec in site.sensors), *config.devices])
        heads = Path(config.heads) if config.heads else data.heads
        stores = await open_stores(config, data, heads, key, clock, stack)
        passwords = Passwords()
        stack.callback(passwords.close)
        users = Users(stores.accounts, passwords, clock)
        links = await users.first_start()
        if links and config.demo:
            links += [await users.add("integrator", "integrator"), await users.add("narrator", "auditor")]
        bus, server = await open_bus(config, site, clock, credentials, stack)
        await forget_lost_positions(bus, stores.recorder, stores.database, stores.history)
        sessions = Sessions(stores.accounts, clock)
        yield (
            Platform(config, site, clock, stores, bus, server, credentials, users, sessions),
            links,
        )
