// Makes Connect's pages quicker and lets them live in a frame. Forms are sent in the background and the
// answer, a whole page, takes the place of the one shown: no flash, no entry in the history of the host
// page, and what was typed survives a lost connection. Without this script they are plain forms.
const patience = 90_000; // how long an answer may take, in ms; a slow provider needs most of it
const beforeSpinner = 300;
const embedded = () => "embedded" in document.body.dataset;
const message = () => JSON.parse(document.body.dataset.message || "{}");
const $ = (selector) => document.querySelector(selector);

let busy = false;
let quietly = null; // the form that is sent in the background, if one is
let popup = null;
let watch = 0;
let misses = 0;

function announce(text) {
  $("#announcer").textContent = text;
}

/** Begins on a page that was just shown. */
function start() {
  for (const part of document.querySelectorAll("[data-unscripted]")) part.hidden = true;
  prepareSearch();
  if (document.querySelector(".alert[data-focus]")) $(".alert[data-focus]").focus();
  else $("[data-focus]")?.focus();
  deliver();
  scheduleRefresh(1000);
  comeBack();
  if ("returned" in document.body.dataset && !$(".alert")) close(); // works in windows that a script opened
}

/** Does what the server asked for: tells the host page, or goes elsewhere. */
function deliver() {
  const { host, tell, go, popup: inPopup, proof } = message();
  if (host && parent !== window) {
    parent.postMessage({ name: "perch-connect", kind: "ready" }, host);
    if (tell) parent.postMessage(tell, host);
  }
  if (go && inPopup) follow(go, proof);
  else if (go) {
    if (proof) leaveNote(window, proof, { from: location.href });
    location.assign(go);
  }
}

/** Sends a form and shows the answer. Quiet sends change only what is news. */
async function send(form, button, quiet = false) {
  if (busy) return false;
  busy = true;
  const waiting = quiet ? 0 : setTimeout(() => spin(button, true), beforeSpinner);
  if (!quiet) button?.setAttribute("aria-disabled", "true");
  try {
    const answer = await fetch(form.getAttribute("action"), {
      method: "POST", body: new URLSearchParams(new FormData(form, button)), headers: { "Perch-Script": "1" },
      credentials: "omit", cache: "no-store", redirect: "error", signal: AbortSignal.timeout(patience),
    });
    if (!answer.headers.get("Content-Type")?.startsWith("text/html")) throw new TypeError("the answer is no page");
    const text = await answer.text();
    misses = 0;
    busy = false;
    swap(new DOMParser().parseFromString(text, "text/html"), quiet);
    return true;
  } catch {
    busy = false;
    misses += 1;
    if (!quiet || misses > 3) problem("network-lost");
    scheduleRefresh(4000);
    return false;
  } finally {
    clearTimeout(waiting);
    spin(button, false);
    button?.removeAttribute("aria-disabled");
  }
}

function spin(button, on) {
  button?.classList.toggle("slow", on);
  if (on && button?.dataset.busy) announce(`${button.dataset.busy}…`);
}

/** Puts the new page in the place of the old one. */
function swap(next, quiet) {
  if (quiet && next.body.dataset.step === document.body.dataset.step) {
    const nonces = [document, next].map((page) => page.querySelector("input[name=nonce]")?.value);
    if (next.body.dataset.step !== "oauth") renew(next);
    if (next.body.dataset.step !== "oauth" || nonces[0] === nonces[1]) return; // nothing has happened
  }
  document.title = next.title;
  document.documentElement.className = `${next.documentElement.className} swapped`;
  document.body.replaceWith(document.adoptNode(next.body));
  document.dispatchEvent(new Event("page:changed"));
  start();
}

