import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.channels.text import cut, is_link, one_line, plain, without

any_text = st.text(st.characters(codec=None))


@given(any_text)
def test_one_line_leaves_nothing_that_moves_a_cursor_or_cannot_be_encoded(text: str):
    line = one_line(text)
    assert not [char for char in line if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]
    line.encode()


def test_one_line_keeps_words_and_shows_that_something_was_there():
    assert one_line("  ein Büro,\r\n\tzwei 東京 🔥 ") == "ein Büro, zwei 東京 🔥"
    assert one_line("a\x1b[2Jb\u202ec\ud800") == "a\ufffd[2Jb\ufffdc\ufffd"


@given(any_text, st.integers(1, 50))
def test_a_plain_line_is_never_longer_than_it_may_be(text: str, limit: int):
    assert len(plain(text, limit)) <= limit


def test_a_cut_is_marked():
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abcde…"


def test_secrets_are_replaced_and_empty_ones_ignored():
    assert without("key=abc&key=abc", ["abc", ""]) == "key=<secret>&key=<secret>"


@pytest.mark.parametrize("url", ["https://a.example.com", "http://prom:9090/graph?g0.expr=up%3D0&x=[1]#frag"])
def test_web_addresses_are_links(url: str):
    assert is_link(url)


@pytest.mark.parametrize(
    "url",
    [
        *("", "https://", "https://?x", "javascript:alert(1)", "ftp://host/x", "//host/x", "https://user:pass@host/"),
        *("https://host/a b", "https://host/<!channel>", "https://host/|label", 'https://host/"', "https://host/\n"),
        *("https://host/ü", "https://[::1", "https://host:port/", "https://host/" + "x" * 2000, " https://host"),
    ],
)
def test_what_could_break_out_of_a_link_is_none(url: str):
    assert not is_link(url)
