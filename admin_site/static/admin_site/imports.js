// When the progress has turned into a link to the result, follow it: the person is waiting for just that.
// unfold looks for a text box of its own beside every file box when a file is chosen; ours has none and says so by unfold's own mark.
"use strict";
for (const input of document.querySelectorAll("input.imp-file")) input.hasChangeListener = true;
// A file that would be refused for its size is not sent at all.
for (const input of document.querySelectorAll("input[data-largest]")) {
  input.addEventListener("change", () => {
    const size = (input.files[0]?.size ?? 0) / 1048576;
    const most = Number(input.dataset.largest);
    input.setCustomValidity(size > most ? `文件有 ${size.toFixed(1)} MB，超过 ${most} MB 的上限。请删除图片和多余的工作表，或拆成几个文件。` : "");
    input.reportValidity();
  });
}
new MutationObserver((changes, observer) => {
  const link = document.querySelector("[data-then-go] [data-go]");
  if (!link) return;
  observer.disconnect();
  location.replace(link.href);
}).observe(document.documentElement, { childList: true, subtree: true });
