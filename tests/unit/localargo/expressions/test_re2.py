from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.expressions import ExpressionError, re2


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("csv", "old/a.csv.bak", True),
        ("^raw/.*[.]csv$", "raw/a.csv", True),
        ("^raw/.*[.]csv$", "raw/a.csv.bak", False),
        ("a$", "a\n", False),
        (r"(?m)a$", "a\nb", True),
        (r"^\d+$", "١٢", False),
        (r"^\w+$", "é", False),
        (r"[^\w-]", "ab-", False),
        (r"\D", "5", False),
        (r"(?i)ABC", "xabc", True),
        ("a(?i)B", "ab", True),
        ("(?s)a.b", "a\nb", True),
        ("a.b", "a\nb", False),
        ("[]a]", "]", True),
        ("[^]a]", "]", False),
        ("a{,2}", "a{,2}", True),
        ("a{2}", "aa", True),
        (r"\Qa.b\E", "axb", False),
        ("[a-z&&b]", "&", True),
        ("[[:alpha:]]+", "5", False),
        ("[[:^alpha:]]", "5", True),
        (r"\pL", "é", True),
        (r"\p{Greek}", "a", False),
        (r"\x41\x{42}\103", "ABC", True),
        (r"\bfoo\b", "a foo b", True),
        (r"\A\z", "", True),
        ("(?P<n>a)b", "ab", True),
        ("", "", True),
        ("a|", "", True),
        (r"[a\]b]", "]", True),
        ("[a-]", "-", True),
        ("}", "}", True),
        (r"\t\-\/", "\t-/", True),
        ("[[]", "[", True),
        ("(?U)a+", "a", True),
        ("ü+", "üü", True),
    ],
)
def test_matches_as_go_does(pattern: str, text: str, found: bool) -> None:
    assert re2.match(pattern, text) is found


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a", "missing closing )"),
        ("a)", "unexpected )"),
        ("a**", "invalid nested repetition operator"),
        ("*", "missing argument to repetition operator"),
        ("(?=a)", "invalid or unsupported Perl syntax"),
        ("(?<!a)", "invalid or unsupported Perl syntax"),
        (r"(a)\1", "invalid escape sequence"),
        ("x{2,1}", "invalid repeat count"),
        ("x{1001}", "invalid repeat count"),
        ("[a", "missing closing ]"),
        ("[z-a]", "character class range"),
        ("\\", "trailing backslash"),
        (r"\k", "invalid escape sequence"),
        ("[[:nope:]]", "invalid character class range"),
        ("(" * 200 + ")" * 200, "nests too deeply"),
        ("a" * 3000, "longer than"),
        (r"\p{Nope}", "error parsing regexp"),
        ("(?x)a", "unsupported Perl"),
    ],
)
def test_what_re2_refuses_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)):
        re2.check(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)*$", "(a*)*b", "(.*)(.*)(.*)(.*)x", "(a?){50}a{50}"])
def test_matching_takes_linear_time(pattern: str) -> None:
    assert re2.match(pattern + "#", "a" * 100_000) is False


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)*$", ".*.*.*.*x", "a?" * 40 + "x", "(?U)a", r"\pL", "[[:^alpha:]]"])
def test_finding_is_refused_where_its_work_has_no_bound(pattern: str) -> None:
    with pytest.raises(ExpressionError):
        re2.finder(pattern, "a" * 1000)


def test_finding_and_replacing() -> None:
    assert re2.finder("[^a-z0-9]+", "Data Set!").sub("-", "Data Set!") == "-ata-et-"
    assert re2.finder("a(b|c)", "xabac").findall("xabac") == ["b", "c"]
    assert re2.finder("a$", "a\n").search("a\n") is None
    found = re2.finder("(?P<first>a)(b)?", "ab").search("ab")
    assert found is not None
    assert re2.expand("$first-${2}-$$-$9-$none-$", found) == "a-b-$---$"


PARTS = st.lists(st.sampled_from(["a", "b", "[ab]", "(a|b)", ".", "a*", "b+", "a?", "(ab)", "^", "$", "\\.", "[^a]"]), max_size=6).map(
    "".join
)


@given(PARTS, st.text(alphabet="ab.", max_size=12))
def test_both_engines_say_the_same(pattern: str, text: str) -> None:
    assert re2.match(pattern, text) is (re.search(pattern, text) is not None)
    assert (re2.finder(pattern, text).search(text) is not None) is re2.match(pattern, text)


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_pattern_is_answered_or_refused(pattern: str, text: str) -> None:
    for call in (lambda: re2.match(pattern, text), lambda: re2.finder(pattern, text).search(text)):
        try:
            call()
        except ExpressionError as error:
            assert str(error)
