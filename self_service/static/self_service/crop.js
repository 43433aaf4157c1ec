// Choosing the part of a picture that is kept, for pictures of one shape (证件照). Without this file the server takes the middle.
// The frame is moved with finger, mouse or arrow keys; the slider makes it smaller. What is sent are shares of the picture:
// "left,top,width,height" in a hidden field beside the file.
const STEP = 0.02;

export function cropping(box) {
  const input = box.querySelector("input[type=file]");
  const [across, down] = box.dataset.crop.split(":").map(Number);
  const ratio = across / down;
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = `${input.name}.crop`;
  box.append(field);
  let stage = null;

  input.addEventListener("change", () => {
    field.value = "";
    if (stage) { stage.remove(); stage = null; }
    const file = input.files[0];
    if (!file || !file.type.startsWith("image/")) return;
    const picture = new Image();
    picture.addEventListener("load", () => { stage = build(picture); box.after(stage); });
    picture.src = URL.createObjectURL(file);
  });

  function build(picture) {
    const place = document.createElement("div");
    place.className = "crop";
    const view = document.createElement("div");
    view.className = "crop-view";
    picture.alt = "";
    picture.draggable = false;
    const frame = document.createElement("div");
    frame.className = "crop-frame";
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", "裁剪框：用方向键移动");
    view.append(picture, frame);
    const label = document.createElement("label");
    label.className = "crop-size";
    label.textContent = "裁剪大小";
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: "30", max: "100", value: "100" });
    label.append(slider);
    const hint = document.createElement("p");
    hint.className = "help";
    hint.textContent = "拖动方框，使头像居中、露出双肩，然后点“上传”。";
    place.append(view, label, hint);

    const shape = picture.naturalWidth / picture.naturalHeight;
    const widest = Math.min(1, ratio / shape); // share of the width when the frame is as large as it can be
    let wide = widest, left = (1 - widest) / 2, top = (1 - height()) / 3;
    function height() { return (wide * shape) / ratio; }
    function put() {
      left = Math.min(Math.max(0, left), 1 - wide);
      top = Math.min(Math.max(0, top), Math.max(0, 1 - height()));
      Object.assign(frame.style, { left: `${left * 100}%`, top: `${top * 100}%`, width: `${wide * 100}%`, height: `${height() * 100}%` });
      field.value = [left, top, wide, height()].map((share) => Math.min(1, Math.max(0, share)).toFixed(4)).join(",");
    }
    slider.addEventListener("input", () => {
      const before = [wide, height()];
      wide = (widest * slider.value) / 100;
      left += (before[0] - wide) / 2;
      top += (before[1] - height()) / 2;
      put();
    });
    frame.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
      if (!move) return;
      event.preventDefault();
      left += move[0];
      top += move[1];
      put();
    });
    frame.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      frame.focus();
      frame.setPointerCapture(event.pointerId);
      const from = { x: event.clientX, y: event.clientY, left, top };
      const drag = (moved) => {
        left = from.left + (moved.clientX - from.x) / view.clientWidth;
        top = from.top + (moved.clientY - from.y) / view.clientHeight;
        put();
      };
      frame.addEventListener("pointermove", drag);
      const end = () => frame.removeEventListener("pointermove", drag);
      frame.addEventListener("pointerup", end, { once: true });
      frame.addEventListener("pointercancel", end, { once: true });
    });
    put();
    return place;
  }
}
