"""By keyboard, by screen reader, on a phone, in the dark: and axe finds nothing serious in any state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from page_shop import Shop, Visit

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
Open = Callable[..., Visit]
MIX = (
    '?q={"parts":[{"reference":"item:red-blue","weights":{"top":1,"look":0.5}},'
    '{"reference":"item:green-green","weights":{"bottom":0.4}},'
    '{"reference":"item:blue-red","weights":{"top":0.3},"unlike":true}],"where":"price >= 10"}'
)
STATES = {
    "start": "",
    "mix": MIX,
    "map": MIX + "&map=top",
    "item": MIX + "&open=red-red",
    "empty": '?q={"parts":[{"reference":"item:red-red"}],"where":"price > 1000"}',
    "error": '?q={"parts":[{"reference":"item:red-red","weights":{"tpo":1}}]}',
    "expired": '?q={"parts":[{"reference":"photo:0"}]}',
}


def _serious(page: Any) -> list[str]:
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_serious(visit: Open, state: str, scheme: str) -> None:
    tab = visit(scheme=scheme).go(STATES[state])
    tab.page.wait_for_timeout(150)
    assert _serious(tab.page) == []


@pytest.mark.parametrize("width", [390, 1440])
def test_axe_with_everything_unfolded_and_in_the_windows(visit: Open, width: int) -> None:
    tab = visit(width=width).go(MIX + "&compare=red-red&compare=green-blue")
    if width < 900:
        tab.page.locator("#fold").click()
    tab.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert _serious(tab.page) == []
    tab.page.locator("[data-focus='compare']").click()
    tab.page.locator("#compare table").wait_for()
    assert _serious(tab.page) == []
    tab.page.keyboard.press("Escape")
    tab.page.locator("#about-open").click()
    tab.page.locator("#about h3").first.wait_for()
    assert _serious(tab.page) == []


@pytest.mark.parametrize("state", STATES)
def test_nothing_is_wider_than_a_phone(visit: Open, state: str) -> None:
    tab = visit(width=390, height=844).go(STATES[state])
    if tab.page.locator("#fold").is_visible() and state != "item":
        tab.page.locator("#fold").click()
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_panel_is_folded_on_a_phone_and_the_mix_is_not(visit: Open) -> None:
    tab = visit(width=390, height=844).go(MIX)
    assert not tab.page.locator("#references").is_visible()
    assert len(tab.pills()) == 5 and tab.page.locator(".strip img").count() == 3
    tab.page.locator("#fold").click()
    assert tab.page.locator("#references").is_visible()
    assert tab.page.locator("#fold").get_attribute("aria-expanded") == "true"


def _focus(tab: Visit) -> str:
    return tab.page.evaluate("document.activeElement.dataset.focus ?? document.activeElement.id")


def _tab_to(tab: Visit, name: str, most: int = 80) -> None:
    for _ in range(most):
        if _focus(tab) == name:
            return
        tab.page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {name}")


def test_from_the_beginning_to_a_mix_by_keyboard_alone(visit: Open) -> None:
    tab = visit().go()
    _tab_to(tab, "begin:red-red")
    tab.page.keyboard.press("ArrowRight")
    assert _focus(tab) == "begin:red-blue"
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector(".hit[data-item='red-blue']")
    assert _focus(tab.settled()) == "results-title"  # where the news is
    assert tab.said.startswith("5 hits. The first: red-blue No. 2")
    _tab_to(tab, "use:green-blue:bottom")
    with tab.page.expect_response("**/v1/search"):
        tab.page.keyboard.press("Enter")
    tab.page.wait_for_timeout(100)
    assert tab.settled().pills() == ["A whole look 50%", "B bottom blue 50%"]
    assert _focus(tab) == "use:green-blue:bottom"  # the same control of the same hit, wherever it now stands
    tab.page.locator("[data-focus^='weigh:'][data-attribute='bottom']").focus()
    with tab.page.expect_response("**/v1/search"):
        tab.page.keyboard.press("ArrowLeft")
    tab.page.wait_for_timeout(300)
    assert tab.settled().pills() == ["A whole look 51%", "B bottom blue 49%"]
    assert _focus(tab) == "weigh:+item:green-blue :bottom"  # redrawing keeps the place


def test_a_window_takes_the_focus_and_gives_it_back(visit: Open) -> None:
    tab = visit().go(MIX)
    tab.page.locator("[data-focus='open:red-red']").focus()
    tab.page.keyboard.press("Enter")
    tab.page.locator("#item h2").wait_for()
    assert tab.page.evaluate("document.activeElement.closest('dialog')?.id") == "item"
    tab.page.keyboard.press("Escape")
    tab.page.wait_for_url(lambda url: "open=" not in url)
    assert _focus(tab) == "open:red-red"


def test_focus_can_be_seen(visit: Open) -> None:
    tab = visit().go(MIX)
    for _ in range(25):
        tab.page.keyboard.press("Tab")
        style = tab.page.evaluate(
            "(() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]; })()"
        )
        assert style == ["solid", "2px"], _focus(tab)


def test_every_control_has_a_name_and_every_picture_an_alternative(visit: Open) -> None:
    tab = visit().go(MIX)
    unnamed = tab.page.evaluate(
        """[...document.querySelectorAll("button, input:not([type=file]), select")].filter((one) => one.offsetParent &&
        !(one.getAttribute("aria-label") || one.labels?.length || one.textContent.trim())).map((one) => one.outerHTML)"""
    )
    assert unnamed == []
    assert tab.page.locator("img:not([alt])").count() == 0


def test_a_section_is_never_a_person_and_skin_is_no_chip(visit: Open, shop: Shop) -> None:
    tab = visit().go()
    found = tab.page.evaluate(
        """async () => { const [chips, words] = [await import("./js/chips.js"), await import("./js/words.js")];
        return [chips.offered(["gender", "skin_exposure", "color"]), words.spoken("gender"),
                words.spokenValue("gender", "female"), words.spokenValue("gender", "male")]; }"""
    )
    assert found == [["gender", "color"], "section", "women’s", "men’s"]


def test_the_foot_names_the_model_and_the_terms_of_its_data(visit: Open) -> None:
    tab = visit().go()
    assert tab.page.locator("#foot-model").inner_text() == "Model colours; code Apache-2.0."
    assert tab.page.locator("#foot-data").inner_text() == "What it learnt from is not stated."
