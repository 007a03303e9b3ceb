"""Peers of fusion: an exact Bayesian network asked once a detection, and a rule engine fed fact by fact.

Reads {"priors": [...], "llr": [[...]], "events": [[kind, place], ...]} as JSON on stdin; writes events a CPU-second of
each peer, its version, or why it could not run. Neither knows of time, space, dependence or which incident.
"""

import json
import math
import sys
import time
from importlib import metadata
from typing import Any


def bayesian_network(request: dict[str, Any]) -> float:
    """pyAgrum: naive Bayes over all hypotheses with one node for each kind; one query of the posterior a detection."""
    import pyagrum as gum

    priors, llr, events = request["priors"], request["llr"], request["events"]
    net = gum.BayesNet()
    weights = [math.exp(each) for each in priors]
    top = net.add(gum.LabelizedVariable("h", "hypothesis", len(priors)))
    net.cpt(top).fillWith([each / sum(weights) for each in weights])
    for kind, row in enumerate(llr):
        node = net.add(gum.LabelizedVariable(f"k{kind}", "kind", 2))
        net.addArc(top, node)
        seen = [min(0.001 * math.exp(nats), 0.98) for nats in row]
        net.cpt(node).fillWith([value for p in seen for value in (1 - p, p)])
    engine = gum.LazyPropagation(net)
    engine.addTarget("h")
    last: dict[int, list[int]] = {}
    start = time.process_time()
    for kind, place in events:
        seen_here = last.setdefault(place, [])
        if kind not in seen_here:
            seen_here.append(kind)
            del seen_here[:-8]
        engine.setEvidence({f"k{each}": 1 for each in seen_here})
        engine.makeInference()
        engine.posterior("h")
    return len(events) / (time.process_time() - start)


def rule_engine(request: dict[str, Any]) -> float:
    """durable_rules: "two different kinds at one place make an incident", each detection an event."""
    from durable.lang import c, m, post, ruleset, when_all

    with ruleset("fusion"):

        @when_all(c.first << m.kind < 4, c.second << (m.kind >= 4) & (m.place == c.first.place))
        def incident(c) -> None:
            c.s.found = (c.s.found or 0) + 1

    start = time.process_time()
    for number, (kind, place) in enumerate(request["events"]):
        post("fusion", {"id": number, "kind": kind % 8, "place": place})
    return len(request["events"]) / (time.process_time() - start)


def main() -> None:
    request = json.load(sys.stdin)
    answer = {}
    for name, package, run in (
        ("pyagrum", "pyagrum", bayesian_network),
        ("durable_rules", "durable_rules", rule_engine),
    ):
        try:
            answer[name] = {"events_per_s": run(request), "version": metadata.version(package), "reason": ""}
        except Exception as error:
            answer[name] = {"events_per_s": 0.0, "version": "", "reason": f"{type(error).__name__}: {error}"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
