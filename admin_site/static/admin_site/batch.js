// Progress of a batch at work: asks every second, and shows the result when it is there.
const part = document.querySelector("[data-progress]");
if (part) {
  const ask = async () => {
    if (!document.hidden) {
      const answer = await fetch(part.dataset.progress, { headers: { Accept: "application/json" } }).catch(() => null);
      if (answer?.ok) {
        const job = await answer.json();
        if (!job.active) return location.reload();
        part.querySelector("[data-message]").textContent = job.message || job.label;
        part.querySelector("[data-done]").textContent = job.done;
        part.querySelector("[data-total]").textContent = job.total || "—";
        part.querySelector("[data-bar]").style.width = `${job.percent ?? 0}%`;
      }
    }
    setTimeout(ask, 1000);
  };
  setTimeout(ask, 800);
}