/** Takes over only what changed, so that the focus stays and screen readers hear the news alone. */
function renew(next) {
  for (const id of ["live", "alerts"]) {
    const [is, will] = [document.getElementById(id), next.getElementById(id)];
    if (is && will && is.innerHTML !== will.innerHTML) is.innerHTML = will.innerHTML;
  }
  const bar = $("progress");
  if (bar) bar.value = next.querySelector("progress").value;
  const nonce = next.querySelector("input[name=nonce]").value;
  for (const input of document.querySelectorAll("input[name=nonce]")) input.value = nonce;
  document.body.dataset.message = next.body.dataset.message;
  deliver();
  scheduleRefresh(2000);
}

function scheduleRefresh(delay) {
  clearTimeout(watch);
  const form = $("form[data-refresh]");
  if (!form) return;
  watch = setTimeout(() => {
    if (document.hidden) scheduleRefresh(delay);
    else ask(form, document.querySelector("[data-unscripted] button"));
  }, delay);
}

/** Asks in the background how things are. What is pressed meanwhile comes after it. */
function ask(form, button) {
  quietly = send(form, button, true).finally(() => { quietly = null; });
}

/** Shows a problem that only the browser knows of. */
function problem(name) {
  const template = $(`template[data-problem="${name}"]`);
  if (!template) return;
  $("#alerts").replaceChildren(template.content.cloneNode(true));
  $("#alerts").firstElementChild.focus();
  $("#alerts").scrollIntoView({ block: "nearest" });
}

// Leaving ------------------------------------------------------------------------------------------

/** Tells whether something was typed that leaving would lose. */
function typed() {
  return [...document.querySelectorAll("[data-typed] input:not([type=hidden])")].some((input) => input.value !== input.defaultValue);
}

function leave() {
  const form = $("form[data-leave]");
  if (form) form.requestSubmit(form.querySelector("button"));
  else $("[data-closed]")?.click();
}

function leaveNow() {
  const form = $("form[data-leave]");
  $("#leave").close();
  send(form, form.querySelector("button"));
}

// Signing in at the provider -----------------------------------------------------------------------
//
// The address that a provider sends the browser back to does nothing by itself: what it brings counts
// only with the nonce of the page that began. A page with a window over it takes it out of that window.
// A page that leaves, or whose window is taken out of its hands by the provider's page, leaves a note in
// the window's session storage, where nobody but pages of ours in that window find it.
const note = "perch-signin";
const signInLasts = 15 * 60_000;
const isWindow = "popup,width=520,height=720";

/** Leaves a note of this page in a window that goes to a provider. */
function leaveNote(where, state, more) {
  const [session, nonce] = ["session", "nonce"].map((name) => $(`#answer [name=${name}]`).value);
  try {
    where.sessionStorage.setItem(note, JSON.stringify({ session, nonce, state, ...more }));
  } catch {
    // Without it only a window that this page still holds can come back.
  }
}

/** Takes the note out of this window, if it is about the given sign-in. */
function takeNote(state) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(note) ?? "null");
    if (!kept || kept.state !== state) return null;
    sessionStorage.removeItem(note);
    return kept;
  } catch {
    return null;
  }
}

/** On the page that a provider sends the browser to: goes on with what the note says. */
function comeBack() {
  const form = $("[data-answer] #answer");
  if (!form) return;
  const { state, session, nonce, window: kind } = form.elements;
  const kept = takeNote(state.value);
  history.replaceState(null, "", kept?.from ?? location.pathname);
  const lost = () => {
    if (!$("#lost")) return;
    $("#lost").hidden = false;
    $("#wait").hidden = true;
  };
  $("#wait").hidden = false;
  if (!kept) {
    setTimeout(lost, 1500); // the page that holds this window comes at once
    return;
  }
  [session.value, nonce.value, kind.value] = [kept.session, kept.nonce, kept.from ? "" : "popup"];
  setTimeout(() => send(form, null).then((sent) => sent || lost()), kept.from ? 0 : 1500);
}

