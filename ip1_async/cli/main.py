"""The command line: what it offers, and what its exit codes mean."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import cyclopts

from ip1_async.cli import campaign, demo, generated, listen, local, send, show
from ip1_async.errors import ConnectFailed, Invalid, IP1Error, OutcomeUnknown, Rejected, Unauthorized

DONE, FAILED, USAGE, UNKNOWN, NO_CONNECTION, INTERRUPTED = 0, 1, 2, 3, 4, 130
_INDENT = " " * 5
_LEAST = 20
"""Columns below which a line is not made shorter."""

_ABOUT = """Send SMS with iP.1, and try everything on a local iP.1 first.

Start with `ip1 demo`. Every endpoint of the API is a command below; they take the token from IP1_TOKEN and the
address from IP1_BASE_URL (the provider's own when unset). `ip1 sandbox` prints both for a local iP.1.
"""


def application() -> cyclopts.App:
    """All commands."""
    app = cyclopts.App(name="ip1", help=_ABOUT, version=lambda: version("ip1-async"), help_format="markdown")
    app.command(demo.demo, group="Start here")
    app.command(local.sandbox, group="Start here")
    app.command(local.text, group="Start here")
    app.command(listen.listen, group="Start here")
    app.command(listen.app)
    app.command(campaign.app)
    app.command(send.send, group="Start here")
    generated.mount(app)
    return app


def run(argv: Sequence[str]) -> int:
    """Run one command line; gives the exit code: 0 done, 1 failed, 2 wrong usage or input, 3 outcome unknown, 4 no
    connection, 130 interrupted."""
    try:
        command, bound, _ = application().parse_args(
            local.words(argv) or ["--help"], exit_on_error=False, print_error=False
        )
    except cyclopts.UnusedCliTokensError as error:
        words = " ".join(error.unused_tokens or ())
        return _say(
            f"nothing is expected where {words} stands", "An option for several is repeated: --to A --to B.", USAGE
        )
    except cyclopts.UnknownCommandError as error:
        known = " ".join(["ip1", *(error.command_chain or ()), "--help"])
        return _say(f"{error}".strip(), f"See `{known}`.", USAGE)
    except cyclopts.MissingArgumentError as error:
        # What stands behind an option that came without its value is said by the option's own error.
        name = error.argument.name if error.argument is not None else "a value"
        return _say(f"{name} is missing", f"See `{_help_for(argv)}`.", USAGE)
    except cyclopts.CycloptsError as error:
        return _say(f"{error}".strip().replace("\n", " "), f"See `{_help_for(argv)}`.", USAGE)
    bound.apply_defaults()
    return _carry_out(lambda: command(*bound.args, **bound.kwargs))


def _carry_out(command: Callable[[], Any]) -> int:
    try:
        result = command()
        code = asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except KeyboardInterrupt:
        return _say("interrupted", "", INTERRUPTED)
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has had enough; Rich makes that an end of the process, which nothing else here asks for.
        # Python would complain about it once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Invalid as error:
        hint = "Set IP1_TOKEN, or start `ip1 sandbox` and use what it prints." if error.field == "token" else ""
        return _say(error.reason, hint, USAGE)
    except ConnectFailed as error:
        return _say(str(error), "Is IP1_BASE_URL right, and is the server up? Nothing was sent now.", NO_CONNECTION)
    except OutcomeUnknown as error:
        mark = (
            f"Look for reference {error.reference} in `ip1 batches list --order DESC` before sending again."
            if error.reference
            else ""
        )
        return _say(str(error), mark, UNKNOWN)
    except Rejected as error:
        return _say(str(error), _words_of(error), FAILED)
    except IP1Error as error:
        return _say(str(error), f"Go on with --cursor {error.cursor}." if error.cursor else "", FAILED)
    except ValueError as error:
        return _say(str(error), "", USAGE)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        return _say(f"{error.strerror}: {error.filename}" if error.filename else str(error), "", USAGE)
    except OSError as error:
        return _say(str(error), "", FAILED)


async def _awaited(result: Any) -> Any:
    return await result


def _words_of(error: Rejected) -> str:
    """What the server said; it is the caller's own terminal."""
    fields = "; ".join(f"{name}: {' '.join(words)}" for name, words in error.errors.items())
    said = fields or error.detail or ""
    return f"{said} Check IP1_TOKEN.".strip() if isinstance(error, Unauthorized) else said


def _help_for(argv: Sequence[str]) -> str:
    words: list[str] = []
    for each in argv[:3]:
        if not re.fullmatch("[a-z][a-z-]*", each):
            break
        words.append(each)
    return " ".join(["ip1", *words, "--help"])


def _say(problem: str, next_step: str, code: int) -> int:
    console = show.err()
    for mark, words in (("ip1: ", problem), (_INDENT, next_step)):
        if words:
            console.print(_lines(mark, words, console.width) if console.is_terminal else mark + words, markup=False)
    return code


def _lines(mark: str, words: str, width: int) -> str:
    """Words in lines of a terminal, which would break them anywhere; a path or an address stays whole."""
    return textwrap.fill(
        words, max(width, _LEAST), initial_indent=mark, subsequent_indent=_INDENT,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
