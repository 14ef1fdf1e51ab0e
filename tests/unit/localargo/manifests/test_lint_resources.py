from collections.abc import Callable

import pytest

from localargo.errors import Finding

Lint = Callable[..., list[Finding]]
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: a-}\nspec:\n  entrypoint: main\n  templates:\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("container: {image: x}, podResources: {limits: {cpu: 1, memory: 5Mi, hugepages-2Mi: 2Mi}}", ""),
        ("container: {image: x}, podResources: {requests: {gpu: 1}}", '.podResources: "gpu" is not a valid pod-level resource, only cpu,'),
        ("container: {image: x}, podResources: {claims: [{name: c}]}", ".podResources.claims is not supported for pod-level resources"),
        ("http: {url: 'http://localhost/'}, podResources: {limits: {cpu: 1}}", ".podResources is not supported for HTTP templates"),
        ("suspend: {}, resourceClaims: [{name: c}]", ".resourceClaims is not supported for Suspend templates, which do not create a pod"),
        ("container: {image: x}, resourceClaims: [{name: c}]", ""),
        ("container: {image: x, resources: {limits: {cpu: 1, memory: 1000}}}", ""),
    ],
)
def test_what_a_pod_may_ask_for(lint: Lint, body: str, message: str) -> None:
    found = [each.message for each in lint(f"{HEAD}  - {{name: main, {body}}}\n") if each.severity == "error"]
    assert found == ([found[0]] if message else [])
    assert not message or found[0].startswith(f"invalid spec: templates.main{message}")
