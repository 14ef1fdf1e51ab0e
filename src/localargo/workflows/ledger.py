"""The tables of the workflows package, SQL only: runs as rows of nodes and edges, the outbox, facts, and held locks.

Every method that writes must be called inside `store.transaction`; the caller decides what becomes durable together.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from localargo.ports import Doc, LabelFilter
from localargo.workflows.encoding import decode_action, decode_fact, encode
from localargo.workflows.messages import Action, Fact, Outcome, Run

SCHEMA = """
CREATE TABLE IF NOT EXISTS workflow(
  wf INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, doc TEXT NOT NULL, head TEXT NOT NULL,
  finished INTEGER NOT NULL DEFAULT 0, wake_at REAL);
CREATE INDEX IF NOT EXISTS workflow_open ON workflow(wf) WHERE finished = 0;
CREATE TABLE IF NOT EXISTS node(
  wf INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, doc TEXT NOT NULL, private TEXT NOT NULL, PRIMARY KEY(wf, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edge(
  wf INTEGER NOT NULL, seq INTEGER NOT NULL, parent TEXT NOT NULL, child TEXT NOT NULL, PRIMARY KEY(wf, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact(id INTEGER PRIMARY KEY AUTOINCREMENT, wf INTEGER NOT NULL, doc TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS fact_wf ON fact(wf);
CREATE TABLE IF NOT EXISTS outbox(
  wf INTEGER NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, doc TEXT NOT NULL, state TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(wf, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holder(
  wf INTEGER NOT NULL, node TEXT NOT NULL, lock TEXT NOT NULL, PRIMARY KEY(wf, node, lock)) WITHOUT ROWID;
"""

_dump = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode  # one for all: making one costs as much as a small document

DELETE = (
    "DELETE FROM workflow WHERE wf = ?",
    "DELETE FROM node WHERE wf = ?",
    "DELETE FROM edge WHERE wf = ?",
    "DELETE FROM fact WHERE wf = ?",
    "DELETE FROM outbox WHERE wf = ?",
    "DELETE FROM holder WHERE wf = ?",
)


@dataclass(slots=True)
class Row:
    """A Workflow with its number, without derived data."""

    wf: int
    run: Run
    finished: bool
    wake_at: float | None


class Ledger:
    """The tables on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._seq = connection.execute("SELECT coalesce(max(seq), 0) FROM outbox").fetchone()[0]

    # ------------------------------------------------------------------------------------------ writing

    def insert(self, run: Run) -> int:
        """Store a new Workflow. Returns its number. Raises sqlite3.IntegrityError when the name is taken."""
        text = _dump(run.workflow)
        cursor = self._db.execute(
            "INSERT INTO workflow(name, doc, head) VALUES (?, ?, ?)", (run.workflow["metadata"]["name"], text, _dump(run.head))
        )
        wf = int(cursor.lastrowid or 0)
        self._nodes(wf, run.nodes, run.private, {n: i for i, n in enumerate(run.nodes, 1)})
        self._edges(wf, ((p, c) for p, children in run.edges.items() for c in children), 1)
        return wf

    def save(self, wf: int, outcome: Outcome, workflow: Doc | None, finished: bool, order: Mapping[str, int], next_edge: int) -> None:
        """Store the changes of one reconcile, removals first. `order`: numbers of the nodes; `workflow`: None if unchanged."""
        self._db.executemany("DELETE FROM node WHERE wf = ? AND id = ?", ((wf, n) for n in outcome.removed))
        self._db.executemany("DELETE FROM edge WHERE wf = ? AND (parent = ? OR child = ?)", ((wf, n, n) for n in outcome.removed))
        self._nodes(wf, outcome.nodes, outcome.private, order)
        alone = [(_dump(doc), wf, n) for n, doc in outcome.private.items() if n not in outcome.nodes]
        self._db.executemany("UPDATE node SET private = ? WHERE wf = ? AND id = ?", alone)
        self._edges(wf, outcome.edges, next_edge)
        if outcome.head is not None:
            self._db.execute("UPDATE workflow SET head = ? WHERE wf = ?", (_dump(outcome.head), wf))
        if workflow is not None:
            self.replace_document(wf, workflow)
        self._db.execute("UPDATE workflow SET wake_at = ?, finished = ? WHERE wf = ?", (outcome.wake_at, finished, wf))
        self.drop(wf, outcome.cancel)

    def _nodes(self, wf: int, nodes: Mapping[str, Doc], private: Mapping[str, Doc], order: Mapping[str, int]) -> None:
        known = [(wf, n, order[n], _dump(doc), _dump(private[n])) for n, doc in nodes.items() if n in private]
        self._db.executemany(
            "INSERT INTO node(wf, id, seq, doc, private) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT(wf, id) DO UPDATE SET doc = excluded.doc, private = excluded.private",
            known,
        )
        plain = [(wf, n, order[n], _dump(doc)) for n, doc in nodes.items() if n not in private]
        self._db.executemany(
            "INSERT INTO node(wf, id, seq, doc, private) VALUES (?, ?, ?, ?, '{}') ON CONFLICT(wf, id) DO UPDATE SET doc = excluded.doc",
            plain,
        )

    def _edges(self, wf: int, edges: Iterable[tuple[str, str]], first: int) -> None:
        rows = ((wf, seq, parent, child) for seq, (parent, child) in enumerate(edges, first))
        self._db.executemany("INSERT INTO edge(wf, seq, parent, child) VALUES (?, ?, ?, ?)", rows)

    def replace_document(self, wf: int, workflow: Doc) -> None:
        """Store changed metadata and spec."""
        self._db.execute("UPDATE workflow SET doc = ? WHERE wf = ?", (_dump(workflow), wf))

    def reopen(self, wf: int) -> None:
        """A finished Workflow continues (retry)."""
        self._db.execute("UPDATE workflow SET finished = 0 WHERE wf = ?", (wf,))

    def finish(self, wf: int) -> None:
        """Mark a Workflow as finished."""
        self._db.execute("UPDATE workflow SET finished = 1 WHERE wf = ?", (wf,))

    def delete(self, wf: int) -> None:
        """Delete all rows of a Workflow."""
        for statement in DELETE:
            self._db.execute(statement, (wf,))

    def put(self, wf: int, actions: Iterable[Action]) -> None:
        """Store actions to carry out after the commit. An action replaces one with the same key."""
        rows = []
        for action in actions:
            self._seq += 1
            rows.append((wf, action.key, self._seq, encode(action)))
        self._db.executemany("INSERT OR REPLACE INTO outbox(wf, key, seq, doc) VALUES (?, ?, ?, ?)", rows)

    def drop(self, wf: int, keys: Iterable[str]) -> None:
        """Delete actions that are answered or no longer wanted."""
        self._db.executemany("DELETE FROM outbox WHERE wf = ? AND key = ?", ((wf, key) for key in keys))

    def add_fact(self, wf: int, fact: Fact) -> int:
        """Store a fact that could not be learnt again after a crash. Returns its number."""
        return int(self._db.execute("INSERT INTO fact(wf, doc) VALUES (?, ?)", (wf, encode(fact))).lastrowid or 0)

    def drop_facts(self, ids: Iterable[int]) -> None:
        """Delete facts that a reconcile has consumed."""
        self._db.executemany("DELETE FROM fact WHERE id = ?", ((i,) for i in ids))

    def hold(self, wf: int, node: str, locks: Sequence[str]) -> None:
        """Store that the node (or, with an empty id, the run) holds the locks."""
        self._db.executemany("INSERT OR IGNORE INTO holder(wf, node, lock) VALUES (?, ?, ?)", ((wf, node, lock) for lock in locks))

    def free(self, wf: int, node: str) -> None:
        """Store that it holds no locks."""
        self._db.execute("DELETE FROM holder WHERE wf = ? AND node = ?", (wf, node))

    def free_all(self, wf: int) -> None:
        """Store that neither the run nor its nodes hold locks."""
        self._db.execute("DELETE FROM holder WHERE wf = ?", (wf,))

    # ------------------------------------------------------------------------------------------ reading

    def number(self, name: str) -> int | None:
        """The number of the Workflow of that name."""
        row = self._db.execute("SELECT wf FROM workflow WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def uids(self) -> set[str]:
        """The uids of all Workflows."""
        return {row[0] for row in self._db.execute("SELECT json_extract(doc, '$.metadata.uid') FROM workflow") if row[0]}

    def uid(self, wf: int) -> str:
        """The uid of a Workflow; "" when it does not exist."""
        row = self._db.execute("SELECT json_extract(doc, '$.metadata.uid') FROM workflow WHERE wf = ?", (wf,)).fetchone()
        return "" if row is None else row[0] or ""

    def pods(self) -> set[str]:
        """The pods that are to be started or collected."""
        query = "SELECT json_extract(doc, '$.pod.name') FROM outbox WHERE key LIKE 'pod/%' OR key LIKE 'outputs/%'"
        return {row[0] for row in self._db.execute(query)}

    def naming(self, field: str) -> list[int]:
        """The Workflows whose spec may have the field (the word may also stand for something else there)."""
        query = "SELECT wf FROM workflow WHERE instr(doc, ?1) OR instr(head, ?1) ORDER BY wf"
        return [row[0] for row in self._db.execute(query, (f'"{field}"',))]

    def names(self, fits: LabelFilter | None = None) -> list[str]:
        """The names of all Workflows whose labels fit, oldest first."""
        if fits is None:
            return [row[0] for row in self._db.execute("SELECT name FROM workflow ORDER BY wf")]
        found = []
        for name, text in self._db.execute("SELECT name, doc FROM workflow ORDER BY wf"):
            own = _load(text)["metadata"].get("labels") or {}
            if fits(own):
                found.append(name)
        return found

    def unfinished(self) -> list[int]:
        """The numbers of the Workflows that are not finished, or still have actions or facts."""
        query = "SELECT wf FROM workflow WHERE finished = 0 UNION SELECT wf FROM outbox UNION SELECT wf FROM fact ORDER BY wf"
        return [row[0] for row in self._db.execute(query)]

    def load(self, wf: int) -> Row | None:
        """The whole run."""
        row = self._db.execute("SELECT doc, head, finished, wake_at FROM workflow WHERE wf = ?", (wf,)).fetchone()
        if row is None:
            return None
        run = Run(workflow=_load(row[0]), head=_load(row[1]), nodes={}, edges={}, private={})
        for node, doc, private in self._db.execute("SELECT id, doc, private FROM node WHERE wf = ? ORDER BY seq", (wf,)):
            run.nodes[node] = _load(doc)
            if private != "{}":
                run.private[node] = _load(private)
        for parent, child in self._db.execute("SELECT parent, child FROM edge WHERE wf = ? ORDER BY seq", (wf,)):
            run.edges.setdefault(parent, []).append(child)
        return Row(wf, run, bool(row[2]), row[3])

    def next_numbers(self, wf: int) -> tuple[int, int]:
        """The sequence numbers of the next node and the next edge."""
        node = self._db.execute("SELECT coalesce(max(seq), 0) + 1 FROM node WHERE wf = ?", (wf,)).fetchone()[0]
        edge = self._db.execute("SELECT coalesce(max(seq), 0) + 1 FROM edge WHERE wf = ?", (wf,)).fetchone()[0]
        return int(node), int(edge)

    def outbox(self, wf: int) -> list[Action]:
        """Its open actions, in order."""
        return [decode_action(doc) for (doc,) in self._db.execute("SELECT doc FROM outbox WHERE wf = ? ORDER BY seq", (wf,))]

    def asked(self, name: str, key: str) -> bool:
        """Whether the Workflow of that name has an open action with that key."""
        query = "SELECT 1 FROM outbox JOIN workflow USING (wf) WHERE name = ? AND key = ?"
        return self._db.execute(query, (name, key)).fetchone() is not None

    def facts(self, wf: int) -> list[tuple[int, Fact]]:
        """Facts not consumed yet, with their numbers, in order."""
        return [(i, decode_fact(doc)) for i, doc in self._db.execute("SELECT id, doc FROM fact WHERE wf = ? ORDER BY id", (wf,))]

    def holders(self) -> list[tuple[str, int, str]]:
        """All held locks: (lock, workflow number, node id)."""
        return self._db.execute("SELECT lock, wf, node FROM holder ORDER BY wf, node, lock").fetchall()


def _load(text: str) -> Doc:
    loaded: Doc = json.loads(text)
    return loaded
