// A host application without a framework, with Perch's own script.
import { object } from "../wire.mjs";

const { session, state } = Object.fromEntries(new URLSearchParams(location.search));
window.said = [];
const connect = globalThis[object].initialize({
  onSuccess: (event) => window.said.push({ kind: "success", ...event }),
  onError: (event) => window.said.push({ kind: "error", ...event }),
  onClose: () => window.said.push({ kind: "close" }),
});
document.querySelector("button").addEventListener("click", () => connect.open({ sessionId: session, state }));
window.ready = true;
