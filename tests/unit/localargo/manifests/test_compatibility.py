from pathlib import Path

from localargo.manifests import compatibility, support

PAGE = Path(__file__).parents[4] / "docs/reference/compatibility.md"


def test_the_page_is_what_the_code_says() -> None:
    """When this fails: python -m localargo.manifests.compatibility > docs/reference/compatibility.md"""
    assert PAGE.read_text(encoding="utf-8") == compatibility.page() + "\n"


def test_the_page_names_every_field_of_the_schemas_that_can_be_set() -> None:
    page = compatibility.page()
    for kind in ("Workflow", "EventSource", "EventBus", "Sensor"):
        missing = [name for name, _, _ in support.rows(kind) if f"| `{name}` |" not in page]
        assert missing == []
    assert "| `Template.sidecars` | **refused** |" in page
