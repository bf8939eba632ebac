"""Pages in a real browser: headless Chromium, and what every page of this program has to keep to."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, TypeVar

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Root in a container has no sandbox; no name may be resolved, should anything be asked for.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]

NASTY = [
    "<script>window.hacked = 1; alert(1)</script>",
    "</script><img src=x onerror='window.hacked = 1'>",
    "\"'><svg onload=alert(1)>{{ 7 * 7 }}",
    "שלום, \u202eמה שלומך\u202c",
]
_BREAK_IN = """async () => {
  const refused = [];
  document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
  const add = (kind, values) => document.body.append(Object.assign(document.createElement(kind), values));
  add("script", { textContent: "window.hacked = 1" });
  add("script", { src: "/calls" });
  add("img", { src: "https://example.org/a.png" });
  document.body.insertAdjacentHTML("beforeend", "<p style='color: red'>");
  await fetch("https://example.org/").catch(() => null);
  await new Promise((done) => setTimeout(done, 200));
  const scripts = refused.filter((each) => each === "script-src-elem").length;
  return [...new Set(refused), scripts, window.hacked ?? "not hacked"].sort();
}"""
_REFUSED = [2, "connect-src", "img-src", "not hacked", "script-src-elem", "style-src-attr"]
_PALE_TEXTS = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const pale = [];
  const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const element = nodes.currentNode.parentElement;
    if (!nodes.currentNode.data.trim() || !element.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) pale.push([nodes.currentNode.data.trim(), (a + 0.05) / (b + 0.05)]);
  }
  return pale;
}"""
SOON_S = 20.0


class Visit:
    """An open page, and what it asked for and complained of."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))

    def until(self, condition: str) -> None:
        # Playwright's own waiting evaluates a string in the page, which the page's policy forbids.
        deadline = monotonic() + SOON_S
        while not self.page.evaluate(f"Boolean({condition})"):
            assert monotonic() < deadline, condition
            self.page.wait_for_timeout(20)


V = TypeVar("V", bound=Visit)


@contextmanager
def visiting(browser: Any, kind: type[V], *allowed: str, **usual: Any) -> Iterator[Callable[..., V]]:
    """Open pages; whatever one asks of an address that begins otherwise, and every complaint, is an error."""
    visits = []

    def open_page(address: str, **options: Any) -> V:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **usual, **options})
        opened = kind(context)
        visits.append((context, opened))
        opened.page.goto(address)
        return opened

    yield open_page
    for context, opened in visits:
        context.close()
        assert [url for url in opened.requests if not url.startswith(allowed)] == []
        assert opened.complaints == []


def pale_texts(page: Any) -> list[list[object]]:
    """The visible texts of a page whose contrast with their ground is below 4.5, and that contrast."""
    return page.evaluate(_PALE_TEXTS)


def require_closed(visit: Visit) -> None:
    """Require that a page refuses to run or load anything that is put into it."""
    assert visit.page.evaluate(_BREAK_IN) == _REFUSED
    # The browser tells of what it refused: of the image and the address only that they were asked for in vain.
    visit.complaints.clear()
    visit.requests.clear()
