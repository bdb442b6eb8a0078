// Starts the browser and checks pages; shared by the programs beside it.
import { chromium } from "playwright-core";
import axe from "axe-core";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

export const perch = process.env.PERCH_URL;
export const host = process.env.PERCH_HOST;
const folder = process.env.PERCH_PICTURES;

/** A fresh browser that refuses third-party cookies, as most do today. */
export function launch(more = {}) {
  return chromium.launchPersistentContext(mkdtempSync(path.join(tmpdir(), "perch-browser-")), {
    executablePath: process.env.PERCH_CHROMIUM,
    headless: true,
    viewport: { width: 1280, height: 800 },
    ...more,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--test-third-party-cookie-phaseout"],
  });
}

let failures = 0;

export function check(good, what) {
  if (good) return;
  failures += 1;
  console.log(`FAILED: ${what}`);
}

export function equal(got, want, what) {
  check(got === want, `${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

/** Ends the program with what the checks say. */
export function finish() {
  console.log(failures ? `${failures} checks failed` : "all checks passed");
  process.exit(failures ? 1 : 0);
}

const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];

/** Holds what a frame shows against the accessibility rules. */
export async function accessible(frame, what) {
  await frame.evaluate(axe.source);
  const { violations } = await frame.evaluate((values) => globalThis.axe.run(document, { runOnly: { type: "tag", values } }), rules);
  for (const v of violations) check(false, `${what}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.html} ${n.failureSummary}`).join(" | ")}`);
}

export function picture(page, name) {
  return page.screenshot({ path: path.join(folder, `${name}.png`), animations: "disabled" });
}

// Pages of problems have a status that says so.
const expected = /^Failed to load resource: the server responded with a status of (403|404|410|429)/;

/** Collects what pages complain about: errors of scripts, and what their content policy stopped. */
export function complaints(page) {
  const list = [];
  page.on("pageerror", (error) => list.push(String(error)));
  page.on("console", (entry) => { if (entry.type() === "error" && !expected.test(entry.text())) list.push(entry.text()); });
  return list;
}
