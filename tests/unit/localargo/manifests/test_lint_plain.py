from collections.abc import Callable

import pytest

from localargo.errors import Finding

Lint = Callable[..., list[Finding]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: ConfigMap\nmetadata: {name: a}\ndata: {x: 1}\n", "x must be a string, not 1"),
        ("kind: ConfigMap\nmetadata: {name: a}\ndata: [x]\n", "data must be a mapping of names to strings"),
        ("kind: ConfigMap\nmetadata: {name: a}\ndta: {x: y}\n", 'unknown field "dta"'),
        ("kind: ConfigMap\ndata: {x: z}\n", "metadata.name is required"),
        ("kind: Secret\nmetadata: {name: a}\nstringData: {on: x, token: 5}\n", "token must be a string, not 5"),
    ],
)
def test_configmaps_and_secrets_hold_texts(lint: Lint, text: str, message: str) -> None:
    (found,) = lint(f"apiVersion: v1\n{text}")
    assert (found.severity, found.message) == ("error", message)


def test_a_secret_and_a_claim_pass(lint: Lint) -> None:
    assert lint("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: Opaque\nstringData: {a: b}\n") == []
    assert lint("apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a}\nspec: {accessModes: [ReadWriteOnce]}\n") == []
