"""Filter scripts: Lua 5.1 as Argo's runs it."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.expressions import ExpressionError
from localargo.expressions.lua import check, run
from localargo.expressions.lua_values import Table


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("return event.body.n > 5", True),
        ("if event.body.n ~= nil and event.body.n > 50 then return true else return false end", False),
        ("if event.a then return 1 elseif event.body then return 2 else return 3 end", 2.0),
        ("return event.body.list[1], 5", "x"),
        ("return #event.body.list", 3.0),
        ('return event["body"]["k"] == "a"', True),
        ("return event.nothere == nil", True),
        ("return 1 == '1'", False),
        ("return true == 1", False),
        ("return not nil == true", True),
        ("return 1 + 2 * 3 ^ 2 ^ 0.5 > 0 and -2 ^ 2", -4.0),
        ("return '10' + 5", 15.0),
        ("return 7 % 3, 1", 1.0),
        ("return -7 % 3", 2.0),
        ("return 1 / 0", math.inf),
        ("return 'a' .. 1 .. 2.5", "a12.5"),
        ("return 0x10", 16.0),
        ("return [[long]] == 'long'", True),
        (r"return '\65\n\t\'' == 'A' .. string.char(10, 9, 39)", True),
        ("-- a comment\n--[[ a long\none ]] return 1", 1.0),
        ("local a, b = 1 return b", None),
        ("local t = {1, 2, n = 3, ['k'] = 4; 5} return t[3] + t.n + t.k", 12.0),
        ("local s = 0 for i = 10, 1, -3 do s = s + i end return s", 22.0),
        ("local s = 0 for i, v in ipairs({1, 2, nil, 4}) do s = s + v end return s", 3.0),
        ("local n = 0 for k, v in pairs({a = 1, b = 2}) do n = n + v end return n", 3.0),
        ("local i = 0 while true do i = i + 1 if i > 4 then break end end return i", 5.0),
        ("local i = 0 repeat local j = i i = i + 1 until j == 3 return i", 4.0),
        ("local function f(n) if n < 2 then return 1 end return n * f(n - 1) end return f(5)", 120.0),
        ("function g(...) local a, b = ... return b end return g(1, 2)", 2.0),
        ("local t = {} function t.f(x) return x end return t.f(3)", 3.0),
        ("local function c() local n = 0 return function() n = n + 1 return n end end local f = c() f() return f()", 2.0),
        ("return (select('#', 1, 2))", 2.0),
        ("local a, b = pcall(error, 'x') return a", False),
        ("return tostring(nil) .. tostring(true) .. tostring(1e15)", "niltrue1e+15"),
        ("return tonumber('0x1F') + tonumber(' 12 ') + tonumber('11', 2)", 46.0),
        ("return tonumber('a')", None),
        ("return type(event), 1", "table"),
        ("local t = {3, 1} table.insert(t, 2) table.insert(t, 1, 9) table.remove(t) return table.concat(t, ',')", "9,3,1"),
        ("return math.floor(2.7) + math.max(1, 5, 2) + math.abs(-1)", 8.0),
        ("do local x = 1 end return x", None),
        ("x = 5 return x", 5.0),
        ("return", None),
        ("", None),
    ],
)
def test_a_script_gives_what_lua_gives(script: str, value: Any) -> None:
    assert run(script, {"body": {"n": 10, "k": "a", "list": [*["x", 2, None, "y"][:3], "z"]}} if "#" not in script else LIST) == value


LIST = {"body": {"list": [1, 2, 3]}}


@pytest.mark.parametrize(
    ("script", "value"),
    [
        (r"string.match('incoming/a/b.csv', '^incoming/([%w-]+)/')", "a"),
        (r"string.find('a.csv', '.csv', 1, true)", 2.0),
        (r"string.find('hello', 'l+')", 3.0),
        (r"('x=1, y=2'):match('(%w+)=(%w+)', 5)", "y"),
        (r"string.match('key', '()y')", 3.0),
        (r"string.match('  x ', '^%s*(.-)%s*$')", "x"),
        (r"string.match('2026-11', '%d%d%d%d%-%d+')", "2026-11"),
        (r"string.match('abc', '[^a-b]')", "c"),
        (r"string.match('a]b', '[]]')", "]"),
        (r"string.match('abc', 'x?b')", "b"),
        (r"string.match('abc', 'd')", None),
        (r"(string.gsub('a.b.c', '%.', '/'))", "a/b/c"),
        (r"(string.gsub('abc', '%w', '%0%0', 2))", "aabbc"),
        (r"(string.gsub('abc', '(a)(b)', '%2%1'))", "bac"),
        (r"(string.gsub('abc', '%w', {a = 'x'}))", "xbc"),
        (r"(string.gsub('abc', '%w', string.upper))", "ABC"),
        (r"(string.gsub('abc', '^a', ''))", "bc"),
        (r"(string.gsub('ab', '', '-'))", "-a-b-"),
        (r"string.sub('hello', 2, -2)", "ell"),
        (r"string.rep('ab', 3)", "ababab"),
        (r"string.format('%s-%d-%.2f', 'a', 5, 0.5)", "a-5-0.50"),
        (r"string.len('ż') + string.byte('A')", 67.0),
        (r"('abc'):reverse():upper()", "CBA"),
    ],
)
def test_strings_and_patterns(script: str, value: Any) -> None:
    assert run(f"return {script}", {}) == value


def test_gmatch_walks_all_matches() -> None:
    assert run("local n = '' for k, v in string.gmatch('a=1,b=2', '(%w+)=(%w+)') do n = n .. v .. k end return n", {}) == "1a2b"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("return event.body.nothere.deeper == 1", "attempt to index a non-table object"),
        ("return 1 < 'a'", "attempt to compare number with string"),
        ("return {} + 1", "cannot perform"),
        ("return 'a' .. nil", "concat"),
        ("return #5", "length"),
        ("return nosuch()", "attempt to call a non-function object"),
        ("error('told')", "told"),
        ("assert(false, 'wrong')", "wrong"),
        ("return os.exit()", "attempt to index a non-table object"),
        ("return io.open('/etc/passwd')", "attempt to index a non-table object"),
        ("return loadstring('return 1')()", "attempt to call a non-function object"),
        ("return ('x').__class__()", "attempt to call a non-function object"),
        ("while true do end", "steps"),
        ("local s = 'a' while true do s = s .. s end", "budget|steps"),
        ("local function f() return f() + 1 end return f()", "stack overflow"),
        ("return string.match(string.rep('a', 2000), '.-.-.-.-.-b')", "steps"),
        ("return string.rep('x', 1e9)", "budget"),
        ("return string.match('a', '[a')", "malformed pattern"),
        ("return string.match('a', '%')", "malformed pattern"),
        ("return string.match('a', 'a)')", "malformed pattern"),
        ("return math.floor(1/0)", "out of range"),
        ("return string.rep('x', 1/0)", "out of range"),
        ("break", "break"),
        ("for i = 1, 'a' do end", "must be numbers"),
        ("local t = {} t[nil] = 1", "table index is nil"),
        ("x.y = 1", "attempt to index"),
    ],
)
def test_what_goes_wrong_is_an_expression_error(script: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=words):
        run(script, {"body": {}})


@pytest.mark.parametrize(
    "script", ["return 1 +", "if x then", "local = 5", "return return", "f(", "x", "@", "a.b:c = 1", "'open", "1 = 2", "("]
)
def test_what_is_no_script_is_told_with_its_line(script: str) -> None:
    with pytest.raises(ExpressionError, match=r"line:2.*syntax error"):
        check("\n" + script)


def test_deep_scripts_are_refused() -> None:
    with pytest.raises(ExpressionError, match="deep"):
        check("return " + "(" * 500 + "1" + ")" * 500)
    with pytest.raises(ExpressionError, match="deep"):
        check("do " * 500 + "end " * 500)


def test_an_event_is_a_table_of_tables() -> None:
    answer = run("return event", {"a": [1, {"b": None}], "t": True})
    assert isinstance(answer, Table)
    assert answer.get("a").get(1.0) == 1.0
    assert answer.get("a").get(2.0).get("b") is None
    assert answer.get("t") is True


@given(st.text(alphabet="abcdefghijklmnop ()[]{}=~<>+-*/^%#.,;:'\"\n0123456789_", max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        check(text)
    except ExpressionError:
        return
    try:
        run(text, {"a": 1})
    except ExpressionError as error:
        assert str(error)


@given(st.text(alphabet="ab.%[]()*+-?^$w1", max_size=12), st.text(alphabet="ab1 ", max_size=12))
def test_no_pattern_breaks_the_matcher(pattern: str, text: str) -> None:
    from localargo.expressions.lua_patterns import functions
    from localargo.expressions.values import Budget

    try:
        found = functions(lambda *a: [])["match"](Budget(), [text, pattern])
    except ExpressionError as error:
        assert "pattern" in str(error) or "steps" in str(error)
    else:
        assert all(value is None or isinstance(value, float) or value in text for value in found)
