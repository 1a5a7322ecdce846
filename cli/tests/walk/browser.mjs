// A Chromium that is driven as a person does: by what stands on links, buttons and labels. It speaks the browser's own
// protocol over a pipe, so nothing is installed for it.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const PATIENCE = 60_000;
// What finds what keeps people out; without it nothing is looked for.
const AXE = process.env.AXE ? readFileSync(process.env.AXE, 'utf8') : '';

export class Browser {
  constructor(program, profile) {
    const words = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
      '--disable-dev-shm-usage', '--hide-scrollbars', '--remote-debugging-pipe', `--user-data-dir=${profile}`];
    this.process = spawn(program, words, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    [this.asked, this.next, this.listeners, this.rest] = [new Map(), 1, new Set(), Buffer.alloc(0)];
    this.process.stdio[4].on('data', (part) => {
      this.rest = Buffer.concat([this.rest, part]);
      for (let end; (end = this.rest.indexOf(0)) >= 0; this.rest = this.rest.subarray(end + 1)) {
        this.heard(JSON.parse(this.rest.subarray(0, end).toString()));
      }
    });
  }

  heard(message) {
    const asked = this.asked.get(message.id);
    if (asked) {
      this.asked.delete(message.id);
      return message.error ? asked.fail(new Error(message.error.message)) : asked.done(message.result);
    }
    this.listeners.forEach((listener) => listener(message));
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.next++;
    this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + '\0');
    return new Promise((done, fail) => this.asked.set(id, { done, fail }));
  }

  /// A page of somebody who shares no cookie with others.
  async somebody() {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`);
    await page.wide(1280, 'light');
    return page;
  }

  end() {
    this.process.kill('SIGKILL');
  }
}

class Page {
  constructor(browser, session) {
    [this.browser, this.session, this.loads, this.said, this.wider, this.barred] = [browser, session, 0, [], [], []];
    browser.listeners.add(({ sessionId, method, params }) => {
      if (sessionId !== session) return;
      if (method === 'Page.loadEventFired') this.loads += 1;
      if (method === 'Log.entryAdded') this.said.push(`${params.entry.text} ${params.entry.url ?? ''}`);
      if (method === 'Runtime.exceptionThrown') this.said.push(params.exceptionDetails.text);
      if (method === 'Runtime.consoleAPICalled') this.said.push(params.args.map((arg) => arg.value).join(' '));
    });
  }

  send(method, params) {
    return this.browser.send(method, params, this.session);
  }

  async run(code, ...words) {
    const expression = `(${code})(...${JSON.stringify(words)})`;
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(`${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  async until(what, test, patience = PATIENCE) {
    const end = Date.now() + patience;
    for (;;) {
      // A page that is just being left answers nothing.
      const found = await Promise.resolve(test()).catch(() => null);
      if (found) return found;
      if (Date.now() > end) throw new Error(`${what} did not come:\n${await this.text()}`);
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  /// Does something that opens another page, and waits for it.
  async opening(act) {
    const before = this.loads;
    await act();
    await this.until('another page', () => this.loads > before);
  }

  goto(url) {
    return this.opening(() => this.send('Page.navigate', { url }));
  }

  text() {
    return this.run(() => document.body.innerText);
  }

  path() {
    return this.run(() => location.pathname + location.search);
  }

  heading() {
    return this.run(() => document.querySelector('h1').innerText);
  }

  async says(text, patience) {
    await this.until(`"${text}"`, async () => (await this.text()).includes(text), patience);
  }

  /// The middle of what has this text, scrolled to where it is seen.
  spot(selector, text, within) {
    return this.run((selector, text, within) => {
      const said = (one) => (one.getAttribute('aria-label') ?? one.innerText).trim();
      const all = [...document.querySelectorAll(`${within} :is(${selector})`)].filter((one) => said(one) === text);
      if (all.length === 0) throw new Error(`nothing says "${text}": ${document.body.innerText}`);
      all[0].scrollIntoView({ block: 'center', behavior: 'instant' });
      const box = all[0].getClientRects()[0];
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    }, selector, text, within);
  }

  async mouse({ x, y }) {
    for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased']) {
      await this.send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 });
    }
  }

  /// Clicks a link or a button by what stands on it, within what a selector finds, and waits for the page it opens.
  async click(text, within = 'body') {
    const spot = await this.spot('a[href], button', text, within);
    await this.opening(() => this.mouse(spot));
  }

  /// Writes into the field of a label, or chooses there.
  async fill(label, value, within = 'main') {
    const kind = await this.run((label, value, within) => {
      const labels = [...document.querySelectorAll(`${within} label`)].filter((one) => one.innerText.trim() === label);
      if (labels.length !== 1) throw new Error(`${labels.length} labels say "${label}"`);
      const field = labels[0].control;
      field.scrollIntoView({ block: 'center', behavior: 'instant' });
      field.focus();
      if (field.tagName !== 'SELECT') return 'text';
      const option = [...field.options].find((one) => one.text.trim() === value);
      if (!option) throw new Error(`"${label}" offers ${[...field.options].map((one) => one.text)}, not ${value}`);
      field.value = option.value;
      field.dispatchEvent(new Event('change', { bubbles: true }));
      return 'choice';
    }, label, value, within);
    if (kind === 'text') await this.send('Input.insertText', { text: value });
  }

  async axe() {
    await this.send('Runtime.evaluate', { expression: AXE });
    return this.run(async () => {
      const { violations } = await axe.run(document, { resultTypes: ['violations'] });
      return violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 200)} ${one.nodes[0].failureSummary}`);
    });
  }

  async wide(width, scheme) {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 });
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  }

  /// Pictures of the whole page, wide and narrow, light and dark. Where it is wider than its window, or keeps people out, that
  /// is noted.
  async pictures(folder, name, scripts = true) {
    for (const [width, scheme] of [[1280, 'light'], [1280, 'dark'], [390, 'light'], [390, 'dark']]) {
      await this.wide(width, scheme);
      // By our own clock, since a finished report is in a sandbox where no script of the page's runs.
      await new Promise((done) => setTimeout(done, 200));
      const over = await this.run(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) this.wider.push(`${name} at ${width}: ${over} px`);
      if (AXE && scripts) this.barred.push(...(await this.axe()).map((found) => `${name} at ${width}, ${scheme}: ${found}`));
      const height = await this.run(() => Math.min(6000, document.documentElement.scrollHeight));
      const clip = { x: 0, y: 0, width, height, scale: 1 };
      const { data } = await this.send('Page.captureScreenshot', { clip, captureBeyondViewport: true });
      writeFileSync(`${folder}/${name}-${width}-${scheme}.png`, Buffer.from(data, 'base64'));
    }
    await this.wide(1280, 'light');
  }
}
