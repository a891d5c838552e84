import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { Front } from '../../src/api/serving-api.ts';
import { openChromium, withoutChromium } from '../support/chromium.ts';
import { PAGE_STATES, type PageState, pageState, replayed } from '../support/page-replay.ts';

const TOKEN = 'a token of the tests';
const WAIT = { timeout: 60_000 };
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** What the first line has to tell, at a glance. */
const SENTENCES: Readonly<Record<(typeof PAGE_STATES)[number], RegExp>> = {
  'healthy': /^housing serves version 2; nothing is wrong\.$/,
  'rolled-back': /^housing serves version 2 again; version dollars was rolled back .+ ago: mean drift\.$/,
  'held-still': /rolled back .+ ago: mean drift\. The judge only watches until \d\d:\d\d:\d\d\.$/,
  'disk-refused': /^housing serves version 2 again, but the disk refuses to write that down\.$/,
  'no-target': /^lonely version fragile fails, and there is nothing to go back to: .*error rate.*\.$/,
};
const LIGHT: BrowserContextOptions = { colorScheme: 'light' };
const DARK_PHONE: BrowserContextOptions = { colorScheme: 'dark', viewport: { width: 360, height: 780 } };

interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
}

describe('The page in a browser', { skip: withoutChromium }, () => {
  let browser: Browser;
  const fronts: Front[] = [];
  before(async () => {
    browser = await openChromium();
  });
  after(async () => {
    await browser.close();
    for (const front of fronts) front.close();
  });

  async function opened(state: PageState, how: BrowserContextOptions = {}) {
    const { front, shown, acted } = await replayed(state, { adminToken: TOKEN });
    fronts.push(front);
    const usual: BrowserContextOptions = { viewport: { width: 1_120, height: 860 }, reducedMotion: 'reduce' };
    const context = await browser.newContext({ ...usual, ...how });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('pageerror', ({ message }) => errors.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
    });
    await page.goto(`http://127.0.0.1:${front.port}/ui`);
    if (how.javaScriptEnabled !== false) await page.waitForSelector('#plot[tabindex]', WAIT);
    return { page, front, shown, acted, errors };
  }

  const textOf = async (page: Page, selector: string): Promise<string> => await page.textContent(selector, WAIT) ?? '';

  async function findings(page: Page): Promise<string[]> {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate<AxeResult>('axe.run()');
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ').slice(0, 300)}`);
  }

  for (const name of PAGE_STATES) {
    test(`tells of ${name} in its first sentence, and is found to be accessible`, async () => {
      for (const how of [LIGHT, DARK_PHONE]) {
        const { page, errors } = await opened(pageState(name), how);
        assert.match(await textOf(page, 'h1'), SENTENCES[name]);
        assert.deepEqual(await findings(page), []);
        const isTooWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
        assert.equal(isTooWide, false, 'nothing runs over the side');
        assert.deepEqual(errors, []);
        await page.context().close();
      }
    });
  }

  test('says what would be gone back to in large letters, or that there is nothing', async () => {
    const back = await opened(pageState('rolled-back'));
    assert.equal(await textOf(back.page, '.goal'), `version ${pageState('rolled-back').snapshot.target.version ?? ''}`);
    const none = await opened(pageState('no-target'));
    assert.equal(await textOf(none.page, '.goal'), 'nothing');
    assert.match(await textOf((await opened(pageState('held-still'))).page, '.over'), /watch only/);
  });

  test('shows its first picture without a script', async () => {
    const { page } = await opened(pageState('rolled-back'), { javaScriptEnabled: false });
    assert.match(await textOf(page, 'h1'), SENTENCES['rolled-back']);
    assert.ok(await page.locator('svg.plot polygon').count() > 1);
    assert.equal(await page.locator('button').count(), 0);
  });

  test('says that there is no news in place of old numbers', async () => {
    const { page, front, shown } = await opened(pageState('healthy'));
    await page.context().setOffline(true);
    front.close();
    await page.waitForSelector('main.is-lost', WAIT);
    assert.match(await textOf(page, 'h1'), /^No news for \d+ s\.$/);
    assert.equal(await page.locator('.numbers, .checks, .over, .target').count(), 0, 'no number of before is shown');
    assert.ok(shown.state.snapshot.checks.length > 0);
  });

  test('shows hostile texts of models, versions and errors as texts', async () => {
    const evil = '<img src=x onerror="document.title=1">';
    const { snapshot, timeline } = pageState('rolled-back');
    const { page, errors } = await opened({
      timeline: { ...timeline, versions: [{ version: evil, points: timeline.versions[0]?.points ?? [] }] },
      snapshot: {
        ...snapshot, headline: { tone: 'bad', word: evil, sentence: evil }, target: { version: evil, text: evil },
        models: [{ model: evil, tone: 'bad', word: evil }, { model: 'b', tone: 'good', word: evil }],
        changes: [{ atMs: snapshot.atMs - 5_000, sequence: 1, kind: 'rollback', text: evil, tone: 'back' }],
        versions: [{ version: evil, role: 'active', text: evil, tone: 'good' }],
      },
    });
    assert.equal(await textOf(page, 'h1'), evil);
    assert.equal(await page.locator('img').count(), 0);
    assert.deepEqual(errors, []);
  });

  test('reads the numbers of a moment by keys alone', async () => {
    const { page } = await opened(pageState('rolled-back'));
    await page.focus('#plot');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    const told = await page.getAttribute('#plot', 'aria-valuetext') ?? '';
    assert.match(told, /^\d\d:\d\d:\d\d: /);
    assert.equal(await textOf(page, '.readout'), told);
    await page.keyboard.press('End');
    assert.notEqual(await page.getAttribute('#plot', 'aria-valuetext'), told);
  });

  test('hides actions without the token; with it asks once more, and sends the generation that was shown', async () => {
    const { page, acted, shown, errors } = await opened(pageState('rolled-back'));
    const { generation } = shown.state.snapshot;
    const changes = (): unknown[] => acted.filter((one) => (one as { readonly verb: string }).verb !== 'rows');
    const isTold = (what: string): Promise<void> => page.locator('.told', { hasText: what }).waitFor(WAIT);
    assert.equal(await page.locator('.action').count(), 0);
    await page.fill('#token', 'not the token');
    await page.keyboard.press('Enter');
    await isTold('token');
    assert.equal(await page.locator('.action').count(), 0);
    await page.fill('#token', TOKEN);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.action', WAIT);
    assert.match(await textOf(page, '.action code'), /^lastgood rollback housing$/);
    await page.click('.action button');
    await page.waitForSelector('dialog[open]', WAIT);
    assert.match(await textOf(page, 'dialog'), /^housing: Roll back to /);
    assert.deepEqual(changes(), [], 'nothing is sent yet');
    // Another generation is active by now: the click was meant for the one that was shown.
    shown.state = { ...shown.state, snapshot: { ...shown.state.snapshot, generation: generation + 1 } };
    await page.click('dialog .sure');
    await isTold('done');
    assert.deepEqual(changes(), [{ verb: 'rollback', model: 'housing', version: null, generation }]);
    assert.deepEqual(await page.evaluate('[localStorage.length, sessionStorage.length, document.cookie]'), [0, 0, '']);
    assert.deepEqual(errors.filter((text) => !text.includes('401')), []);
  });
});
