// Works in the console as a person does, from the sign-in to data in the API, and looks at every page.
import { accessible, check, complaints, equal, finish, launch, perch, picture } from "../../browser/driver/browser.mjs";

const { PERCH_EMAIL: email, PERCH_PASSWORD: password, PERCH_TOKEN: token, PERCH_VERSION: version } = process.env;
const paths = JSON.parse(process.env.PERCH_PATHS);
const context = await launch();
const page = await context.newPage();
const said = complaints(page);
const main = () => page.locator("main");

async function look(name) {
  for (const size of [{ width: 360, height: 740 }, { width: 1280, height: 800 }]) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const what = `console-${name}-${colorScheme}-${size.width}`;
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(wide <= 0, `${what}: ${wide} px too wide`);
      await accessible(page, what);
      await page.screenshot({ path: `${process.env.PERCH_PICTURES}/${what}.png`, animations: "disabled", fullPage: true });
    }
  }
}

async function directory() {
  const answer = await fetch(`${perch}/employer/directory`, { headers: { Authorization: `Bearer ${token}`, "Finch-API-Version": version } });
  return { status: answer.status, body: await answer.json() };
}

// Signing in: a refusal keeps the address, says what to do and takes the focus.
await page.goto(`${perch}/console`);
equal(new URL(page.url()).pathname, "/console/sign-in", "signed out");
await look("sign-in");
await page.getByLabel("E-mail address").fill(email);
await page.getByLabel("Password", { exact: true }).fill("wrong horse battery");
await page.getByRole("button", { name: "Sign in" }).click();
await page.getByRole("alert").waitFor();
equal(await page.getByLabel("E-mail address").inputValue(), email, "the address after a refusal");
await look("refused");
await page.getByLabel("Password", { exact: true }).fill(password);
await page.keyboard.press("Enter");
await page.waitForURL("**/console/queue");
await look("queue");

// Filters apply by themselves and stay in the address.
await page.locator("#when").selectOption("overdue");
await page.waitForURL("**/console/queue?*when=overdue*");
await look("queue-empty");
await page.getByRole("link", { name: "Show everything" }).click();
await page.waitForURL("**/console/queue");
await page.getByRole("link", { name: "Blue Bakery" }).first().click();
await page.waitForURL("**/console/a/**");
await look("connection");

// The sign-in at the provider is shown on a click only.
await page.locator("#account-username").fill("perch@northwind.example");
await page.locator("#account-password").fill("s3cret-Pa55");
await page.getByRole("button", { name: "Save sign-in" }).click();
await page.getByRole("button", { name: "Show sign-in" }).click();
await page.locator("#secret").waitFor();
check((await page.locator("#secret").innerText()).includes("s3cret-Pa55"), "the password is not shown");
check(await page.evaluate(() => document.activeElement?.id === "secret"), "the focus is not on what was asked for");
await look("revealed");
await page.goto(`${perch}${paths.connection}`);
check(!(await page.content()).includes("s3cret-Pa55"), "the password stays on the page");

// The status.
await page.locator("input[name=status][value=processing]").check();
await page.getByRole("button", { name: "Change status" }).click();
await page.locator(".toast").waitFor();
await look("status");

// A file with columns that nobody knows is corrected by drop-down.
const columns = ["Code A", "Code B", "Code C", "SSN", "Birth Date", "Hire Date", "Job Title", "Annual Salary"];
const people = [["1", "Ada", "Stone", "900-12-3001", "1980-02-03", "2015-01-05", "Baker", "52000"], ["2", "Ben", "Frost", "900-12-3002", "1985-04-05", "2016-01-05", "Clerk", "48000"],
  ["3", "Cleo", "Marsh-Featherstonehaugh of the Lower Valley", "900-12-3003", "1990-06-07", "2017-13-05", "Clerk", "47000"]];
const csv = (rows) => Buffer.from([columns, ...rows].map((row) => row.join(",")).join("\r\n"));
async function hand(name, rows) {
  await page.getByLabel("Census and payroll files").setInputFiles({ name, mimeType: "text/csv", buffer: csv(rows) });
  await page.getByRole("button", { name: "Read files" }).click();
  await page.waitForURL("**/uploads/**");
  await main().getByRole("button", { name: "Reject and delete files" }).waitFor({ timeout: 60_000 });
}
await hand("people.csv", people);
check((await main().innerText()).includes("no column was recognised"), "the problem is not said");
await look("problem");
for (const [title, value] of [["Code A", "employee_number"], ["Code B", "first_name"], ["Code C", "last_name"]]) await page.getByRole("combobox", { name: title }).selectOption(value);
await page.getByRole("button", { name: "Read again with these columns" }).click();
await main().getByRole("button", { name: "Publish", exact: true }).waitFor({ timeout: 60_000 });
const review = await main().innerText();
for (const text of ["Ada", "Problems, row by row", "••••3001"]) check(review.includes(text), `the review does not show ${text}`);
for (const text of ["900-12-3001", "52,000", "52000"]) check(!review.includes(text), `the review shows ${text}`);
await look("review");
equal((await directory()).status, 202, "before publishing");
await page.getByRole("button", { name: "Show numbers and pay" }).click();
await main().getByText("52,000.00").first().waitFor();
await look("review-revealed");
await main().getByRole("button", { name: "Publish", exact: true }).click();
await main().getByRole("heading", { name: "Published" }).waitFor({ timeout: 60_000 });
await look("published");
const got = await directory();
equal(got.status, 200, "after publishing");
equal(got.body.individuals?.map((one) => one.first_name).join(), "Ada,Ben,Cleo", "the people in the API");

// The next week: somebody left, and a pay jumped.
await page.goto(`${perch}${paths.connection}`);
await hand("next.csv", [[...people[0].slice(0, 7), "99000"], people[1].map((cell) => cell), ["4", "Dan", "Reed", "900-12-3004", "1991-06-07", "2018-01-05", "Clerk", "46000"]]);
const compared = await main().innerText();
for (const text of ["The pay of 1 person jumped", "+90 %", "Who joined"]) check(compared.includes(text), `the comparison does not show ${text}`);
await look("compared");
await page.getByRole("button", { name: "Reject and delete files" }).click();
await page.locator(".toast").waitFor();
await look("history");

for (const [name, path] of Object.entries({ connections: "/console/connections", audit: "/console/audit", missing: "/console/nothing", long: paths.long })) {
  await page.goto(`${perch}${path}`);
  await look(name);
}
await page.getByRole("button", { name: "Sign out" }).click();
await page.waitForURL("**/console/sign-in");
await page.goto(`${perch}${paths.connection}`);
equal(new URL(page.url()).pathname, "/console/sign-in", "after signing out");

equal(said.join("\n"), "", "the console");
await context.close();
finish();
