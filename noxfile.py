"""Sessions for development: `nox` runs lint, types and tests; `nox -l` lists the others."""

from __future__ import annotations

import re

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False


@nox.session
def lint(session: nox.Session) -> None:
    """Style."""
    session.install("ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Both type checkers over the package; `tests/test_types.py` has them judge a user's code."""
    session.install("-e", ".[test]", "nox")
    session.run("mypy", "--strict")
    session.run("basedpyright")


@nox.session
def tests(session: nox.Session) -> None:
    """The tests on the interpreter that runs nox."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session(python=["3.11", "3.12", "3.13"])
def versions(session: nox.Session) -> None:
    """The tests on every supported Python; one that is not installed is skipped."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def lowest(session: nox.Session) -> None:
    """The tests with the lowest versions that the package allows of what it depends on."""
    project = nox.project.load_toml("pyproject.toml")["project"]
    extras = project["optional-dependencies"]
    allowed = [
        *project["dependencies"],
        *extras["campaign"],
        *extras["cli"][1:],
        *extras["parquet"],
        *extras["notebook"][1:],
        *extras["speed"],
    ]
    session.install("-e", ".[test]")
    # Afterwards, since what the tests alone need may ask for more. The lowest pandas is built for the NumPy of its time.
    session.install("numpy<2", *(re.sub(r">=([^,]+).*", r"==\1", each) for each in allowed))
    session.run("pytest", *session.posargs)


@nox.session
def killed(session: nox.Session) -> None:
    """Campaigns killed at random a hundred times over, where the tests do it a few times."""
    session.install("-e", ".[test]")
    session.run("pytest", "tests/test_campaign_killed.py", *session.posargs, env={"IP1_CAMPAIGN_RUNS": "100"})


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as HTML."""
    session.install("-e", ".[campaign]", "hypothesis", "pytest", "sphinx", "furo", "myst-parser")
    session.run("sphinx-build", "-W", "-b", "html", "docs", "docs/_build")


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks, each with its peers beside it in the same run; writes `benchmarks/results.md`."""
    peers = ("aiobotocore", "aiolimiter", "httpx", "openai", "pydantic", "telnyx", "twilio")
    session.install("-e", ".[test]", *peers)
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def profile(session: nox.Session) -> None:
    """The flame graphs in the documentation, made again."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "benchmarks.flames", *session.posargs)
