// A host application with the published component, as its documentation shows it.
import * as published from "@tryfinch/react-connect";
import { useEffect } from "react";
import { createRoot } from "react-dom/client";
import { hook } from "../wire.mjs";

const { session, state, connect, preview } = Object.fromEntries(new URLSearchParams(location.search));
window.said = [];

function Application() {
  const { open, openPreview } = published[hook]({
    onSuccess: (event) => window.said.push({ kind: "success", ...event }),
    onError: (event) => window.said.push({ kind: "error", ...event }),
    onClose: () => window.said.push({ kind: "close" }),
    apiConfig: { connectUrl: connect },
  });
  useEffect(() => { window.ready = true; }, []);
  const start = () => (preview ? openPreview({ clientId: preview, products: ["company", "directory"] }) : open({ sessionId: session, state }));
  return <button type="button" onClick={start}>Connect payroll</button>;
}

createRoot(document.getElementById("application")).render(<Application />);
