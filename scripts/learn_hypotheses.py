"""Learn what kinds of detection say about hypotheses, from training seeds of generated worlds.

Finds the likelihood ratios of ``fusion/hypotheses.toml``, all priors being the same, that give the least log loss on
the looks of `s4 scenario score` in worlds of the standard law and training seeds, drawn towards the figures that are
in the file (ridge regression towards judgement), and writes the file anew. Test seeds are not asked for, so the
generator would refuse them. The read-out is fusion's own: P^(1-a) mP^a - Q^(1-a) mQ^a for each source group and
hypothesis.

    python scripts/learn_hypotheses.py --seeds 24
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from s4allcities.app.scoring.cases import cases_of
from s4allcities.app.scoring.fused import FusedWorld, fuse_world
from s4allcities.fusion import FusionStage, Hypotheses, load_hypotheses, topology_of
from s4allcities.scenario.generated.seeds import seeds_of
from s4allcities.scenario.generated.worlds import Generator, world_names
from s4allcities.site import load_site

F8 = NDArray[np.float64]

ROOT = Path(__file__).parents[1]
FILE = ROOT / "src/s4allcities/fusion/hypotheses.toml"
SITE = ROOT / "sites/helsinki-station"

LOW, HIGH = -4.0, 8.0
TINY = 1e-9
NO_NEWS = 0.05
DAY_WEIGHT = 0.1
"""What a false alarm of an ordinary day counts, beside a look at an event: there are many of them."""


class Samples:
    """Looks as arrays: ``total`` and ``peak`` (N, G, K) decayed sums and largest pieces of each group and kind."""

    def __init__(self, data: Hypotheses) -> None:
        self.data = data
        self.rows: list[dict[str, dict[int, tuple[float, float]]]] = []
        self.truth: list[int] = []
        self.weight: list[float] = []

    def add(self, fused: FusedWorld, incident: str, t_us: int, truth: str, weight: float) -> None:
        groups: dict[str, dict[int, tuple[float, float]]] = {}
        for each in fused.world.detections:
            detection = each.detection
            if each.arrives_us > t_us or fused.owner.get(detection.id) != incident:
                continue
            kind = self.data.kinds[detection.kind]
            group = f"{detection.kind}@anywhere" if kind.common_cause else detection.group
            value = (
                detection.confidence * kind.reliability * np.exp(-(t_us - detection.t_us) / 1e6 / kind.tau_s)
            )
            index = self.data.kind_index[detection.kind]
            total, peak = groups.setdefault(group, {}).get(index, (0.0, 0.0))
            groups[group][index] = (total + value, max(peak, value))
        self.rows.append(groups)
        self.truth.append(self.data.slugs.index(truth))
        self.weight.append(weight)

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], F8, F8]:
        """Give the pieces flat: (M,) group number, (M,) kind, (M,) total, (M,) peak; group g is of sample owner[g]."""
        owner, piece_group, kind, total, peak = [], [], [], [], []
        for n, groups in enumerate(self.rows):
            for held in groups.values():
                owner.append(n)
                for index, (a, b) in held.items():
                    piece_group.append(len(owner) - 1)
                    kind.append(index)
                    total.append(a)
                    peak.append(b)
        self.owner = np.array(owner)
        return np.array(piece_group), np.array(kind), np.array(total), np.array(peak)


KEPT = ("blended",)
"""Hypotheses that stay as judged: a fire beside an intrusion is two linked incidents, not one of a third sort."""


class Fit:
    """The loss and its slope over likelihood ratios (K, H-1); the priors (H-1,) stay."""

    def __init__(self, samples: Samples, start: F8, prior: F8, spread: float) -> None:
        self.group, self.kind, self.total, self.peak = samples.arrays()
        self.owner = samples.owner
        self.truth = np.array(samples.truth)
        self.weight = np.array(samples.weight) / sum(samples.weight)
        self.start, self.prior = start, prior
        self.spread = spread
        self.alpha = samples.data.alpha
        self.groups, self.n = len(self.owner), len(self.truth)
        self.count = sum(samples.weight)

    def side(self, nats: F8) -> tuple[F8, F8]:
        """Read-out (G, H) of one sign, and its slope by the nats of each piece (M, H)."""
        a = self.alpha
        sums, tops = np.zeros((self.groups, nats.shape[1])), np.zeros((self.groups, nats.shape[1]))
        np.add.at(sums, self.group, nats * self.total[:, None])
        np.maximum.at(tops, self.group, nats * self.peak[:, None])
        sums, tops = np.maximum(sums, TINY), np.maximum(tops, TINY)
        value = sums ** (1 - a) * tops**a
        best = (nats * self.peak[:, None] >= tops[self.group] * (1 - 1e-12)) & (nats > 0)
        slope = (1 - a) * (value / sums)[self.group] * self.total[:, None] * (nats > 0)
        slope += a * (value / tops)[self.group] * self.peak[:, None] * best
        return np.where(sums > TINY, value, 0.0), slope

    def loss(self, x: F8) -> tuple[float, F8]:
        k, h = self.start.shape
        table = x.reshape(k, h)
        nats = table[self.kind]
        pro, pro_slope = self.side(np.maximum(nats, 0.0))
        con, con_slope = self.side(np.maximum(-nats, 0.0))
        z = np.zeros((self.n, h + 1))
        z[:, 1:] = self.prior
        np.add.at(z[:, 1:], self.owner, pro - con)
        z -= z.max(1, keepdims=True)
        p = np.exp(z)
        p /= p.sum(1, keepdims=True)
        own = p[np.arange(self.n), self.truth]
        off = (table - self.start) / self.spread
        value = -(self.weight * np.log(np.maximum(own, 1e-300))).sum()
        value += 0.5 * (off**2).sum() / self.count
        error = p.copy()
        error[np.arange(self.n), self.truth] -= 1
        error = error[:, 1:] * self.weight[:, None]
        by_piece = error[self.owner][self.group] * (pro_slope * (nats > 0) + con_slope * (nats < 0))
        slope = off / self.spread / self.count
        np.add.at(slope, self.kind, by_piece)
        return float(value), slope.ravel()

    def run(self, kept: list[int]) -> tuple[F8, float, float]:
        """Minimise; columns ``kept`` stay as they are. Give the table, and the loss before and after."""
        x = self.start.ravel()
        h = self.start.shape[1]
        free = [((v, v) if n % h in kept else (LOW, HIGH)) for n, v in enumerate(x)]
        before = self.loss(x)[0]
        done = minimize(self.loss, x, jac=True, method="L-BFGS-B", bounds=free, options={"maxiter": 400})
        return done.x.reshape(self.start.shape), before, float(done.fun)


def worlds(generator: Generator, stage: FusionStage, seeds: int, days: int) -> Iterator[FusedWorld]:
    """Give the training worlds of the standard law, fused."""
    for name in world_names(generator.catalogue):
        for seed in seeds_of("train", days if name == "ordinary-day" else seeds):
            yield fuse_world(stage, generator.make(name, seed))


def collect(generator: Generator, data: Hypotheses, seeds: int, days: int) -> Samples:
    """Take the looks that the score takes, and the false alarms of ordinary days as they stood at their last word."""
    samples = Samples(data)
    for fused in worlds(generator, FusionStage(topology_of(generator.site), data, advise=False), seeds, days):
        for case in cases_of(fused):
            for look in case.looks:
                if look.incident:
                    samples.add(fused, look.incident, look.t_us, case.truth, 1.0)
        if fused.world.name == "ordinary-day":
            last: dict[str, int] = {}
            for each in fused.world.detections:
                if not each.event and each.detection.id in fused.owner:
                    last[fused.owner[each.detection.id]] = each.arrives_us
            for incident, t_us in last.items():
                samples.add(fused, incident, t_us, "benign", DAY_WEIGHT)
    return samples


def write(path: Path, data: Hypotheses, table: F8, prior: F8) -> None:
    """Put new figures into the file's own lines, so that its comments and order stay."""
    text = path.read_text(encoding="utf-8")
    unrelated = tomllib.loads(text)["unrelated"]
    for slug, index in data.kind_index.items():
        values = dict(zip(data.slugs[1:], table[index], strict=True))
        told = ", ".join(
            f"{name} = {value + 0.0:.1f}"
            for name, value in values.items()
            if abs(value - unrelated) >= NO_NEWS
        )
        pattern = re.compile(rf"(\[kinds\.{re.escape(slug)}\]\n(?:(?!\[).*\n)*?)llr = \{{[^}}]*\}}")
        text, found = pattern.subn(lambda hit, told=told: f"{hit.group(1)}llr = {{ {told} }}", text)
        if found != 1:
            raise SystemExit(f"{path}: the table of kind {slug} was found {found} times")
    for slug, value in zip(data.slugs[1:], prior, strict=True):
        pattern = re.compile(rf"(\[hypotheses\.{re.escape(slug)}\]\n(?:(?!\[).*\n)*?)prior = [-\d.]+")
        text, found = pattern.subn(lambda hit, value=value: f"{hit.group(1)}prior = {value:.2f}", text)
        if found != 1:
            raise SystemExit(f"{path}: the prior of {slug} was found {found} times")
    path.write_text(text, encoding="utf-8")


def main() -> None:
    """Learn, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1, help="association depends on the table: learn anew")
    parser.add_argument(
        "--spread", type=float, default=0.7, help="how far, in nats, figures may leave judgement"
    )
    parser.add_argument(
        "--prior", type=float, default=-3.9, help="the prior of every hypothesis that is not kept"
    )
    parser.add_argument("--file", type=Path, default=FILE)
    options = parser.parse_args()
    generator = Generator(load_site(SITE))
    judged = load_hypotheses(options.file)
    start, prior = np.array(judged.llr)[:, 1:], np.array(judged.priors)[1:]
    kept = [judged.slugs.index(slug) - 1 for slug in KEPT]
    prior[[n for n in range(len(prior)) if n not in kept]] = options.prior
    for number in range(options.rounds):
        data = load_hypotheses(options.file)
        samples = collect(generator, data, options.seeds, options.days)
        table, before, after = Fit(samples, start, prior, options.spread).run(kept)
        print(
            f"round {number + 1}: {len(samples.truth)} looks, loss {before:.3f} -> {after:.3f}",
            file=sys.stderr,
        )
        write(options.file, data, table, prior)


if __name__ == "__main__":
    main()
