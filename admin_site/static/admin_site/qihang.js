// Small helps of the back office. Every page also works without them, except where a dialog is opened.
"use strict";
(() => {
  const ready = (start) => (document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", start) : start());

  // What a screen reader hears of unfold's scrolling parts; this listener comes before the one that makes them.
  document.addEventListener("DOMContentLoaded", () => { if (window.SimpleBar) window.SimpleBar.defaultOptions.ariaLabel = "可滚动内容"; });

  // <select data-autosubmit>: its form is sent when the choice changes.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-autosubmit]")) event.target.form.requestSubmit();
  });

  // <button data-dialog="id" data-set-name="value">: opens a <dialog>, filling its fields called "name".
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialog);
      for (const [key, value] of Object.entries(opener.dataset)) {
        if (!key.startsWith("set")) continue;
        const name = key.slice(3).replace(/^[A-Z]/, (c) => c.toLowerCase());
        dialog.querySelectorAll(`[name="${name}"], [data-slot="${name}"]`).forEach((target) => {
          if (target.matches("select[data-options]")) fillOptions(target, value);
          else if ("value" in target && target.name) target.value = value;
          else target.textContent = value;
        });
      }
      const form = dialog.querySelector("form");
      if (opener.dataset.action && form) form.action = opener.dataset.action;
      dialog.showModal();
      dialog.querySelector("[autofocus]")?.focus();
      return;
    }
    const closer = event.target.closest("[data-close]");
    if (closer) closer.closest("dialog").close();
  });

  function fillOptions(select, text) {
    select.replaceChildren(...text.split("|").filter(Boolean).map((pair) => {
      const [value, label] = pair.split("=");
      return new Option(label, value);
    }));
  }

  // Tree of units: rows know the ids above them.
  ready(() => {
    const tree = document.querySelector("[data-tree]");
    if (!tree) return;
    const rows = [...tree.querySelectorAll("tr[data-unit]")];
    const closed = new Set();
    const show = () => rows.forEach((row) => { row.hidden = row.dataset.trail.split(" ").some((id) => closed.has(id)); });
    const mark = (row) => row.querySelector("[data-toggle]")?.setAttribute("aria-expanded", String(!closed.has(row.dataset.unit)));
    tree.addEventListener("click", (event) => {
      const toggle = event.target.closest("[data-toggle]");
      if (!toggle) return;
      const row = toggle.closest("tr");
      closed.has(row.dataset.unit) ? closed.delete(row.dataset.unit) : closed.add(row.dataset.unit);
      mark(row); show();
    });
    const all = (shut) => { closed.clear(); if (shut) rows.forEach((row) => closed.add(row.dataset.unit)); rows.forEach(mark); show(); };
    document.querySelector("[data-expand]")?.addEventListener("click", () => all(false));
    document.querySelector("[data-collapse]")?.addEventListener("click", () => all(true));
    document.querySelector("[data-tree-search]")?.addEventListener("input", (event) => {
      const text = event.target.value.trim();
      all(false);
      rows.forEach((row) => row.classList.toggle("qh-hit", !!text && row.dataset.name.includes(text)));
      rows.find((row) => row.classList.contains("qh-hit"))?.scrollIntoView({ block: "center" });
    });
    if (rows.length > 60 && !location.hash) {
      rows.filter((row) => row.dataset.depth === "0").forEach((row) => closed.add(row.dataset.unit));
      rows.forEach(mark); show();
    }
  });

  // Code boxes: <input data-code-table="region">, or data-suggest-url for another list of {id, text}. data-suggest-with names
  // fields of the same form that are sent along; an answer with `fill` {field: value} fills those fields.
  const fields = "input[data-code-table], input[data-suggest-url]";
  let box = null, timer = null;
  let owner = null;
  const close = () => {
    box?.remove();
    owner?.setAttribute("aria-expanded", "false");
    owner?.removeAttribute("aria-activedescendant");
    box = owner = null;
  };
  document.addEventListener("input", (event) => {
    const input = event.target.closest?.(fields);
    if (!input) return;
    clearTimeout(timer);
    timer = setTimeout(() => suggest(input), 200);
  });
  document.addEventListener("focusout", (event) => { if (event.target.matches?.(fields)) setTimeout(close, 150); });
  document.addEventListener("keydown", (event) => {
    if (!box || !event.target.matches?.(fields)) return;
    const options = [...box.children];
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) {
      event.preventDefault();
      options[at]?.setAttribute("aria-selected", "false");
      const next = options[(at + move + options.length) % options.length];
      next?.setAttribute("aria-selected", "true");
      if (next) event.target.setAttribute("aria-activedescendant", next.id);
      next?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      options[at].dispatchEvent(new Event("mousedown"));
    } else if (event.key === "Escape") close();
  });

  async function suggest(input) {
    const text = input.value.trim();
    if (text.length < 2) return close();
    const url = new URL(input.dataset.suggestUrl || document.body.dataset.codesUrl || "/admin/codes/suggest/", location.href);
    if (input.dataset.codeTable) url.searchParams.set("table", input.dataset.codeTable);
    for (const name of (input.dataset.suggestWith || "").split(" ").filter(Boolean)) {
      url.searchParams.set(name, input.form?.elements[name]?.value ?? "");
    }
    url.searchParams.set("q", text);
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (!answer.ok || input.value.trim() !== text) return;
    const { results } = await answer.json();
    close();
    if (!results.length) return;
    box = document.createElement("div");
    box.className = "qh-suggest";
    box.setAttribute("role", "listbox");
    const place = input.getBoundingClientRect();
    box.style.left = `${place.left + scrollX}px`;
    box.style.top = `${place.bottom + scrollY + 2}px`;
    box.style.minWidth = `${place.width}px`;
    box.id = "qh-suggestions";
    owner = input;
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": box.id, "aria-expanded": "true" })) {
      input.setAttribute(name, value);
    }
    for (const { id, text: label, fill } of results) {
      const option = document.createElement("div");
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.textContent = label.includes(id) ? label : `${id} ${label}`;
      option.id = `${box.id}-${box.children.length}`;
      option.addEventListener("mousedown", () => {
        if (fill) {
          for (const [name, value] of Object.entries(fill)) {
            const field = input.form?.elements[name];
            if (field && value) field.value = value;
          }
        } else {
          input.value = id;
          hint(input, label);
        }
        close();
      });
      box.append(option);
    }
    document.body.append(box);
  }
  // The name of the code that stands in a box, in words below it.
  function hint(input, label) {
    let line = input.parentElement.querySelector(".qh-code-name");
    if (!line) {
      line = document.createElement("div");
      line.className = "qh-code-name qh-muted";
      input.after(line);
    }
    line.textContent = label;
  }
  ready(() => document.querySelectorAll("input[data-code-label]").forEach((input) => hint(input, input.dataset.codeLabel)));

  // <div data-refresh="url">: its content is fetched again every few seconds while it contains [data-active];
  // with data-then-reload the page is fetched anew when it is done, for what stands below.
  ready(() => document.querySelectorAll("[data-refresh]").forEach((part) => {
    const again = async () => {
      if (document.hidden) return setTimeout(again, 3000);
      const answer = await fetch(part.dataset.refresh, { headers: { "X-Requested-With": "fetch" } });
      if (!answer.ok) return;
      part.innerHTML = await answer.text();
      if (part.querySelector("[data-active]")) setTimeout(again, 3000);
      else if ("thenReload" in part.dataset) location.reload();
    };
    if (part.querySelector("[data-active]")) setTimeout(again, 2000);
  }));

  // <input type=checkbox data-check-all="name">: ticks every box of that name.
  document.addEventListener("change", (event) => {
    const name = event.target.dataset?.checkAll;
    if (name) document.querySelectorAll(`input[type=checkbox][name="${name}"]`).forEach((other) => { other.checked = event.target.checked; });
  });
})();
