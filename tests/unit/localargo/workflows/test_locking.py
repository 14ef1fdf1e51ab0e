from hypothesis import given
from hypothesis import strategies as st

from localargo.workflows.locking import LockTable
from localargo.workflows.messages import Fact, LockWaiting, Run, WantLock

MUTEX = "Mutex/ns/m"
SEMAPHORE = "Semaphore/ns/limits/gpu"


class Told:
    def __init__(self, held: list[tuple[str, int, str]] | None = None) -> None:
        self.granted: list[tuple[int, str]] = []
        self.waiting: list[tuple[int, str]] = []
        self.table = LockTable(held or [], lambda wf, node: self.granted.append((wf, node)), self._told)

    def _told(self, wf: int, fact: Fact) -> None:
        assert isinstance(fact, LockWaiting)
        self.waiting.append((wf, fact.message))

    def want(self, wf: int, *locks: str, node: str = "", limit: int = 2, priority: int = 0) -> None:
        limits = {lock: limit for lock in locks if lock.startswith("Semaphore")}
        self.table.want(wf, WantLock(node, locks, limits, priority), Run({}, {}, {}, {}, {}))
        self.table.grant_free_locks()


def test_a_mutex_goes_from_one_to_the_next_in_the_order_of_age() -> None:
    told = Told()
    told.want(2, MUTEX)
    told.want(3, MUTEX)
    told.want(1, MUTEX)
    assert told.granted == [(2, "")]
    assert told.waiting == [(3, "Waiting for ns/Mutex/m lock. Lock status: 0/1"), (1, "Waiting for ns/Mutex/m lock. Lock status: 0/1")]
    told.table.free(2, "")
    told.table.grant_free_locks()
    told.table.free(1, "")
    told.table.grant_free_locks()
    assert told.granted == [(2, ""), (1, ""), (3, "")]


def test_priority_goes_before_age() -> None:
    told = Told()
    told.want(1, MUTEX)
    told.want(2, MUTEX)
    told.want(3, MUTEX, priority=5)
    told.table.free(1, "")
    told.table.grant_free_locks()
    assert told.granted == [(1, ""), (3, "")]


def test_a_semaphore_lets_so_many_in() -> None:
    told = Told()
    for wf in (1, 2, 3):
        told.want(wf, SEMAPHORE)
    assert told.granted == [(1, ""), (2, "")]
    assert told.waiting == [(3, "Waiting for ns/ConfigMap/limits/gpu lock. Lock status: 0/2")]


def test_all_locks_or_none() -> None:
    told = Told([(MUTEX, 9, "")])
    told.want(1, SEMAPHORE, MUTEX, limit=1)
    told.want(2, SEMAPHORE, limit=1)
    assert told.granted == []
    told.table.forget(9)
    assert told.granted == [(1, "")]


def test_who_holds_it_already_is_told_again_after_a_restart() -> None:
    told = Told([(MUTEX, 1, "node")])
    told.want(1, MUTEX, node="node")
    assert told.granted == [(1, "node")]


def test_who_gives_up_waiting_is_not_granted() -> None:
    told = Told()
    told.want(1, MUTEX)
    told.want(2, MUTEX)
    told.table.free(2, "")
    told.table.free(1, "")
    told.table.grant_free_locks()
    assert told.granted == [(1, "")]


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["want", "free"]), st.sets(st.sampled_from(["a", "b", "c"]), min_size=1))))
def test_a_mutex_never_has_two_holders_and_nobody_waits_for_nothing(moves: list[tuple[int, str, set[str]]]) -> None:
    told = Told()
    wanted: dict[int, set[str]] = {}
    held: dict[int, set[str]] = {}
    for wf, move, names in moves:
        if move == "free":
            wanted.pop(wf, None)
            held.pop(wf, None)
            told.table.free(wf, "")
            told.table.grant_free_locks()
        elif wf not in wanted and wf not in held:
            wanted[wf] = names
            told.want(wf, *(f"Mutex/ns/{n}" for n in sorted(names)))
        for granted, _ in told.granted:
            held[granted] = wanted.pop(granted)
        told.granted.clear()
        taken = [name for names in held.values() for name in names]
        assert len(taken) == len(set(taken))
    assert not wanted or held
