"""Scripts of Sensors: Lua 5.1 without what reaches outside, and with bounds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.expressions import ExpressionError
from localargo.expressions.lua import check, run


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
        ("return 1 / 0 > 1e300", True),
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
        ("return setmetatable({}, {__index = function(t, k) return k end}).some", "some"),
        ("return print == nil or print(1)", None),
    ],
)
def test_a_script_gives_what_lua_gives(script: str, value: Any) -> None:
    assert run(script, {"body": {"n": 10, "k": "a", "list": ["x", 2, None, [1], "z"]}}) == value


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
        ("return event.body.nothere.deeper == 1", "line:1: attempt to index field 'nothere'"),
        ("return 1 < 'a'", "attempt to compare number with string"),
        ("return {} + 1", "attempt to perform arithmetic"),
        ("return 'a' .. nil", "attempt to concatenate"),
        ("return nosuch()", "attempt to call global 'nosuch'"),
        ("error('told')", "line:1: told"),
        ("error({})", "without a message"),
        ("assert(false, 'wrong')", "wrong"),
        ("return ('x').__class__()", "attempt to call"),
        ("local function f() return f() + 1 end return f()", "stack overflow"),
        ("return string.match('a', '[a')", "^malformed pattern"),
        ("local t = {} t[nil] = 1", "index is nil"),
        ("return print", "function, which is no JSON"),
        ("return 0 / 0", "nan, which is no JSON"),
        ("local t = {} t.t = t return t", "nested more than 100 deep"),
        ("return {[1e9] = 1}", "1000000 are the most"),
    ],
)
def test_what_goes_wrong_is_an_expression_error(script: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=words):
        run(script, {"body": {}})


OUTSIDE = (
    "collectgarbage coroutine debug dofile getfenv io load loadfile loadstring module newproxy os package python require setfenv xpcall"
)


@pytest.mark.parametrize("name", [*OUTSIDE.split(), "string.dump", "math.random"])
def test_nothing_reaches_outside(name: str) -> None:
    assert run(f"return {name}", {}) is None


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("while true do end", "steps"),
        ("while true do pcall(function() while true do end end) end", "steps"),
        ("local s = 'a' while true do s = s .. s end", "memory"),
        ("local t = {} pcall(function() while true do t[#t + 1] = string.rep('x', 100000) .. #t end end) return t", "memory"),
        ("return string.match(string.rep('a', 2000), '.-.-.-.-.-b')", "too much work"),
        ("return string.match('a', string.rep('a?', 100000))", "too much work"),
        ("for i = 1, 10000 do string.match(string.rep('a', 2000), 'a*b') end", "too much work"),
        ("return string.rep('', 1e9)", "too long"),
        ("local t = {} for i = 1, 20000 do table.insert(t, 1, i) end", "moved"),
    ],
)
def test_work_and_memory_are_bounded(script: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=words):
        run(script, {})


@pytest.mark.parametrize(
    "script", ["return 1 +", "if x then", "local = 5", "return return", "f(", "x", "@", "a.b:c = 1", "'open", "1 = 2", "(", "break"]
)
def test_what_is_no_script_is_told_with_its_line(script: str) -> None:
    with pytest.raises(ExpressionError, match=r"line:\d.*syntax error"):
        check("\n" + script)


def test_byte_code_is_not_run() -> None:
    with pytest.raises(ExpressionError, match="byte code"):
        check("\x1bLua")


def test_the_event_is_not_within_the_bound_of_memory() -> None:
    assert run("return #event.s + #event.l", {"s": "x" * 40_000_000, "l": [1] * 10}) == 40_000_010


@given(st.text(alphabet="abcdefghijklmnop ()[]{}=~<>+-*/^%#.,;:'\"\n0123456789_", max_size=60))
def test_any_text_is_answered_or_refused(text: str) -> None:
    try:
        run(text, {"a": 1})
    except ExpressionError as error:
        assert str(error)
