"""What a request becomes: header, body and metadata as Go forms them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.errors import InvalidInput
from localargo.eventsources.payload import DEEPEST, MASKED, canonical, depth, headers, json_text, request_payload, values

JSON = [(b"content-type", b"application/json")]
FORM = [(b"content-type", b"application/x-www-form-urlencoded")]


def made(method: str, query: str, raw: list[tuple[bytes, bytes]], body: bytes, metadata: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request_payload(method, query.encode(), raw, body, metadata))
    return found


def test_a_json_body_is_embedded_as_it_is_but_compact() -> None:
    body = b' {"n" : 1.0 , "big":12345678901234567890,\n"e":1e21, "s":"a  <b>&", "a":1,"a":2}\n'
    assert request_payload("POST", b"q=1", JSON, body, None) == (
        b'{"header":{"Content-Type":["application/json"]},'
        b'"body":{"n":1.0,"big":12345678901234567890,"e":1e21,"s":"a  \\u003cb\\u003e\\u0026","a":1,"a":2}}'
    )


@pytest.mark.parametrize("body", [b'"scalar"', b"[1,2]", b"null", b"0", b"true", b'"\\ud83d\\ude80"'])
def test_any_json_value_is_a_body(body: bytes) -> None:
    assert made("POST", "", JSON, body)["body"] == json.loads(body)


NO_JSON = (
    *(b"", b" ", b"{broken", b"NaN", b"[Infinity]", b"-Infinity", b"{'a':1}", b'{"a":1,}', b"01", b"1.", b"+1", b".5", b"nul"),
    *(b"\xff\xfe", b'"\xe9"', b'\xef\xbb\xbf{"a":1}', b'"a\nb"', b'"\\x"', b"{} {}", b"[" * 5000, b'{"a"}', b"\x00"),
)


@pytest.mark.parametrize("body", NO_JSON)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        request_payload("POST", b"", JSON, body, None)


def test_a_body_may_be_deep_but_not_too_deep() -> None:
    assert depth(json_text(b"[" * DEEPEST + b"]" * DEEPEST)) in (0, DEEPEST)
    with pytest.raises(InvalidInput, match="nested"):
        json_text(b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1))
    with pytest.raises(InvalidInput, match="nested"):
        json_text(b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1))


def test_brackets_in_text_are_not_deep() -> None:
    assert depth('"' + "[" * 2000 + '"') == 0
    assert json.loads(json_text(b'["' + b"{" * 5000 + b'\\""]')) == ["{" * 5000 + '"']


def test_half_a_surrogate_becomes_what_go_makes_of_it() -> None:
    assert json_text(b'{"\\ud800":"a\\uDC00\\ud83d\\ude80b"}') == '{"\ufffd":"a\ufffd🚀b"}'


def test_a_form_is_names_with_all_their_values() -> None:
    assert made("POST", "", FORM, b"b=two&a=1&a=3+x%20y&c&=v&a=%C5%BC%FF")["body"] == {
        "": ["v"],
        "a": ["1", "3 x y", "ż\ufffd"],
        "b": ["two"],
        "c": [""],
    }
    with pytest.raises(InvalidInput, match="escape"):
        request_payload("POST", b"", FORM, b"a=%zz", None)
    with pytest.raises(InvalidInput, match="semicolon"):
        request_payload("POST", b"a;b", FORM, b"a=1", None)


def test_a_content_type_with_a_parameter_is_no_form() -> None:
    with pytest.raises(InvalidInput):
        request_payload("POST", b"", [(b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")], b"a=1", None)


def test_get_has_its_query_as_body() -> None:
    assert made("GET", "q=1&q=2&z=%20y&bad=%zz&x;y=1", [], b"")["body"] == {"q": ["1", "2"], "z": [" y"]}
    with pytest.raises(InvalidInput, match="more than"):
        values("a=1&" * 1001, strict=False)


def test_headers_are_gos_and_authorization_is_masked() -> None:
    raw = [(b"x-github-event", b"push"), (b"HOST", b"h"), (b"authorization", b"Bearer abc"), (b"authorization", b"x")]
    raw += [(b"Transfer-Encoding", b"chunked"), (b"x-a", b"1"), (b"X-A", b"2"), (b"x-b", b"\xc5\xbc\xff")]
    assert headers(raw) == {
        "X-Github-Event": ["push"],
        "Authorization": [MASKED],
        "X-A": ["1", "2"],
        "X-B": ["ż\ufffd"],
    }
    assert "abc" not in request_payload("POST", b"", raw, b"{}", None).decode()


@pytest.mark.parametrize(
    ("name", "go"), [("etag", "Etag"), ("x-GITHUB-event", "X-Github-Event"), ("a b", "a b"), ("-a--b", "-A--B"), ("1x", "1x")]
)
def test_names_are_spelled_as_go_spells_them(name: str, go: str) -> None:
    assert canonical(name) == go


def test_metadata_of_the_source_comes_along_sorted() -> None:
    assert request_payload("POST", b"", [], b"1", {"z": "1", "a": "<"}).endswith(b'"body":1,"metadata":{"a":"\\u003c","z":"1"}}')
    assert b"metadata" not in request_payload("POST", b"", [], b"1", {})


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.text(), v),
        max_leaves=20,
    )
)
def test_a_body_means_the_same_afterwards(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, indent=2, ensure_ascii=False)):
        assert json.loads(json_text(text.encode("utf-8", "surrogatepass"))) == value


@given(st.binary(max_size=200))
def test_no_body_breaks_it(body: bytes) -> None:
    try:
        data = request_payload("POST", body, JSON, body, None)
    except InvalidInput:
        return
    assert set(json.loads(data)) == {"header", "body"}


@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=20)), max_size=5), st.binary(max_size=60))
def test_no_header_or_query_breaks_it(raw: list[tuple[bytes, bytes]], query: bytes) -> None:
    data = json.loads(request_payload("GET", query, raw, b"", None))
    assert all(isinstance(value, list) for part in data.values() for value in part.values())
