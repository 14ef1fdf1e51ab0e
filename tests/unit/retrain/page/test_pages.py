"""The pages about a bucket that real steps have filled and about a real engine, asked for as a browser does and seen in one."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import httpx
import pytest

from retrain.client.connect import argo_server, local_engine
from retrain.client.workflows import until_ended
from tests import browser
from tests.handlers.stages.world import World
from tests.unit.retrain.cli.driver import Engine, running
from tests.unit.retrain.page.written import HOSTILE, RUNS, TOKEN, fill, served, site
from tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TEMPLATE = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: retrain}
spec:
  entrypoint: main
  arguments: {parameters: [{name: model}, {name: event, value: ""}]}
  templates:
  - name: main
    dag:
      tasks:
      - {name: fetch, template: say}
      - {name: train, template: say, dependencies: [fetch], withItems: [1, 2]}
      - {name: approve, template: approve, dependencies: [train]}
      - {name: promote, template: say, dependencies: [approve]}
  - name: say
    container: {image: alpine, command: [sh, -c], args: ["echo '<script>alert(2)</script> &amp;'"]}
  - name: approve
    suspend: {}
"""
LIVE = "retrain-late-5"
OF_BUCKET = (
    "/",
    "/runs",
    f"/runs/late/{RUNS[0]}",
    f"/runs/late/{RUNS[1]}",
    f"/runs/late/{RUNS[2]}",
    "/runs/late/retrain-late-4",
    f"/runs/late/{RUNS[1]}/trials",
    f"/runs/late/{RUNS[2]}/trials",
    "/runs/late/retrain-late-4/trials",
    "/models/late",
    "/models/late/profile",
    "/events",
    "/queue",
    f"/events/{'e' * 32}",
    f"/models/{quote(HOSTILE[:8])}",
    f"/runs/{quote(HOSTILE[:8])}/{quote(HOSTILE[1:9])}",
)


