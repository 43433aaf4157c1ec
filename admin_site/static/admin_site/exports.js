// The export page: presets, groups and the parts that belong to a choice. Without it every part is simply shown.
"use strict";
(() => {
  const form = document.querySelector(".ex-form");
  if (!form) return;
  const boxes = [...form.querySelectorAll("input[name=columns]")];
  const count = form.querySelector("[data-chosen]");
  const groups = [...form.querySelectorAll(".ex-group")];

  const show = () => {
    if (count) count.textContent = boxes.filter((box) => box.checked).length;
    for (const group of groups) {
      const own = [...group.querySelectorAll("input[name=columns]")];
      const all = group.querySelector("[data-group]");
      const ticked = own.filter((box) => box.checked).length;
      all.checked = ticked === own.length;
      all.indeterminate = ticked > 0 && ticked < own.length;
    }
    const official = form.querySelector("[data-layout]:checked")?.value;
    form.querySelectorAll("[data-own]").forEach((part) => { part.hidden = !!official; });
    const purpose = form.querySelector("[data-purpose]");
    if (purpose) purpose.hidden = !form.querySelector("[data-reveal]").checked;
  };

  form.addEventListener("change", (event) => {
    if (event.target.matches("[data-group]")) {
      event.target.closest(".ex-group").querySelectorAll("input[name=columns]").forEach((box) => { box.checked = event.target.checked; });
    }
    show();
  });
  form.addEventListener("click", (event) => {
    const preset = event.target.closest("[data-preset]");
    if (!preset) return;
    const wanted = new Set(preset.dataset.preset.split(" ").filter(Boolean));
    boxes.forEach((box) => { box.checked = wanted.has(box.value); });
    show();
  });
  // Enter in the name of a set saves the set, it does not export.
  form.querySelector("#set_name")?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    form.querySelector("button[value=save]").click();
  });
  show();
})();