/** Opens the window at the click, when browsers allow it, and fills it once the address is known. */
function authorize(form, button) {
  if ("window" in form.dataset) {
    popup?.close();
    popup = open("", "_blank", isWindow);
    if (!popup) {
      problem("popup-blocked");
      return;
    }
  }
  const opened = popup;
  send(form, button).then((sent) => {
    if (opened && (!sent || !message().go)) opened.close();
  });
}

/** Sends the window to the provider and waits for what it brings back. */
function follow(address, state) {
  if (!popup || popup.closed) popup = open("", "_blank", isWindow);
  if (!popup) {
    problem("popup-blocked");
    return;
  }
  leaveNote(popup, state, {});
  popup.opener = null; // the provider's page gets no hold on this one
  popup.location.replace(address);
  problem("popup-waiting");
  clearInterval(follow.timer);
  const begun = Date.now();
  let gone = false;
  let ticks = 0;
  follow.timer = setInterval(() => {
    ticks += 1;
    if (!$("#again") || Date.now() - begun > signInLasts) clearInterval(follow.timer);
    else if (!popup.closed) lookInto(popup);
    else if (!gone) {
      gone = true;
      checkBack();
    } else if (ticks % 10 === 0 && !document.hidden) ask($("#again"), null); // it may go on where this page cannot see it
  }, 300);
}

/** Sees whether the window is on a page of ours again; on the provider's it may not look. */
function lookInto(other) {
  let form, alert;
  try {
    const { body } = other.document;
    if ("answer" in body.dataset) form = body.querySelector("#answer");
    else if (!("returned" in body.dataset)) return;
    alert = body.querySelector(".alert");
  } catch {
    return;
  }
  clearInterval(follow.timer);
  if (form) {
    const own = $("#answer");
    for (const name of ["state", "code", "error"]) own.elements[name].value = form.elements[name].value;
    other.close();
    send(own, null);
    return;
  }
  alert = alert && document.importNode(alert, true);
  other.close();
  checkBack(alert);
}

async function checkBack(alert = null) {
  const form = $("#again");
  if (!form) return;
  await send(form, null);
  if (!$("#again") || $("#alerts").firstElementChild) return;
  if (!alert) {
    problem("popup-closed");
    return;
  }
  alert.tabIndex = -1;
  $("#alerts").replaceChildren(alert);
  alert.focus();
}

// Search -------------------------------------------------------------------------------------------

const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, " ").trim();
let rows = [];

function prepareSearch() {
  const list = $("#providers");
  rows = list ? [...list.children].map((item, place) => {
    const button = item.querySelector("button");
    const name = plain(button.querySelector("span").textContent);
    return { item, place, name, joined: name.replaceAll(" ", ""), id: button.value.replaceAll("_", "") };
  }) : [];
  if (list) $("[data-find]").hidden = false;
}

/** Says how well a name fits: 0 is best, Infinity not at all. */
function fit(row, query) {
  const joined = query.replaceAll(" ", "");
  if (row.name.startsWith(query) || row.joined.startsWith(joined)) return 0;
  if (query.split(" ").every((word) => ` ${row.name}`.includes(` ${word}`))) return 1;
  if (row.joined.includes(joined) || row.id.includes(joined)) return 2;
  if (joined.length > 3 && nearly(row.joined.slice(0, joined.length + 1), joined)) return 3;
  return Infinity;
}

/** Allows one letter that is missing, wrong, swapped or too many. */
function nearly(name, query) {
  let at = 0;
  while (at < query.length && name[at] === query[at]) at += 1;
  const rest = query.slice(at);
  return name.slice(at + 1).startsWith(rest.slice(1)) || name.slice(at).startsWith(rest.slice(1)) || name.slice(at + 1).startsWith(rest)
    || (name[at] === rest[1] && name[at + 1] === rest[0] && name.slice(at + 2).startsWith(rest.slice(2)));
}

