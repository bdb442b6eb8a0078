// What the components do beyond HTML: copy, show a secret, close a dialog. One listener serves the
// whole page, so parts of it may be replaced at any time.
const copied = new WeakMap();

/** Shows the controls that work with a script only. */
function prepare(root = document) {
  for (const control of root.querySelectorAll("[data-show], [data-copy]")) control.hidden = false;
}

function show(control) {
  const input = document.getElementById(control.dataset.show);
  const shown = input.type === "password";
  input.type = shown ? "text" : "password";
  control.setAttribute("aria-pressed", String(shown));
  control.firstChild.data = shown ? "Hide" : "Show";
  input.focus({ preventScroll: true });
}

async function copy(control) {
  const source = document.getElementById(control.dataset.copy);
  clearTimeout(copied.get(control));
  let label = "Copied";
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // A page in a frame may not write the clipboard: select the text, so that one key copies it.
    getSelection().selectAllChildren(source);
    label = "Press Ctrl+C";
  }
  control.firstChild.data = label;
  announce(label);
  copied.set(control, setTimeout(() => { control.firstChild.data = "Copy"; }, 2000));
}

/** Tells screen readers something without moving the focus. */
function announce(text) {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
}

document.addEventListener("click", (event) => {
  const control = event.target.closest("[data-show], [data-copy], [data-dismiss]");
  if (!control) return;
  if ("show" in control.dataset) show(control);
  else if ("copy" in control.dataset) copy(control);
  else control.closest("dialog").close();
});

document.addEventListener("page:changed", () => prepare());
prepare();
