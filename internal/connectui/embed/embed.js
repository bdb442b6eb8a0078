// Opens Connect over a page. The published client for React works with Perch too.
//
//   const connect = PerchConnect.initialize({ onSuccess, onError, onClose });
//   connect.open({ sessionId });
//
// The object has the published script's name, too, so that pages need not change.
(() => {
  "use strict";

  const home = document.currentScript?.src ? new URL(document.currentScript.src).origin : "";
  const frameId = "perch-connect";
  let initialized = false;

  const text = (value) => (value === undefined || value === null ? "" : String(value));

  /** The address of Connect: where this script came from, unless it is told otherwise. */
  const connectURL = (config) => {
    const given = text(config.apiConfig?.connectUrl) || home;
    if (!given) throw new TypeError("initialize: apiConfig.connectUrl is missing");
    return given.replace(/\/+$/, "");
  };

  /** What pages from before there were sessions give: the application and what it asks for. */
  const withoutSession = ({ clientId, products, payrollProvider, sandbox, manual, category, connectionId }) => (
    text(clientId) && Array.isArray(products) && products.length > 0 && {
      client_id: clientId, products: products.join(" "), payroll_provider: payrollProvider, sandbox, manual, category, connection_id: connectionId,
    }
  );

  const address = (base, params) => {
    const url = new URL(`${base}/authorize`);
    for (const [name, value] of Object.entries(params)) if (text(value)) url.searchParams.set(name, text(value));
    url.searchParams.set("app_type", "spa");
    url.searchParams.set("sdk_host_url", location.origin);
    url.searchParams.set("mode", "employer");
    url.searchParams.set("sdk_version", "perch-1");
    return url.href;
  };

  class Connect {
    #config; #base; #origin; #frame = null; #ready = false; #restore = () => {};
    #onMessage = (event) => this.#receive(event);
    #onKey = (event) => this.#escape(event);

    constructor(config) {
      this.#config = config;
      this.#base = connectURL(config);
      this.#origin = new URL(this.#base).origin;
      window.addEventListener("message", this.#onMessage);
      window.addEventListener("keydown", this.#onKey);
    }

    /** Opens a session that your server made with POST /connect/sessions. */
    open({ sessionId, state, zIndex } = {}) {
      const config = this.#config;
      const session = text(sessionId ?? config.sessionId);
      const link = session ? { session } : withoutSession(config);
      if (!link) throw new TypeError("open: sessionId is missing");
      this.#show(address(this.#base, { ...link, state: state ?? config.state }), zIndex ?? config.zIndex);
    }

    /** Shows what an employer would see. Nothing can be connected. */
    openPreview({ clientId, products, zIndex } = {}) {
      if (!text(clientId)) throw new TypeError("openPreview: clientId is missing");
      if (!Array.isArray(products) || products.length === 0) throw new TypeError("openPreview: products is missing");
      this.#show(address(this.#base, { preview: "true", client_id: clientId, products: products.join(" "), redirect_uri: location.origin }), zIndex);
    }

    /** Takes Connect off the page; nothing is called. */
    close() {
      if (!this.#frame) return;
      this.#frame.remove();
      this.#frame = null;
      this.#restore();
    }

    /** Closes and stops listening. Afterwards initialize may be called again. */
    destroy() {
      this.close();
      window.removeEventListener("message", this.#onMessage);
      window.removeEventListener("keydown", this.#onKey);
      initialized = false;
    }

    #show(src, zIndex = 999) {
      this.close();
      const frame = document.createElement("iframe");
      frame.id = frameId;
      frame.title = "Connect your payroll or HR system";
      frame.allow = "clipboard-write";
      frame.src = src;
      Object.assign(frame.style, {
        position: "fixed", inset: "0", width: "100%", height: "100%", border: "0", zIndex: text(zIndex),
        background: "transparent", colorScheme: "light",
      });
      frame.addEventListener("load", () => frame.focus());
      this.#ready = false;
      this.#frame = frame;
      this.#cover();
      document.body.append(frame);
      frame.focus();
    }

    /** Makes the page below unreachable, and remembers how it was. */
    #cover() {
      const before = document.activeElement;
      const covered = [...document.body.children].filter((one) => !one.inert);
      const { overflow } = document.documentElement.style;
      for (const one of covered) one.inert = true;
      document.documentElement.style.overflow = "hidden";
      this.#restore = () => {
        for (const one of covered) one.inert = false;
        document.documentElement.style.overflow = overflow;
        if (before instanceof HTMLElement && before.isConnected) before.focus();
      };
    }

    #receive(event) {
      if (!this.#frame || event.origin !== this.#origin || event.source !== this.#frame.contentWindow) return;
      const { name, kind } = event.data ?? {};
      if (name === frameId && kind === "ready") this.#ready = true;
      if (name !== "@wire@-auth-message-v2") return;
      const { onSuccess, onError, onClose } = this.#config;
      if (kind === "success") {
        this.close();
        onSuccess?.({ code: event.data.code, state: event.data.state });
      } else if (kind === "closed") {
        this.close();
        onClose?.();
      } else if (kind === "error") {
        const { message, type, shouldClose } = event.data.error ?? {};
        if (shouldClose) this.close();
        onError?.({ errorMessage: text(message) || "Unknown error", errorType: type });
      }
    }

    /** Lets Connect ask before it closes; one that did not load closes at once. */
    #escape(event) {
      if (event.key !== "Escape" || !this.#frame) return;
      event.preventDefault();
      if (this.#ready) {
        this.#frame.contentWindow.postMessage({ name: frameId, kind: "escape" }, this.#origin);
        this.#frame.focus();
        return;
      }
      this.close();
      this.#config.onClose?.();
    }
  }

  globalThis.PerchConnect = globalThis.@Wire@Connect = Object.freeze({
    /** Takes { onSuccess, onError, onClose, apiConfig: { connectUrl } }; call it once. */
    initialize(config = {}) {
      if (initialized) console.error("initialize was called before: destroy the first one, or callbacks are called twice.");
      initialized = true;
      return new Connect(config);
    },
  });
})();
