// The chart of a run as an SVG: one group of bars for each workload and number of connections, each group on a scale of
// its own, because what is compared are the contenders of one group.
import type { ChartGroup } from '../parts/part.ts';

const WIDTH = 840;
const LABEL_WIDTH = 190;
const BAR_HEIGHT = 16;
const BAR_GAP = 4;
const GROUP_GAP = 30;
const HEAD = 44;
const VALUE_WIDTH = 90;

const COLOURS: readonly (readonly [RegExp, string])[] = [
  [/^ceiling/, '#9aa5b1'], [/^lastgood/, '#1f7a4d'], [/./, '#c2703d'],
];

const colourOf = (name: string): string => COLOURS.find(([pattern]) => pattern.test(name))?.[1] ?? '#000';
const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');

/** Draws the groups below each other. */
export function chartSvg(title: string, groups: readonly ChartGroup[]): string {
  const parts: string[] = [];
  const scale = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  let y = HEAD;
  for (const { label, bars } of groups) {
    y += GROUP_GAP;
    parts.push(`<text x="8" y="${y - 8}" font-weight="bold">${escaped(label)}</text>`);
    const most = Math.max(1, ...bars.map(({ value }) => value));
    for (const { name, value } of bars) {
      const width = Math.max(1, Math.round((value / most) * scale));
      const middle = y + BAR_HEIGHT - 4;
      parts.push(
        `<text x="${LABEL_WIDTH - 8}" y="${middle}" text-anchor="end">${escaped(name)}</text>`,
        `<rect x="${LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR_HEIGHT}" fill="${colourOf(name)}"/>`,
        `<text x="${LABEL_WIDTH + width + 6}" y="${middle}">${value.toLocaleString('en-US')}</text>`);
      y += BAR_HEIGHT + BAR_GAP;
    }
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 16}" ` +
      'font-family="sans-serif" font-size="12">',
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    `<text x="8" y="24" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...parts, '</svg>', '',
  ].join('\n');
}
