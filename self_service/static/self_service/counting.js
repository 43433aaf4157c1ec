// Limits of a printed form while somebody types: lines, characters a line, characters in all. Counts like the server (workflows/limits.py).
const units = (text) => [...text].length;

function standing(area) {
  const lines = area.value.split(/\r\n|\r|\n/).map((line) => line.trim()).filter(Boolean);
  const { maxLines, maxWidth, maxCharacters } = area.dataset;
  const said = [];
  let over = false;
  const say = (count, most, unit) => { said.push(`${count} / ${most} ${unit}`); over = over || count > most; };
  if (maxLines) say(lines.length, Number(maxLines), "行");
  if (maxCharacters) say(units(area.value.replace(/\r\n|\r|\n/g, "")), Number(maxCharacters), "字");
  if (maxWidth) {
    const long = lines.findIndex((line) => units(line) > Number(maxWidth));
    if (long >= 0) { over = true; said.push(`第 ${long + 1} 行有 ${units(lines[long])} 个字，每行最多 ${maxWidth} 个字`); }
    else said.push(`每行最多 ${maxWidth} 个字`);
  }
  return { text: (over ? "超出限制：" : "已写 ") + said.join("，"), over };
}

/** Show under a text area how much of its room is used. */
export function counting(area) {
  const place = document.getElementById(`${area.id}-count`);
  if (!place) return;
  place.setAttribute("aria-live", "polite");
  const show = () => {
    const { text, over } = standing(area);
    place.textContent = text;
    place.classList.toggle("is-over", over);
  };
  area.addEventListener("input", show);
  show();
}
