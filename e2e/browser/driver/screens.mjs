// Looks at every screen of the showcase: pictures, accessibility, width, focus.
import { accessible, check, complaints, equal, finish, host, launch, perch, picture } from "./browser.mjs";

const screens = JSON.parse(process.env.PERCH_SCREENS);
const only = process.env.PERCH_ONLY;
const sizes = [{ width: 360, height: 740 }, { width: 1280, height: 800 }];
const context = await launch();
const page = await context.newPage();
const said = complaints(page);

async function show({ name, embedded }) {
  const address = `${perch}/authorize?session=${name}`;
  if (!embedded) {
    await page.goto(address);
    return page.mainFrame();
  }
  await page.goto(`${host}/frame.html?src=${encodeURIComponent(address)}`);
  const element = await page.waitForSelector("iframe");
  const frame = await element.contentFrame();
  await frame.waitForSelector("[data-step]");
  return frame;
}

for (const size of sizes) {
  await page.setViewportSize(size);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const screen of screens) {
      if (only && !screen.name.startsWith(only)) continue;
      const what = `${screen.name}-${colorScheme}-${size.width}`;
      const frame = await show(screen);
      await frame.waitForFunction(() => document.activeElement?.matches("[data-focus]"), null, { timeout: 10_000 })
        .catch(() => check(false, `${what}: the focus is nowhere`));
      const { wide, cut, small } = await frame.evaluate(() => ({
        small: [...document.querySelectorAll(".input input")].filter((one) => innerWidth <= 480 && parseFloat(getComputedStyle(one).fontSize) < 16).map(({ id }) => id),
        wide: document.documentElement.scrollWidth - innerWidth,
        cut: [...document.querySelectorAll(".window :is(button, h1, h2, p, label, li)")]
          .filter((one) => one.checkVisibility() && getComputedStyle(one).clipPath === "none" && one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline")
          .map((one) => one.outerHTML.slice(0, 80)),
      }));
      check(wide <= 0, `${what}: ${wide} px too wide`);
      equal(cut.join(), "", `${what}: cut off`);
      equal(small.join(), "", `${what}: fields that phones zoom into`);
      await accessible(frame, what);
      await picture(page, what);
    }
  }
}

// Half the size of the window is what 200 % zoom leaves of it.
await page.setViewportSize({ width: 640, height: 400 });
for (const screen of screens.filter(({ name }) => ["consent-long", "credentials", "accounts"].includes(name))) {
  const frame = await show(screen);
  const button = frame.locator("footer button").first();
  await button.scrollIntoViewIfNeeded();
  check(await button.isVisible(), `${screen.name} at 200 %: the button cannot be reached`);
  await picture(page, `${screen.name}-zoomed`);
}

equal(said.join("\n"), "", "the console");
await context.close();
finish();
