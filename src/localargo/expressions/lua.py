"""Lua 5.1 for a Sensor's scripts, run by the real interpreter without anything that reaches outside.

A script comes from a manifest and sees one JSON value, `event`. It has the basic functions, `string`, `table` and `math`; neither files,
processes, modules, byte code nor chance. Instructions, memory and the work of a pattern are bounded, because events come from strangers.
"""

from __future__ import annotations

import math
import re
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.rawjson import Json, Number

__all__ = ["check", "run"]

_LIMITS = {
    "STEPS": 200_000,  # instructions of the interpreter
    "WORK": 200_000_000,  # characters that patterns may look at, by an estimate
    "MOVES": 10_000_000,  # entries that may move within lists
}
_MEMORY = 32 << 20  # bytes that a script may use besides its event
_RESERVE = 1 << 20  # of these; what hands the result over must not fail
_LONGEST = 1_000_000  # entries of a list that a script returns
_DEEPEST = 100

# Three functions of a state that can do nothing else: to read a script, to run one, to read a result.
_SANDBOX = """
local load, hook, memory, pcall, error = loadstring, debug.sethook, collectgarbage, pcall, error
local gsub, sub, rep, select, tostring = string.gsub, string.sub, string.rep, select, tostring
local type, getmetatable, rawget, insert, remove = type, getmetatable, rawget, table.insert, table.remove

local kept = {}
for name in ("_G _VERSION assert error getmetatable ipairs math next pairs rawequal rawget rawset select setmetatable string table "
    .. "tonumber tostring type unpack"):gmatch("%S+") do kept[name] = true end
for name in pairs(_G) do if not kept[name] then _G[name] = nil end end
math.random, math.randomseed, string.dump = nil, nil, nil
function print() end

local stopped

local function unless_stopped(...)
    if stopped then error(stopped, 0) end
    return ...
end

function _G.pcall(...) return unless_stopped(pcall(...)) end

local worked, moved = 0, 0

local function patterns(original, name)
    return function(text, pattern, ...)
        if name == "find" and select(2, ...) then return original(text, pattern, ...) end
        local shown = gsub(gsub(pattern, "%%.", "x"), "%[%^?%]?[^%]]*%]", "x")
        local work, size, repeats = 1, #tostring(text) + 1, select(2, gsub(shown, "[*+-]", ""))
        if sub(pattern, 1, 1) ~= "^" then repeats = repeats + 1 end
        for each = 1, repeats do work = work * size / each end
        worked = worked + work * 2 ^ select(2, gsub(shown, "%?", ""))
        if worked > WORK or #pattern > 1000 then error("the pattern needs too much work for a text of " .. size - 1 .. " characters", 2) end
        return original(text, pattern, ...)
    end
end

for _, name in ipairs({"find", "match", "gmatch", "gsub"}) do string[name] = patterns(string[name], name) end

function string.rep(text, count)
    if #text * count > 8000000 or count > 8000000 then error("the text becomes too long", 2) end
    return rep(text, count)
end

local function move(original, given)
    return function(list, ...)
        if select("#", ...) == given then moved = moved + #list end
        if moved > MOVES then error("too many entries of lists are moved", 2) end
        return original(list, ...)
    end
end

table.insert, table.remove = move(insert, 2), move(remove, 1)

local function read(text)
    if sub(text, 1, 1) == "\\27" then return nil, "byte code is not run" end
    return load(text, "=line")
end

local function run(script, bytes)
    local function stop()
        stopped = "script needs more than " .. STEPS .. " steps"
        error(stopped, 0)
    end
    hook(stop, "", STEPS)
    local done, value = pcall(script)
    hook()
    memory()
    if memory("count") * 1024 > bytes then
        value = nil
        memory()
        return false, "not enough memory"
    end
    return done, value
end

local function is_array(value)
    local meta = getmetatable(value)
    return type(meta) == "table" and rawget(meta, "__is_array") == true
end

return read, run, is_array
"""
_BOUNDED = "".join(f"local {name} = {value}\n" for name, value in _LIMITS.items()).encode() + _SANDBOX.encode()
_PLACE = re.compile(r'^\[string "[^"]*"\]:\d+: ')  # in the text above


def check(text: str) -> None:
    """ExpressionError when the text is not a script."""
    _read(_State(), text)


def run(text: str, event: Json) -> Json:
    """The first value that the script returns as JSON, given the JSON value `event` as its global of that name.

    ExpressionError: syntax, an operation on the wrong type, an unknown name, too much work, a result that is no JSON.
    """
    state = _State()
    script = _read(state, text)
    try:
        state.runtime.globals()[b"event"] = state.table(event)
        done, value = state.run(script)
        if not done:
            raise ExpressionError(_PLACE.sub("", _text(value)) if isinstance(value, bytes) else "error without a message")
        return state.json(value)
    except RecursionError as error:
        raise ExpressionError("the event is nested too deeply for Lua") from error


class _State:
    """One interpreter. Memory is bounded only while a script runs: to fail elsewhere would end the process."""

    def __init__(self) -> None:
        from lupa import lua51

        self._type = lua51.lua_type
        self.runtime: Any = lua51.LuaRuntime(encoding=None, register_eval=False, register_builtins=False, max_memory=0)
        self.read, self._run, self._is_array = self.runtime.execute(_BOUNDED)

    def run(self, script: Any) -> tuple[bool, Any]:
        """Whether the script came to its end, and its first value or what went wrong."""
        most = self.runtime.get_memory_used(total=True) + _MEMORY
        self.runtime.set_max_memory(most, total=True)
        try:
            done, value = self._run(script, most - _RESERVE)
        finally:
            self.runtime.set_max_memory(0)
        return done, value

    def table(self, value: Json) -> Any:
        """A JSON value as Argo shows it to Lua: null is nil, a list is a table from 1 on, without the nulls and lists in it."""
        if isinstance(value, dict):
            return self.runtime.table_from({_bytes(key): self.table(item) for key, item in value.items()})
        if isinstance(value, list):
            return self.runtime.table_from([self.table(item) for item in value if item is not None and not isinstance(item, list)])
        if isinstance(value, Number | int) and not isinstance(value, bool):
            return float(value)
        return _bytes(value) if isinstance(value, str) else value

    def json(self, value: Any, depth: int = 0) -> Json:
        """A value of Lua as JSON: a table with a value at 1, 2, ... is a list, and so is an empty one whose metatable has `__is_array`."""
        kind = self._type(value)
        if kind is None:
            return _text(value) if isinstance(value, bytes) else _number(value)
        if kind != "table":
            raise ExpressionError(f"the script returns a {kind}, which is no JSON")
        if depth == _DEEPEST:
            raise ExpressionError(f"the script returns tables nested more than {_DEEPEST} deep")
        entries = dict(value.items())
        last = max((key for key in entries if type(key) is int and key >= 1), default=0)
        if last > _LONGEST:
            raise ExpressionError(f"the script returns a list with an entry {last}: {_LONGEST} are the most")
        if last or (not entries and self._is_array(value)):
            return [self.json(entries.get(index), depth + 1) for index in range(1, last + 1)]
        return {_key(key): self.json(item, depth + 1) for key, item in entries.items()}


def _read(state: _State, text: str) -> Any:
    script = state.read(_bytes(text))
    if isinstance(script, tuple):
        raise ExpressionError(f"{_text(script[1])}: syntax error")
    return script


def _number(value: float | bool | None) -> float | bool | None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError(f"the script returns {value}, which is no JSON")
    return value


def _key(key: Any) -> str:
    return _text(key) if isinstance(key, bytes) else f"{key:.14g}" if isinstance(key, float) else str(key).lower()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
