"""What README and the pages say of triggers, and the tests that carry it out: a sentence that is changed or a test that is gone is seen."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import DOCS, ROOT
from tests.manifests.installs import rendered

EVENTS, DECIDE = "tests/unit/localargo/eventsources/", "tests/manifests/test_sensors_decide.py::"
E2E, STAGES = "tests/e2e/", "tests/handlers/stages/"
LOOK, PACING, HEAL = f"{STAGES}test_look.py::test_", f"{STAGES}test_pacing.py::test_", f"{STAGES}test_heal.py::test_"
SPENDING = "tests/handlers/runs/test_spending.py::test_"
WHAT_STARTS, WEBHOOK, STORMS = "docs/howto/what-starts-a-run.md", "docs/howto/webhook.md", "docs/howto/storms-and-cost.md"
ONCE, CLUSTER, FOLLOW = "docs/explanation/exactly-once.md", "docs/howto/kubernetes.md", "docs/howto/why-did-it-retrain.md"
CARRIED_OUT = [
    ("README.md", "Models that retrain themselves when data lands", f"{E2E}test_retraining.py::test_an_upload_trains"),
    ("README.md", "asks again by webhook, and finds April by schedule", f"{E2E}test_demo.py::test_the_demo_ends"),
    ("README.md", "# two uploads, one run", f"{DECIDE}test_uploads_of_one_window_ask_for_one_run"),
    ("README.md", "The same event again", f"{STAGES}test_same_event.py::test_an_event_that_comes_again"),
    ("README.md", "An event is data, never code.", f"{E2E}test_hostile_events.py::test_strangers_bring_about"),
    (WHAT_STARTS, "an event that names another one starts nothing", f"{DECIDE}test_an_upload_for_a_model_that_does_not_exist"),
    (WHAT_STARTS, "| an object `incoming/<model>/...` |", f"{DECIDE}test_an_upload_asks_for_a_run"),
    (WHAT_STARTS, "| an object `batches/<model>/<batch>/_READY` |", f"{DECIDE}test_the_end_of_a_batch"),
    (WHAT_STARTS, "| `POST /retrain` with", f"{DECIDE}test_a_post_asks_for_a_run"),
    (WHAT_STARTS, "| `retrain backfill MODEL", f"{E2E}test_backfill.py::test_past_states_are_trained_once"),
    (WHAT_STARTS, "| the model's own calendar:", f"{DECIDE}test_a_tick_of_a_models_own_schedule"),
    (WHAT_STARTS, "| the tick `heal`, every two minutes |", f"{E2E}test_heal.py::test_a_tick_starts_what_a_dead_run_left"),
    (WHAT_STARTS, "Events within ten seconds ask for one run", f"{DECIDE}test_uploads_of_one_window_ask_for_one_run"),
    (WHAT_STARTS, "waits until nothing has landed for `trigger.quiet`", f"{LOOK}a_fresh_object_is_waited_for"),
    (WHAT_STARTS, "(`trigger.at_most` long)", f"{LOOK}waiting_has_an_end"),
    (WHAT_STARTS, "of its model waits ends at once as `joined`", f"{LOOK}who_comes_while_another_waits_joins_it"),
    (WHAT_STARTS, "judged already ends in seconds", f"{STAGES}test_fetch.py::test_unchanged_data_names_the_run"),
    (WHAT_STARTS, "The calendar of a spec becomes an EventSource", "tests/unit/retrain/project/test_generated.py::test_a_new_model"),
    (
        WHAT_STARTS,
        "skip or double, with the dates",
        "tests/unit/localargo/manifests/test_lint_clock_changes.py::test_a_time_that_is_skipped",
    ),
    (WHAT_STARTS, "`retrain snapshot MODEL` shows what a run would be", f"{STAGES}test_snapshot.py::test_what_a_run_would_do_now"),
    (WHAT_STARTS, "have not learned what is gone", f"{STAGES}test_snapshot.py::test_a_file_that_is_removed_is_unlearned"),
    (WHAT_STARTS, "It says when a key starts no run", "tests/unit/retrain/project/test_landing.py::test_a_key_that_starts_no_run"),
    (
        WHAT_STARTS,
        "`retrain replay` why an event would start none",
        "tests/unit/retrain/cli/test_replay.py::test_a_sample_that_nobody_takes",
    ),
    (WEBHOOK, "`success` means that the event is on disk", f"{EVENTS}test_webhook.py::test_a_post_is_an_event_once_it_is_answered"),
    (WEBHOOK, "| 400 | not JSON, too large, the wrong method |", f"{EVENTS}test_webhook.py::test_statuses_are_argos"),
    (WEBHOOK, "| 401 | no bearer token, or a wrong one |", f"{E2E}test_hostile_events.py::test_wrong_tokens_make_no_event"),
    (WEBHOOK, "| 404 | no such path |", f"{EVENTS}test_webhook.py::test_paths"),
    (WEBHOOK, "| 500 | the bus did not accept it", f"{EVENTS}test_webhook.py::test_without_a_bus_there_is_no_success"),
    (WEBHOOK, "`curl -d` without a `Content-Type` works too", f"{DECIDE}test_what_curl_sends_without_a_content_type"),
    (WEBHOOK, "an object with a `&` is cut up", f"{DECIDE}test_json_that_a_form_has_cut_up_is_dropped"),
    (WEBHOOK, "is taken in both modes of its HTTP binding", f"{DECIDE}test_a_posted_cloudevent_asks_for_a_run"),
    (WEBHOOK, "`id` and `source` name the event.", f"{STAGES}test_same_event.py::test_an_event_that_comes_again"),
    (WEBHOOK, "whose run failed or found no data may be sent again", f"{STAGES}test_same_event.py::test_an_event_that_came_to_nothing"),
    (WEBHOOK, "| an attribute is missing", f"{DECIDE}test_a_posted_cloudevent_without_a_name_is_refused"),
    (WEBHOOK, "| a batch (", f"{DECIDE}test_a_posted_cloudevent_that_names_no_model_makes_nothing"),
    (STORMS, "| `daily_budget` |", f"{PACING}the_last_place_of_a_day"),
    (STORMS, "| `daily_budget.money` |", f"{PACING}a_run_over_the_money_of_a_day"),
    (STORMS, "so those of a process that was killed or failed count too", f"{SPENDING}a_process_that_is_killed"),
    (STORMS, "| `cooldown` |", f"{PACING}within_the_cooldown_a_run_is_deferred"),
    (STORMS, "| `min_new_rows` |", f"{PACING}too_few_new_rows"),
    (STORMS, "with a changed gate it decides again", f"{PACING}a_changed_gate_is_decided_in_the_cooldown"),
    (STORMS, "* `queue`, the default", f"{STAGES}test_taken_up.py::test_a_run_names_those_that_found_the_model_busy"),
    (STORMS, "* `skip`: the event is dropped", f"{PACING}skip_drops_an_event_while_a_run_trains"),
    (STORMS, "* `supersede`: the run that trains is asked to stop", f"{STAGES}test_supersede.py::test_newer_data_stops"),
    (STORMS, "`--now` sets these rules aside for one run", f"{PACING}now_sets_a_rule_aside"),
    ("docs/howto/backfill.md", "It can be stopped at any time", f"{E2E}test_backfill.py::test_past_states_are_trained_once"),
    ("docs/howto/many-files.md", "the same objects give the same dataset", f"{STAGES}test_shares.py::test_the_order_in_which_objects_come"),
    ("docs/howto/any-s3-client.md", "The same bytes uploaded again", f"{STAGES}test_fetch.py::test_the_same_bytes_again"),
    ("docs/howto/any-s3-client.md", "only whole batches are read", f"{STAGES}test_fetch.py::test_a_batch_counts_when_it_is_ready"),
    (ONCE, "**An event is not lost.**", f"{E2E}test_crash_events.py::test_ten_kills_under_load_lose_nothing"),
    (ONCE, "If the waiter is stopped or fails, a follow-up takes the place", f"{LOOK}a_waiter_that_is_stopped_is_followed"),
    (ONCE, "**A training that may not begin yet is not forgotten.**", f"{PACING}within_the_cooldown_a_run_is_deferred_and_heal"),
    (ONCE, "**A superseded run lets go before the next one begins.**", f"{STAGES}test_supersede.py::test_newer_data_stops"),
    (CLUSTER, "Each file is an event; the run waits until no more come", f"{E2E}test_storm.py::test_every_upload_is_in_the_last"),
    (CLUSTER, "for data that landed and that no run has taken ten minutes later", f"{HEAL}an_upload_that_nobody_noticed"),
    (FOLLOW, "the Sensor made the run's Workflow", f"{E2E}test_followed.py::test_events_are_followed_both_ways"),
    (
        FOLLOW,
        "While the engine does not run the list is read",
        "tests/unit/retrain/cli/test_event_verbs.py::test_events_of_an_engine_that_has_ended",
    ),
    (FOLLOW, "also the one that its sender gave it", f"{STAGES}test_followed.py::test_a_cloudevent_is_found"),
]


@pytest.mark.parametrize(("page", "said", "test"), CARRIED_OUT, ids=[said for _, said, _ in CARRIED_OUT])
def test_what_is_said_is_carried_out(page: str, said: str, test: str) -> None:
    assert said in " ".join((ROOT / page).read_text(encoding="utf-8").split()), (
        "the sentence has changed: look whether its test still carries it out"
    )
    file, name = test.split("::")
    assert re.search(rf"^(async )?def {name}", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), f"there is no such test: {test}"


def test_every_way_in_and_every_rule_is_in_the_list() -> None:
    listed = [said for _, said, _ in CARRIED_OUT]
    for page, heading in ((WHAT_STARTS, "| event |"), (STORMS, "| key |")):
        text = (ROOT / page).read_text(encoding="utf-8")
        table = text[text.index(heading) :].split("\n\n")[0].splitlines()[2:]
        assert table
        for row in table:
            assert any(row.startswith(said) for said in listed), row


def test_the_bus_keeps_what_the_page_says() -> None:
    (bus,) = [document for document in rendered("overlays/laptop") if document.kind == "EventBus"]
    given = dict(line.split(": ") for line in bus.doc["spec"]["jetstream"]["streamConfig"].splitlines())
    assert (given["maxMsgs"], given["maxBytes"], given["maxAge"], given["duplicates"]) == ("50000", str(1 << 30), "168h", "300s")
    said = " ".join((DOCS / "howto" / "kubernetes.md").read_text(encoding="utf-8").split())
    assert "keeps at most 50,000 events, 1 GiB and a week (then it drops the oldest)" in said
    assert "takes an event that is sent twice within five minutes once" in said
