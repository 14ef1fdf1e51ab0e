"""Who may do what: the rights of every ServiceAccount, who holds a token, who reaches whom."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.manifests.installs import EVERYWHERE, ROOT, Doc, named, of_kind, render_with, rendered
from tests.manifests.pods import pods, steps

REPORT = ("workflowtaskresults", "create"), ("workflowtaskresults", "patch")
RIGHTS = {
    "eventsource": set(),
    "sensor": {("workflows", "create")},
    "workflow": set(),
    "executor": {*REPORT},
    "followup": {("workflows", "create"), ("workflows", "get"), *REPORT},
}


@pytest.mark.parametrize("install", EVERYWHERE)
def test_every_account_has_these_rights_and_no_others(install: str) -> None:
    documents = rendered(install)
    accounts = {doc["metadata"]["name"] for doc in of_kind(documents, "ServiceAccount")}
    assert {name: rights(documents, name) for name in accounts} == RIGHTS
    assert not of_kind(documents, "ClusterRole") + of_kind(documents, "ClusterRoleBinding")


def rights(documents: Any, account: str) -> set[tuple[str, str]]:
    found = set()
    for binding in of_kind(documents, "RoleBinding"):
        if account in [subject["name"] for subject in binding["subjects"]]:
            for rule in named(documents, "Role", binding["roleRef"]["name"])["rules"]:
                assert rule["apiGroups"] == ["argoproj.io"]
                found |= {(resource, verb) for resource in rule["resources"] for verb in rule["verbs"]}
    return found


def test_every_verb_says_what_it_is_for() -> None:
    verbs = [
        line for file in sorted((ROOT / "rbac").glob("*.yaml")) for line in file.read_text(encoding="utf-8").splitlines() if is_verb(line)
    ]
    assert len(verbs) == sum(map(len, RIGHTS.values()))
    assert [line for line in verbs if not re.search(r" # \w+", line)] == []


def is_verb(line: str) -> bool:
    return re.match(r"\s+- (create|get|list|watch|update|patch|delete)\b", line) is not None


@pytest.mark.parametrize("install", EVERYWHERE)
def test_a_handler_holds_no_token_and_what_reports_its_result_has_its_own(install: str) -> None:
    documents = rendered(install)
    secrets = {doc["metadata"]["name"]: doc for doc in of_kind(documents, "Secret")}
    for where, pod in steps(documents):
        follows = where in ("followup/followup", "followup/phase")
        assert pod["automountServiceAccountToken"] is False, where
        assert (pod["serviceAccountName"], pod["executor"]) == (("followup", "followup") if follows else ("workflow", "executor")), where
        token = secrets[f"{pod['executor']}.service-account-token"]  # the name under which Argo looks for it
        assert token["type"] == "kubernetes.io/service-account-token"
        assert token["metadata"]["annotations"]["kubernetes.io/service-account.name"] == pod["executor"]
    for account in of_kind(documents, "ServiceAccount"):
        assert account.get("automountServiceAccountToken", True) is (account["metadata"]["name"] == "sensor")


# ------------------------------------------------------------------------------------------ the network


def labels(where: str) -> dict[str, str]:
    """The labels of a pod, as Argo's controllers give them."""
    kind, _, name = where.partition("/")
    return {
        "EventSource": {"controller": "eventsource-controller", "eventsource-name": name},
        "Sensor": {"controller": "sensor-controller", "sensor-name": name},
        "EventBus": {"controller": "eventbus-controller", "eventbus-name": name},
    }.get(kind, {"workflows.argoproj.io/workflow": "retrain-x"})


def selected(selector: Doc, pod: dict[str, str]) -> bool:
    wanted = all(pod.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    for each in selector.get("matchExpressions") or []:
        wanted &= each["key"] in pod if each["operator"] == "Exists" else pod.get(each["key"]) in each["values"]
    return wanted


def reaches(policies: list[Doc], source: dict[str, str], target: dict[str, str], port: int) -> bool:
    """Whether both the source's way out and the target's way in are open."""
    return _open(policies, source, "egress", "to", target, port) and _open(policies, target, "ingress", "from", source, port)


def _open(policies: list[Doc], pod: dict[str, str], way: str, side: str, other: dict[str, str], port: int) -> bool:
    specs = [p["spec"] for p in policies if way.title() in p["spec"]["policyTypes"] and selected(p["spec"]["podSelector"], pod)]
    rules = [rule for spec in specs for rule in spec.get(way) or []]
    return not specs or any(
        port in [each["port"] for each in rule["ports"]]
        and (side not in rule or any("podSelector" in peer and selected(peer["podSelector"], other) for peer in rule[side]))
        for rule in rules
    )


def test_the_network_lets_through_what_is_needed_and_nothing_else() -> None:
    documents = [d for d in render_with(["seaweedfs", "network-policies"]) if d.kind != "StatefulSet"]
    policies = of_kind(documents, "NetworkPolicy")
    all_pods = [where for where, _ in pods(documents)]
    bus, bucket = labels("EventBus/default"), {"app": "seaweedfs"}
    for where in all_pods:
        listens = where.startswith(("EventSource/", "Sensor/"))
        assert reaches(policies, labels(where), bus, 4222) is listens, where
        step = not listens and not where.startswith("EventBus/")
        assert reaches(policies, labels(where), bucket, 8333) is (step or where == "EventSource/bucket"), where
        api_server = _open(policies, labels(where), "egress", "to", {}, 6443)
        assert api_server is (step or where.startswith("Sensor/")), where
    assert reaches(policies, bus, bus, 6222)
    assert reaches(policies, bucket, labels("EventSource/bucket"), 12001)
    assert not any(reaches(policies, labels(where), bucket, 18333) for where in all_pods)
    assert not reaches(policies, labels("train/train"), labels("Sensor/bucket"), 12000)


@pytest.mark.parametrize("install", ["overlays/quickstart", "overlays/kind"])
def test_only_the_s3_port_of_the_bucket_to_try_with_is_open(install: str) -> None:
    policies, bucket = of_kind(rendered(install), "NetworkPolicy"), {"app": "seaweedfs"}
    assert reaches(policies, labels("train/train"), bucket, 8333)
    assert not reaches(policies, labels("train/train"), bucket, 18333)
    assert not reaches(policies, {"app": "other"}, bucket, 8333)


def test_the_policies_speak_of_ports_that_are_listened_on() -> None:
    webhook = named(rendered("overlays/production"), "EventSource", "webhook")["spec"]
    (policy,) = [p for p in of_kind(rendered("overlays/production"), "NetworkPolicy") if p["metadata"]["name"] == "webhook"]
    assert [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]] == [int(webhook["webhook"]["retrain"]["port"])]
