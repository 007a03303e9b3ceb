"""The score: worlds made, fused, judged, beside the rules that were tuned on training worlds only."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

import s4allcities
from s4allcities.fusion import FusionStage, topology_of
from s4allcities.scenario.errors import ScenarioError
from s4allcities.scenario.generated.seeds import Split, seeds_of
from s4allcities.scenario.generated.worlds import Generator, world_names
from s4allcities.site import load_site

from .cases import LOOKS_S, held_of
from .figures import Figures, b_cubed_of, figures_of, per_hypothesis, threshold_of
from .forecasts import OURS, Judged, judge, samples_of
from .fused import FusedWorld, fuse_world
from .tuning import TunedRule, counted_table, tune

__all__ = ("MIS_SPECIFIED", "STANDARD", "Clusters", "Row", "Score", "ScoreOptions", "Tuned", "score")

F8 = NDArray[np.float64]

STANDARD = "standard"
MIS_SPECIFIED = "mis-specified"
PURPOSE = "the score"
ORDINARY = "ordinary-day"

Say = Callable[[str], None]


class ScoreOptions(Struct, frozen=True, kw_only=True):
    """What to score: the site, how many seeds, which laws and worlds (all if empty). ``split`` train is for tuning.

    Ordinary days, which are long, are made with ``days`` seeds.
    """

    site: Path
    split: Split = "test"
    seeds: int = 6
    train_seeds: int = 12
    days: int = 2
    laws: tuple[str, ...] = ()
    worlds: tuple[str, ...] = ()


class Row(Struct, frozen=True, kw_only=True):
    """Figures of one method on one part: a law (or ``mis-specified``: all but standard), a world, or a hypothesis."""

    method: str
    part: str
    law: str
    figures: Figures


class Clusters(Struct, frozen=True, kw_only=True):
    """B-cubed of putting detections together under one law; the rules take the same incidents, so it is one figure."""

    law: str
    precision: float
    recall: float
    f: float


class Tuned(Struct, frozen=True, kw_only=True):
    """What tuning chose for a rule, and the threshold that 95 % of the training acts reach."""

    method: str
    threshold: float
    knowledge: str = ""
    time_s: float = 0.0
    scale: float = 0.0
    offset: float = 0.0
    train_log_loss: float = 0.0


class Score(Struct, frozen=True, kw_only=True):
    """The document of ``s4 scenario score --json``. All of it is from simulated worlds."""

    site: str
    table: str
    """Version of fusion's data file."""
    split: Split
    seeds: dict[str, list[int]]
    laws: tuple[str, ...]
    looks_s: tuple[float, ...]
    methods: tuple[str, ...]
    tuned: tuple[Tuned, ...]
    b_cubed: tuple[Clusters, ...]
    overall: tuple[Row, ...]
    hypotheses: tuple[Row, ...]
    worlds: tuple[Row, ...]
    simulated: bool = True
    version: str = field(default=s4allcities.__version__)

    def row(self, method: str, law: str) -> Figures:
        """Give the overall figures of a method. :raises KeyError: there are none."""
        for each in self.overall:
            if (each.method, each.law) == (method, law):
                return each.figures
        raise KeyError(f"no figures of {method} under {law}")


class _Scorer:
    """What every world is made and judged with."""

    def __init__(self, options: ScoreOptions, say: Say) -> None:
        site = load_site(options.site)
        self.options, self.say = options, say
        self.generator = Generator(site)
        self.stage = FusionStage(topology_of(site), advise=False)
        self.slugs = self.stage.data.slugs
        self.kinds = dict(self.stage.data.kind_index)
        catalogue = self.generator.catalogue
        self.laws = options.laws or tuple(catalogue.laws)
        self.names = options.worlds or world_names(catalogue)
        for law in self.laws:
            catalogue.law(law)
        unknown = [name for name in self.names if name not in world_names(catalogue)]
        if unknown:
            raise ScenarioError(
                f"there is no generated world {unknown[0]!r}; allowed are {', '.join(world_names(catalogue))}"
            )

    def fused(self, names: Sequence[str], split: Split, law: str, count: int) -> Iterator[FusedWorld]:
        seeds = seeds_of(split, count, purpose=PURPOSE)
        for name in names:
            for seed in seeds[: self.options.days] if name == ORDINARY else seeds:
                yield fuse_world(self.stage, self.generator.make(name, seed, law, purpose=PURPOSE))

    def train(self) -> tuple[tuple[TunedRule, ...], dict[str, float]]:
        """Tune the rules on training worlds of the standard law; give them with every method's threshold."""
        every = world_names(self.generator.catalogue)[1:]
        self.say(f"tuning the rules on {self.options.train_seeds} training seeds")
        fused = list(self.fused(every, "train", STANDARD, self.options.train_seeds))
        held = [
            (each, self.slugs.index(each.hypothesis))
            for one in fused
            for each in held_of(one, self.kinds).values()
        ]
        tables = {
            "fusion's table": np.array(self.stage.data.llr),
            "counted": counted_table(held, len(self.kinds), len(self.slugs)),
        }
        samples = [each for one in fused for each in samples_of(one, self.slugs, self.kinds)]
        rules = tune(samples, tables)
        judged = [judge(one, rules, self.slugs, self.kinds) for one in fused]
        methods = (OURS, *(rule.name for rule in rules))
        return rules, {name: threshold_of([each[name] for each in judged]) for name in methods}

    def judged(self, rules: Sequence[TunedRule], law: str) -> dict[str, list[Judged]]:
        self.say(f"scoring the worlds of the law {law}")
        found: dict[str, list[Judged]] = {}
        for one in self.fused(self.names, self.options.split, law, self.options.seeds):
            for method, world in judge(one, rules, self.slugs, self.kinds).items():
                found.setdefault(method, []).append(world)
        return found


