"""Locust's page in a real browser while a run is in progress: its totals are what the target counted."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.counting import counting
from tests.locust_run import LocustRun, get_json, reserved_port
from tests.test_load_distributed import both_there, master_and_workers, shown
from tests.test_vector_user import VERIFYING, to

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on PATH: no browser saw Locust's page")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--virtual-time-budget=5000",
    "--dump-dom",
)

REQUESTS = 200


def quiet_after_a_while(folder: Path) -> str:
    """A schedule of so many requests within a second, and of one more an hour later: a run that stays in progress."""
    trace = folder / "times.csv"
    trace.write_text("\n".join(["time_s", *(f"{number / REQUESTS:.4f}" for number in range(REQUESTS)), "3600"]))
    return f"--arrivals=trace:{trace}"


def texts(url: str, folder: Path) -> list[str]:
    """The page's texts, one by one, after its scripts have run."""
    command = [str(CHROMIUM), *_FLAGS, f"--user-data-dir={folder / 'profile'}", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    document = re.sub(r"(?s)<(script|style)\b.*?</\1>", "", done.stdout)
    return [text for each in re.split(r"<[^>]*>", document) if (text := html.unescape(each).strip())]


def rows(page: list[str]) -> dict[str, list[str]]:
    """The rows of the table of statistics by name: what stands after it, up to the next."""
    columns = page[page.index("# Requests") :]
    names = ["warm", "Aggregated"]
    places = [*(columns.index(name) for name in names), len(columns)]
    return {name: columns[first + 1 : last] for name, (first, last) in zip(names, pairwise(places), strict=True)}


def test_a_run_in_progress(tmp_path: Path) -> None:
    with (
        reserved_port() as web,
        counting() as target,
        LocustRun(
            tmp_path / "run",
            *to(target, quiet_after_a_while(tmp_path), f"--web-port={web}", "--autostart"),
            headless=False,
        ) as run,
    ):
        target.await_answered(REQUESTS + VERIFYING)
        run.wait_until(lambda: shown(web) == REQUESTS, "the page's own figures")
        page = texts(f"http://127.0.0.1:{web}/", tmp_path)
        assert page[page.index("Status") + 1] == "running"
        assert page[page.index("Host") + 1] == target.url
        for row in rows(page).values():
            requests, failures, median, *_ = row
            assert (requests, failures) == (str(REQUESTS), "0")
            assert float(median) > 0, "below a millisecond, and not rounded to none"
        assert get_json(web, "/stop", form=b"")["success"]
        assert run.result().counts.requests == run.result().counts.scheduled == REQUESTS
        assert run.result().planned == REQUESTS + 1


def test_a_distributed_run_in_progress(tmp_path: Path) -> None:
    with (
        reserved_port() as port,
        reserved_port() as web,
        counting() as target,
        master_and_workers(
            tmp_path, port, *to(target, quiet_after_a_while(tmp_path), f"--web-port={web}"), headless=False
        ) as (master, _workers),
    ):
        both_there(master, web)
        assert get_json(web, "/swarm", form=b"user_count=2&spawn_rate=2")["success"]
        target.await_answered(REQUESTS + VERIFYING)
        master.wait_until(lambda: shown(web) == REQUESTS, "the workers' reports")
        page = texts(f"http://127.0.0.1:{web}/", tmp_path)
        assert page[page.index("Workers") + 1] == "2"
        assert [row[:2] for row in rows(page).values()] == [[str(REQUESTS), "0"]] * 2
        assert get_json(web, "/stop", form=b"")["success"]
        assert master.result().complete
        assert master.result().counts.requests == REQUESTS == target.answered - VERIFYING


def test_a_schedule_that_the_page_gets_wrong_is_refused(tmp_path: Path) -> None:
    with (
        reserved_port() as web,
        counting() as target,
        LocustRun(tmp_path / "run", *to(target, f"--web-port={web}"), headless=False) as run,
    ):
        run.wait_until(lambda: page_is_there(web), "the page")
        assert get_json(web, "/swarm", form=b"user_count=1&spawn_rate=1&arrivals=constnt:5/s")["success"]
        run.wait_until(lambda: "did you mean 'constant'?" in run.output(), "the refusal")
        run.wait_until(lambda: get_json(web, "/stats/requests")["state"] == "stopped", "the run to be over")
        assert target.answered == 0
        assert not run.out.exists()


def page_is_there(web: int) -> bool:
    try:
        return bool(get_json(web, "/stats/requests"))
    except OSError:
        return False
