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
