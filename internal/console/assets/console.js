// What the console's pages do beyond HTML. Everything works without this script, with one click more.

// A choice in a filter applies at once; text waits for Enter.
for (const form of document.querySelectorAll("[data-filters]")) {
  const button = form.querySelector("button");
  form.addEventListener("change", (event) => {
    if (event.target.matches("select")) form.requestSubmit(button);
  });
}

// A form is sent once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if ("sent" in form.dataset) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "";
  const busy = event.submitter?.dataset.busy;
  if (busy) document.getElementById("announcer").textContent = busy;
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

document.querySelector("[data-focus]")?.focus();

// What was done is said for a while.
const toast = document.querySelector(".toast");
if (toast) {
  setTimeout(() => toast.remove(), 6000);
  const address = new URL(location.href);
  if (address.searchParams.has("done")) {
    address.searchParams.delete("done");
    history.replaceState(null, "", address);
  }
}

// A file that is too large is refused before it is sent.
for (const form of document.querySelectorAll("form[data-max]")) {
  const input = form.querySelector("input[type=file]");
  const error = form.querySelector(".error");
  input.addEventListener("change", () => {
    const large = [...input.files].find((file) => file.size > form.dataset.max * 1024 * 1024);
    error.hidden = !large;
    error.textContent = large ? `${large.name} is larger than ${form.dataset.max} MiB.` : "";
    if (large) input.value = "";
  });
}

// What goes on by itself is asked for again until it has ended.
let waits = 500;
async function poll() {
  const answer = await fetch(location.pathname, { headers: { "Perch-Script": "1" }, cache: "no-store" }).catch(() => null);
  if (answer && !answer.ok) return location.reload();
  const page = answer && new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page?.querySelector("[data-poll]");
  if (page && !now) return location.reload();
  if (now) document.querySelector("[data-poll]").replaceChildren(...now.childNodes);
  waits = Math.min(waits * 1.5, 3000);
  setTimeout(poll, waits);
}
if (document.querySelector("[data-poll]")) setTimeout(poll, waits);
