"""Answers question after question about the bucket: for a page that stays open, which would wait for a process at every question.

`python -m handlers.answer`: a line {"id", "ask": [WORD, ...]} of standard input is answered by a line {"id", "answer"} or {"id", "error",
"exit_code"} of standard output. The words are those of `python -m handlers.why`, of which this gives the JSON, and:

* `look` lists what runs have left anew, and gives its `version`. Every other answer is about the bucket as it was looked at last.
* `report MODEL RUN` gives the run's page as `html`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from handlers import why
from handlers.contracts import HandlerError, TryAgain, WrongUsage, main
from handlers.remembered import Remembered
from handlers.report import ahead
from handlers.runs.requests import run_folder
from handlers.storage import BucketRefused, Missing, Temporary, canonical_json, open_store

Doc = dict[str, Any]


def run(argv: Sequence[str]) -> None:
    if argv:
        raise WrongUsage("python -m handlers.answer takes no arguments: questions come as lines of standard input")
    store = Remembered(open_store())
    for line in sys.stdin:
        asked = json.loads(line)
        print(canonical_json({"id": asked["id"], **told(store, asked["ask"])}), flush=True)


def told(store: Remembered, words: Sequence[str]) -> Doc:
    """The answer, or why there is none. No question ends the process: the next one may have an answer."""
    try:
        return {"answer": answered(store, words)}
    except HandlerError as error:
        return {"error": str(error), "exit_code": error.exit_code}
    except SystemExit:  # argparse has said on standard error what is wrong with the words
        return {"error": f"not a question: {' '.join(words)}", "exit_code": WrongUsage.exit_code}
    except BucketRefused as error:
        return {"error": str(error), "exit_code": WrongUsage.exit_code}
    except (Temporary, ConnectionError, TimeoutError) as error:
        return {"error": f"the bucket could not be reached: {error}", "exit_code": TryAgain.exit_code}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}", "exit_code": 1}


def answered(store: Remembered, words: Sequence[str]) -> Doc:
    if list(words) == ["look"]:
        version = store.look()
        store.read_ahead()
        return {"version": version}
    if words and words[0] == "report" and len(words) == 3:
        try:
            return {"html": store.get(f"{run_folder(*words[1:])}/report.html").decode()}
        except Missing:
            raise WrongUsage(f"run {words[2]} of model {words[1]} has no report yet") from None
    if words and words[0] in ("run", "curves"):
        given = why.arguments(words)
        if given.model:
            store.fetch(ahead.of_run(store, given.model, given.name, curves=given.verb == "curves"))
    return why.answer(store, words)


if __name__ == "__main__":
    main(run)
