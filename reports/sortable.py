"""The one script that pages may carry: it makes tables sortable, and a page reads the same without it.

A page's content policy names the script by its digest, so that nothing else can run.

In a template, give the table the class `sortable`. The script puts a button into each cell of the head's last row (but
where that is empty, spans columns, or has `data-unsorted`) and keeps `aria-sort` there.

A cell sorts by its `data-value` where it has one, else by its text. Put the bare number there (`data-value="0.0012"`
under "1.2 ms"); where it is empty, the row comes last. A press sorts up, the next down, the third restores the order
of the page. Each `<tbody>` is sorted by itself, below its `th scope="rowgroup"`.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

SCRIPT = (Path(__file__).parent / "templates" / "sortable.js").read_text(encoding="utf-8")
"""The text between `<script>` and `</script>`, to the byte."""

CSP_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'"
"""What `script-src` of a page's content policy says of it."""
