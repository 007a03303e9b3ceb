"""From a calm screen to an order and a closed alert, by mouse, against a real platform and devices on MQTT.

The tests stand in the order of the story. Each asks for the state that it needs, so that one can be run alone.
"""

from functools import partial

import pytest
from playwright.sync_api import Browser, expect
from tests.ui.parts import SIGNS, PlatformProcess
from tests.ui.screen import LARGE, SMALL, Screen

pytestmark = [pytest.mark.browser, pytest.mark.integration, pytest.mark.timeout(300)]

REGIONS = ("header >> nth=0", "section.queue", "div.map", "section.timeline", "section.detail")


@pytest.fixture(scope="module")
def opened(burning: Screen) -> Screen:
    """The incident of the fire, opened by a click, with its option."""
    burning.at("alert-row").first.click()
    burning.at("option").wait_for()
    return burning


@pytest.fixture(scope="module")
def acknowledged(opened: Screen) -> Screen:
    if opened.at("alert-row").first.get_attribute("data-state") == "new":
        opened.at("btn-acknowledge").click()
    expect(opened.at("alert-row").first).to_have_attribute("data-state", "acknowledged")
    return opened


@pytest.fixture(scope="module")
def ordered(acknowledged: Screen) -> Screen:
    acknowledged.at("btn-order").click()
    newer = acknowledged.at("order-sheet").get_by_role("button", name="Show the newer one")
    acknowledged.confirmed(acknowledged.at("btn-confirm-order").click, newer.click)
    acknowledged.at("command-row").first.wait_for()
    return acknowledged


def laid_out(screen: Screen) -> list[str]:
    """Give what is wrong with where things stand, at both sizes."""
    wrong = []
    for size in (LARGE, SMALL):
        screen.page.set_viewport_size(size)
        screen.page.wait_for_timeout(300)
        wrong += [f"{size['width']}: {each}" for each in (*misplaced(screen), *screen.cut())]
    return wrong


def misplaced(screen: Screen) -> list[str]:
    size = screen.page.viewport_size
    assert size is not None
    wrong = []
    boxes = {region: screen.page.locator(region).bounding_box() for region in REGIONS}
    for region, box in boxes.items():
        assert box is not None, region
        inside = box["x"] >= 0 and box["y"] >= 0
        inside = (
            inside and box["x"] + box["width"] <= size["width"] and box["y"] + box["height"] <= size["height"]
        )
        if not inside or box["width"] < 100 or box["height"] < 40:
            wrong.append(f"{region} stands at {box}")
    names = list(boxes)
    for index, one in enumerate(names):
        for other in names[index + 1 :]:
            a, b = boxes[one], boxes[other]
            assert a
            assert b
            across = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
            down = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
            if across > 1 and down > 1:
                wrong.append(f"{one} and {other} overlap by {across:g} x {down:g} px")
    if screen.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        wrong.append("the page scrolls sideways")
    return wrong


def test_login_page_is_accessible_and_a_used_link_says_so(
    browser: Browser, platform: PlatformProcess, screen: Screen
) -> None:
    stranger = Screen(browser, SMALL)
    stranger.page.goto(platform.link("operator"))
    expect(stranger.page.get_by_role("alert")).to_contain_text("This link has been used")
    assert stranger.violations() == []
    assert "token" not in stranger.page.url
    assert stranger.strangers() == []
    stranger.close()


def test_calm_screen_says_that_nothing_needs_you(screen: Screen) -> None:
    expect(screen.at("empty")).to_contain_text("Nothing needs you")
    expect(screen.at("overview")).to_contain_text("Operating normally")
    assert screen.at("alert-row").count() == 0
    assert screen.violations() == []


def test_marks_say_what_is_real(screen: Screen) -> None:
    expect(screen.at("mode")).to_have_text("LIVE")
    expect(screen.at("demo")).to_contain_text("simulated")
    expect(screen.at("credit")).to_contain_text("© OpenStreetMap contributors")
    expect(screen.at("credit")).to_contain_text("synthetic")


