"""A FastAPI backend that texts a one-time code and shows live whether the phone has it.

    pip install 'ip1-async' fastapi uvicorn
    export IP1_TOKEN=… PUBLIC_URL=https://your.host WEBHOOK_SECRET=$(python -c 'import secrets; print(secrets.token_urlsafe())')
    uvicorn one_time_code:app

Try it on a local iP.1: `ip1 sandbox`, with IP1_BASE_URL and IP1_TOKEN as it prints them, and
PUBLIC_URL=http://127.0.0.1:8000.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel

from ip1_async import Client, Invalid, NotFinal, NotSent, OutcomeUnknown
from ip1_async.webhooks import Webhooks

SECRET = os.environ["WEBHOOK_SECRET"]
PUBLIC_URL = os.environ["PUBLIC_URL"]

ip1 = Client()
hooks = Webhooks(SECRET, store=os.environ.get("WEBHOOK_STORE", "webhooks.db"), client=ip1)
codes: dict[str, str] = {}  # by phone; a real backend keeps them in its database, with an end to their life


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with ip1, hooks:
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/ip1", hooks.asgi())


class Phone(BaseModel):
    number: str


class Attempt(Phone):
    code: str


@app.post("/codes", status_code=202)
async def send_code(phone: Phone) -> dict[str, str]:
    code = f"{secrets.randbelow(1_000_000):06}"
    try:
        batch = await ip1.batches.send(
            sender="iP1",
            recipients=[phone.number],
            body=f"Your code is {code}.",
            priority=2,
            delivery_report_url=f"{PUBLIC_URL}/ip1/{SECRET}",
        )
    except Invalid as error:
        raise HTTPException(422, str(error)) from None
    except NotSent:
        raise HTTPException(503, "No code was sent. Try again.") from None
    except OutcomeUnknown:
        # It may be on its way: a second code now could arrive before the first.
        raise HTTPException(503, "Wait a minute for the code before you ask for another one.") from None
    codes[phone.number] = code
    return {"batch": batch.id}


@app.get("/codes/{batch}/events")
async def events(batch: str) -> StreamingResponse:
    """Server-sent events: the state of the message, until it is final."""

    async def stream() -> AsyncIterator[str]:
        try:
            async for state in hooks.track(batch, timeout=120):
                yield f"data: {state.code}\n\n"
        except NotFinal:
            yield "data: still under way\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


@app.post("/codes/check")
async def check(attempt: Attempt) -> dict[str, bool]:
    known = codes.get(attempt.number, "")
    right = bool(known) and secrets.compare_digest(known, attempt.code)
    if right:
        del codes[attempt.number]
    return {"right": right}


@app.get("/")
async def page() -> HTMLResponse:
    return HTMLResponse("""<!doctype html><meta charset="utf-8"><title>One-time code</title>
<form><input name="number" placeholder="46701234567"><button>Send me a code</button></form><p id="state"></p>
<script>
document.querySelector("form").onsubmit = async (event) => {
  event.preventDefault();
  const state = document.querySelector("#state");
  const sent = await fetch("/codes", {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({number: event.target.number.value}),
  });
  const answer = await sent.json();
  if (!sent.ok) return (state.textContent = answer.detail);
  const events = new EventSource(`/codes/${answer.batch}/events`);
  events.onmessage = ({data}) => (state.textContent = data);
  events.onerror = () => events.close();
};
</script>""")
