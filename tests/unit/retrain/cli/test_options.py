from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from retrain.cli.options import output_option, parameters, state_option


@click.command()
@output_option("table", "name")
@state_option
def told(output: str, state: Path) -> None:
    click.echo(f"{output} {state}")


def test_a_parameter_is_name_and_value_and_the_value_may_hold_more_equal_signs() -> None:
    assert parameters(("a=b", "c=d=e", "f=")) == ["a=b", "c=d=e", "f="]
    for wrong in ("nothing", "=nothing", ""):
        with pytest.raises(click.BadParameter, match=f"'{wrong}' is not name=value"):
            parameters(("a=b", wrong))


def test_the_first_shape_is_the_default_and_json_and_yaml_are_always_there() -> None:
    assert CliRunner().invoke(told, []).output == "table .retrain\n"
    for shape in ("table", "name", "json", "yaml"):
        assert CliRunner().invoke(told, ["-o", shape]).output == f"{shape} .retrain\n"
    refused = CliRunner().invoke(told, ["-o", "xml"])
    assert refused.exit_code == 2
    assert "'xml' is not one of 'table', 'name', 'json', 'yaml'" in refused.output


def test_the_state_folder_is_taken_from_the_environment_and_the_option_wins(tmp_path: Path) -> None:
    environment = {"RETRAIN_STATE": str(tmp_path)}
    assert CliRunner().invoke(told, [], env=environment).output == f"table {tmp_path}\n"
    assert CliRunner().invoke(told, ["--state", "other"], env=environment).output == "table other\n"
    file = tmp_path / "file"
    file.touch()
    assert CliRunner().invoke(told, ["--state", str(file)]).exit_code == 2