def score(options: ScoreOptions, say: Say) -> Score:
    """Score fusion and the rules beside it on unseen seeds (or, with split train, on those one may tune on).

    The rules are tuned on training seeds of the standard law, whatever is scored.

    :raises ScenarioError: there is no such law or world, or no such number of seeds.
    :raises SiteError: the site cannot be used.
    """
    scorer = _Scorer(options, say)
    rules, thresholds = scorer.train()
    by_law = {law: scorer.judged(rules, law) for law in scorer.laws}
    return Score(
        site=scorer.generator.site.slug,
        table=scorer.stage.data.version,
        split=options.split,
        seeds={
            "train": list(seeds_of("train", options.train_seeds)),
            options.split if options.split == "test" else "scored": list(
                seeds_of(options.split, options.seeds, purpose=PURPOSE)
            ),
        },
        laws=scorer.laws,
        looks_s=LOOKS_S,
        methods=tuple(thresholds),
        tuned=tuple(_tuned(thresholds, rules)),
        b_cubed=tuple(_clusters(by_law)),
        overall=tuple(_overall(by_law, thresholds)),
        hypotheses=tuple(_hypotheses(by_law, thresholds, scorer.slugs)),
        worlds=tuple(_worlds(by_law, thresholds)),
    )


def _tuned(thresholds: dict[str, float], rules: Sequence[TunedRule]) -> Iterator[Tuned]:
    yield Tuned(method=OURS, threshold=thresholds[OURS])
    for rule in rules:
        yield Tuned(
            method=rule.name,
            threshold=thresholds[rule.name],
            knowledge=rule.knowledge,
            time_s=rule.time_s,
            scale=rule.scale,
            offset=rule.offset,
            train_log_loss=rule.train_log_loss,
        )


ByLaw = dict[str, dict[str, list[Judged]]]


def _parts(by_law: ByLaw) -> dict[str, dict[str, list[Judged]]]:
    """Every law, and all mis-specified ones together."""
    parts = dict(by_law)
    wrong = [found for law, found in by_law.items() if law != STANDARD]
    if wrong:
        parts[MIS_SPECIFIED] = {
            method: [each for found in wrong for each in found[method]] for method in wrong[0]
        }
    return parts


def _clusters(by_law: ByLaw) -> Iterator[Clusters]:
    for law, found in _parts(by_law).items():
        precision, recall, f = b_cubed_of(found[OURS])
        yield Clusters(law=law, precision=precision, recall=recall, f=f)


def _overall(by_law: ByLaw, thresholds: dict[str, float]) -> Iterator[Row]:
    for law, found in _parts(by_law).items():
        for method, judged in found.items():
            yield Row(method=method, part="all", law=law, figures=figures_of(judged, thresholds[method]))


def _hypotheses(by_law: ByLaw, thresholds: dict[str, float], slugs: Sequence[str]) -> Iterator[Row]:
    for law, found in _parts(by_law).items():
        if law not in (STANDARD, MIS_SPECIFIED):
            continue
        for slug in slugs[1:]:
            for method, judged in found.items():
                figures = per_hypothesis(judged, slug, thresholds[method])
                if figures.worlds:
                    yield Row(method=method, part=slug, law=law, figures=figures)


def _worlds(by_law: ByLaw, thresholds: dict[str, float]) -> Iterator[Row]:
    for law, found in by_law.items():
        for method, judged in found.items():
            for name in dict.fromkeys(each.world for each in judged):
                own = [each for each in judged if each.world == name]
                yield Row(method=method, part=name, law=law, figures=figures_of(own, thresholds[method]))
