// Whole visits: every way through Connect that the documentation of the sandbox describes, and what
// can go wrong, in the published component, in Perch's own script, and by redirect.
import { accessible, check, complaints, equal, finish, host, launch, perch, picture } from "./browser.mjs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { buildHost } from "./host.mjs";
import { again, agree, complete, connected, heading, fallback, open, pick, press, providersBy, readable, real, sandbox, session, signIn, told } from "./visit.mjs";

await buildHost(process.env.PERCH_HOST_FOLDER, perch);
const context = await launch();
const only = process.env.PERCH_ONLY;
const named = async (method) => (await providersBy(method))[0];
const byPassword = await named("credential");
const visits = [];
const visit = (name, run) => visits.push({ name, run });
const good = { Username: "good_user", Password: "good_pass" };

/** Takes the login with a password where another way is preferred. */
async function byCredentials(on) {
  await on.locator("[data-step]:not([data-step=provider])").waitFor();
  if (await on.getByLabel("Username", { exact: true }).isVisible()) return;
  await on.getByText("Connect another way").click();
  await on.locator("button[value=credential]").click();
  await on.getByLabel("Username", { exact: true }).waitFor();
}

/** Goes as far as the provider's login. */
async function toLogin(page, provider = byPassword, method = "credential", query = {}) {
  const { id } = await session(sandbox, { integration: { provider: provider.id, auth_method: method } });
  const frame = await open(page, { session: id, ...query });
  await agree(frame);
  return frame;
}

visit("good_pass, with the provider found by typing", async (page) => {
  const { id } = await session(sandbox);
  const frame = await open(page, { session: id, state: "a b&c" });
  await agree(frame);
  await frame.getByRole("searchbox").waitFor();
  await accessible(page.frames()[1], "the real catalogue");
  const called = frame.getByLabel("What is it called?");
  await frame.getByRole("searchbox").fill("qqqq");
  equal(await called.inputValue(), "qqqq", "searching in vain: what is asked for");
  await frame.getByRole("searchbox").fill(byPassword.display_name);
  check(!await called.isVisible(), "searching again: it still asks what the system is called");
  await pick(frame, byPassword.display_name);
  await byCredentials(frame);
  await signIn(frame, byPassword.display_name, good);
  await complete(frame);
  const token = await connected(page, "good_pass", "a b&c");
  equal(token.provider_id, byPassword.id, "good_pass: provider");
});

visit("mfa, with a wrong code first", async (page) => {
  const frame = await toLogin(page);
  await signIn(frame, byPassword.display_name, { ...good, Password: "mfa" });
  await frame.getByLabel("Verification code").fill("000000");
  await press(frame, "Continue");
  await frame.getByRole("alert").waitFor();
  equal(await frame.getByLabel("Verification code").inputValue(), "", "mfa: the wrong code");
  await frame.getByLabel("Verification code").fill("123456");
  await press(frame, "Continue");
  await complete(frame);
  await connected(page, "mfa");
});

for (const password of ["account_selection", "mfa_account_selection"]) {
  visit(password, async (page) => {
    const frame = await toLogin(page);
    await signIn(frame, byPassword.display_name, { ...good, Password: password });
    if (password.startsWith("mfa")) {
      await frame.getByLabel("Verification code").fill("123456");
      await frame.getByLabel("Verification code").press("Enter");
    }
    await heading(frame, /Which companies/);
    await frame.getByRole("checkbox").nth(1).check();
    await press(frame, "Connect");
    await complete(frame);
    await connected(page, password);
  });
}

visit("good_token", async (page) => {
  const provider = await named("api_token");
  const frame = await toLogin(page, provider, "api_token");
  await signIn(frame, provider.display_name, { "API token": "good_token" });
  await complete(frame);
  await connected(page, "good_token");
});

visit("OAuth in the sandbox", async (page) => {
  const provider = await named("oauth");
  const frame = await toLogin(page, provider, "oauth");
  await press(frame, `Continue to ${provider.display_name}`);
  await complete(frame);
  await connected(page, "sandbox OAuth");
  equal(context.pages().length, 1, "sandbox OAuth: windows");
});

visit("assisted", async (page) => {
  const provider = await named("assisted");
  const frame = await toLogin(page, provider, "assisted");
  await press(frame, "I have done this");
  await frame.locator("[data-step=done]").waitFor();
  check(await frame.locator("time").count() > 0, "assisted: no date by which data is ready");
  await complete(frame);
  check((await connected(page, "assisted")).pending, "assisted: the data is there at once");
});

