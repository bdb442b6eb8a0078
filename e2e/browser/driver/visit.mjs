// One employer's visit, step by step, and the calls that the application's server makes around it.
import { check, host, perch } from "./browser.mjs";
import { versionHeader } from "./wire.mjs";

export const sandbox = client("PERCH");
export const real = client("PERCH_REAL");
export const fallback = client("PERCH_FALLBACK");

function client(prefix) {
  return { id: process.env[`${prefix}_CLIENT_ID`], secret: process.env[`${prefix}_CLIENT_SECRET`] };
}

async function call(method, path, { body, authorization } = {}) {
  const answer = await fetch(perch + path, {
    method, body: body && JSON.stringify(body),
    headers: { "Content-Type": "application/json", [versionHeader]: "2020-09-17", ...(authorization && { Authorization: authorization }) },
  });
  return { status: answer.status, body: await answer.json() };
}

const basic = ({ id, secret }) => `Basic ${btoa(`${id}:${secret}`)}`;
let customers = 0;

/** Asks for a session as the application's server does. */
export async function session(from = sandbox, more = {}) {
  customers += 1;
  const { status, body } = await call("POST", "/connect/sessions", {
    authorization: basic(from),
    body: { customer_id: `customer-${customers}`, customer_name: `Blue Harbor Coffee ${customers}`, products: ["company", "directory", "individual"], ...more },
  });
  if (status >= 300) throw new Error(`no session: ${status} ${JSON.stringify(body)}`);
  return { id: body.session_id, url: body.connect_url, customer: `customer-${customers}` };
}

export async function again(connection, from = sandbox) {
  const { status, body } = await call("POST", "/connect/sessions/reauthenticate", { authorization: basic(from), body: { connection_id: connection } });
  if (status >= 300) throw new Error(`no session: ${status} ${JSON.stringify(body)}`);
  return { id: body.session_id, url: body.connect_url };
}

/** Exchanges a code; without a from it is the sandbox application's. */
export function exchange(code, from = sandbox, redirect = undefined) {
  return call("POST", "/auth/token", { body: { client_id: from.id, client_secret: from.secret, code, redirect_uri: redirect } });
}

export function directory(token) {
  return call("GET", "/employer/directory", { authorization: `Bearer ${token}` });
}

/** Providers of the catalogue that can be connected by a method. */
export async function providersBy(method) {
  const { body } = await call("GET", "/providers");
  return body.filter((one) => one.authentication_methods.some(({ type }) => type === method));
}

/** Opens Connect over the host application's page and returns the frame that it is in. */
export async function open(page, query, from = "component") {
  await page.goto(`${host}/${from}.html?${new URLSearchParams({ connect: perch, ...query })}`);
  await page.waitForFunction(() => window.ready);
  await page.getByRole("button", { name: "Connect payroll" }).click();
  const frame = page.frameLocator("iframe");
  await frame.locator("body[data-step]").waitFor();
  return frame;
}

export const press = (on, name) => on.getByRole("button", { name, exact: true }).click();
export const heading = (on, name) => on.getByRole("heading", { level: 1, name }).waitFor();

export async function agree(on) {
  await press(on, "Agree and continue");
}

/** Finds a provider by typing and takes the first one with the Enter key. */
export async function pick(on, name) {
  const field = on.getByRole("searchbox");
  await field.fill(name);
  await on.locator("#providers button.first").filter({ hasText: name }).waitFor();
  await field.press("Enter");
}

export async function signIn(on, name, values) {
  for (const [label, value] of Object.entries(values)) await on.getByLabel(label, { exact: true }).fill(value);
  await press(on, `Connect ${name}`);
}

/** Waits until everything is read and goes back to the application. */
export async function complete(on) {
  await on.locator("[data-step=done]").waitFor({ timeout: 90_000 });
  await press(on, "Return to Northwind Benefits");
}

/** Waits for what the host page is told. */
export async function told(page, count = 1) {
  await page.waitForFunction((n) => window.said.length >= n, count);
  return page.evaluate(() => window.said);
}

/** The way every success ends: a code that works once, a token that reads, no frame left. */
export async function connected(page, what, state, from = sandbox) {
  const [event] = await told(page);
  check(event.kind === "success" && Boolean(event.code), `${what}: told ${JSON.stringify(event)}`);
  check((event.state ?? "") === (state ?? ""), `${what}: the state is ${event.state}`);
  check(await page.locator("iframe").count() === 0, `${what}: the frame is still there`);
  return readable(event.code, what, from);
}

export async function readable(code, what, from = sandbox, redirect = undefined) {
  const { status, body } = await exchange(code, from, redirect);
  check(status === 200, `${what}: exchanging: ${status} ${JSON.stringify(body)}`);
  const people = await directory(body.access_token);
  const pending = people.status === 202;
  check(people.status === 200 && people.body.individuals.length > 0 || pending, `${what}: directory: ${people.status}`);
  const twice = await exchange(code, from, redirect);
  check(twice.status >= 400, `${what}: the code worked twice`);
  return { ...body, pending };
}
