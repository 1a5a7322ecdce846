// The walk of a reader who never saw the service: sign in, find the cluster to move, ask what if, give a colleague of one team
// a link, install another cluster and see its hours. Ends with one line of JSON; a step that fails ends it with its reason.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { Browser } from './browser.mjs';

const { CHROMIUM, SERVICE_URL, SERVICE_TOKEN, PICTURES, EMP_COST, PROMETHEUS_URL, FOLDER } = process.env;
const CLUSTERS = ['shop-prod', 'data-prod', 'shop-staging'];
mkdirSync(PICTURES, { recursive: true });
const browser = new Browser(CHROMIUM, `${FOLDER}/profile`);
const begun = Date.now();
const took = {};
const done = (step) => { took[step] = ((Date.now() - begun) / 1000).toFixed(1); };
const must = (good, why) => { if (!good) throw new Error(why); };

async function walk() {
  const ann = await browser.somebody();
  await ann.goto(SERVICE_URL);
  must((await ann.path()).startsWith('/sign-in'), 'nobody is in without signing in');
  await ann.pictures(PICTURES, '01-sign-in');
  await ann.fill('Access token', SERVICE_TOKEN);
  await ann.click('Sign in', 'main');
  must((await ann.heading()) === 'Clusters', 'signing in leads to the clusters');
  done('signed in');

  // The reports of the other clusters come while somebody looks.
  await ann.until('three clusters', async () => {
    const text = await ann.text();
    if (CLUSTERS.every((name) => text.includes(name))) return true;
    await new Promise((later) => setTimeout(later, 1000));
    await ann.goto(`${SERVICE_URL}/`);
    return false;
  }, 600_000);
  done('three clusters');
  await ann.pictures(PICTURES, '02-clusters');
  // The best to move is the first of the ranking, and the page says so above it.
  const best = await ann.run(() => document.querySelector('#fleet tbody tr a').innerText);
  must((await ann.text()).includes(`${best} is the first to look at`), `the page says what to look at first: ${best}`);
  await ann.fill('Name or region contains', best);
  await ann.until('the filter', async () => (await ann.run(() => document.querySelectorAll('#fleet tbody tr').length)) === 1);
  await ann.click(best, '#fleet');
  must((await ann.heading()) === best, 'its page opens');
  await ann.pictures(PICTURES, '03-cluster');

  await ann.click('What if', 'main');
  await ann.fill('Name', 'without the fee');
  await ann.fill('The vendor’s fee', '0');
  await ann.fill('Discount off every list price', '0.07');
  await ann.pictures(PICTURES, '04-what-if-form');
  await ann.click('Replay', 'main');
  await ann.pictures(PICTURES, '05-what-if-waits');
  const whatIf = await ann.path();
  // It looks again by itself.
  await ann.says('With these assumptions', 600_000);
  done('what-if');
  must((await ann.path()) === whatIf, 'nobody had to click');
  await ann.pictures(PICTURES, '06-what-if');
  await ann.click('What changed, and why', 'main');
  await ann.pictures(PICTURES, '07-what-changed', false);
  await ann.goto(SERVICE_URL + whatIf);

  await ann.click('Showback', 'nav.site');
  await ann.pictures(PICTURES, '08-showback');
  await ann.click('Costs', 'nav.site');
  await ann.fill('Summed up by', 'Label team');
  await ann.click('Show', 'main');
  await ann.pictures(PICTURES, '09-costs-by-team');
  const teams = await ann.run(() => [...document.querySelectorAll('main tbody th a')].map((one) => one.innerText));
  must(teams.length > 1, `several teams: ${teams}`);
  await ann.click(teams[0], 'main tbody');
  await ann.pictures(PICTURES, '10-one-team');
  const own = await ann.run(() => document.querySelector('.figure .value').innerText);
  await ann.fill('What it is for', 'your costs', '#share');
  await ann.click('Make a link', '#share');
  const link = await ann.run(() => document.querySelector('main pre').innerText);
  await ann.pictures(PICTURES, '11-link');

  const bob = await browser.somebody();
  await bob.goto(link);
  await bob.pictures(PICTURES, '12-link-opened');
  await bob.click('Open the view', 'main');
  must((await bob.path()).includes('label=team'), `the view that was shared opens: ${await bob.path()}`);
  must((await bob.run(() => document.querySelector('.figure .value').innerText)) === own, 'with the same costs');
  await bob.pictures(PICTURES, '13-colleague');
  await bob.goto(`${SERVICE_URL}/costs?by=label:team`);
  // The legend of a chart is a table too.
  const seen = await bob.run(() =>
    [...document.querySelectorAll('main tbody th')].filter((one) => !one.closest('.u-legend')).map((one) => one.innerText.trim()),
  );
  must(JSON.stringify(seen) === JSON.stringify([teams[0]]), `that team alone: ${seen}`);
  for (const path of [`/clusters/${best}/report`, '/install', whatIf]) {
    await bob.goto(SERVICE_URL + path);
    must(['Not found', 'This is not allowed'].includes(await bob.heading()), `${path} is not a colleague's: ${await bob.heading()}`);
  }
  done('colleague');

  await ann.click('Install', 'nav.site');
  await ann.pictures(PICTURES, '14-install');
  await ann.fill('Name of the cluster', 'edge-prod');
  await ann.click('Make the command', 'main');
  const command = await ann.run(() => document.querySelector('main pre').innerText);
  await ann.pictures(PICTURES, '15-command');
  const token = command.match(/empProfiler\.token=(\S+)/)[1];
  await ann.click('See its first hour arrive', 'main');
  await ann.says('No hour has arrived yet');
  if (PROMETHEUS_URL) {
    writeFileSync(`${FOLDER}/ingest-token`, token, { mode: 0o600 });
    const lake = `${SERVICE_URL}?token-file=${FOLDER}/ingest-token`;
    const words = ['collect', '--from', '6h', '--prometheus-url', PROMETHEUS_URL, '--lake', lake, '--cluster-id', 'edge-prod'];
    const collector = spawn(EMP_COST, words, { stdio: ['ignore', 'ignore', 'inherit'] });
    const code = new Promise((over) => collector.on('exit', over));
    await ann.says('arrived, the first of them', 120_000);
    must((await code) === 0, 'the collector ended well');
    await ann.pictures(PICTURES, '16-first-hour');
    await ann.click('Clusters', 'nav.site');
    await ann.says('edge-prod');
    await ann.pictures(PICTURES, '17-four-clusters');
    done('fourth cluster');
  }
  for (const path of ['alerts', 'access', 'audit', 'what-if']) {
    await ann.goto(`${SERVICE_URL}/${path}`);
    await ann.pictures(PICTURES, `18-${path}`);
  }
  await ann.click('Sign out');
  must((await ann.path()).startsWith('/sign-in'), 'signed out');
  // That something is not there is what the browser says of it.
  const said = [...ann.said, ...bob.said.filter((line) => !/status of (403|404)/.test(line))];
  console.log(JSON.stringify({ took, best, team: teams[0], said, wider: [...ann.wider, ...bob.wider], barred: [...ann.barred, ...bob.barred] }));
}

try {
  await walk();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  browser.end();
}
