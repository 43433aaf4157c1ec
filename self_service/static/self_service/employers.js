// The employer library under the name of the employer: from two characters on, a list; choosing one fills code, type, industry, region.
// Without this file the fields are typed in.
const FILLS = { uscc: "uscc", employer_type: "employer_type", industry: "industry", address: "address", postcode: "postcode" };

export function employers(form) {
  const name = form.elements.employer_name;
  if (!name) return;
  const list = document.createElement("ul");
  list.className = "found"; list.id = "f-employer-found"; list.hidden = true;
  list.setAttribute("aria-label", "单位库中的单位");
  name.after(list);
  name.setAttribute("autocomplete", "off");
  name.setAttribute("aria-controls", list.id);
  let waiting = 0, asked = "";

  name.addEventListener("input", () => {
    clearTimeout(waiting);
    const text = name.value.trim();
    if (text.length < 2) { list.hidden = true; return; }
    waiting = setTimeout(() => look(text), 250);
  });
  form.addEventListener("keydown", (event) => { if (event.key === "Escape") list.hidden = true; });
  form.addEventListener("focusin", (event) => { if (event.target !== name && !list.contains(event.target)) list.hidden = true; });

  async function look(text) {
    asked = text;
    try {
      const answer = await fetch(`/api/employers/?${new URLSearchParams({ q: text })}`, { headers: { Accept: "application/json" } });
      if (!answer.ok || asked !== text) return;
      show((await answer.json()).results);
    } catch { /* no connection: the fields are typed in */ }
  }

  function show(rows) {
    list.replaceChildren(...rows.map((row) => {
      const item = document.createElement("li"), button = document.createElement("button"), more = document.createElement("small");
      button.type = "button";
      button.textContent = row.name;
      more.textContent = [row.uscc, row.region_name].filter(Boolean).join(" · ");
      button.append(more);
      button.addEventListener("click", () => fill(row));
      item.append(button);
      return item;
    }));
    list.hidden = rows.length === 0;
  }

  function fill(row) {
    set(name, row.name);
    for (const [field, key] of Object.entries(FILLS)) if (row[key]) set(form.elements[field], row[key]);
    if (row.region) place(row.region, row.region_name);
    list.hidden = true;
    name.focus();
  }

  function set(input, value) {
    if (!input) return;
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** The place is chosen from lists: they are drawn anew with the code; where there are none, its name is typed in. */
  function place(code, label) {
    const input = form.querySelector('[name="region"]');
    const box = input && input.closest("[data-picker]");
    if (box && box.choose) box.choose(code).then(() => set(form.elements.region, code)); else set(input, label);
  }
}
