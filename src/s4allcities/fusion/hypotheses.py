"""What fusion knows: hypotheses, kinds of detection and their likelihood ratios, read from a versioned data file."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ..domain import BENIGN

__all__ = (
    "Association",
    "Closure",
    "ContextRule",
    "Doubt",
    "Hypotheses",
    "HypothesesError",
    "Hypothesis",
    "Kind",
    "Learning",
    "LifeCycle",
    "Limits",
    "LinkRules",
    "Observer",
    "Reorder",
    "load_hypotheses",
)

Domain = Literal["physical", "cyber"]
F8 = NDArray[np.float64]


class HypothesesError(ValueError):
    """The data file cannot be used: the message names the file, the place in it and what is allowed."""


class Hypothesis(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be going on. ``prior`` is its log-odds against benign; see ``spreads`` in the data file."""

    label: str
    domain: Domain
    prior: float
    prior_name: str
    spreads: bool = False


class Kind(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of detection; ``llr`` in nats by hypothesis, ``tau_s`` its decay time, ``sigma_m`` its place error.

    ``opens`` says whether one may start an incident; ``speed_mps`` how fast the thing seen may move, walking if not
    given; ``coverage`` that a sensor can only say this where it looks, while nothing is held against it.
    """

    label: str
    domain: Domain
    llr: dict[str, float]
    tau_s: float
    reliability: float = 1.0
    sigma_m: float = 30.0
    place: Literal["zone", "point"] = "zone"
    common_cause: bool = False
    opens: bool = True
    speed_mps: float | None = None
    coverage: bool = False


class Doubt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something said against a sensor: its evidence counts ``weight`` while that holds.

    1 = fully, 0 = not at all, below 0 = the opposite of what it says, at most half as much (-0.5).
    """

    label: str
    weight: float
    hold_s: float


class ContextRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A context attribute that shifts log-odds, and which incidents it applies to."""

    match: Literal["entity", "zone", "any"]
    name: str
    llr: dict[str, float]


class LifeCycle(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds of the life cycle of incidents."""

    confirm: float
    confirm_groups: int
    close: float
    group_nats: float
    fade_nats: float
    change: float
    change_tentative: float
    closed_kept_s: float


class Association(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Log-likelihoods and gates that decide to which incident a detection belongs."""

    new_incident: float
    same_entity: float
    neighbour_zone: float
    walking_mps: float
    drift_s: float
    area_m2: float
    gate: float
    quiet_taus: float
    quiet_nats: float
    """Detections of one story follow each other with exponential gaps, of mean quiet_taus / quiet_nats decay times."""


class Reorder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How late something may come and still be taken in as if it had come in time.

    Going back over more than ``cheap`` events is done at most every ``every_s``.
    """

    horizon_s: float
    cheap: int
    every_s: float


class Learning(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What operators' closings teach about sensors, and its bounds; see `reliability`."""

    least: float
    doubt: float
    per_actor: int
    actors: int
    kept: int
    false_words: tuple[str, ...]
    trusted_roles: tuple[str, ...]


class Observer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a family of sensors, or people, could say when asked to look: kinds, confidence, and false-alarm rate."""

    label: str
    kinds: tuple[str, ...]
    confidence: float
    false_alarm: float


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Upper bounds of the state; what is dropped beyond them is counted."""

    incidents: int
    rows: int
    all_rows: int
    events: int
    names: int
    facts: int
    closures: int


class Closure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long and how much an operator's closing speaks against the same hypothesis in the same zones."""

    llr: float
    tau_s: float


class LinkRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Strength of a tie between two incidents in nats by relation; minus time apart over ``tau_s``."""

    same_zone: float
    exit_serves_zone: float
    neighbour_zone: float
    same_entity: float
    same_site: float
    both_domains: float
    campaign_prior: float
    tau_s: float
    least: float


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: str
    unrelated: float
    alpha: float
    life_cycle: LifeCycle
    association: Association
    limits: Limits
    hypotheses: dict[str, Hypothesis]
    kinds: dict[str, Kind]
    doubts: dict[str, Doubt]
    context: dict[str, ContextRule]
    closure: Closure
    links: LinkRules
    reorder: Reorder
    learning: Learning
    observers: dict[str, Observer]
    calibration: dict[str, float] = {}


class Hypotheses:
    """The data file, ready for use: benign is hypothesis 0.

    ``llr`` (K, H) holds nats by kind and hypothesis, ``priors`` (H,) log-odds against benign, ``share`` (H,) the
    probabilities of the hypotheses given that something is going on (0 for benign), ``gain`` (H,) the calibration:
    all evidence for and against a hypothesis is multiplied by it.
    """

    def __init__(self, content: _File) -> None:
        self.version = content.version
        self.alpha = content.alpha
        self.life_cycle = content.life_cycle
        self.association = content.association
        self.limits = content.limits
        self.hypotheses = content.hypotheses
        self.kinds = content.kinds
        self.doubts = content.doubts
        self.context = content.context
        self.closure = content.closure
        self.links = content.links
        self.reorder = content.reorder
        self.learning = content.learning
        self.observers = content.observers
        self.slugs: tuple[str, ...] = tuple(content.hypotheses)
        self.index = {slug: position for position, slug in enumerate(self.slugs)}
        self.kind_index = {slug: position for position, slug in enumerate(content.kinds)}
        self.priors: F8 = np.array([each.prior for each in content.hypotheses.values()])
        self.llr: F8 = np.vstack([self.row(kind.llr, content.unrelated) for kind in content.kinds.values()])
        self.gain: F8 = np.array([content.calibration.get(slug, 1.0) for slug in content.hypotheses])
        weights = np.exp(self.priors)
        weights[0] = 0.0
        self.share: F8 = weights / weights.sum()

    def row(self, by_slug: dict[str, float], default: float) -> F8:
        """Lay nats by slug out as an (H,) array; benign is the reference and stays 0 unless named."""
        out = np.full(len(self.slugs), default)
        out[0] = 0.0
        for slug, nats in by_slug.items():
            out[self.index[slug]] = nats
        return out


def load_hypotheses(path: Path | None = None) -> Hypotheses:
    """Read a data file, by default the one that comes with the package.

    :raises HypothesesError: not readable, a wrong field or an unknown slug; the message says where, and what is
        allowed.
    """
    source = path if path is not None else files(__package__) / "hypotheses.toml"
    try:
        content = msgspec.convert(tomllib.loads(source.read_text(encoding="utf-8")), _File)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise HypothesesError(f"{source.name}: {error}") from error
    _check(content, source.name)
    return Hypotheses(content)


def _check(content: _File, name: str) -> None:
    slugs = list(content.hypotheses)
    if not slugs or slugs[0] != BENIGN:
        raise HypothesesError(f"{name}: the first hypothesis must be {BENIGN!r}, found {slugs[:1]}")
    rows = {f"kinds.{slug}": kind.llr for slug, kind in content.kinds.items()}
    rows |= {f"context.{slug}": rule.llr for slug, rule in content.context.items()}
    for where, row in rows.items():
        unknown = sorted(set(row) - set(slugs))
        if unknown:
            raise HypothesesError(f"{name}: {where}.llr names {unknown}; allowed: {', '.join(slugs)}")
    for slug, kind in content.kinds.items():
        if kind.speed_mps is not None and not kind.speed_mps >= 0:
            raise HypothesesError(
                f"{name}: kinds.{slug}: speed_mps is {kind.speed_mps}; allowed is 0 or more"
            )
        if not (kind.tau_s > 0 and kind.sigma_m > 0 and 0 <= kind.reliability <= 1):
            raise HypothesesError(
                f"{name}: kinds.{slug}: tau_s and sigma_m must be above 0, reliability 0..1;"
                f" found {kind.tau_s}, {kind.sigma_m}, {kind.reliability}"
            )
    _check_weights(content, name)
    if not 0 <= content.alpha <= 1:
        raise HypothesesError(f"{name}: alpha is {content.alpha}; allowed is 0..1")


def _check_weights(content: _File, name: str) -> None:
    for slug, doubt in content.doubts.items():
        if not -0.5 <= doubt.weight <= 1:
            raise HypothesesError(f"{name}: doubts.{slug}: weight is {doubt.weight}; allowed is -0.5..1")
    for slug, gain in content.calibration.items():
        if slug not in content.hypotheses or not 0.2 <= gain <= 3:
            raise HypothesesError(
                f"{name}: calibration.{slug} is {gain}; allowed are known hypotheses, 0.2..3"
            )
    for slug, observer in content.observers.items():
        unknown = sorted(set(observer.kinds) - set(content.kinds))
        if unknown or not 0 < observer.false_alarm < 1 or not 0 < observer.confidence <= 1:
            raise HypothesesError(
                f"{name}: observers.{slug}: unknown kinds {unknown}, or false_alarm or confidence outside 0..1"
            )