function search(text) {
  const query = plain(text);
  const scored = rows.map((row) => ({ row, score: query ? fit(row, query) : 0 }));
  if (query) scored.sort((a, b) => a.score - b.score || a.row.place - b.row.place);
  const found = scored.filter(({ score }) => score < Infinity);
  for (const { row, score } of scored) {
    row.item.hidden = score === Infinity;
    row.item.classList.remove("first");
    row.item.querySelector("button").classList.remove("first");
  }
  $("#providers").append(...scored.map(({ row }) => row.item));
  document.documentElement.classList.toggle("searched", query !== "");
  if (query && found.length) found[0].row.item.querySelector("button").classList.add("first");
  $("#none").hidden = found.length > 0;
  const name = $("#request-name");
  if (name.value === (name.dataset.searched ?? "")) { // nothing of the employer's own
    name.value = name.dataset.searched = found.length ? "" : text.trim();
    $("#ask-for").open = !found.length;
  }
  $("#results").textContent = found.length === 1 ? "1 system" : `${found.length} systems`;
  $("#main").scrollTop = 0;
}

/** Moves along the visible rows; from the first one up is the search field. */
function move(event) {
  const buttons = rows.length ? [...document.querySelectorAll("#providers li:not([hidden]) button")] : [];
  const at = buttons.indexOf(document.activeElement);
  const inField = document.activeElement?.id === "search";
  if (!buttons.length || (at < 0 && !inField)) return;
  const to = { ArrowDown: inField ? 0 : at + 1, ArrowUp: at - 1, Home: inField ? NaN : 0, End: inField ? NaN : buttons.length - 1 }[event.key];
  if (to === undefined || Number.isNaN(to) || (inField && event.key === "ArrowUp")) return;
  event.preventDefault();
  if (to < 0) $("#search").focus();
  else buttons[Math.min(to, buttons.length - 1)].focus();
}

// Events: one set for all pages, since pages come and go -------------------------------------------

document.addEventListener("submit", (event) => {
  const form = event.target;
  event.preventDefault();
  if (busy) {
    quietly?.then(() => ("leave" in form.dataset ? leave() : form.isConnected && form.requestSubmit(event.submitter)));
    return;
  }
  if ("leave" in form.dataset && typed()) $("#leave").showModal();
  else if ("authorize" in form.dataset) authorize(form, event.submitter);
  else send(form, event.submitter);
});

document.addEventListener("input", (event) => {
  if (event.target.id === "search") search(event.target.value);
});

document.addEventListener("click", (event) => {
  const { target } = event;
  if (target.closest("#leave-now")) leaveNow();
  else if (target.closest("#open-window")) $("#step").requestSubmit($("button[form=step]"));
  else if (target.closest("#check-again")) checkBack();
  else if (target.closest("[data-closed]")) {
    const { host, closed } = message();
    if (host && parent !== window) parent.postMessage(closed, host);
  }
});

// A press on the shade beside the window leaves, as one expects of a dialog.
document.addEventListener("pointerdown", (event) => {
  if (embedded() && event.target === document.body && event.button === 0) leave();
});

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && embedded()) {
    if (document.activeElement?.id === "search" && document.activeElement.value) return; // clears the field
    event.preventDefault();
    leave();
  } else if (event.key === "Enter" && event.target.id === "search") {
    event.preventDefault();
    document.querySelector("#providers button.first")?.click();
  } else if (event.key === "Tab" && embedded()) trap(event);
  else move(event);
});

/** Keeps the focus in the window while the host page lies below it. */
function trap(event) {
  const all = [...document.querySelectorAll(".window :is(button, input:not([type=hidden]), select, summary, a[href], pre[tabindex])")]
    .filter((one) => one.checkVisibility() && !one.disabled);
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  if (event.shiftKey && at <= 0) all.at(-1).focus();
  else if (!event.shiftKey && at === all.length - 1) all[0].focus();
  else return;
  event.preventDefault();
}

// The host page may pass on its Escape key, and nothing else.
window.addEventListener("message", (event) => {
  if (event.source === parent && event.origin === message().host && event.data?.name === "perch-connect" && event.data.kind === "escape") leave();
});

start();