visit("a wrong password keeps what was typed", async (page) => {
  const frame = await toLogin(page);
  await signIn(frame, byPassword.display_name, { Username: "someone", Password: "wrong" });
  await frame.getByRole("alert").waitFor();
  equal(await frame.getByLabel("Username", { exact: true }).inputValue(), "someone", "wrong password: username");
  equal(await frame.getByLabel("Password", { exact: true }).inputValue(), "", "wrong password: password");
  check(await page.frames()[1].evaluate(() => document.activeElement.matches(".alert")), "wrong password: the focus is not on the problem");
  await accessible(page.frames()[1], "wrong password");
  await picture(page, "visit-wrong-password");
  await signIn(frame, byPassword.display_name, good);
  await complete(frame);
  await connected(page, "wrong password");
});

visit("three wrong passwords lead to the instructions", async (page) => {
  const provider = (await providersBy("credential")).find(({ id }) => id === "paycom");
  const { id } = await session(fallback, { integration: { provider: provider.id, auth_method: "credential" } });
  const frame = await open(page, { session: id });
  await agree(frame);
  for (const title of [/did not accept/, /did not accept/, /did not work 3 times/]) {
    await Promise.all([page.waitForResponse("**/connect/step"), signIn(frame, provider.display_name, { Username: "someone", Password: "wrong" })]);
    await frame.getByRole("alert").filter({ hasText: title }).waitFor();
  }
  await heading(frame, /Give access to/);
  await accessible(page.frames()[1], "the fallback");
  await picture(page, "visit-fallback");
  check(!await frame.getByText("good_pass").count(), "fallback: it still speaks of the password");
  await press(frame, "I have done this");
  await complete(frame);
  check((await connected(page, "fallback", undefined, fallback)).pending, "fallback: the data is there at once");
});

visit("an answer that is lost does not lose the code", async (page) => {
  const frame = await toLogin(page);
  await signIn(frame, byPassword.display_name, good);
  await frame.locator("[data-step=done]").waitFor({ timeout: 90_000 });
  let lost = 0;
  await page.route("**/connect/step", async (route) => {
    if (lost) return route.continue();
    lost += 1;
    await route.fetch(); // Perch has answered, and nobody heard it
    return route.abort();
  });
  await press(frame, "Return to Northwind Benefits");
  await frame.getByText("The connection was lost").waitFor();
  await press(frame, "Return to Northwind Benefits");
  await connected(page, "lost answer");
});

visit("a lost connection keeps what was typed, the password too", async (page) => {
  const frame = await toLogin(page);
  await page.route("**/connect/step", (route) => route.abort());
  await signIn(frame, byPassword.display_name, good);
  await frame.getByText("The connection was lost").waitFor();
  equal(await frame.getByLabel("Password", { exact: true }).inputValue(), "good_pass", "lost connection: password");
  await page.unroute("**/connect/step");
  await press(frame, `Connect ${byPassword.display_name}`);
  await complete(frame);
  await connected(page, "lost connection");
});

visit("closing asks only when something was typed", async (page) => {
  const frame = await toLogin(page);
  await frame.getByLabel("Username", { exact: true }).fill("good_user");
  await page.keyboard.press("Escape");
  await frame.getByRole("dialog", { name: "Leave without connecting?" }).waitFor();
  await accessible(page.frames()[1], "the question");
  await picture(page, "visit-leave");
  await press(frame, "Stay");
  equal(await frame.getByLabel("Username", { exact: true }).inputValue(), "good_user", "staying: username");
  await press(frame, "Close");
  await press(frame, "Leave");
  equal((await told(page))[0].kind, "close", "closing");
  equal(await page.locator("iframe").count(), 0, "closing: frames");
});

visit("closing with nothing typed", async (page) => {
  const frame = await toLogin(page);
  await press(frame, "Close");
  equal((await told(page))[0].kind, "close", "closing at once");
});

visit("a press while the page asks how things are", async (page) => {
  const frame = await toLogin(page);
  let pressed;
  const waiting = new Promise((resolve) => { pressed = resolve; });
  const asks = (request) => /\bverb=refresh\b/.test(request.postData() ?? "");
  await page.route("**/connect/step", async (route) => {
    if (asks(route.request())) await waiting;
    return route.continue();
  });
  const asked = page.waitForRequest(asks);
  await signIn(frame, byPassword.display_name, good);
  await asked;
  await press(frame, "Close");
  pressed();
  await connected(page, "pressed meanwhile");
});

