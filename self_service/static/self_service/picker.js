// A place chosen step by step: province, city, county, one list after another. The text box it replaces is what works without it.
const NAMES = ["省（自治区、直辖市）", "市（州、区县）", "区县", "街道"];

async function ask(table, query) {
  const answer = await fetch(`/api/codes/${table}/?${new URLSearchParams(query)}`, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

export async function pickers(box) {
  const text = box.querySelector("input");
  const table = box.dataset.picker;
  const typed = text.value;
  let code = typed === text.defaultValue ? box.dataset.code : "";
  box.choose = async (chosen) => { code = chosen; await draw(); }; // what fills other fields may fill this one
  await draw();

  async function draw() {
    try {
      // What was typed or restored and is not the stored place is looked up; only a single hit is taken.
      if (!code && typed) { const found = (await ask(table, { q: typed })).results; code = found.length === 1 ? found[0].code : ""; }
      const path = code ? (await ask(table, { code })).path : [];
      const lists = [await ask(table, { parent: "" }), ...(await Promise.all(path.slice(0, -1).map((step) => ask(table, { parent: step.code }))))];
      const last = path.at(-1);
      if (last) { const more = await ask(table, { parent: last.code }); if (more.results.length) lists.push(more); }
      build(lists.map((l) => l.results), path);
    } catch { return; /* no connection: the text box stays as it is */ }
  }

  function build(lists, path) {
    const hidden = document.createElement("input");
    hidden.type = "hidden"; hidden.name = text.name; hidden.dataset.keep = ""; hidden.value = code || typed;
    box.replaceChildren(hidden);
    box.classList.add("is-picker");
    const candidates = box.parentElement.querySelector(".candidates");
    if (candidates) candidates.remove();
    const label = box.parentElement.querySelector(`label[for="${text.id}"]`);
    lists.forEach((rows, depth) => add(rows, depth, path[depth]?.code));
    if (label) label.htmlFor = text.id;

    function add(rows, depth, value) {
      const select = document.createElement("select");
      select.className = "form-select";
      if (depth === 0) select.id = text.id;
      select.setAttribute("aria-label", `${box.dataset.label}：${NAMES[depth] || "下一级"}`);
      if (text.getAttribute("aria-invalid")) select.setAttribute("aria-invalid", "true");
      if (text.getAttribute("aria-describedby")) select.setAttribute("aria-describedby", text.getAttribute("aria-describedby"));
      select.add(new Option(`请选择${depth === 0 ? "省份" : "下一级"}`, ""));
      for (const row of rows) select.add(new Option(row.name, row.code, false, row.code === value));
      box.append(select);
      select.addEventListener("change", async () => {
        while (select.nextElementSibling) select.nextElementSibling.remove();
        const upper = select.previousElementSibling;
        hidden.value = select.value || (upper && upper.tagName === "SELECT" ? upper.value : "");
        const row = rows.find((r) => r.code === select.value);
        if (row && row.has_children) {
          try {
            const next = (await ask(table, { parent: row.code })).results;
            if (next.length && select.value === row.code) { add(next, depth + 1); box.lastElementChild.focus(); }
          } catch { /* the place chosen so far stands */ }
        }
        hidden.dispatchEvent(new Event("input", { bubbles: true }));
      });
    }
  }
}
