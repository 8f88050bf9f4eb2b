"""Hours on the recipient's own clock, as spans of time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ip1_async.campaign.planning.hours import Hours
from ip1_async.campaign.planning.windows import Span, check, delivery_windows, is_open, next_opening, spans
from ip1_async.campaign.planning.zones import is_zone, zones
from ip1_async.errors import Invalid
from ip1_async.models import NewBatch

ROOT = Path(__file__).resolve().parents[1]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYTIME = Hours.parse("09:00-20:00")
FRIDAY = datetime(2026, 6, 5, 12, tzinfo=UTC)

# Clocks with summer time on both halves of the earth, with half hours, with a change of half an hour (Lord Howe), with
# a pause of it (Casablanca), at midnight (Beirut), across the date line (Kiritimati), and without any.
ZONES = [
    "Europe/Stockholm",
    "America/New_York",
    "America/Phoenix",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "UTC",
]


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def one_span(draw: st.DrawFn) -> tuple[frozenset[int], int, int]:
    first, more = draw(st.integers(0, 6)), draw(st.integers(0, 6))
    opens = draw(st.integers(0, 1439))
    return frozenset((first + each) % 7 for each in range(more + 1)), opens, draw(st.integers(opens + 1, 1440))


def written(span: tuple[frozenset[int], int, int]) -> str:
    days, opens, closes = span
    first = next((day for day in days if (day - 1) % 7 not in days), 0)
    last = (first + len(days) - 1) % 7
    return f"{DAYS[first]}-{DAYS[last]} {clock(opens)}-{clock(closes)}"


weeks = st.lists(one_span(), min_size=1, max_size=4)
times = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
some_zones = st.lists(st.sampled_from(ZONES), min_size=1, max_size=4)


def refused(text: str) -> str:
    with pytest.raises(Invalid) as caught:
        Hours.parse(text)
    assert caught.value.field == "window"
    return caught.value.reason


# Hours


@pytest.mark.parametrize(
    "text",
    [
        "09:00-20:00",
        "00:00-24:00",
        "mon-fri 09:00-20:00",
        "mon-fri 09:00-20:00, sat 10:00-16:00",
        "sat-mon 08:30-12:15",
        "20:00-24:00, 00:00-02:00",
    ],
)
def test_hours_are_given_back_as_they_were_written(text: str) -> None:
    assert str(Hours.parse(text)) == text


@given(weeks)
def test_what_hours_give_back_means_the_same(week: list[tuple[frozenset[int], int, int]]) -> None:
    hours = Hours.parse(", ".join(map(written, week)))
    assert Hours.parse(str(hours)) == hours
    assert [(each.days, each.opens, each.closes) for each in hours.openings] == week


def test_the_days_of_a_week_written_in_full_stay_beside_those_of_others() -> None:
    assert str(Hours.parse("mon-sun 09:00-20:00, sat 20:00-21:00")) == "mon-sun 09:00-20:00, sat 20:00-21:00"


def test_hours_may_be_written_in_capitals_with_blanks_and_without_a_leading_zero() -> None:
    assert str(Hours.parse(" Mon - FRI  9:00 - 20:00 ,sat 10:00-16:00 ")) == "mon-fri 09:00-20:00, sat 10:00-16:00"


def test_a_whole_week_from_any_day_is_every_day() -> None:
    assert Hours.parse("wed-tue 09:00-20:00") == Hours.parse("09:00-20:00")


@pytest.mark.parametrize(
    "text",
    ["", "9-20", "09:00", "09:00-20:00,", "mån-fre 09:00-20:00", "mon,tue 09:00-20:00", "foo 09:00-20:00", "09.00-20.00",
     "mon-foo 09:00-20:00", "mon-fri", "09:00-20:00 mon", "09:00-20:00; sat 10:00-16:00", "٠٩:٠٠-٢٠:٠٠"],
)  # fmt: skip
def test_hours_in_another_form_are_refused_with_the_form(text: str) -> None:
    assert "09:00-20:00, sat 10:00-16:00 or mon-fri 09:00-20:00" in refused(text)


def test_a_refused_span_is_named_by_its_place_and_not_quoted() -> None:
    assert "span 2 " in (reason := refused("09:00-20:00, 46700000001"))
    assert "4670" not in reason


@pytest.mark.parametrize("text", ["09:00-25:00", "09:60-20:00", "09:00-24:01", "09:00-20:99"])
def test_a_time_that_no_clock_shows_is_refused(text: str) -> None:
    assert "times are 00:00 to 24:00" in refused(text)


@pytest.mark.parametrize("text", ["20:00-02:00", "mon 09:00-09:00", "24:00-00:00"])
def test_hours_over_midnight_are_refused_with_how_they_are_written(text: str) -> None:
    assert "20:00-24:00, 00:00-02:00" in refused(text)


def test_days_for_some_spans_only_are_refused() -> None:
    # Read as "every day", the second would send on Sundays what was meant for working days.
    assert "for each, or for none" in refused("mon-fri 09:00-12:00, 13:00-17:00")


# Zones


def test_a_country_has_the_zones_of_the_table() -> None:
    assert zones("SE") == ("Europe/Stockholm",)
    assert {"America/New_York", "America/Phoenix", "America/Los_Angeles", "Pacific/Honolulu"} <= set(zones("us"))
    assert {"Europe/Kaliningrad", "Asia/Kamchatka"} <= set(zones("RU"))


def test_every_region_of_the_numbering_plans_has_zones_that_are_known() -> None:
    regions: set[str] = import_module("phonenumbers").SUPPORTED_REGIONS
    assert "US" in regions
    for region in regions:
        assert all(map(is_zone, zones(region))), region


@pytest.mark.parametrize("country", ["", "XQ", "001", "SWE", "46700000001"])
def test_an_unknown_country_is_refused_with_what_can_be_done(country: str) -> None:
    with pytest.raises(Invalid, match="give a column with each recipient's own zone") as caught:
        zones(country)
    assert caught.value.field == "country"
    assert "4670" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["", "Europe", "Europe/Stokholm", "../etc/passwd", "/etc/passwd", "zone.tab", "a\0b", "x" * 5000, "\ud800"]
)
def test_what_is_no_zone_is_none(name: str) -> None:
    assert not is_zone(name)
    with pytest.raises(Invalid, match="names no IANA time zone") as caught:
        spans(DAYTIME, [name], FRIDAY)
    assert caught.value.field == "zone"


def test_no_zones_are_refused() -> None:
    with pytest.raises(Invalid, match="at least one"):
        spans(DAYTIME, [], FRIDAY)


def asked(code: str, *, packages: Path | None, search: Path) -> str:
    """What a fresh process with this search path for zones says, with the tzdata package of this folder or none."""
    hide = "" if packages else "sys.modules['tzdata'] = None; "
    source = f"import sys; {hide}from ip1_async.campaign.planning.zones import zones; print(*zones('{code}'))"
    path = os.pathsep.join(map(str, filter(None, [packages, ROOT])))
    environment = {**os.environ, "PYTHONTZPATH": str(search), "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", source], env=environment, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[-1]


def test_the_table_is_the_tzdata_package_s_or_the_system_s_or_is_missed_with_what_to_install(tmp_path: Path) -> None:
    package = tmp_path / "packages" / "tzdata"
    system = tmp_path / "system"
    (package / "zoneinfo").mkdir(parents=True)
    system.mkdir()
    (package / "__init__.py").touch()
    assert "install tzdata" in asked("SE", packages=None, search=system)
    (system / "zone1970.tab").write_text("# names\nDE,DK,SE\t+5230+01322\tEurope/Berlin\tmost of it\n")
    assert asked("SE", packages=None, search=system) == "Europe/Berlin"
    assert asked("SE", packages=package.parent, search=system) == "Europe/Berlin"
    (package / "zoneinfo" / "zone.tab").write_text("SE\t+5920+01803\tEurope/Stockholm\nSE\t+5920+01803\tEurope/Malmö\n")
    assert asked("SE", packages=package.parent, search=system) == "Europe/Stockholm Europe/Malmö"


# Spans


def shows(week: Sequence[tuple[frozenset[int], int, int]], zone: str, at: datetime) -> bool:
    """Whether a clock on the wall there shows one of the hours."""
    wall = at.astimezone(ZoneInfo(zone))
    minutes = 60 * wall.hour + wall.minute
    return any(wall.weekday() in days and opens <= minutes < closes for days, opens, closes in week)


CHANGES = [
    datetime(2026, 3, 29, 0, 30, tzinfo=UTC),  # Stockholm loses 02:00 to 03:00
    datetime(2026, 10, 24, 23, 30, tzinfo=UTC),  # and has it twice
    datetime(2026, 10, 24, 12, tzinfo=UTC),
    datetime(2026, 3, 28, 21, 30, tzinfo=UTC),  # Beirut has no midnight
]


@given(
    weeks,
    some_zones,
    times | st.sampled_from(CHANGES),
    st.integers(1, 10),
    st.lists(st.integers(0, 10 * 86400), max_size=30),
)
@example([(frozenset({6}), 60, 150)], ["Europe/Stockholm"], CHANGES[1], 1, [0, 1800, 1801, 3600, 5399, 5400, 7200])
@example([(frozenset(range(7)), 0, 1440)], ["UTC"], CHANGES[0], 2, [0, 86399, 86400])
def test_spans_are_the_times_at_which_the_clocks_of_all_the_zones_show_the_hours(
    week: list[tuple[frozenset[int], int, int]], names: list[str], at: datetime, days: int, moments: list[int]
) -> None:
    hours = Hours.parse(", ".join(map(written, week)))
    found = spans(hours, names, at, days)
    until = at + timedelta(days)
    edges = [edge for span in found for edge in (span.opens, span.closes)]
    assert edges == sorted(set(edges)), "in order, none empty, none that touch"
    assert all(at <= edge <= until and edge.tzinfo is UTC for edge in edges)
    # The borders are where a mistake would be.
    close = [edge + timedelta(microseconds=more) for edge in edges for more in (-1, 0)]
    spread = [at + timedelta(minutes=37 * step) for step in range(days * 40)]
    for moment in [at, *close, *spread, *(at + timedelta(seconds=each) for each in moments)]:
        if at <= moment < until:
            inside = any(span.opens <= moment < span.closes for span in found)
            assert inside is all(shows(week, name, moment) for name in names), moment


@given(weeks, some_zones, times | st.sampled_from(CHANGES))
def test_a_window_is_open_now_exactly_when_every_clock_shows_its_hours(
    week: list[tuple[frozenset[int], int, int]], names: list[str], at: datetime
) -> None:
    hours = Hours.parse(", ".join(map(written, week)))
    now = all(shows(week, name, at) for name in names)
    assert is_open(hours, names, at) is now
    assert (next_opening(hours, names, at) == at) is now


def test_a_window_that_is_open_begins_at_once_and_one_that_stays_open_ends_with_the_days() -> None:
    always = Hours.parse("00:00-24:00")
    at = FRIDAY + timedelta(microseconds=1)
    assert spans(always, ["Europe/Stockholm"], at, 2) == (Span(at, at + timedelta(days=2)),)


def test_spans_of_a_window_over_midnight_are_joined() -> None:
    night = Hours.parse("20:00-24:00, 00:00-02:00")
    assert spans(night, ["UTC"], FRIDAY, 1) == (
        Span(datetime(2026, 6, 5, 20, tzinfo=UTC), datetime(2026, 6, 6, 2, tzinfo=UTC)),
    )


def test_an_hour_that_the_clocks_leave_out_is_no_window() -> None:
    hours = Hours.parse("sun 02:00-03:00")
    assert spans(hours, ["Europe/Stockholm"], CHANGES[0], 3) == ()
    assert next_opening(hours, ["Europe/Stockholm"], CHANGES[0]) == datetime(2026, 4, 5, 0, tzinfo=UTC)


def test_an_hour_that_the_clocks_show_twice_is_open_twice() -> None:
    found = spans(Hours.parse("sun 02:00-02:30"), ["Europe/Stockholm"], CHANGES[1], 1)
    assert [each.opens.strftime("%H:%M") for each in found] == ["00:00", "01:00"]
    assert [each.closes.strftime("%H:%M") for each in found] == ["00:30", "01:30"]


def test_a_country_of_many_zones_is_open_only_while_all_of_it_is() -> None:
    # In June 09:00 in Honolulu is 19:00 UTC, and 20:00 in New York is 24:00 UTC.
    first, *_ = spans(DAYTIME, zones("US"), FRIDAY)
    assert (first.opens, first.closes) == (datetime(2026, 6, 5, 19, tzinfo=UTC), datetime(2026, 6, 6, tzinfo=UTC))


def test_a_time_in_any_zone_is_understood_and_one_without_is_refused() -> None:
    there = FRIDAY.astimezone(ZoneInfo("Asia/Kathmandu"))
    found = spans(DAYTIME, ["UTC"], there)
    assert found == spans(DAYTIME, ["UTC"], FRIDAY)
    assert found[0].opens.tzinfo is UTC
    with pytest.raises(Invalid, match="without a time zone"):
        spans(DAYTIME, ["UTC"], FRIDAY.replace(tzinfo=None))


# What the plan refuses, and what the provider gets


def test_a_window_that_a_group_never_shares_is_refused_by_the_name_of_the_group() -> None:
    short = Hours.parse("09:00-12:00")
    assert next_opening(short, zones("RU"), FRIDAY) is None
    with pytest.raises(Invalid, match=r"in all time zones of RU, US; widen it") as caught:
        check(short, {name: zones(name) for name in ("US", "SE", "RU")}, FRIDAY)
    assert caught.value.field == "window"


def test_a_window_that_everyone_has_passes() -> None:
    check(DAYTIME, {name: zones(name) for name in ("US", "SE", "RU")}, FRIDAY)


def test_only_the_first_of_many_groups_are_named() -> None:
    apart = ("Asia/Kamchatka", "Europe/Kaliningrad")
    with pytest.raises(Invalid, match=r"G10, .* and 3 more; widen") as caught:
        check(Hours.parse("09:00-12:00"), {f"G{number}": apart for number in range(10, 23)}, FRIDAY)
    assert "G20" not in str(caught.value)


@given(weeks, some_zones, times)
def test_a_batch_takes_the_spans_as_its_delivery_windows(
    week: list[tuple[frozenset[int], int, int]], names: list[str], at: datetime
) -> None:
    found = spans(Hours.parse(", ".join(map(written, week))), names, at)
    batch = NewBatch(sender="iP1", recipients=["46700000001"], body="Hi", delivery_windows=delivery_windows(found))
    assert [(each.opens, each.closes) for each in batch.delivery_windows] == [(s.opens, s.closes) for s in found]
