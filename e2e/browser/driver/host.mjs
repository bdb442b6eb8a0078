// Builds the pages of the host application into the folder that the test serves.
import { build } from "esbuild";
import { writeFileSync } from "node:fs";
import path from "node:path";

const page = (body) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Northwind Benefits</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1"></head><body><h1>Northwind Benefits</h1>${body}</body></html>`;

export async function buildHost(folder, perch) {
  await build({
    entryPoints: ["host/component.jsx", "host/script.js"], outdir: folder, bundle: true, format: "iife", jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' }, logLevel: "warning",
  });
  writeFileSync(path.join(folder, "component.html"), page('<div id="application"></div><script src="component.js"></script>'));
  writeFileSync(path.join(folder, "script.html"), page(`<button type="button">Connect payroll</button><script src="${perch}/v1/connect.js"></script><script src="script.js"></script>`));
  writeFileSync(path.join(folder, "back.html"), page("<p>Back in the application.</p>"));
}
