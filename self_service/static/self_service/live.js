// 保存草稿 and the check of a single field without a new page. The very requests and answers of the form without a script: out of
// the page that comes back only sentences and the version are taken, so that nothing typed meanwhile is lost. When anything
// is not as expected (log-in over, changed elsewhere), the form is sent the plain way and the server's page says why.
const WAIT = 400;

export function live(form) {
  const said = form.querySelector("[data-said]");
  let plain = false, timer = 0, turn = 0;

  form.addEventListener("submit", async (event) => {
    clearTimeout(timer); // what is sent now is checked as a whole
    if (plain || event.submitter?.value !== "save" || form.dataset.sent) return;
    if ([...form.querySelectorAll("input[type=file]")].some((input) => input.files.length)) return; // files go the plain way
    event.preventDefault();
    turn += 1;
    said.textContent = "正在保存…";
    try {
      const page = await send("save");
      const fresh = page.querySelector("form[data-live]");
      form.dataset.version = form.elements.version.value = fresh.dataset.version;
      for (const field of form.querySelectorAll("[data-field]")) take(field, fresh);
      left(fresh);
      form.dispatchEvent(new Event("change")); // keep.js: what is typed now belongs to the new version
      const bad = form.querySelectorAll(".has-error").length;
      if (!bad) document.querySelectorAll("main > [data-focus]").forEach((list) => list.remove()); // what it listed is mended
      const at = new Date().toTimeString().slice(0, 5);
      said.textContent = bad ? `草稿已保存，其中 ${bad} 项暂时没有存下，请看红字` : `草稿已保存（${at}）`;
      delete form.dataset.sent;
    } catch {
      plain = true;
      delete form.dataset.sent;
      form.requestSubmit(event.submitter);
    }
  });

  form.addEventListener("change", (event) => {
    const field = event.target.closest?.("[data-field]");
    if (!field || event.target.type === "file") return;
    said.textContent = "有未保存的修改";
    clearTimeout(timer);
    timer = setTimeout(() => check(field), WAIT);
  });

  async function check(field) {
    const mine = (turn += 1);
    try {
      const page = await send("check");
      if (mine !== turn) return; // something newer is on its way
      const fresh = page.querySelector("form[data-live]");
      for (const other of form.querySelectorAll(".has-error, .has-hint")) take(other, fresh);
      take(field, fresh);
      left(fresh);
    } catch { /* saving will tell */ }
  }

  async function send(deed) {
    const data = new FormData(form);
    for (const input of form.querySelectorAll("input[type=file]")) data.delete(input.name);
    data.set("do", deed);
    const answer = await fetch(location.pathname, { method: "POST", body: data, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok || !page.querySelector("form[data-live]")) throw new Error(String(answer.status));
    return page;
  }

  /** The sentences beside one field, as the server has them now. */
  function take(field, fresh) {
    const now = fresh.querySelector(`[data-field="${field.dataset.field}"]`);
    if (!now) return;
    for (const old of field.querySelectorAll(".error, .hint, .candidates")) old.remove();
    const box = field.querySelector(".is-picker");
    for (const line of now.querySelectorAll(".error, .hint, .candidates")) if (!(box && line.matches(".candidates"))) field.append(line);
    for (const name of ["has-error", "has-hint"]) field.classList.toggle(name, now.classList.contains(name));
    const error = field.querySelector(".error");
    for (const input of field.querySelectorAll("input:not([type=hidden]), select, textarea, fieldset")) {
      if (error) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
      const help = (input.getAttribute("aria-describedby") || "").split(" ").filter((id) => id && !id.endsWith("-error"));
      input.setAttribute("aria-describedby", [...help, ...(error?.id ? [error.id] : [])].join(" "));
    }
  }

  function left(fresh) {
    const here = form.querySelector("[data-left]"), there = fresh.querySelector("[data-left]");
    if (here && there) here.textContent = there.textContent;
  }
}
