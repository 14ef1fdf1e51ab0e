from pathlib import Path

import pytest
import yaml

from localargo.errors import InvalidInput
from retrain.project import models
from tests.committed import copy_models

LIST = (
    "# every model\nkind: Kustomization\nconfigMapGenerator:\n- name: models\n  files:\n"
    "{entries}  options:\n    disableNameSuffixHash: true\n"
)
SPEC = "spec: {{data: {{sources: {{{source}: {{prefix: {prefix}}}}}}}}}\n"


def repository(folder: Path, entries: str = "", **specs: str) -> Path:
    (folder / "kustomization.yaml").write_text(LIST.format(entries=entries), encoding="utf-8")
    for name, text in specs.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def spec(prefix: str, source: str = "incoming") -> str:
    return SPEC.format(prefix=prefix, source=source)


def test_every_spec_and_every_query_is_wanted_by_name(tmp_path: Path) -> None:
    repository(tmp_path, b=spec("incoming/b/"), a=spec("incoming/a/"))
    (tmp_path / "b.sql").write_text("select 1", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no model", encoding="utf-8")
    assert models.wanted(tmp_path) == ["a.yaml", "b.sql", "b.yaml"]


def test_a_model_whose_files_land_elsewhere_is_listed_under_that_name(tmp_path: Path) -> None:
    repository(tmp_path, late=spec("incoming/flights/", source="anything"))
    (tmp_path / "late.sql").write_text("select 1", encoding="utf-8")
    assert models.wanted(tmp_path) == ["flights.sql=late.sql", "late.sql", "flights.yaml=late.yaml", "late.yaml"]


@pytest.mark.parametrize(
    "text", ["not: [closed", "a list", "spec: {data: {sources: []}}", "spec: {data: {sources: {x: {prefix: 3}}}}", spec("else/")]
)
def test_a_spec_that_does_not_say_where_its_data_lands_keeps_its_own_name(tmp_path: Path, text: str) -> None:
    repository(tmp_path, odd=text)
    assert models.wanted(tmp_path) == ["odd.yaml"]


def test_of_several_sources_only_incoming_names_the_model(tmp_path: Path) -> None:
    two = "spec: {data: {sources: {a: {prefix: incoming/x/}, b: {prefix: incoming/y/}}}}\n"
    repository(tmp_path, two=two)
    assert models.wanted(tmp_path) == ["two.yaml"]


def test_two_models_of_one_prefix_are_refused(tmp_path: Path) -> None:
    repository(tmp_path, one=spec("incoming/same/"), two=spec("incoming/same/"))
    with pytest.raises(InvalidInput, match=r"two\.yaml: what lands under incoming/same/ or batches/same/ starts model same of one\.yaml"):
        models.wanted(tmp_path)


@pytest.mark.parametrize("prefix", ["incoming/first/", "batches/first/", "incoming/first/2026/"])
def test_a_model_that_reads_where_another_one_is_started_is_refused(tmp_path: Path, prefix: str) -> None:
    repository(tmp_path, first=spec("incoming/first/"), copied=spec(prefix))
    with pytest.raises(InvalidInput, match=r"copied\.yaml: .* starts model first of first\.yaml"):
        models.wanted(tmp_path)


def test_an_image_of_a_spec_goes_where_score_finds_it(tmp_path: Path) -> None:
    def naming(prefix: str, image: str) -> str:
        return f"{spec(prefix).rstrip().removesuffix('}')}, model: {{image: {image}}}}}\n"

    repository(
        tmp_path, late=naming("incoming/flights/", "team/churn:1.2"), odd=spec("incoming/odd/"), wrong=naming("incoming/wrong/", "'a b'")
    )
    (tmp_path / "generated").mkdir()
    assert models.sync(tmp_path)
    image = "generated/images/late.image"
    assert [each for each in models.listed(tmp_path) if ".image" in each] == [f"flights.image={image}", f"late.image={image}"]
    assert (tmp_path / image).read_text(encoding="utf-8") == "team/churn:1.2"
    assert not models.sync(tmp_path)
    (tmp_path / "late.yaml").write_text(naming("incoming/flights/", "team/churn:1.3"), encoding="utf-8")
    assert models.sync(tmp_path)
    assert (tmp_path / image).read_text(encoding="utf-8") == "team/churn:1.3"


def test_sync_changes_the_list_and_nothing_else(tmp_path: Path) -> None:
    repository(tmp_path, "  - gone.yaml\n", a=spec("incoming/a/"), b=spec("incoming/b/"))
    assert models.listed(tmp_path) == ["gone.yaml"]
    assert models.sync(tmp_path)
    assert (tmp_path / "kustomization.yaml").read_text(encoding="utf-8") == LIST.format(entries="  - a.yaml\n  - b.yaml\n")
    assert models.listed(tmp_path) == models.wanted(tmp_path)
    assert not models.sync(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.yaml", "b.yaml", "kustomization.yaml"]


def test_an_empty_list_is_filled_and_stays_valid_yaml(tmp_path: Path) -> None:
    repository(tmp_path, a=spec("incoming/a/"))
    assert models.listed(tmp_path) == []
    assert models.sync(tmp_path)
    assert yaml.safe_load((tmp_path / "kustomization.yaml").read_text(encoding="utf-8"))["configMapGenerator"][0]["files"] == ["a.yaml"]


def test_a_list_that_ends_the_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("configMapGenerator:\n- name: models\n  files:\n  - a.yaml", encoding="utf-8")
    assert models.listed(tmp_path) == ["a.yaml"]


def test_a_kustomization_without_a_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: []\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="no `files:` list"):
        models.listed(tmp_path)


def test_the_list_of_this_repository_is_complete(tmp_path: Path) -> None:
    folder = copy_models(tmp_path)
    assert models.listed(folder) == models.wanted(folder)
