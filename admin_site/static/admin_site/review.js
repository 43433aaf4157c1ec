// Keys, the return dialog and previews of the review page. Without this script every deed is still a form.
const page = document.querySelector("[data-review]");
if (page) {
  document.body.classList.add("rv-on");
  document.querySelector("[data-focus]")?.focus();

  // <details data-as-dialog="title">: its form moves into a dialog that holds and gives back the focus.
  for (const details of page.querySelectorAll("[data-as-dialog]")) {
    const dialog = document.createElement("dialog");
    dialog.className = "qh-dialog";
    dialog.setAttribute("aria-label", details.dataset.asDialog);
    const title = document.createElement("h2");
    title.textContent = details.dataset.asDialog;
    const form = details.querySelector("form");
    form.prepend(title);
    dialog.append(form);
    const opener = document.createElement("button");
    opener.type = "button";
    opener.className = details.querySelector("summary").className;
    opener.innerHTML = details.querySelector("summary").innerHTML;
    opener.dataset.key = details.dataset.key;
    opener.setAttribute("aria-haspopup", "dialog");
    opener.addEventListener("click", () => { dialog.showModal(); form.querySelector("input[type=checkbox], textarea")?.focus(); });
    const place = document.createElement("div");
    place.className = "rv-deed";
    place.append(opener, dialog);
    const wasOpen = details.open;
    details.replaceWith(place);
    if (wasOpen) opener.click();
  }

  // What the student will read after a return: as the server puts it together.
  const back = page.querySelector("[data-return]");
  if (back) {
    const told = back.querySelector("[data-preview]");
    const empty = told.textContent;
    const show = () => {
      const parts = [...back.querySelectorAll("[name=reasons]:checked")].map((box) => box.value);
      const text = back.querySelector("[name=text]").value.trim();
      told.textContent = [...parts, ...(text ? [text] : [])].join("；") || empty;
    };
    back.addEventListener("input", show);
    show();
  }

  // What the student will be told of corrections: the fields that differ from what they were.
  const edit = page.querySelector("[data-edit]");
  if (edit) {
    const told = edit.querySelector("[data-told]");
    const words = (field) => {
      if (field.tagName === "SELECT") return field.selectedOptions[0]?.textContent.trim();
      if (field.type === "checkbox") return field.checked ? "（空）" : "";
      return field.type === "file" ? field.files[0]?.name ?? "" : field.value.trim();
    };
    const fields = [...edit.querySelectorAll("[data-label]")];
    const before = new Map(fields.map((field) => [field, words(field)]));
    edit.addEventListener("input", () => {
      const changed = fields.filter((field) => words(field) !== before.get(field));
      told.hidden = !changed.length;
      told.querySelector("ul").replaceChildren(...changed.map((field) => {
        const line = document.createElement("li");
        const old = before.get(field) || field.dataset.old || field.placeholder;
        line.textContent = `${field.dataset.label}：${old || "（空）"} → ${words(field) || "（空）"}`;
        return line;
      }));
    });
  }

  // Codes typed or picked from the list are kept; a link to the form opens it.
  const openEdit = () => {
    const form = document.getElementById("act-edit");
    if (!form) return;
    form.open = true;
    form.scrollIntoView({ block: "start", behavior: "smooth" });
    form.querySelector("input:not([type=hidden]), select, textarea")?.focus({ preventScroll: true });
  };
  page.addEventListener("click", (event) => {
    if (event.target.closest('a[href="#act-edit"]')) { event.preventDefault(); openEdit(); }
  });

  // A, R, E, J, K and the arrows, only where nobody is writing and nothing is open.
  const keys = { ArrowRight: "j", ArrowLeft: "k" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (event.target.closest("input, textarea, select, [contenteditable], dialog[open], [role=dialog]") || document.querySelector("dialog[open]")) return;
    const key = keys[event.key] ?? event.key.toLowerCase();
    const target = "arejk".includes(key) && key.length === 1 ? page.querySelector(`[data-key="${key}"]`) : null;
    if (!target) return;
    event.preventDefault();
    target.click();
  });

  // One press, one deed: a second one while the answer is on its way is not sent.
  page.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) return event.preventDefault();
    event.target.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => page.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));
}
