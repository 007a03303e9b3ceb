"""A scenario told for one site, one seed and the options: who, where and when, settled before it begins."""

from ipaddress import ip_network
from math import hypot, inf
from pathlib import Path

from msgspec import Struct

from s4allcities.formats.network import read_network_policy
from s4allcities.site import Opening, SensorSpec, Site, load_site

from .errors import ScenarioError
from .files import Announcement, ScenarioFile, load_scenario
from .hazards import Ramp, neighbours, plan_fire, plan_nuisance
from .options import ScenarioOptions, find_exit, find_fire_zone, find_street
from .randomness import stream

__all__ = ("Fault", "Story", "tell_story")


class Fault(Struct, frozen=True, kw_only=True):
    """What is wrong with one sensor: ``factor`` and ``offset`` falsify what it reads, after ``dies_s`` it is silent."""

    factor: float = 1.0
    offset: float = 0.0
    dies_s: float = inf
    skew_s: float = 0.0
    lies: bool = False


class Story(Struct, frozen=True, kw_only=True):
    """Everything that will happen by itself. Times are seconds from the start; ``inf`` = never.

    ``ramps`` sensor, or quantity of a sensor -> smoke, CO, heat or flame it gets; ``faults`` by sensor; ``attacked``,
    ``closed`` (for works, announced) and ``locked`` (by somebody, unannounced) are exits.
    """

    name: str
    seed: int
    file: ScenarioFile
    fire_zone: str = ""
    fire_s: float = inf
    ramps: dict[str, Ramp] = {}
    faults: dict[str, Fault] = {}
    jam: str = ""
    closed: str = ""
    locked: str = ""
    scan_s: float = inf
    attacked: str = ""
    attacked_controller: str = ""
    attacked_ip: str = ""
    write_s: float = inf
    frozen_camera: str = ""
    freeze_s: float = inf
    hosts: tuple[str, ...] = ()
    announcements: tuple[Announcement, ...] = ()

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return self.file.duration_s

    def happenings(self) -> list[tuple[float, str, str]]:
        """Give (seconds, what, where) in order of time: the truth in a few lines."""
        found = [
            (0.0, "jam", self.jam),
            (0.0, "closed-for-works", self.closed),
            (0.0, "door-locked", self.locked),
            (
                self.scan_s,
                "announced-scan" if self.file.scan and self.file.scan.announced else "scan",
                "network",
            ),
            (self.write_s, "write", self.attacked_controller),
            (self.write_s, "door-blocked", self.attacked),
            (self.freeze_s, "camera-frozen", self.frozen_camera),
            (self.fire_s, "fire", self.fire_zone),
        ]
        if self.file.nuisance_smoke:
            found.append((self.file.nuisance_smoke.at_s, "nuisance-smoke", self.file.nuisance_smoke.zone))
        for slug, fault in self.faults.items():
            if fault.lies:
                found.append((0.0, "sensor-lies", slug))
            found.append((fault.dies_s, "sensor-dies", slug))
        return sorted(each for each in found if each[0] < inf and each[2])


def _jittered(rng_seed: int, what: str, at_s: float, jitter_s: float) -> float:
    return max(0.0, at_s + float(stream(rng_seed, what).uniform(-jitter_s, jitter_s)))


def tell_story(folder: Path, name: str, options: ScenarioOptions) -> tuple[Site, Story]:
    """Settle a story.

    :raises ScenarioError: an unknown scenario or name, or a scenario that does not fit the site.
    :raises SiteError: the site cannot be used.
    """
    site, file = load_site(folder), load_scenario(folder, name)
    return site, _Teller(site, folder, name, file, options).tell()


