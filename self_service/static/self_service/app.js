// Enhancements only: every page works without this file.
import { restore, forgetAll } from "./keep.js";
import { live } from "./live.js";
import { pickers } from "./picker.js";
import { counting } from "./counting.js";
import { cropping } from "./crop.js";
import { employers } from "./employers.js";

for (const form of document.querySelectorAll("form[data-keep]")) restore(form);
for (const form of document.querySelectorAll("form[data-live]")) live(form);
for (const box of document.querySelectorAll("[data-picker]")) pickers(box);
for (const form of document.querySelectorAll("form[data-employer]")) employers(form);
for (const area of document.querySelectorAll("textarea[data-max-lines], textarea[data-max-characters]")) counting(area);
for (const box of document.querySelectorAll("[data-crop]")) cropping(box);
for (const form of document.querySelectorAll("form[data-forget]")) form.addEventListener("submit", forgetAll);
for (const clock of document.querySelectorAll("[data-until]")) count(clock);
for (const button of document.querySelectorAll("[data-back]")) {
  button.hidden = history.length < 2;
  button.addEventListener("click", () => history.back());
}
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault(); // a second tap while the first is on its way
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 8000);
  });
}
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

const alarm = document.querySelector("[data-focus]");
if (alarm) alarm.focus();
openAround(location.hash);
addEventListener("hashchange", () => openAround(location.hash));

/** A link of the error list leads into a section that may be folded. */
function openAround(hash) {
  const target = hash.length > 1 && document.getElementById(hash.slice(1));
  if (!target) return;
  const section = target.closest("details");
  if (section) section.open = true;
  (target.matches("input,select,textarea") ? target : target.querySelector("select,input") || target).focus();
}

/** Time left, to the second; at the end the page is asked for again, and the server says that it is over. */
function count(clock) {
  const until = new Date(clock.dataset.until).getTime();
  const tick = () => {
    const left = Math.max(0, Math.round((until - Date.now()) / 1000));
    clock.textContent = `${Math.floor(left / 60)} 分 ${String(left % 60).padStart(2, "0")} 秒`;
    if (left === 0) { clearInterval(timer); location.reload(); }
  };
  const timer = setInterval(tick, 1000);
  tick();
}