@dataclass(frozen=True)
class Shown:
    world: World
    alone: str  # the address of pages about the bucket alone
    live: str  # of those about the engine too
    engine: Engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine of these tests alone: the models that others' know are none of this bucket's."""
    with running(tmp_path_factory.mktemp("page")) as started:
        yield started


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Shown]:
    world = fill(tmp_path_factory.mktemp("pages"))
    import yaml

    local_engine(engine.state).apply([yaml.safe_load(TEMPLATE)])
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": LIVE},
        "spec": {"workflowTemplateRef": {"name": "retrain"}, "arguments": {"parameters": [{"name": "model", "value": "late"}]}},
    }
    argo_server(engine.state).create(workflow)
    with served(site(world)) as alone, served(site(world, engine.state)) as live:
        yield Shown(world, alone, live, engine)


@pytest.fixture(scope="module")
def chromium(shown: Shown) -> Iterator[Browser]:
    with browser.launched() as launched:
        yield launched


@pytest.mark.parametrize("path", OF_BUCKET)
def test_a_page_answers_and_names_that_look_like_markup_stay_names(shown: Shown, path: str) -> None:
    answer = httpx.get(shown.alone + path, timeout=60)
    assert answer.status_code == 200, answer.text
    assert "<script>" not in answer.text.replace('<script src="/static/page.js', "")
    assert HOSTILE[:8] not in answer.text.replace("<script src=", "")


def test_the_champion_is_shown_by_its_score_on_the_newest_test_too(shown: Shown) -> None:
    found = shown.world.verdict(RUNS[1])["metrics"]["roc_auc"]
    assert f"{(found.get('champion') or found['challenger'])['value']:.4f}" in httpx.get(shown.alone, timeout=60).text


def test_a_page_loads_nothing_from_elsewhere_and_no_script_stands_in_it(shown: Shown) -> None:
    answer = httpx.get(shown.alone)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "http:" not in answer.text
    assert "https:" not in answer.text


def test_a_request_by_another_name_is_refused_so_that_no_other_page_can_read_these(shown: Shown) -> None:
    assert httpx.get(shown.alone, headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/runs/late/nobody", 404, "there is no run"),
        ("/models/nobody", 404, "there is no model"),
        ("/runs/--help/x", 404, ""),
        ("/nothing", 404, "GET /nothing"),
        (f"/runs/late/{RUNS[0]}/logs", 404, "logs are with the engine"),
        (f"/runs/late/{RUNS[1]}/report", 404, "has no report yet"),
    ],
)
def test_what_is_not_there_is_said_in_a_page(shown: Shown, path: str, status: int, told: str) -> None:
    answer = httpx.get(shown.alone + path)
    assert (answer.status_code, told in answer.text) == (status, True)


def test_a_run_tells_its_outcome_its_metrics_and_why(shown: Shown) -> None:
    text = httpx.get(f"{shown.alone}/runs/late/{RUNS[1]}").text
    verdict = shown.world.verdict(RUNS[1])
    assert verdict["decision"] in text
    assert f"{verdict['metrics']['roc_auc']['challenger']['value']:.4f}" in text
    assert "roc_auc by carrier" in text
    assert verdict["winner"]["trial"] in text


def test_a_run_under_way_shows_the_curve_of_a_trial_that_has_begun(shown: Shown) -> None:
    text = httpx.get(f"{shown.alone}/runs/late/retrain-late-4/trials").text
    assert 'data-every="3"' in text
    assert 'data-name="0123456789abcdef"' in text
    assert "<polyline" in text


def test_runs_are_filtered(shown: Shown) -> None:
    text = httpx.get(f"{shown.alone}/runs", params={"model": "late", "outcome": "promoted"}).text
    assert RUNS[0] in text
    assert RUNS[2] not in text


def test_prometheus_is_told_by_argos_names_where_it_has_one(shown: Shown) -> None:
    text = httpx.get(f"{shown.live}/metrics").text
    assert "\nretrain_page_engine_up 1\n" in text
    assert f'retrain_champion_metric{{model="late",metric="roc_auc"}} {shown.world.champion()["test"]["value"]:.17g}\n' in text
    assert 'retrain_runs{model="late",outcome="promoted"} 1\n' in text
    assert re.search(r'^argo_workflows_gauge{phase="Failed"} \d+$', text, re.MULTILINE)
    assert 'retrain_trigger_waiting_events{sensor_name="ear",trigger_name="say"} 0\n' in text
    assert all(re.fullmatch(r"# (HELP|TYPE) \S+ .*|\w+(\{.*\})? \S+", line) for line in text.splitlines())


def test_the_report_may_run_nothing(shown: Shown) -> None:
    policy = httpx.get(f"{shown.alone}/runs/late/{RUNS[0]}/report").headers["content-security-policy"]
    assert "sandbox" in policy
    assert "script-src" not in policy


def test_a_log_line_is_text(shown: Shown) -> None:
    wait_until(lambda: "approve" in httpx.get(f"{shown.live}/runs/late/{LIVE}").text)
    workflow = argo_server(shown.engine.state).workflow(LIVE)
    node = next(key for key, each in workflow["status"]["nodes"].items() if each["displayName"] == "fetch")
    text = httpx.get(f"{shown.live}/runs/late/{LIVE}/logs/{node}/lines", timeout=60).text
    assert text.startswith('data: "<script>alert(2)</script> &amp;"\n\nevent: end\n')


SEEN = (
    "/",
    f"/runs/late/{RUNS[1]}",
    f"/runs/late/{RUNS[1]}/trials",
    "/models/late",
    "/models/late/profile",
    "/events",
    f"/runs/late/{LIVE}",
    f"/runs/late/{LIVE}/logs",
)


@pytest.mark.parametrize(("width", "scheme", "paths"), [(1280, "light", SEEN), (360, "dark", SEEN[1:5])])
def test_pages_fit_and_have_no_barriers(
    shown: Shown, chromium: Browser, width: int, scheme: Literal["light", "dark"], paths: tuple[str, ...]
) -> None:
    found = {}
    for path in paths:
        with browser.page(chromium, width, scheme) as opened:
            opened.goto(shown.live + path)
            found[path] = [*browser.barriers(opened), *(["wider than the window"] if browser.overflows(opened) else [])]
    assert found == {path: [] for path in paths}


def test_a_step_that_goes_on_is_drawn_without_a_reload_and_told_to_who_hears_the_page(shown: Shown, chromium: Browser) -> None:
    with browser.page(chromium) as opened:
        opened.goto(f"{shown.live}/runs/late/{LIVE}")
        opened.wait_for_selector("svg .is-suspended")
        assert "train" in opened.locator("svg .is-succeeded .name").all_text_contents()
        opened.evaluate("window.kept = true")
        argo_server(shown.engine.state).operate("resume", LIVE, {})
        opened.wait_for_selector("#verdict >> text=Succeeded")
        opened.wait_for_selector("#news:has-text('retrain-late-5')", state="attached")
        assert opened.evaluate("window.kept")
    assert until_ended(argo_server(shown.engine.state), LIVE)["status"]["phase"] == "Succeeded"


def test_the_keyboard_sorts_trials_and_points_at_their_lines(shown: Shown, chromium: Browser) -> None:
    with browser.page(chromium) as opened:
        opened.goto(f"{shown.alone}/runs/late/{RUNS[1]}/trials")
        opened.keyboard.press("Tab")
        assert opened.evaluate("document.activeElement.textContent") == "Skip to the content"
        opened.focus("thead button >> text=alpha")
        opened.keyboard.press("Enter")
        assert opened.get_attribute("th[aria-sort]", "aria-sort") == "ascending"
        assert opened.locator("tbody tr td:nth-child(3)").all_inner_texts() == ["0.0001", "0.01"]
        opened.focus("tbody tr:first-child")
        assert opened.locator("svg .line.lit").count() >= 1


def test_a_curve_grows_in_sight_and_what_a_reader_has_chosen_stays(shown: Shown, chromium: Browser) -> None:
    key = "trials/late/0123456789abcdef/curve.jsonl"
    with browser.page(chromium) as opened:
        opened.goto(f"{shown.alone}/runs/late/retrain-late-4/trials")
        assert opened.locator("svg g[data-name='0123456789abcdef'] circle").count() == 2
        opened.focus("thead button >> text=Epochs")
        opened.keyboard.press("Enter")
        lines = shown.world.store.get(key).decode().splitlines()
        more = json.dumps({**json.loads(lines[-1]), "epoch": 3})
        shown.world.store.put(key, "\n".join([*lines, more, ""]).encode())
        opened.wait_for_selector("svg g[data-name='0123456789abcdef'] circle:nth-of-type(3)")
        assert opened.get_attribute("th:has-text('Epochs')", "aria-sort") == "ascending"
        assert opened.evaluate("document.activeElement.textContent") == "Epochs"


def test_the_token_begins_a_session_whose_forms_alone_may_act(shown: Shown) -> None:
    server = argo_server(shown.engine.state)
    with httpx.Client(base_url=shown.live, timeout=60) as client:
        assert client.post("/sign-in", data={"token": "wrong"}).status_code == 403
        assert "csrf" not in client.get("/models/late").text
        began = client.post("/sign-in", data={"token": TOKEN})
        assert began.status_code == 303
        assert {"httponly", "samesite=strict"} <= set(began.headers["set-cookie"].lower().split("; "))
        csrf = re.findall(r'name="csrf" value="([^"]+)"', client.get("/models/late").text)[0]
        asked = {"reason": "the fair is on Monday", "csrf": csrf}
        refused = [
            client.post("/models/late/submit", data={"reason": "x"}),
            client.post("/models/late/submit", data={"reason": "x", "csrf": "guessed"}),
            client.post("/models/late/submit", data=asked, headers={"Origin": "http://evil.example"}),
            httpx.post(f"{shown.live}/models/late/submit", data=asked),
        ]
        assert [each.status_code for each in refused] == [403] * 4
        assert client.post("/models/late/submit", data={**asked, "reason": " "}).status_code == 400
        path = client.post("/models/late/submit", data=asked).headers["location"]
        run = path.rpartition("/")[2]
        event = server.workflow(run)["spec"]["arguments"]["parameters"][1]["value"]
        assert json.loads(base64.b64decode(event)) == {"model": "late", "reason": "the fair is on Monday", "source": "submit"}
        assert client.post(f"/runs/other/{run}/stop", data={"csrf": csrf}).status_code == 404
        assert client.post(f"{path}/delete", data={"csrf": csrf}).status_code == 404
        assert client.post(f"{path}/stop", data={"csrf": csrf}).status_code == 303
        assert until_ended(server, run)["status"]["phase"] == "Failed"
        wait_until(lambda: f'{path}/retry"' in client.get(path).text)
        assert client.post("/sign-out", data={"csrf": csrf}).status_code == 303
        assert client.post(f"{path}/retry", data={"csrf": csrf}).status_code == 403


def test_a_program_shows_the_token_in_a_header(shown: Shown) -> None:
    path = f"{shown.live}/models/late/submit"
    assert httpx.post(path, data={"reason": "x"}, headers={"Authorization": "Bearer no"}).status_code == 403
    answer = httpx.post(path, data={"reason": "x"}, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 303
    argo_server(shown.engine.state).operate("terminate", answer.headers["location"].rpartition("/")[2], {})


def test_nothing_may_be_done_where_nobody_allowed_it(shown: Shown) -> None:
    assert httpx.get(f"{shown.alone}/sign-in").status_code == 404
    assert httpx.post(f"{shown.alone}/models/late/submit", data={"reason": "x"}).status_code == 403
    assert httpx.post(f"{shown.alone}/").status_code == 405


def test_elsewhere_than_on_loopback_nobody_reads_without_the_token(shown: Shown) -> None:
    with served(site(shown.world, shown.engine.state), token_for_all=True) as address, httpx.Client(base_url=address) as client:
        assert client.get("/").status_code == 401
        assert client.get("/", headers={"Accept": "text/html"}).headers["location"] == "/sign-in"
        assert client.get("/sign-in").status_code == client.get("/healthz").status_code == 200
        assert client.get("/runs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        client.post("/sign-in", data={"token": TOKEN})
        assert client.get("/runs").status_code == 200
