// A host application without a framework, with Perch's own script.
import { object } from "../wire.mjs";

const { session, state, client } = Object.fromEntries(new URLSearchParams(location.search));
window.said = [];
const connect = globalThis[object].initialize({
  ...(client && { clientId: client, products: ["company", "directory"], payrollProvider: "gusto", sandbox: "finch", state: "legacy" }),
  onSuccess: (event) => window.said.push({ kind: "success", ...event }),
  onError: (event) => window.said.push({ kind: "error", ...event }),
  onClose: () => window.said.push({ kind: "close" }),
});
document.querySelector("button").addEventListener("click", () => (client ? connect.open() : connect.open({ sessionId: session, state })));
window.ready = true;
