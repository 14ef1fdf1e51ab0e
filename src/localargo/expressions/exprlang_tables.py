"""expr-lang's operators with their precedence, and the names of its builtin functions."""

from __future__ import annotations

UNARY = {"not": 50, "!": 50, "-": 90, "+": 90}
BINARY = {
    "|": 0,
    "or": 10,
    "||": 10,
    "and": 15,
    "&&": 15,
    "==": 20,
    "!=": 20,
    "<": 20,
    ">": 20,
    ">=": 20,
    "<=": 20,
    "in": 20,
    "matches": 20,
    "contains": 20,
    "startsWith": 20,
    "endsWith": 20,
    "..": 25,
    "+": 30,
    "-": 30,
    "*": 60,
    "/": 60,
    "%": 60,
    "**": 100,
    "^": 100,
    "??": 500,
}
RIGHT = {"**", "^"}
NEGATABLE = {"in", "matches", "contains", "startsWith", "endsWith"}
ORDER = {"<", ">", "<=", ">="}
SAME = {"or": "||", "and": "&&", "^": "**", "not": "!"}
# arguments: e an expression, p a predicate, capital when optional
PREDICATES = {
    "all": "ep",
    "none": "ep",
    "any": "ep",
    "one": "ep",
    "filter": "ep",
    "map": "ep",
    "count": "eP",
    "sum": "eP",
    "find": "ep",
    "findIndex": "ep",
    "findLast": "ep",
    "findLastIndex": "ep",
    "groupBy": "ep",
    "sortBy": "epE",
    "reduce": "epE",
}
_NAMES = """
    len type abs ceil floor round int float string trim trimPrefix trimSuffix upper lower split splitAfter replace repeat join indexOf
    lastIndexOf hasPrefix hasSuffix max min mean median toJSON fromJSON toBase64 fromBase64 first last get take keys values toPairs
    fromPairs reverse uniq concat flatten sort
"""
BUILTINS = frozenset(_NAMES.split())
_TIMES = "the same Workflow must always give the same value: compare times in a step, or read a given one by sprig.toDate"
REFUSED = {
    **dict.fromkeys(("now", "date", "duration", "timezone"), _TIMES),
    **dict.fromkeys(("bitand", "bitor", "bitxor", "bitnand", "bitnot", "bitshl", "bitshr", "bitushr"), "compute it in a step"),
}