def test_map_is_drawn_and_follows_the_level(screen: Screen) -> None:
    screen.map_drawn()
    assert screen.map_colours() > 20
    assert screen.page.locator("[data-testid^=exit-exit-]").count() >= 20
    for level in (0, -1):
        screen.at(f"level-{level}").click()
        expect(screen.at(f"level-{level}")).to_have_attribute("aria-checked", "true")
        names_there = f"__s4.map.getFilter('unit-names')[2] === {level}"
        screen.until(partial(screen.page.evaluate, names_there), f"names of level {level}")


def test_calm_screen_fits(screen: Screen) -> None:
    assert laid_out(screen) == []


def test_keys_sheet_is_accessible(screen: Screen) -> None:
    screen.page.get_by_role("button", name="Keys").click()
    screen.at("keys-sheet").wait_for()
    assert screen.violations() == []
    screen.page.keyboard.press("Escape")
    expect(screen.at("keys-sheet")).to_have_count(0)


def test_fire_comes_into_the_queue(burning: Screen) -> None:
    row = burning.at("alert-row")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Fire, ticket hall")
    expect(row).to_have_attribute("data-state", "new")
    expect(burning.page.locator("section.queue header")).to_contain_text("1 need")


def test_alert_opens_with_its_evidence(opened: Screen) -> None:
    panel = opened.at("incident-panel")
    expect(panel).to_contain_text("Order evacuation before")
    evidence = panel.get_by_role("tabpanel")
    for term in ("Smoke", "CO", "Heat", "Sum"):
        expect(evidence).to_contain_text(term)


def test_terms_on_the_screen_add_up_to_the_sum(opened: Screen) -> None:
    """Read at one moment, because the incident goes on changing."""
    panel = opened.at("incident-panel")
    expect(
        panel.get_by_test_id("term-against").first
    ).to_be_attached()  # the usual rate of fires speaks against
    texts = panel.evaluate(
        "panel => ['term-nats', 'sum-nats'].map(id =>"
        " [...panel.querySelectorAll(`[data-testid=${id}]`)].map(each => each.textContent))"
    )
    terms, (total,) = ([float(text.replace("\u2212", "-")) for text in part] for part in texts)
    assert len(terms) >= 3
    assert min(terms) < 0 < max(terms)
    assert sum(terms) == pytest.approx(total, abs=0.11)


def test_leaving_a_sensor_out_says_what_would_be_believed(opened: Screen) -> None:
    panel = opened.at("incident-panel")
    panel.get_by_test_id("without").first.click()
    expect(panel.get_by_test_id("what-if-answer")).to_contain_text("instead of")
    panel.locator("[data-testid=without][aria-pressed=true]").click()
    expect(panel.get_by_test_id("what-if-answer")).to_contain_text("Choose a sensor")


def test_the_look_that_would_settle_it_is_named(opened: Screen) -> None:
    expect(opened.at("next-look")).to_contain_text("if it is seen")
    expect(opened.at("next-look")).to_contain_text("what to do")


def test_closing_is_refused_before_somebody_has_looked(opened: Screen) -> None:
    opened.at("btn-close-alert").click()
    expect(opened.at("btn-confirm-close")).to_be_disabled()  # no reason, no closing
    opened.at("close-reason").fill("Dealt with")
    opened.at("btn-confirm-close").click()
    expect(opened.page.get_by_role("alert")).to_contain_text("allowed now: acknowledge, assign")
    expect(opened.at("alert-row").first).to_have_attribute("data-state", "new")
    opened.page.keyboard.press("Escape")


def test_acknowledging_moves_the_row(acknowledged: Screen) -> None:
    expect(acknowledged.at("btn-acknowledge")).to_have_count(0)
    expect(acknowledged.page.locator("section.queue header")).to_contain_text("0 need")
    expect(acknowledged.page.locator("section.queue header")).to_contain_text("1 in work")


def test_option_stands_pinned_and_on_the_map(acknowledged: Screen) -> None:
    option = acknowledged.at("option")
    expect(option).to_contain_text("Recommended: Evacuate")
    expect(option).to_contain_text("leave by exit")
    acknowledged.map_drawn()
    for source in ("routes", "hazard"):
        drawn = f"__s4.map.querySourceFeatures('{source}').length"
        acknowledged.until(partial(acknowledged.page.evaluate, drawn), f"{source} on the map")
    expect(acknowledged.at("map-incident")).to_have_count(1)
    expect(acknowledged.page.locator("[data-testid^=exit-exit-][data-state=unusable]").first).to_be_visible()


