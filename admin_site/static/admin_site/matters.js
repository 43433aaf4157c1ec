// Lists: ticking rows, "all that match", small pages shown as sheets. Without it every link still leads to a whole page.
"use strict";
(() => {
  const sheet = document.getElementById("sheet");
  document.addEventListener("click", async (event) => {
    const opener = event.target.closest("a[data-sheet]");
    if (opener && sheet && !event.metaKey && !event.ctrlKey) {
      event.preventDefault();
      await show(opener.href);
    }
    if (sheet?.open && event.target.closest("a[data-close]")) event.preventDefault();  // qihang.js closes it
  });
  async function show(url) {
    try {
      const answer = await fetch(url, { headers: { "X-Sheet": "1" } });
      if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
      sheet.innerHTML = await answer.text();
      if (!sheet.open) sheet.showModal();
      sheet.querySelector("[autofocus], input:not([type=hidden]), select")?.focus();
    } catch {
      location.href = url;
    }
  }
  sheet?.addEventListener("submit", async (event) => {
    if (!event.submitter?.matches("[data-stay]")) return;
    event.preventDefault();
    const form = event.target;
    await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "X-Sheet": "1" } });
    await show(form.action);
  });

  // Another unit: the same sheet with its majors and classes to choose from.
  sheet?.addEventListener("change", (event) => {
    if (!event.target.matches("select[data-reload]")) return;
    const query = new URLSearchParams([...new FormData(event.target.form)].filter(([, value]) => value));
    show(`${event.target.dataset.reload}?${query}`);
  });

  const bar = document.getElementById("bulk");
  if (bar) {
    const boxes = [...document.querySelectorAll('input[name="ids"]')];
    const head = document.querySelector("[data-all]");
    const everything = bar.querySelector("[data-everything]");
    const takeAll = bar.querySelector("[data-take-all]");
    let last = null;
    const refresh = () => {
      const count = boxes.filter((box) => box.checked).length;
      if (count < boxes.length) everything.value = "";
      const all = everything.value === "1";
      const text = all ? takeAll.dataset.total : String(count);
      bar.querySelector("[data-count]").textContent = text;
      head.checked = count > 0 && count === boxes.length;
      head.indeterminate = count > 0 && count < boxes.length;
      takeAll?.setAttribute("aria-pressed", String(all));
      bar.querySelectorAll("[data-verb]").forEach((button) => { button.textContent = `${button.dataset.verb} ${text} 条`; });
    };
    const set = (on) => { boxes.forEach((box) => { box.checked = on; }); refresh(); };
    head.addEventListener("change", () => { everything.value = ""; set(head.checked); });
    takeAll?.addEventListener("click", () => { everything.value = "1"; set(true); });
    bar.querySelector("[data-take-none]").addEventListener("click", () => { everything.value = ""; set(false); });
    boxes.forEach((box, index) => box.addEventListener("click", (event) => {
      if (event.shiftKey && last !== null) {
        const [from, to] = [Math.min(last, index), Math.max(last, index)];
        for (let i = from; i <= to; i += 1) boxes[i].checked = box.checked;
      }
      last = index;
      refresh();
    }));
    window.addEventListener("pageshow", refresh);
    refresh();
  }

  document.addEventListener("click", (event) => {
    const copier = event.target.closest("[data-copy]");
    if (copier) {
      const source = document.getElementById(copier.dataset.copy);
      navigator.clipboard?.writeText(source.value).then(() => { copier.textContent = "已复制"; }, () => source.select());
    }
    document.querySelectorAll(".peek[open]").forEach((peek) => { if (!peek.contains(event.target)) peek.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelectorAll(".peek[open]").forEach((peek) => { peek.open = false; peek.querySelector("summary").focus(); });
    if (event.key === "/" && !event.target.closest("input, textarea, select, dialog")) {
      const find = document.querySelector("[data-find]");
      if (find) { event.preventDefault(); find.focus(); }
    }
  });
})();