class _Teller:
    """Works out a story part by part; each part has its own random stream."""

    def __init__(
        self, site: Site, folder: Path, name: str, file: ScenarioFile, options: ScenarioOptions
    ) -> None:
        self.site, self.name, self.file, self.options = site, name, file, options
        self.seed = options.seed
        self.hosts = _controllers(folder)
        self.closed = find_exit(site, options.close).slug if options.close else ""
        self.locked = find_exit(site, options.lock, "--lock").slug if options.lock else ""
        street = options.jam or file.traffic.jam
        self.jam = find_street(site, street).slug if street else ""

    def tell(self) -> Story:
        file = self.file
        zone, fire_s = self._fire()
        exit_, ip = self._attacked()
        scan_s = _jittered(self.seed, "scan", file.scan.at_s, file.scan.jitter_s) if file.scan else inf
        write_s = (
            scan_s + _jittered(self.seed, "write", file.write.after_scan_s, file.write.jitter_s)
            if file.write
            else inf
        )
        freeze = file.camera_freeze
        camera = self._camera(exit_) if exit_ and freeze else ""
        freeze_s = (
            write_s + _jittered(self.seed, "freeze", freeze.after_write_s, freeze.jitter_s) if freeze else inf
        )
        quiet = {
            zone,
            exit_.connects[0] if exit_ else "",
            file.nuisance_smoke.zone if file.nuisance_smoke else "",
        }
        return Story(
            name=self.name,
            seed=self.seed,
            file=file,
            fire_zone=zone,
            fire_s=fire_s,
            ramps=self._ramps(zone, fire_s),
            faults=self._faults({each for each in quiet if each}, {camera}),
            jam=self.jam,
            closed=self.closed,
            locked=self.locked,
            scan_s=scan_s,
            attacked=exit_.slug if exit_ else "",
            attacked_controller=exit_.controller if exit_ else "",
            attacked_ip=ip,
            write_s=write_s,
            frozen_camera=camera,
            freeze_s=freeze_s,
            hosts=_targets(file, tuple(self.hosts.values())),
            announcements=self._announcements(),
        )

    def _fire(self) -> tuple[str, float]:
        if self.options.fire_at and self.file.fire is None:
            raise ScenarioError(
                f"--fire-at {self.options.fire_at!r}: nothing burns in scenario {self.name!r}; leave it out"
            )
        fire = self.file.fire
        if fire is None:
            return "", inf
        zone = find_fire_zone(self.site, self.options.fire_at or fire.zone).slug
        return zone, _jittered(self.seed, "fire", fire.at_s, fire.jitter_s)

    def _ramps(self, zone: str, fire_s: float) -> dict[str, Ramp]:
        ramps: dict[str, Ramp] = {}
        if self.file.nuisance_smoke:
            smoky = find_fire_zone(self.site, self.file.nuisance_smoke.zone).slug
            ramps |= plan_nuisance(self.site, self.file.nuisance_smoke, smoky, stream(self.seed, "nuisance"))
        if self.file.fire:
            rng = stream(self.seed, "fire-growth")
            ramps |= plan_fire(self.site, self.file.fire, zone, fire_s, self.file.duration_s, rng)
        return ramps

    def _attacked(self) -> tuple[Opening | None, str]:
        """Give the exit whose controller is written to; one that is closed anyway is not worth an attack."""
        if self.file.write is None:
            return None, ""
        wanted = find_exit(self.site, self.file.write.exit)
        shut = (self.closed, self.locked)
        able = [each for each in self.site.exits if each.controller in self.hosts and each.slug not in shut]
        if not able:
            raise ScenarioError(f"scenario {self.name!r}: no exit has a door controller in network.yaml")
        near = min(able, key=lambda each: _distance(wanted, each))
        return near, self.hosts[near.controller]

    def _camera(self, exit_: Opening) -> str:
        cameras = [each for each in self.site.sensors if each.family == "camera"]
        if not cameras:
            return ""
        beside = [each for each in cameras if each.zone == exit_.connects[0]] or cameras
        return min(beside, key=lambda each: _distance(exit_, each)).slug

    def _faults(self, busy: set[str], spare: set[str]) -> dict[str, Fault]:
        """Choose who lies, who dies and whose clock is off, away from where the story happens."""
        rng, faults = stream(self.seed, "faults"), self.file.faults
        near = busy | {beside for zone in busy for beside in neighbours(self.site, zone)}
        far = [each for each in self.site.sensors if each.zone not in near and each.slug not in spare]
        chosen: dict[str, Fault] = {}
        liars = [each for each in far if each.family in ("co", "heat")]
        if faults.lying and liars:
            liar = liars[int(rng.integers(len(liars)))]
            chosen[liar.slug] = _lie(liar, float(rng.random()), bool(rng.random() < 0.5))
        mortal = [each for each in far if each.family in ("smoke", "co", "heat") and each.slug not in chosen]
        if mortal:
            dead = mortal[int(rng.integers(len(mortal)))]
            chosen[dead.slug] = Fault(dies_s=float(rng.uniform(*faults.dying_at_s)))
        others = [
            each.slug for each in self.site.sensors if each.family in ("smoke", "co", "heat", "counter")
        ]
        others = [slug for slug in others if slug not in chosen]
        for index in rng.permutation(len(others))[: faults.skewed]:
            skew_s = float(rng.uniform(0.2, faults.skew_s) * rng.choice([-1, 1]))
            chosen[others[int(index)]] = Fault(skew_s=skew_s)
        return chosen

    def _announcements(self) -> tuple[Announcement, ...]:
        if not self.closed:
            return self.file.announcements
        works = Announcement(
            subject=self.closed, attribute="exit_state", value="unusable", reason="closed for works"
        )
        return (works, *self.file.announcements)


def _lie(spec: SensorSpec, share: float, absurd: bool) -> Fault:
    """Read absurdly high, or wrong by always the same."""
    if spec.family == "co":
        return Fault(offset=600 + 320 * share if absurd else 22 + 18 * share, lies=True)
    return Fault(offset=85 + 35 * share if absurd else 14 + 6 * share, lies=True)


def _distance(a: Opening, b: Opening | SensorSpec) -> float:
    return hypot(a.x_m - b.x_m, a.y_m - b.y_m) + 100.0 * abs(a.level - b.level)


def _controllers(folder: Path) -> dict[str, str]:
    """Give device -> address of the network policy beside the site; none without one."""
    path = folder / "network.yaml"
    if not path.exists():
        return {}
    return {host.device: ip for ip, host in read_network_policy(path.read_bytes()).hosts.items()}


def _targets(file: ScenarioFile, known: tuple[str, ...]) -> tuple[str, ...]:
    """Give whom a scan knocks at: those in the policy first, then the rest of the network."""
    if file.scan is None:
        return ()
    try:
        network = ip_network(file.scan.network)
    except ValueError as error:
        raise ScenarioError(f"scan.network {file.scan.network!r}: {error}") from None
    rest = [str(each) for each, _ in zip(network.hosts(), range(254), strict=False)]
    return tuple(dict.fromkeys([*sorted(known), *rest]))
