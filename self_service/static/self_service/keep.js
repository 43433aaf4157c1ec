// What was typed and not yet saved survives a reload, an expired session or a lost connection: kept in this browser for a day,
// per person, record and version, and thrown away on log-out.
const PREFIX = "qihang:";
const DAY = 24 * 3600 * 1000;

function store() {
  try { localStorage.setItem(PREFIX + "test", "1"); localStorage.removeItem(PREFIX + "test"); return localStorage; } catch { return null; }
}

export function forgetAll() {
  const kept = store();
  if (kept) for (const key of Object.keys(kept)) if (key.startsWith(PREFIX)) kept.removeItem(key);
}

const fieldsOf = (form) => [...form.elements].filter((e) => e.name && !["hidden", "file", "submit", "button", "password"].includes(e.type) || (e.name && "keep" in e.dataset));

function read(form) {
  const values = {};
  for (const field of fieldsOf(form)) {
    if (field.name === "version" || field.name.endsWith(".pick")) continue;
    const box = field.closest("[data-picker]"); // a place not touched is its code, whether or not the lists are there yet
    if (field.type === "radio") { if (field.checked) values[field.name] = field.value; }
    else values[field.name] = box && field.type !== "hidden" && field.value === field.defaultValue ? box.dataset.code : field.value;
  }
  return values;
}

function write(form, values) {
  for (const field of fieldsOf(form)) {
    if (!(field.name in values)) continue;
    if (field.type === "radio") field.checked = field.value === values[field.name];
    else field.value = values[field.name];
  }
}

/** Put back what was typed into this very version of the record, and say so; from then on keep what is typed. */
export function restore(form) {
  const kept = store();
  if (!kept) return;
  const key = PREFIX + form.dataset.keep;
  const rendered = read(form);
  let old = null;
  try { old = JSON.parse(kept.getItem(key)); } catch { /* not ours, or broken */ }
  if (old && old.version === form.dataset.version && Date.now() - old.at < DAY) {
    const changed = Object.fromEntries(Object.entries(old.values).filter(([name, value]) => name in rendered || value).filter(([name, value]) => rendered[name] !== value));
    if (Object.keys(changed).length) {
      write(form, changed);
      const note = form.querySelector("[data-restored]");
      if (note) {
        note.hidden = false;
        note.querySelector("[data-discard]").addEventListener("click", () => { kept.removeItem(key); location.reload(); });
      }
    }
  } else kept.removeItem(key);
  const keep = () => {
    try { kept.setItem(key, JSON.stringify({ version: form.dataset.version, at: Date.now(), values: read(form) })); } catch { /* full */ }
  };
  form.addEventListener("input", keep);
  form.addEventListener("change", keep);
}
