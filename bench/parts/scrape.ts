// What a scrape of GET /metrics costs: the same engine under load, scraped every second and left alone, taking turns;
// and the CPU time of one scrape by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Contender } from '../contenders/contender.ts';
import { Name, openField } from '../contenders/field.ts';
import { meanwhile } from '../measure/meanwhile.ts';
import { interleave, medianOf } from '../measure/rounds.ts';
import { TINY } from '../workloads.ts';
import { atMost, closedHttpLoad, rounded, throughputLost, warmUp } from './part.ts';
import type { PartContext, PartResult } from './part.ts';

const CONNECTIONS = 64;
/** More rounds than elsewhere: what is looked for is less than a percent. */
const ROUNDS_FACTOR = 2;
/** A text is written anew once a second at most, so more scrapes cost no more texts. */
const SCRAPE_MS = 1_000;
/** The text is still fresh at the next scrape of the same second, so these are that far apart. */
const LONE_SCRAPE_MS = 1_050;
/** How many are measured: their CPU time hardly differs. */
const LONE_SCRAPES = 3;

async function scrapeOnce({ host, port }: Contender): Promise<string> {
  const answer = await fetch(`http://${host}:${port}/metrics`);
  const text = await answer.text();
  if (answer.ok) return text;
  throw new Error(`scrape: it answered ${answer.status}: ${text.slice(0, 300)}`);
}

/** Scrapes every second while `load` runs. */
async function whileScraped<T>(contender: Contender, load: () => Promise<T>): Promise<T> {
  const { result } = await meanwhile(load, async (over) => {
    await scrapeOnce(contender);
    await sleep(SCRAPE_MS, undefined, { signal: over }).catch(() => undefined);
  });
  return result;
}

/** Milliseconds of CPU of a scrape while nothing else is asked. */
async function loneScrapeMs(contender: Contender, count: number): Promise<number> {
  // The engine's own figure is in microseconds, the system's in hundredths of a second.
  const cpuSeconds = async (): Promise<number> =>
    Number(/^process_cpu_seconds_total (\S+)$/m.exec(await scrapeOnce(contender))?.[1]);
  const cpuOf = async (withScrapes: boolean): Promise<number> => {
    const before = await cpuSeconds();
    for (let pause = 0; pause <= count; pause += 1) {
      if (withScrapes && pause > 0) await scrapeOnce(contender);
      await sleep(LONE_SCRAPE_MS);
    }
    return (await cpuSeconds()) - before;
  };
  const idle = await cpuOf(false);
  return (((await cpuOf(true)) - idle) / count) * 1e3;
}

export async function scrape(context: PartContext): Promise<PartResult> {
  const { settings, folder, progress } = context;
  const { rounds, seconds } = settings.size;
  const field = await openField({
    workload: TINY, folder, settings: { ...settings, others: [] }, names: [Name.json],
  });
  try {
    const engine = field.contenders[0];
    if (engine === undefined) throw new Error('scrape: there is no engine to scrape');
    await warmUp(context, field, CONNECTIONS);
    // So is the code of both ends of a scrape.
    await loneScrapeMs(engine, 1);
    const scraped = { ...engine, name: 'scraped every second' };
    const alone = { ...engine, name: 'left alone' };
    const load = (contender: Contender) => closedHttpLoad(context, contender, CONNECTIONS, seconds);
    const measured = await interleave(field, [scraped, alone], rounds === 1 ? 1 : rounds * ROUNDS_FACTOR,
      (contender) => (contender === scraped ? whileScraped(contender, () => load(contender)) : load(contender)),
      progress);
    const [withScrapes, without] = measured;
    const { lost, agreement } = throughputLost([withScrapes!], [without!]);
    progress('scraping alone');
    const bytes = (await scrapeOnce(engine)).length;
    const scrapeMs = await loneScrapeMs(engine, Math.min(rounds, LONE_SCRAPES));
    return {
      name: 'scrape',
      tables: [{
        title: `GET /metrics, tiny, /predict, ${CONNECTIONS} connections`,
        columns: ['engine', 'req/s', 'CPU µs/req', 'CPU ms of a scrape', 'bytes of a scrape'],
        rows: measured.map((one) => [
          one.contender.name, Math.round(medianOf(one, (turn) => turn.requestsPerSecond)),
          rounded(medianOf(one, (turn) => turn.cpuUs)), one === withScrapes ? rounded(scrapeMs) : null,
          one === withScrapes ? bytes : null,
        ]),
      }],
      goals: [
        atMost('scraped every second: throughput lost', 1, ' %', rounded(lost) ?? NaN),
        // What bounds the loss on a machine that is too busy to see a percent.
        atMost('scraped every second: CPU of a core', 1, ' %', rounded((scrapeMs / SCRAPE_MS) * 100) ?? NaN),
      ],
      notes: [agreement],
    };
  } finally {
    await field.stop();
  }
}