visit("authorising again keeps the connection", async (page) => {
  const frame = await toLogin(page);
  await signIn(frame, byPassword.display_name, good);
  await complete(frame);
  const first = await connected(page, "the first time");
  const { id } = await again(first.connection_id);
  const second = await open(page, { session: id });
  await agree(second);
  await second.locator("[data-step=credentials]").waitFor();
  await signIn(second, byPassword.display_name, good);
  await complete(second);
  const token = await connected(page, "again");
  equal(token.connection_id, first.connection_id, "again: connection");
  check(token.access_token !== first.access_token, "again: the token is the same");
});

visit("a redirect with a state", async (page) => {
  const redirect = `${host}/back.html`;
  const { url } = await session(sandbox, { redirect_uri: redirect, integration: { provider: byPassword.id, auth_method: "credential" } });
  await page.goto(`${url}&state=s%20%26t`);
  await agree(page);
  await signIn(page, byPassword.display_name, good);
  await complete(page);
  await page.waitForURL(`${redirect}?*`);
  const back = new URL(page.url()).searchParams;
  equal(back.get("state"), "s &t", "redirect: state");
  await readable(back.get("code"), "redirect", sandbox, redirect);
});

visit("a redirect without JavaScript", async () => {
  const bare = await launch({ javaScriptEnabled: false });
  const page = await bare.newPage();
  const redirect = `${host}/back.html`;
  const { url } = await session(sandbox, { redirect_uri: redirect });
  await page.goto(url);
  await agree(page);
  await page.getByLabel("Search payroll and HR systems").last().fill(byPassword.display_name);
  await press(page, "Search");
  await page.locator(`button[value="${byPassword.id}"]`).click();
  await byCredentials(page);
  await signIn(page, byPassword.display_name, good);
  for (let left = 60; left && await page.locator("[data-step=progress]").count(); left -= 1) await press(page, "Check again");
  await complete(page);
  await page.waitForURL(`${redirect}?*`);
  await readable(new URL(page.url()).searchParams.get("code"), "without JavaScript", sandbox, redirect);
  await bare.close();
});

visit("Perch's own script", async (page) => {
  const { id } = await session(sandbox, { integration: { provider: byPassword.id, auth_method: "credential" } });
  const frame = await open(page, { session: id, state: "own" }, "script");
  check(Boolean(await page.locator("iframe").getAttribute("title")), "own script: the frame has no title");
  equal(await page.evaluate(() => document.activeElement.tagName), "IFRAME", "own script: focus");
  check(await page.locator("h1").evaluate((one) => one.inert), "own script: the page below can be reached");
  await agree(frame);
  await signIn(frame, byPassword.display_name, good);
  await complete(frame);
  await connected(page, "own script", "own");
  equal(await page.evaluate(() => document.activeElement.textContent), "Connect payroll", "own script: focus afterwards");
  check(!await page.locator("h1").evaluate((one) => one.inert), "own script: the page stays covered");
});

visit("Perch's own script without a session, as older pages have it", async (page) => {
  const frame = await open(page, { client: sandbox.id }, "script");
  await agree(frame);
  await press(frame, "Continue to Gusto");
  await complete(frame);
  const token = await connected(page, "older page", "legacy");
  check(!token.customer_id, `older page: the customer is ${token.customer_id}`);
});

visit("too many attempts", async (page) => {
  const frame = await toLogin(page);
  const attempt = () => Promise.all([page.waitForResponse("**/connect/step"), signIn(frame, byPassword.display_name, { Username: "someone", Password: "wrong" })]);
  // A link takes 20 attempts. On a slow machine the page may still be changing while the next one is typed: then the
  // password is gone again, and what was sent was no attempt.
  let made = 1;
  let [answer] = await attempt();
  for (; answer.status() !== 429 && made < 40; made += 1) [answer] = await attempt();
  equal(answer.status(), 429, "too many: status");
  check(made > 20, `too many: refused at number ${made}`);
  equal(answer.headers()["perch-error"], "finch_auth_ip_rl", "too many: header");
  await frame.getByRole("alert").filter({ hasText: "Too many attempts" }).waitFor();
  const [event] = await told(page);
  check(event.kind === "error" && event.errorType === "finch_auth_ip_rl", `too many: told ${JSON.stringify(event)}`);
  equal(await page.locator("iframe").count(), 1, "too many: the frame stays");
  await accessible(page.frames()[1], "too many attempts");
  await picture(page, "visit-too-many");
});

