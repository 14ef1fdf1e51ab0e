from localargo.manifests.document import Document
from localargo.manifests.report import Report, hint_for, nearest


def test_the_same_is_said_once_whatever_words_lead_to_it() -> None:
    report, document = Report(), Document({"kind": "Workflow", "metadata": {"name": "a"}}, "f", {"spec": 2})
    report.refusal(document, "spec.x", "invalid spec: templates.a ", "core")
    report.refusal(document, "spec.x", "invalid spec: templates.b ", "core")
    report.refusal(document, "spec.y", "", "core")
    assert [str(each) for each in report.findings] == [
        "f:2: error: Workflow/a spec.x: invalid spec: templates.a core",
        "f:2: error: Workflow/a spec.y: core",
    ]


def test_two_documents_of_one_name_are_told_apart() -> None:
    report = Report()
    for _ in range(2):
        report.warning(Document({"kind": "Workflow", "metadata": {"generateName": "a-"}}), "spec", "same")
    assert len(report.findings) == 2


def test_warnings_about_known_documents_are_not_repeated_but_errors_are() -> None:
    report, known = Report(), Document({})
    report.already_checked = {id(known)}
    report.warning(known, "spec", "w")
    report.error(known, "spec", "e")
    report.unsupported(known, "spec", "u")
    assert [each.severity for each in report.findings] == ["error", "unsupported"]


def test_the_nearest_name_is_found_or_all_are_listed() -> None:
    assert nearest("comand", ["command", "args"]) == "command"
    assert nearest("entryPoint", ["entrypoint", "templates"]) == "entrypoint"
    assert nearest("x", ["command"]) == ""
    assert hint_for("comand", ["command", "args"]) == "did you mean command?"
    assert hint_for("zzz", ["b", "a"]) == "the names are: a, b"
    assert hint_for("zzz", []) == ""
    assert hint_for("q", [f"name-{i}" for i in range(20)]) == ""
