"""The inbox page in a real browser: what it shows without being reloaded, and what can be done from it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define

from ip1_async import Client, DeliveryWindow, OutcomeUnknown
from ip1_async.sandbox import Sandbox
from tests.scripted import Answer, Asked, Scripted

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page, Route

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs the Debian package chromium"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="needs the Python package playwright"),
]

ANN, BO, OURS = "46700000001", "46700000002", "46700000099"
HOSTILE = "<script>document.title = 'broken'</script><img src=x onerror=\"document.title = 'broken'\"><b>bold</b>"


@define
class Seat:
    """Somebody in front of the page."""

    sandbox: Sandbox
    ip1: Client
    context: BrowserContext
    page: Page
    wrong: list[str]
    """What the browser complained about."""

    async def to(self, view: str) -> None:
        await self.page.goto(f"{self.sandbox.url}/#/{view}")

    async def shows(self, selector: str, text: str | None = None) -> None:
        """Waits until it does."""
        found = self.page.locator(selector) if text is None else self.page.locator(selector, has_text=text)
        await found.first.wait_for()

    async def send(self, *recipients: str, body: str = "Hello", **more: Any) -> str:
        batch = await self.ip1.batches.send(sender="iP1", recipients=recipients or (ANN,), body=body, **more)
        return batch.id


@pytest.fixture
async def seat() -> AsyncIterator[Seat]:
    """A page that asks no other machine for anything, and runs into no error."""
    from playwright.async_api import async_playwright

    asked: list[str] = []
    wrong: list[str] = []
    async with (
        Sandbox() as sandbox,
        Client(sandbox.token, base_url=sandbox.url, rate=None) as ip1,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=CHROMIUM)
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
        context.set_default_timeout(15_000)
        context.on("request", lambda request: asked.append(request.url))
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        page = await context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        await page.goto(sandbox.url)
        yield Seat(sandbox, ip1, context, page, wrong)
        await browser.close()
        assert all(url.startswith(sandbox.url) for url in asked), asked
        assert wrong == []


async def test_a_text_appears_without_reloading_and_its_status_moves(seat: Seat) -> None:
    await seat.shows(".empty", "No text has been sent yet")
    await seat.send(ANN, "46700000503", body="Hej på dig")
    await seat.shows(".entry", "Hej på dig")
    await seat.page.click(f"a[href='#/phones/{ANN}']")
    await seat.shows(".bubble .chip.good", "Delivered")
    await seat.shows(".bubble footer", "1 segment")
    await seat.shows(".bubble footer", "0.35 SEK")
    await seat.to("phones/46700000503")
    await seat.shows(".bubble.failed .why", "status 503: it could not be delivered")


async def test_an_answer_typed_in_the_page_reaches_a_webhook_and_stop_the_blacklist(seat: Seat) -> None:
    got: list[Any] = []

    def take(asked: Asked) -> Answer:
        got.append(asked.json)
        return Answer()

    async with Scripted(take) as receiver:
        await seat.ip1.settings.set("IncomingCallbackUrl", f"{receiver.url}/incoming")
        await seat.send(ANN)
        await seat.to(f"phones/{ANN}")
        await seat.shows(".bubble", "Hello")
        await seat.page.keyboard.type("När öppnar ni?")
        await seat.page.keyboard.press("Enter")
        await seat.shows(".bubble.mine", "När öppnar ni?")
        await seat.page.get_by_role("button", name="STOP", exact=True).click()
        await seat.page.keyboard.press("Enter")
        await seat.shows(".detail-head .chip.bad", "On the blacklist")
        await seat.to("webhooks")
        await seat.shows(".log-row .chip.good", "200")
    assert [(each["sender"], each["recipient"], each["body"]) for each in got][:1] == [(ANN, "iP1", "När öppnar ni?")]
    assert [each.msisdn async for each in seat.ip1.blacklist.list()] == [ANN]


async def test_a_fault_set_in_the_page_hits_the_next_request(seat: Seat) -> None:
    await seat.to("controls")
    await seat.page.get_by_role("button", name="The next send's answer is lost").click()
    await seat.shows(".rules code", "POST /v2/batches reset after times=1")
    await seat.shows(".views .badge", "1")
    with pytest.raises(OutcomeUnknown):
        await seat.send()
    await seat.shows(".rules", "None is switched on.")
    await seat.to("requests")
    await seat.shows(".log-row .chip", "reset")
    assert len(seat.sandbox.messages(to=ANN)) == 1


async def test_a_fault_of_ones_own_is_switched_on_and_off_again(seat: Seat) -> None:
    await seat.to("controls")
    form = seat.page.get_by_role("form", name="A fault of your own")
    await form.get_by_label("What happens").select_option("delay")
    await form.get_by_label("Method").select_option("*")
    await form.get_by_label("Path").fill("/v2/*")
    await form.get_by_label("Seconds").fill("0.5")
    await form.get_by_label("Times").fill("")
    await form.get_by_role("button", name="Switch on").click()
    await seat.shows(".rules code", "/v2/* delay seconds=0.5")
    (fault,) = seat.sandbox.faults
    assert (fault.do, fault.method, fault.path, fault.seconds, fault.times) == ("delay", "*", "/v2/*", 0.5, None)
    await seat.page.get_by_role("button", name="Switch off").click()
    await seat.shows(".rules", "None is switched on.")
    await seat.page.get_by_label("Requests let through").fill("7")
    await seat.page.keyboard.press("Enter")
    await seat.shows(".views .badge", "1")
    assert (seat.sandbox.faults, seat.sandbox.requests_per_second) == ((), 7)


async def test_what_a_fault_cannot_be_is_said_in_the_page(seat: Seat) -> None:
    await seat.to("controls")
    form = seat.page.get_by_role("form", name="A fault of your own")
    await form.get_by_label("Status", exact=True).evaluate("input => input.removeAttribute('min')")
    await form.get_by_label("Status", exact=True).fill("200")
    await form.get_by_role("button", name="Switch on").click()
    await seat.shows(".card .failure", "status of a fault is a whole number from 400 to 599.")
    assert seat.sandbox.faults == ()
    (line,) = seat.wrong
    assert "400" in line
    seat.wrong.clear()


@pytest.mark.parametrize("view", ["phones", "phones/{phone}", "batches/{batch}", "requests"])
async def test_a_text_is_shown_as_text_whatever_it_holds(seat: Seat, view: str) -> None:
    batch = await seat.send(ANN, body=HOSTILE, reference="<i>ref</i>", tags=["<i>tag</i>"])
    await seat.sandbox.receive(sender=ANN, recipient=OURS, body=HOSTILE)
    await seat.to(view.format(phone=ANN, batch=batch))
    if view == "requests":
        await seat.page.locator(".log-row").first.click()
        await seat.shows(".log-detail pre", "<script>document.title")
    else:
        await seat.shows("main", HOSTILE)
    assert await seat.page.locator("main script, main img, main [onerror]").count() == 0
    assert await seat.page.title() == "iP.1 sandbox"


async def test_the_clock_is_stopped_and_moved_on(seat: Seat) -> None:
    await seat.page.get_by_role("button", name="Stop time").click()
    await seat.shows("button[aria-label='Let time go']")
    assert seat.sandbox.speed == 0
    before = seat.sandbox.now
    await seat.to("controls")
    await seat.shows(".card", "and stands still")
    async with seat.page.expect_response("**/_sandbox/clock"):
        await seat.page.get_by_role("button", name="+ 10 min").click()
    assert seat.sandbox.now - before == timedelta(minutes=10)


async def test_a_batch_shows_its_funnel_and_is_cancelled(seat: Seat) -> None:
    tomorrow = seat.sandbox.now + timedelta(days=1)
    batch = await seat.send(ANN, BO, "46700000405", delivery_windows=[DeliveryWindow(opens=tomorrow)])
    await seat.to("batches")
    await seat.page.locator(".entry", has_text="3 recipients").click()
    await seat.shows(".stage", "Accepted")
    await seat.shows(".lost", "1 × recipient rejected")
    await seat.page.get_by_role("button", name="Cancel batch").dblclick()
    await seat.page.get_by_role("button", name="Really cancel it?").click()
    await seat.shows(".detail-head .chip", "Cancelled")
    assert (await seat.ip1.batches.get(batch)).status == 203


@pytest.mark.parametrize(("words", "found"), [("0000 002", BO), ("parcel", ANN), ("PARCEL", ANN)])
async def test_a_phone_is_found_by_its_number_and_by_words(seat: Seat, words: str, found: str) -> None:
    await seat.send(ANN, body="Your parcel is here")
    await seat.send(BO, body="Something else")
    await seat.shows(f"a[href='#/phones/{BO}']")
    await seat.page.keyboard.press("/")
    await seat.page.keyboard.type(words)
    other = BO if found == ANN else ANN
    await seat.page.locator(f"a[href='#/phones/{other}']").wait_for(state="detached")
    await seat.shows(f"a[href='#/phones/{found}']")


async def test_thousands_of_messages_are_read_on_and_searched_to_the_oldest(seat: Seat) -> None:
    await seat.send("46700999999", body="The very first")
    await seat.send(*(f"46701{number:06}" for number in range(0, 500_000, 100)))
    await seat.page.locator(".entry").nth(39).wait_for()
    assert await seat.page.locator(".entry").count() <= 80
    await seat.page.locator(".entry").last.scroll_into_view_if_needed()
    await seat.page.locator(".entry").nth(60).wait_for()
    await seat.page.get_by_label("Number or words").fill("very first")
    await seat.shows(".entry", "The very first")
    await seat.page.get_by_label("Number or words").fill("nobody said this")
    await seat.shows(".empty", "Nothing found")


async def test_whoever_is_texted_again_is_shown_with_the_new_text(seat: Seat) -> None:
    everybody = [f"46701{number:06}" for number in range(120)]
    await seat.send(*everybody, body="The first text")
    await seat.shows(".entry", "The first text")
    for count in (60, 100):
        await seat.page.locator(".entry").last.scroll_into_view_if_needed()
        await seat.page.locator(".entry").nth(count).wait_for()
    await seat.send(*everybody, body="The second text")
    await seat.shows(".entry", "The second text")
    entries = seat.page.locator(".entry-text")
    await seat.page.locator(".entry-text", has_text="The first text").first.wait_for(state="detached")
    assert set(await entries.all_inner_texts()) == {"The second text"}


async def test_nothing_old_stays_after_a_reset_or_another_sandbox_at_the_same_address(seat: Seat) -> None:
    for number in range(70):
        await seat.send(ANN, body=f"Text {number}")
    await seat.to(f"phones/{ANN}")
    await seat.shows(".bubble", "Text 69")
    await seat.page.get_by_role("button", name="Earlier texts").click()
    await seat.page.locator(".bubble").nth(69).wait_for(state="attached")
    await seat.page.locator(".bubble", has_text="Text 0").first.wait_for(state="attached")
    await seat.sandbox.reset()
    await seat.shows(".talk", "Nothing was said yet.")
    assert await seat.page.locator(".bubble").count() == 0
    await seat.send(ANN, body="Old run")
    await seat.to("requests")
    await seat.shows(".log-row code", "/v2/batches")
    port = seat.sandbox.port
    await seat.sandbox.__aexit__(None, None, None)
    await seat.shows(".offline", "does not answer")
    async with Sandbox(port=port) as another, Client(another.token, base_url=another.url, rate=None) as ip1:
        await ip1.account.overview()
        await seat.shows(".log-row code", "/api/me")
        await seat.page.locator(".log-row code", has_text="/v2/batches").first.wait_for(state="detached")
        await seat.to("phones")
        await seat.shows(".empty", "No text has been sent yet")
    await seat.sandbox.__aenter__()
    seat.wrong.clear()


async def test_what_is_typed_into_a_number_stays_while_the_page_is_drawn_again(seat: Seat) -> None:
    await seat.to("controls")
    late = seat.page.get_by_label("Seconds that each comes late")
    await late.fill("")
    await seat.page.keyboard.type("2")
    seat.sandbox.run(2)
    await seat.shows(".card", "at speed 2")
    await seat.page.keyboard.type(".5")
    async with seat.page.expect_response("**/_sandbox/webhooks"):
        await seat.page.keyboard.press("Tab")
    assert seat.sandbox.webhooks.late == 2.5


async def test_what_is_done_from_python_is_shown_at_once(seat: Seat) -> None:
    await seat.sandbox.receive(sender=ANN, recipient=OURS, body="Hello there")
    await seat.shows(".entry", "Hello there")
    seat.sandbox.fault("503")
    await seat.shows(".views .badge", "1")
    seat.sandbox.run(0)
    await seat.shows("button[aria-label='Let time go']")


async def test_everything_is_reached_with_the_keyboard(seat: Seat) -> None:
    await seat.send(ANN, BO)
    await seat.shows(f"a[href='#/phones/{ANN}']")
    keys = seat.page.keyboard
    await keys.press("ArrowDown")
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await seat.shows("h1", "+46 70 000 0001")
    await keys.type("Ja")
    await keys.press("Enter")
    await seat.shows(".bubble.mine", "Ja")
    for key in ("Escape", "2"):
        await keys.press(key)
    await seat.shows(".views a[aria-current]", "Batches")
    await keys.press("4")
    await seat.shows("h1", "Webhooks")


async def test_an_answer_to_nobody_is_asked_about(seat: Seat) -> None:
    await seat.to("phones/46799999999")
    await seat.shows(".talk", "Nothing was said yet.")
    await seat.page.keyboard.type("Hej")
    await seat.page.keyboard.press("Enter")
    await seat.shows(".answer .failure", "Who gets it?")
    await seat.page.keyboard.type(OURS)
    await seat.page.get_by_label("Send this answer").click()
    await seat.shows(".bubble.mine", "Hej")


async def test_what_is_sent_before_the_conversation_is_there_is_sent_then(seat: Seat) -> None:
    await seat.send(ANN)
    await seat.shows(".entry")
    typed = asyncio.Event()

    async def hold_back(route: Route) -> None:
        await typed.wait()
        await route.continue_()

    await seat.page.route("**/_sandbox/conversation*", hold_back)
    await seat.to(f"phones/{ANN}")
    await seat.shows(".answer textarea")
    await seat.page.keyboard.type("Ja")
    await seat.page.keyboard.press("Enter")
    typed.set()
    await seat.shows(".bubble.mine", "Ja")


async def test_one_pane_at_a_time_where_there_is_no_room_for_two(seat: Seat) -> None:
    await seat.page.set_viewport_size({"width": 390, "height": 780})
    await seat.send(ANN)
    await seat.page.locator(".entry").first.click()
    await seat.shows(".bubble", "Hello")
    assert not await seat.page.locator(".pane.list").is_visible()
    for view in ("phones", f"phones/{ANN}", "batches", "requests", "webhooks", "controls"):
        await seat.to(view)
        await seat.shows("main .pane:visible")
        assert await seat.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
    await seat.to(f"phones/{ANN}")
    await seat.page.get_by_label("Back to all phones").click()
    await seat.shows(".pane.list")


async def test_colours_follow_the_system_until_somebody_chooses(seat: Seat) -> None:
    async def dark() -> bool:
        return bool(await seat.page.evaluate("document.documentElement.dataset.theme === 'dark'"))

    assert not await dark()
    await seat.page.emulate_media(color_scheme="dark")
    await seat.shows("html[data-theme=dark]")
    await seat.page.emulate_media(color_scheme="light")
    await seat.shows("html[data-theme=light]")
    await seat.page.get_by_label("Dark colours").click()
    await seat.shows("[aria-label='Light colours']")
    await seat.page.reload()
    await seat.shows("[aria-label='Light colours']")
    assert await dark()


async def test_a_reader_with_several_conversations_sees_each_day_once(seat: Seat) -> None:
    seat.sandbox.run(0)
    await seat.send(ANN, body="First")
    await seat.sandbox.advance(days=1)
    await seat.send(ANN, body="Second")
    await seat.to(f"phones/{ANN}")
    await seat.shows(".bubble", "Second")
    assert await seat.page.locator(".day").count() == 2