visit("the example", async (page) => {
  const config = path.join(process.env.PERCH_HOST_FOLDER, "dev.json");
  writeFileSync(config, JSON.stringify({ api_url: perch, connect_url: perch, client_id: sandbox.id, client_secret: sandbox.secret }));
  const server = spawn(process.execPath, ["../../../examples/embed/server.mjs", config], { env: { ...process.env, PORT: "0" }, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [address] = await once(server.stdout, "data");
    await page.goto(String(address).trim());
    await press(page, "Connect payroll");
    const frame = page.frameLocator("iframe");
    await agree(frame);
    await pick(frame, byPassword.display_name);
    await byCredentials(frame);
    await signIn(frame, byPassword.display_name, good);
    await complete(frame);
    await page.getByText(/^\d+ people$/).waitFor();
  } finally {
    server.kill();
  }
});

visit("a preview cannot finish", async (page) => {
  const frame = await open(page, { preview: sandbox.id });
  await frame.getByText("Preview", { exact: true }).waitFor();
  await agree(frame);
  await pick(frame, byPassword.display_name);
  await frame.locator("main h1").waitFor();
  await picture(page, "visit-preview");
  equal((await page.evaluate(() => window.said)).length, 0, "preview: events");
  await press(frame, "Close");
  equal((await told(page))[0].kind, "close", "preview");
});

// The provider's own page, in a window over the frame -----------------------------------------------

async function toWindow(page) {
  const { id } = await session(real, { integration: { provider: process.env.PERCH_SIGNED_IN, auth_method: "oauth" } });
  const frame = await open(page, { session: id });
  await agree(frame);
  const button = frame.getByRole("button", { name: /^Continue to/ });
  await button.waitFor();
  return { frame, button };
}

visit("OAuth in a window", async (page) => {
  const { frame, button } = await toWindow(page);
  const [window] = await Promise.all([context.waitForEvent("page"), button.click()]);
  await frame.getByText("Finish in the other window").waitFor();
  await accessible(page.frames()[1], "waiting for the window");
  await picture(page, "visit-window");
  check(await window.evaluate(() => window.opener === null), "window: the provider's page has a hold on Connect");
  await window.getByRole("link", { name: "Allow" }).click();
  await complete(frame);
  await connected(page, "window", undefined, real);
  equal(context.pages().length, 1, "window: windows left");
});

visit("OAuth in a window that the provider takes out of our hands", async (page) => {
  await fetch(`${host}/isolate?on=1`, { method: "POST" });
  try {
    const { frame, button } = await toWindow(page);
    const [window] = await Promise.all([context.waitForEvent("page"), button.click()]);
    await window.getByRole("link", { name: "Allow" }).waitFor();
    await frame.getByText("The window was closed").waitFor(); // all that this page can see of it
    await window.getByRole("link", { name: "Allow" }).click();
    await complete(frame);
    await connected(page, "isolated", undefined, real);
  } finally {
    await fetch(`${host}/isolate`, { method: "POST" });
  }
});

visit("an answer in the browser of a stranger", async (page) => {
  const { frame, button } = await toWindow(page);
  const [window] = await Promise.all([context.waitForEvent("page"), button.click()]);
  await window.getByRole("link", { name: "Allow" }).waitFor();
  const lure = window.url(); // whoever began sends it to somebody else
  const stranger = await launch();
  const victim = await stranger.newPage();
  const asked = [];
  victim.on("request", (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
  await victim.goto(lure);
  await victim.getByRole("link", { name: "Allow" }).click();
  await victim.getByText("Nothing was connected here").waitFor();
  await accessible(victim.mainFrame(), "an answer without its page");
  await picture(victim, "visit-stranger");
  check(!asked.some((one) => one.startsWith("POST")), `stranger: sent ${asked.join()}`);
  await stranger.close();
  await window.close();
  await frame.getByText("The window was closed").waitFor();
  equal((await page.evaluate(() => window.said)).length, 0, "stranger: events");
});

visit("OAuth that is denied, then closed, then allowed", async (page) => {
  const { frame, button } = await toWindow(page);
  let [window] = await Promise.all([context.waitForEvent("page"), button.click()]);
  await window.getByRole("link", { name: "Deny" }).click();
  await frame.getByText("You did not grant access").waitFor();
  [window] = await Promise.all([context.waitForEvent("page"), button.click()]);
  await window.getByRole("link", { name: "Deny" }).waitFor();
  await window.close();
  await frame.getByText("The window was closed").waitFor();
  [window] = await Promise.all([context.waitForEvent("page"), button.click()]);
  await window.getByRole("link", { name: "Allow" }).click();
  await complete(frame);
  await connected(page, "third time", undefined, real);
});

visit("a window that the browser blocks", async (page) => {
  const { frame, button } = await toWindow(page);
  await page.frames()[1].evaluate(() => { window.allowed = window.open; window.open = () => null; });
  await button.click();
  await frame.getByText("Your browser blocked the window").waitFor();
  await accessible(page.frames()[1], "a blocked window");
  await page.frames()[1].evaluate(() => { window.open = window.allowed; });
  const [window] = await Promise.all([context.waitForEvent("page"), press(frame, "Open the window")]);
  await window.getByRole("link", { name: "Allow" }).click();
  await complete(frame);
  await connected(page, "blocked", undefined, real);
});

visit("OAuth by redirect", async (page) => {
  const redirect = `${host}/back.html`;
  const { url } = await session(real, { redirect_uri: redirect, integration: { provider: process.env.PERCH_SIGNED_IN, auth_method: "oauth" } });
  await page.goto(url);
  await agree(page);
  await page.getByRole("button", { name: /^Continue to/ }).click();
  await page.getByRole("link", { name: "Allow" }).click();
  await complete(page);
  await page.waitForURL(`${redirect}?*`);
  await readable(new URL(page.url()).searchParams.get("code"), "OAuth by redirect", real, redirect);
});

// Links that do not work ----------------------------------------------------------------------------

visit("a link of nobody", async (page) => {
  const frame = await open(page, { session: "5f6d1c0a-8f57-4a5e-9b0e-2f5b0d8c7a11" });
  await heading(frame, /link/);
  equal((await page.evaluate(() => window.said)).length, 0, "unknown: events");
});

visit("a page that says it is another one", async (page) => {
  const { id } = await session();
  const link = `${perch}/authorize?${new URLSearchParams({ session: id, app_type: "spa", sdk_host_url: host })}`;
  await page.goto(`${host.replace("localhost", "127.0.0.1")}/back.html`);
  const heard = await page.evaluate(async (src) => {
    const messages = [];
    addEventListener("message", ({ data }) => messages.push(data));
    const frame = document.createElement("iframe");
    const loaded = new Promise((resolve) => { frame.onload = resolve; });
    frame.src = src;
    document.body.append(frame);
    await loaded;
    return messages.length;
  }, link);
  equal(heard, 0, "another page: messages");
  equal(await page.frames()[1].locator("[data-step]").count(), 0, "another page: Connect shows itself");
});

visit("a link that was used already", async (page) => {
  const { id } = await session(sandbox, { integration: { provider: byPassword.id, auth_method: "credential" } });
  for (const unfinished of [true, false]) {
    const frame = await open(page, { session: id });
    await agree(frame);
    await signIn(frame, byPassword.display_name, good);
    await frame.locator("[data-step=done]").waitFor({ timeout: 90_000 });
    if (unfinished) {
      const again = await open(page, { session: id });
      await press(again, "Close");
      const [event] = await told(page);
      check(event.kind === "error" && event.errorType === "employer_connection_error", `unfinished: told ${JSON.stringify(event)}`);
      equal(await page.locator("iframe").count(), 0, "unfinished: frames");
      continue;
    }
    await complete(frame);
    await connected(page, "the first time");
  }
  const frame = await open(page, { session: id });
  await heading(frame, /used already/);
  await accessible(page.frames()[1], "a used link");
  await press(frame, "Close");
  const events = await told(page, 2);
  check(events.every(({ kind }) => kind === "error"), `used: told ${JSON.stringify(events)}`);
  equal(await page.locator("iframe").count(), 0, "used: frames");
});

visit("an expired session", async (page) => {
  const { id } = await session(sandbox, { minutes_to_expire: 1 });
  await fetch(`${host}/clock?by=2m`, { method: "POST" });
  const frame = await open(page, { session: id });
  await heading(frame, /expired/i);
  const [event] = await told(page);
  check(event.kind === "error" && event.errorType === "validation_error", `expired: told ${JSON.stringify(event)}`);
  await accessible(page.frames()[1], "an expired session");
  await press(frame, "Close");
  equal((await told(page, 2))[1].kind, "close", "expired");
});

for (const { name, run } of visits) {
  if (only && !name.includes(only)) continue;
  const page = await context.newPage();
  for (const other of context.pages()) if (other !== page) await other.close();
  page.setDefaultTimeout(20_000);
  const said = complaints(page);
  const begun = Date.now();
  try {
    await run(page);
  } catch (error) {
    check(false, `${name}: ${error.message}`);
    await picture(page, `failed-${name.replace(/\W+/g, "-")}`).catch(() => {});
  }
  const expected = name.includes("lost") ? /net::ERR_FAILED/ : name.includes("another one") ? /frame-ancestors/ : /^$/;
  for (const line of said) check(expected.test(line), `${name}: the console says ${line}`);
  console.log(`${name}: ${Date.now() - begun} ms`);
}
equal((await context.cookies()).length, 0, "cookies");
await context.close();
finish();
