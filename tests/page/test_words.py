"""All words of the page in one file, each used; nothing from elsewhere; small enough to read."""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser

from lapel.interfaces.http.page import page_files
from lapel.interfaces.page import STATIC

WORDS = json.loads((STATIC / "words" / "en.json").read_text())
SCRIPTS = {path.name: path.read_text() for path in (STATIC / "js").glob("*.js")}
PAGE = (STATIC / "index.html").read_text()


def _used() -> set[str]:
    code = "\n".join(SCRIPTS.values())
    exact = {key for key in WORDS["page"] if f'"{key}"' in code}
    patterns = re.findall(r"t\(`([a-z]+\.)\$\{\w+\}(\w*)`", code)
    built = {key for key in WORDS["page"] for start, end in patterns if key.startswith(start) and key.endswith(end)}
    return exact | built | _in_page()


def _in_page() -> set[str]:
    return set(re.findall(r'data-word(?:-label|-hint)?="([^"]+)"', PAGE)) | set(re.findall(r">\{([a-z.]+)\}<", PAGE))


def test_every_word_that_is_asked_for_is_there() -> None:
    asked = {key for text in SCRIPTS.values() for key in re.findall(r"\bt\(\s*\"([\w.]+)\"", text)}
    asked |= {key for text in SCRIPTS.values() for key in re.findall(r'[?:] "((?:[a-z]+\.)\w+)"', text)}
    asked |= _in_page()
    assert len(asked) > 80
    assert asked - set(WORDS["page"]) == set()


def test_every_word_that_is_there_is_used() -> None:
    assert set(WORDS["page"]) - _used() == set()


def test_the_page_itself_holds_no_words() -> None:
    class Text(HTMLParser):
        found: list[str] = []

        def handle_data(self, data: str) -> None:
            if data.strip() and not re.fullmatch(r"\{[a-z.]+\}", data):  # the server fills these in
                self.found.append(data.strip())

    reader = Text()
    reader.feed(PAGE)
    assert reader.found == []
    assert not re.search(r'(?:aria-label|placeholder|title|alt)="[^"]', PAGE)


def test_words_that_need_no_script_are_filled_in_by_the_server() -> None:
    sent = page_files()["/"]
    page = sent.content.decode()
    assert f"<title>{WORDS['page']['title.start']}</title>" in page
    assert unescape(page.split("<noscript>")[1].split("</noscript>")[0]) == WORDS["page"]["page.script"]
    assert sent == page_files()["/index.html"] and not re.search(r"\{[a-z.]+\}", page)


def test_scripts_hold_no_sentences() -> None:
    for name, text in SCRIPTS.items():
        code = re.sub(r"//.*|/\*.*?\*/", "", text, flags=re.DOTALL) if "/*" in text else re.sub(r"//.*", "", text)
        sentences = [s for s in re.findall(r'"([^"\n]+)"', code) if re.match(r"[A-Z][a-z]+ [a-z]+ ", s)]
        assert sentences == [], name


def test_placeholders_in_words_are_filled_by_name() -> None:
    for key, text in WORDS["page"].items():
        forms = text.values() if isinstance(text, dict) else [text]
        assert "other" in text if isinstance(text, dict) else True, key
        for form in forms:
            assert re.sub(r"\{\w+\}", "", form).count("{") == 0, key


def test_nothing_comes_from_elsewhere_and_nothing_is_minified() -> None:
    for path in STATIC.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert re.findall(r"https?://(?!www\.w3\.org/(?:2000/svg|1999))[^\s\"')]+", text) == [], path.name
            assert text.count("\n") < 301, path.name
    assert sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file()) < 150_000