def test_incident_is_accessible_and_fits(acknowledged: Screen) -> None:
    assert acknowledged.violations() == []
    assert laid_out(acknowledged) == []


def test_order_sheet_tells_all_signs_and_sentences(acknowledged: Screen) -> None:
    acknowledged.at("btn-order").click()
    sheet = acknowledged.at("order-sheet")
    told = sheet.locator("table").first.locator("tbody tr")
    assert told.count() > 1
    for row in told.all():
        device, text = row.locator("td").all_inner_texts()
        assert device.split()[0] in SIGNS
        assert len(text.strip()) > 5
    expect(sheet).to_contain_text("No door opens and no public warning goes out by this order.")
    expect(acknowledged.at("btn-confirm-order")).to_be_focused()
    assert acknowledged.violations() == []
    sheet.get_by_role("button", name="Cancel").click()
    expect(sheet).to_have_count(0)


def test_ordered_signs_answer_or_are_told_apart(ordered: Screen) -> None:
    rows = ordered.at("command-row")
    expect(ordered.page.locator("[data-testid=command-row][data-state=acknowledged]")).to_have_count(1)
    expect(ordered.page.locator("[data-testid=command-row][data-state=sent]")).to_have_count(0)
    silent = ordered.page.locator("[data-testid=command-row][data-state=no_answer]")
    assert silent.count() == rows.count() - 1 > 0
    expect(silent.first).to_contain_text("no answer after 3 tries")
    expect(ordered.page.locator("[data-device=vms-08]")).to_have_attribute("data-state", "acknowledged")
    expect(ordered.at("option")).to_contain_text("Ordered")


def test_alert_is_assigned(ordered: Screen) -> None:
    ordered.at("btn-assign").click()
    ordered.at("assignee").fill("Shift leader")
    ordered.at("btn-confirm-assign").click()
    expect(ordered.at("alert-row").first).to_have_attribute("data-state", "assigned")
    expect(ordered.at("alert-row").first).to_contain_text("Shift leader")


def test_timeline_and_log_tell_the_story(ordered: Screen) -> None:
    ordered.page.get_by_role("tab", name="Log").click()
    for words in ("Acknowledged", "Order"):
        expect(ordered.at("log").first).to_contain_text(words, ignore_case=True)
    timeline = ordered.at("timeline")
    expect(timeline.locator(".bar")).to_contain_text("Fire")
    assert timeline.locator(".tick").count() > 3
    assert timeline.locator(".mark").count() > 1
    assert laid_out(ordered) == []


def test_the_page_of_options_shows_how_the_ordered_plan_is_kept(ordered: Screen) -> None:
    ordered.page.keyboard.press("g")
    ordered.page.keyboard.press("o")
    expect(ordered.at("kept-since")).to_contain_text("Ordered at")
    expect(ordered.at("kept-row").first).to_contain_text("by plan")
    expect(ordered.at("kept-row").first.locator("svg")).to_be_visible()
    expect(ordered.at("reach-hold")).to_contain_text("on foot")
    ordered.page.keyboard.press("Escape")
    expect(ordered.at("map")).to_be_visible()


def test_table_says_the_same_as_the_map(ordered: Screen) -> None:
    ordered.page.get_by_role("button", name="As a table").click()
    table = ordered.at("table-twin")
    for words in ("Fire, ticket hall", "Recommended routes", "smoke-21", "Unusable"):
        expect(table).to_contain_text(words)
    assert ordered.violations() == []
    table.get_by_role("button", name="Close").click()


def test_closing_with_a_reason_empties_the_queue(ordered: Screen) -> None:
    ordered.at("btn-close-alert").click()
    ordered.page.get_by_role("button", name="Test or drill").click()
    ordered.at("btn-confirm-close").click()
    expect(ordered.at("empty")).to_contain_text("Test or drill")
    assert [alert["state"] for alert in ordered.picture()["alerts"].values()] == ["closed"]


def test_nothing_left_the_machine_and_nothing_went_wrong(screen: Screen) -> None:
    refused = "the server responded with a status of 409"  # closing too early, or ordering what was replaced
    assert screen.strangers() == []
    assert screen.policy_violations() == []
    assert [each for each in screen.complaints if refused not in each] == []
