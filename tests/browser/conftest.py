"""A browser that notices: serious axe findings, console errors, outside requests and English words fail the test they occur in."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import axe_playwright_python
import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Locator, Page
from playwright.sync_api import Error as BrowserError

from models.accounts.models import User
from tests.i18n.latin import latin_words

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
# In every document: what has begun and not ended. A press marks its own effect before it returns, so nobody can look too early.
UNDER_WAY = """(() => {
  let busy = 0, leaving = false;
  const soon = new Set(), begin = window.setTimeout, stop = window.clearTimeout;
  window.setTimeout = (deed, wait = 0, ...rest) => {  // a short wait, after which a script asks the server, is under way too
    const timer = begin(() => { soon.delete(timer); deed(...rest); }, wait);
    if (wait > 50 && wait < 1000) soon.add(timer);
    return timer;
  };
  window.clearTimeout = (timer) => { soon.delete(timer); stop(timer); };
  const ends = () => setTimeout(() => { busy -= 1; }, 30);  // the script that asked has had its turn with the answer
  const real = window.fetch;
  window.fetch = (...asked) => {
    busy += 1;
    const answer = real(...asked);
    answer.then((found) => found.clone().arrayBuffer()).then(ends, ends);
    return answer;
  };
  addEventListener("submit", (event) => {
    if (!event.defaultPrevented && (event.submitter?.formTarget || event.target.target) !== "_blank") leaving = true;
  });
  navigation.addEventListener("navigate", (event) => { leaving = !event.hashChange && event.downloadRequest === null; });
  navigation.addEventListener("navigateerror", () => { leaving = false; });
  addEventListener("pageshow", () => { leaving = false; });
  window.gotFile = () => { leaving = false; };  // what was asked for was a file
  window.underWay = () => leaving || busy > 0 || soon.size > 0 || document.readyState !== "complete" || !!document.querySelector("[aria-busy=true]");
})()"""
# How many times slower than this machine the browser runs, to show races.
SLOWER = float(os.environ.get("BROWSER_SLOWER", "1"))
PATIENCE = 30  # seconds
# Only rules whose breach is serious; a side bar is the same on every page and is held against them where it is first met.
SERIOUS_ONLY = """seen => {
  const meant = (rule) => rule.enabled && !rule.tags.includes("experimental") && ["serious", "critical"].includes(rule.impact);
  const values = axe._audit.rules.filter(meant).map((rule) => rule.id);
  const where = seen ? { include: [document], exclude: [["#nav-sidebar"]] } : document;
  return axe.run(where, { runOnly: { type: "rule", values }, resultTypes: ["violations"], preload: false }).then((r) => r.violations);
}"""
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1366, "height": 800}
# What people write in Latin letters: account names and mail of the test's own people, formats.
ALLOWED = {"QQ", "xlsx", "xls", "csv", "MB", "Excel", "CSV", "PDF", "GB", "example", "edu", "cn", "zsf", "hr", "com"}


class Visitor:
    """One person at one screen. `look()` after every page."""

    def __init__(self, browser: Browser, base: str, size: dict[str, int]) -> None:
        self.base = base
        self.context = browser.new_context(
            viewport=size,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            accept_downloads=True,
            is_mobile=False,
            bypass_csp=False,
        )
        self.context.set_default_timeout(PATIENCE * 1000)
        self.context.add_init_script(UNDER_WAY)
        self.page: Page = self.context.new_page()
        if SLOWER > 1:
            self.context.new_cdp_session(self.page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        self.asked: set[object] = set()  # requests without an answer; pictures that load late are among them
        self.page.on("request", lambda r: self.asked.add(r))
        self.got_file = False  # since the page last came to rest
        self.page.on("download", lambda _: setattr(self, "got_file", True))
        self.page.on("requestfinished", lambda r: self.asked.discard(r))
        self.page.on("requestfailed", lambda r: self.asked.discard(r))
        self.side_bars: set[int] = set()  # widths at which this person's side bar has been looked at
        self.complaints: list[str] = []
        self.page.on("console", lambda m: m.type == "error" and self.complaints.append(f"console: {m.text}"))
        self.page.on("pageerror", lambda e: self.complaints.append(f"script: {e}"))
        self.page.on(
            "request",
            lambda r: r.url.startswith((base, "data:", "blob:")) or self.complaints.append(f"outside: {r.url}"),
        )

    def go(self, path: str) -> Page:
        """Open a page of the site and look at it."""
        self.page.goto(self.base + path)
        return self.look()

    def settle(self) -> Page:
        """Wait until what the last press began has ended: the new page is there, or the answer has been worked in.

        Nothing of a page is asserted, and no row is read, between a press and this.
        """
        until = time.monotonic() + PATIENCE
        while self.asked or self._under_way():
            assert time.monotonic() < until, (self.page.url, "does not come to rest", [r.url for r in self.asked])
            self.page.wait_for_timeout(20)
        return self.page

    def _under_way(self) -> bool:
        try:
            if self.got_file:
                self.page.evaluate("window.gotFile()")
                self.got_file = False
            return self.page.evaluate("window.underWay()")
        except BrowserError:  # the document went away while it was asked
            return True

    def press(self, button: Locator) -> Page:
        """Click once nothing else is under way (a field being checked), and wait for what comes of it."""
        self.settle()
        button.click()
        return self.settle()

    def look(self, *allowed: str) -> Page:
        """Wait for the page that is open now and hold it against what holds for every page."""
        page = self.settle()
        where = page.url.removeprefix(self.base)
        assert self.complaints == [], (where, self.complaints)
        assert page.title().strip(), where
        if not where.startswith("/admin/codes/"):  # the code tables name the ministry's field codes
            words = latin_words(page.content(), allow=ALLOWED | set(allowed))
            assert [word for word in words if not word.startswith(("staff", "s1"))] == [], where
        self.accessible()
        return page

    def other_size(self, size: dict[str, int]) -> None:
        """The same page on another screen."""
        self.page.set_viewport_size(size)
        self.accessible()

    def accessible(self) -> None:
        """The page does not scroll sideways and breaks no rule of accessibility that matters."""
        page, where = self.page, self.page.url.removeprefix(self.base)
        width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, f"{where} scrolls sideways by {width} px"
        # Played through the isolated evaluate channel, so the page's own CSP stays as strict as it is.
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE)
        wide = page.viewport_size["width"]
        found = page.evaluate(SERIOUS_ONLY, wide in self.side_bars)
        if page.locator("#nav-sidebar").count():
            self.side_bars.add(wide)
        serious = [
            f"{v['id']}: {n['html'][:200]}"
            for v in found
            if v["impact"] in ("serious", "critical")
            for n in v["nodes"][:3]
        ]
        assert serious == [], (where, serious)

    def arrive(self, user: User) -> None:
        """Signed in already; the page of that is walked by `log_in` where it is the point."""
        client = Client()
        client.force_login(user)
        held = client.cookies[settings.SESSION_COOKIE_NAME]
        self.context.add_cookies([{"name": held.key, "value": held.value, "url": self.base}])

    def log_in(self, username: str, password: str) -> None:
        """Through the page everybody uses."""
        page = self.go("/login/")
        page.get_by_label("账号或学号").fill(username)
        page.get_by_label("密码", exact=True).fill(password)
        page.get_by_role("button", name="登录", exact=True).click()
        self.look()


@pytest.fixture
def visit(browser: Browser, live_server, transactional_db) -> Iterator[SimpleNamespace]:
    """visit.desk() and visit.phone() make visitors, each with a browser profile of their own."""
    made: list[Visitor] = []

    def visitor(size: dict[str, int]) -> Visitor:
        made.append(Visitor(browser, live_server.url, size))
        return made[-1]

    yield SimpleNamespace(desk=lambda: visitor(DESK), phone=lambda: visitor(PHONE))
    for one in made:
        one.context.close()
