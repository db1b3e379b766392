"""site.json: what is on a published site, for programs. It also marks the folder as one that may be replaced."""

from __future__ import annotations

import msgspec

from harness.verdict import Verdict

SITE_SCHEMA = "isomark/site/1"


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class SiteRun(_Part, frozen=True, kw_only=True):
    """A published night. `folder`: relative to the site; `verdicts`: by name, of the subjects that were judged."""

    name: str
    folder: str
    started: str
    complete: bool
    verdicts: dict[str, Verdict]


class SiteLeftOut(_Part, frozen=True, kw_only=True):
    """A folder that was to be a night and is not on the site."""

    name: str
    why: str


class SiteReport(_Part, frozen=True, kw_only=True):
    """site.json. `runs`: oldest first."""

    schema: str = SITE_SCHEMA
    runs: tuple[SiteRun, ...]
    left_out: tuple[SiteLeftOut, ...] = ()
