"""Takes the pictures in docs/images from a sandbox that is filled for them: `python docs/take_screenshots.py`.

Needs the Debian packages chromium and fonts-inter, and the Python package playwright.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from ip1_async import Client, DeliveryWindow, IP1Error
from ip1_async.campaign import Campaign
from ip1_async.campaign.reporting.page import page
from ip1_async.clock import ManualClock
from ip1_async.sandbox import Sandbox

IMAGES = Path(__file__).with_name("images")
SIZES = {"desktop": (1280, 800), "phone": (390, 780)}
ANN = "46700000001"
SALE = "Sommarrea! 30 % på allt till söndag. Visa det här meddelandet i kassan. Svara STOP för att slippa fler."


async def fill(sandbox: Sandbox, clock: ManualClock) -> str:
    """What is in the pictures; gives the batch that is shown."""
    chance = random.Random(7)

    async def later(**span: float) -> None:
        await clock.advance(timedelta(**span).total_seconds())

    async with Client(sandbox.token, base_url=sandbox.url, rate=None, clock=clock) as ip1:
        customers = sorted({f"4670{chance.randrange(10**7):07}" for _ in range(1000)})
        sale = await ip1.batches.send(
            sender="iP1", recipients=customers, body=SALE, reference="summer-sale", tags=["sale", "members"],
            delivery_report_url="http://127.0.0.1:9/reports",
        )  # fmt: skip
        await later(seconds=5)
        await sandbox.receive(sender=customers[-3], recipient="iP1", body="STOP")
        await ip1.batches.send(
            sender="iP1", recipients=[ANN, "46700000503"],
            body="Hi! Your parcel 0017 is ready to be picked up at Storgatan 4.\nYour code: 4711 📦",
        )  # fmt: skip
        await later(minutes=4)
        await sandbox.receive(sender=ANN, recipient="iP1", body="Thanks! Are you open on Sunday?")
        await later(minutes=2)
        await ip1.batches.send(sender="iP1", recipients=[ANN], body="Yes, from 10 to 16.")
        await later(minutes=1)
        await sandbox.receive(sender=ANN, recipient="iP1", body="Perfect, see you then 👋")
        opens = clock.now() + timedelta(days=1)
        await ip1.batches.send(
            sender="iP1", recipients=["46700000002"], body="Reminder: your appointment is tomorrow at 9.",
            delivery_windows=[DeliveryWindow(opens=opens, closes=opens + timedelta(hours=2))],
        )  # fmt: skip
        sandbox.fault("GET /v2/blacklist/* 503 times=1")
        with suppress(IP1Error):
            await ip1.with_options(attempts=1).blacklist.get(ANN)
        sandbox.fault("POST /v2/batches 503 chance=0.1")
    return sale.id


async def reported(folder: Path) -> Path:
    """The report of a campaign to the customers of the examples, as a page."""
    people = Path(__file__).with_name("examples") / "customers.csv"
    body = "Hi {name}! Our spring sale starts today. Reply STOP to opt out."
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url) as ip1:
        campaign = await Campaign.plan(
            people, ledger=folder / "ledger", sender="iP1", body=body, defaults={"name": "there"}, chunk=100, client=ip1
        )
        async with campaign:
            async for _ in campaign.run(ip1):
                pass
            await sandbox.advance(seconds=5)
            async for _ in campaign.read_back(ip1):
                pass
            written = folder / "report.html"
            written.write_text(page(await campaign.report()))
    return written


async def take_report(browser: Browser, written: Path) -> None:
    context = await browser.new_context(viewport={"width": 1000, "height": 1160}, color_scheme="light", locale="en-GB")
    shown = await context.new_page()
    await shown.goto(written.as_uri())
    await shown.screenshot(path=IMAGES / "report.png")


async def take(browser: Browser, sandbox: Sandbox, batch: str) -> None:
    views = {"inbox": f"phones/{ANN}", "batch": f"batches/{batch}", "log": "requests"}
    for theme, size in (("light", "desktop"), ("dark", "desktop"), ("light", "phone")):
        width, height = SIZES[size]
        context = await browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, locale="en-GB", timezone_id="UTC"
        )
        shown = await context.new_page()
        for name, view in views.items():
            if theme == "dark" and name != "inbox":
                continue
            await shown.goto(f"{sandbox.url}/#/{view}")
            if name == "log":
                await shown.locator(".log-row").nth(1).click()
            await shown.wait_for_timeout(1000)
            await shown.evaluate("document.activeElement.blur()")
            await shown.screenshot(path=IMAGES / f"{name}-{size}{'-dark' if theme == 'dark' else ''}.png")
        await context.close()


async def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    clock = ManualClock(datetime(2026, 6, 5, 9, 41, tzinfo=UTC))
    async with Sandbox(clock=clock, chance=random.Random(1).random) as sandbox, async_playwright() as playwright:
        batch = await fill(sandbox, clock)
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"))
        await take(browser, sandbox, batch)
        with tempfile.TemporaryDirectory() as folder:
            await take_report(browser, await reported(Path(folder)))
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
