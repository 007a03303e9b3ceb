"""The streams, what each takes in, and how long it keeps it: RAW in partitions, OBS and EVENTS."""

from msgspec import Struct
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, SubjectTransform

from .gateway import GATEWAY_PREFIX, GatewayLimits

__all__ = (
    "EVENTS",
    "EVENT_KINDS",
    "OBS",
    "RAW",
    "RAW_PARTITIONS",
    "REJECTED_TTL_S",
    "TICK_TTL_S",
    "StreamLimits",
    "raw_stream",
    "stream_configs",
)

RAW, OBS, EVENTS = "RAW", "OBS", "EVENTS"
EVENT_KINDS = (
    "det", "trk", "inc", "risk", "ctx", "alert", "coa", "order", "fb", "health", "rejected", "truth",
)  # fmt: skip
RAW_PARTITIONS = 8
"""RAW is this many streams, because the server syncs one message of a stream to disk after the other: side by side
they bear that many times the messages. All messages of a sensor are in one of them."""

TICK_TTL_S = 86_400
"""Clock ticks in EVENTS leave after a day: they matter only to a stage that catches up."""
REJECTED_TTL_S = 3600
"""Rejected messages leave EVENTS after an hour, as unread device messages leave RAW: a device gone mad shall not fill
the disk. The store has long counted them then, and keeps the newest.
"""

_MIB = 1 << 20


class StreamLimits(Struct, frozen=True, kw_only=True):
    """How long and how much the streams keep. Times in seconds, sizes in bytes, -1 = no limit.

    ``obs_age_s`` must exceed ``raw_age_s``: the edge looks up in OBS which device messages it has already packed.
    A full RAW or OBS drops its oldest: the broker has already told a device "received" when it stores a message, so
    refusing a new one would lose it without a trace, while what expires leaves a gap that `RawReader.expired` counts.
    ``duplicate_window_s`` is how long the server recognises a message published twice. ``gateway_*`` bound each of the
    MQTT gateway's own streams (see `GatewayLimits`).
    """

    raw_age_s: float = 3600.0
    raw_bytes: int = 2048 * _MIB
    obs_age_s: float = 86_400.0
    obs_bytes: int = 8192 * _MIB
    events_age_s: float = 0.0
    events_bytes: int = -1
    duplicate_window_s: float = 120.0
    gateway_session_age_s: float = 90 * 86_400.0
    gateway_message_age_s: float = 86_400.0
    gateway_bytes: int = 128 * _MIB
    replicas: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.raw_age_s < self.obs_age_s:
            raise ValueError(
                f"raw_age_s is {self.raw_age_s}, obs_age_s {self.obs_age_s}; allowed is 0 < raw_age_s < obs_age_s"
            )
        if not 0 < self.duplicate_window_s <= self.raw_age_s:
            raise ValueError(
                f"duplicate_window_s is {self.duplicate_window_s}; allowed are 0 to raw_age_s ({self.raw_age_s})"
            )

    def gateway(self) -> GatewayLimits:
        """Give the bounds of the MQTT gateway's own streams."""
        return GatewayLimits(
            session_age_s=self.gateway_session_age_s,
            message_age_s=self.gateway_message_age_s,
            bytes=self.gateway_bytes,
            duplicate_window_s=min(
                self.duplicate_window_s, self.gateway_session_age_s, self.gateway_message_age_s
            ),
            replicas=self.replicas,
        )


def stream_configs(limits: StreamLimits) -> tuple[StreamConfig, ...]:
    """Give the configuration of RAW's partitions, OBS and EVENTS under these limits.

    RAW takes what the MQTT gateway stores before it acknowledges, and files it without the gateway's prefix. The
    server's mapping has put the partition into the subject by then (`subjects.RAW_MAPPING`).
    """
    common = {
        "storage": StorageType.FILE,
        "duplicate_window": limits.duplicate_window_s,
        "num_replicas": limits.replicas,
    }
    raws = tuple(
        StreamConfig(
            name=raw_stream(partition),
            subjects=_raw_subjects(partition),
            subject_transform=SubjectTransform(src=f"{GATEWAY_PREFIX}>", dest=">"),
            retention=RetentionPolicy.WORK_QUEUE,
            discard=DiscardPolicy.OLD,
            max_age=limits.raw_age_s,
            max_bytes=limits.raw_bytes // RAW_PARTITIONS if limits.raw_bytes > 0 else limits.raw_bytes,
            **common,  # type: ignore[arg-type]
        )
        for partition in range(RAW_PARTITIONS)
    )
    obs = StreamConfig(
        name=OBS,
        subjects=["s4.*.obs.>"],
        retention=RetentionPolicy.LIMITS,
        max_age=limits.obs_age_s,
        max_bytes=limits.obs_bytes,
        **common,  # type: ignore[arg-type]
    )
    events = StreamConfig(
        name=EVENTS,
        subjects=[f"s4.*.{kind}.>" for kind in EVENT_KINDS],
        retention=RetentionPolicy.LIMITS,
        max_age=limits.events_age_s,
        max_bytes=limits.events_bytes,
        allow_msg_ttl=True,
        **common,  # type: ignore[arg-type]
    )
    return *raws, obs, events


def raw_stream(partition: int) -> str:
    """Give the name of a partition's stream.

    >>> raw_stream(0), raw_stream(3)
    ('RAW', 'RAW-3')
    """
    return RAW if partition == 0 else f"{RAW}-{partition}"


def _raw_subjects(partition: int) -> list[str]:
    """The first takes in also what no server's mapping has given a partition."""
    mapped = f"{GATEWAY_PREFIX}s4.*.rawp.{partition}.>"
    return [f"{GATEWAY_PREFIX}s4.*.raw.>", mapped] if partition == 0 else [mapped]
