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
        ("(a", "missing closing ): `(a`"),
        ("a)", "unexpected )"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("(?=a)", "invalid or unsupported Perl syntax"),
        ("(?<!a)", "invalid or unsupported Perl syntax"),
        (r"(a)\1", "invalid escape sequence"),
        ("x{2,1}", "invalid repeat count"),
        ("x{1001}", "invalid repeat count"),
        ("[a", "missing closing ]"),
        ("[z-a]", "character class range"),
        ("\\", "trailing backslash at end of expression"),
        (r"\k", "invalid escape sequence"),
        (r"\C", "invalid escape sequence"),
        ("[[:nope:]]", "invalid character class range"),
        (r"\p{Nope}", "error parsing regexp"),
        ("(?x)a", "invalid or unsupported Perl syntax"),
    ],
)
def test_what_re2_refuses_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)):
        re2.check(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)*$", "(a*)*b", "(.*)(.*)(.*)(.*)x", "(a?){50}a{50}"])
def test_matching_takes_linear_time(pattern: str) -> None:
    assert re2.match(pattern + "#", "a" * 100_000) is False


def test_finding_all_is_bounded() -> None:
    with pytest.raises(ExpressionError, match="too many matches"):
        list(re2.find_all("a", "a" * 50_000))


def test_finding() -> None:
    found = re2.find("(?P<first>a)(b)?", "żab")
    assert found is not None
    assert (found.start(), found.end()) == (1, 3)
    assert re2.expand("$first-${2}-$$-$9-$none-$", found) == "a-b-$---$"
    assert re2.find("a$", "a\n") is None
    assert [(each.start(), each.end()) for each in re2.find_all("a*", "baac")] == [(0, 0), (1, 3), (4, 4)]


PARTS = st.lists(st.sampled_from(["a", "b", "[ab]", "(a|b)", ".", "a*", "b+", "a?", "(ab)", "^", "\\.", "[^a]"]), max_size=6).map("".join)


@given(PARTS, st.text(alphabet="ab.", max_size=12))
def test_both_engines_say_the_same(pattern: str, text: str) -> None:
    first = re.search(pattern, text)
    found = re2.find(pattern, text)
    assert (found and (found.start(), found.end())) == (first and first.span())
    assert re2.match(pattern, text) is (first is not None)


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_pattern_is_answered_or_refused(pattern: str, text: str) -> None:
    try:
        list(re2.find_all(pattern, text))
    except ExpressionError as error:
        assert str(error)
