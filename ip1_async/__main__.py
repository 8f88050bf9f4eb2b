"""The `ip1` command, also as `python -m ip1_async`."""

from __future__ import annotations

import sys
from importlib.util import find_spec

_NEEDED = {"cyclopts": "cyclopts", "rich": "rich", "phonenumbers": "phonenumberslite"}


def main() -> int:
    """Run the command line; without its extra, say how to get it."""
    missing = [name for module, name in _NEEDED.items() if find_spec(module) is None]
    if missing:
        asked = {"-h", "--help"} & set(sys.argv[1:])
        print(
            "ip1: the command line of ip1_async, an async SDK for the iP.1 SMS API.\n\n"
            f"It needs {', '.join(missing)}, which come with the extra `cli`:\n\n"
            "    python -m pip install 'ip1-async[cli]'\n\n"
            "The Python package itself is installed and works without it.",
            file=sys.stdout if asked else sys.stderr,
        )
        return 0 if asked else 2
    try:
        from ip1_async.cli.main import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        # Before there is a command to be interrupted; Python would show where it was.
        return 130


if __name__ == "__main__":
    sys.exit(main())
