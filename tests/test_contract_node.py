"""The node adapter keeps the contract, and its host script says what a Response says."""

import httpx
import pytest

from harness.kit_workers import project
from harness.registry import resolve
from harness.testing import RuntimeContract

RESPONDS = """
const answers = {
  "/named": () => new Response("short", { status: 418, statusText: "Short And Stout" }),
  "/plain": () =>
    new Response("short", { status: 404, headers: [["a", "1"], ["set-cookie", "b=2"], ["set-cookie", "c=3"]] }),
};
export default { fetch: (request) => answers[new URL(request.url).pathname]() };
"""


class TestNode(RuntimeContract):
    @pytest.fixture
    def runtime(self):
        return resolve("node")


def test_status_text_and_every_field_arrive(tmp_path):
    """A status text is the Response's own, and HTTP's where that has none; no field takes another one's place."""
    application, _ = project(tmp_path, source=RESPONDS)
    with resolve("node").launch(application) as instance, httpx.Client(trust_env=False) as client:
        named, plain = (client.get(instance.url("hello") + path) for path in ("/named", "/plain"))
    assert (named.status_code, named.reason_phrase, named.text) == (418, "Short And Stout", "short")
    assert (plain.status_code, plain.reason_phrase, plain.text) == (404, "Not Found", "short")
    assert plain.headers["a"] == "1"
    assert plain.headers.get_list("set-cookie") == ["b=2", "c=3"]
