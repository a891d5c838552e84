// The style of the page: one accent, paper and ink, the sentence large. Text. Every colour of a text has a contrast of
// 4.5 to 1 or more on its ground, in light and in dark; what a colour says is said by a word and a sign too.

export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1b1e23; --soft: #565d68; --line: #e2dfd7; --grid: #ece9e2;
  --accent: #1d5fbf; --accent-fill: #8fb4e6; --bad: #b3261e; --bad-fill: #e6a39e; --watch: #7d5200; --good: #1c6a3c;
  --shade-0: #a9afb8; --shade-1: #c7ccd3; --shade-2: #8d95a1; --shade-3: #dde0e4;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14161a; --card: #1b1e24; --ink: #e9e7e2; --soft: #a3aab5; --line: #2e333b; --grid: #23272e;
    --accent: #86b4ff; --accent-fill: #2f5fa6; --bad: #ff9188; --bad-fill: #8f3a34; --watch: #e8b957; --good: #83d3a0;
    --shade-0: #59616d; --shade-1: #434a54; --shade-2: #727b88; --shade-3: #363c45;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; display: grid; gap: 2.75rem;
  grid-template-columns: minmax(0, 1fr); }
section { min-width: 0; }
h1 { margin: 0; font-size: clamp(1.65rem, 1.1rem + 2.4vw, 2.6rem); line-height: 1.16; letter-spacing: -0.022em;
  font-weight: 650; text-wrap: pretty; overflow-wrap: anywhere; max-width: 60rem; }
h2 { margin: 0 0 .75rem; font-size: .8125rem; line-height: 1.4; font-weight: 600; letter-spacing: .06em;
  text-transform: uppercase; color: var(--soft); }
h3 { margin: 1.25rem 0 .25rem; font-size: 1rem; }
p { margin: 0; }
a { color: var(--accent); }
code { font: .875em ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
small { font-size: .8125rem; color: var(--soft); font-weight: 400; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 4px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.quiet { color: var(--soft); font-size: .9375rem; }
.icon { width: 1.05em; height: 1.05em; flex: none; fill: none; stroke: currentColor; stroke-width: 2.6;
  stroke-linecap: round; stroke-linejoin: round; vertical-align: -.16em; }
.icon.tone-good { color: var(--good); } .icon.tone-watch { color: var(--watch); } .icon.tone-bad { color: var(--bad);
  }
.icon.tone-back { color: var(--accent); } .icon.tone-idle { color: var(--soft); }

.headline { display: grid; gap: .9rem; }
.state { display: inline-flex; align-items: center; gap: .45rem; justify-self: start;
  padding: .2rem .75rem .2rem .6rem; border-radius: 99px; font-size: .9375rem; font-weight: 600;
  border: 1.5px solid currentColor; }
.tone-good .state { color: var(--good); } .tone-watch .state { color: var(--watch);
  } .tone-bad .state { color: var(--bad); }
.tone-back .state { color: var(--accent); } .tone-idle .state { color: var(--soft); }
.before { color: var(--soft); max-width: 46rem; }

.facts { margin: 0; display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1rem 2rem; }
.over .facts { grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); }
.facts.wide { grid-template-columns: minmax(0, 1fr); gap: .5rem; }
.facts.wide > div { display: grid; grid-template-columns: 8.5rem minmax(0, 1fr); }
dt { color: var(--soft); font-size: .875rem; }
.facts.wide dt { line-height: 1.7; }
dd { margin: 0; display: flex; gap: .45rem; align-items: baseline; overflow-wrap: anywhere; }
dd .icon { align-self: start; margin-top: .3em; }

.part-head { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: baseline;
  justify-content: space-between; margin-bottom: .35rem; }
.part-head h2 { margin: 0; }
.ranges { display: flex; gap: .25rem; }
.ranges a { padding: .2rem .7rem; border-radius: 99px; font-size: .875rem; text-decoration: none; color: var(--soft);
  }
.ranges a[aria-current] { background: var(--ink); color: var(--paper); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0 0 .5rem; padding: 0;
  font-size: .875rem; }
.swatch { width: .7rem; height: .7rem; margin-right: .4rem; }
.plot-frame { touch-action: pan-y; cursor: crosshair; }
.plot { display: block; width: 100%; height: auto; overflow: visible; }
.plot text { font-size: 11.5px; fill: var(--soft); }
.plot .panel { font-weight: 600; }
.axis { stroke: var(--line); } .grid { stroke: var(--grid); }
.area { stroke: none; fill: var(--shade-0); }
.area.v-active { fill: var(--accent-fill); } .area.v-gone { fill: var(--bad-fill); }
.area.v-1 { fill: var(--shade-1); } .area.v-2 { fill: var(--shade-2); } .area.v-3 { fill: var(--shade-3); }
.line { fill: none; stroke: var(--shade-2); stroke-width: 1.6; stroke-linejoin: round; }
.line.v-active { stroke: var(--accent); } .line.v-gone { stroke: var(--bad); stroke-dasharray: 5 2; }
.limit { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 2 4; }
.error-ours { fill: var(--bad); } .error-theirs { fill: var(--shade-2); }
.mark line { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 1 3; }
.mark text { fill: var(--soft); font-weight: 600; paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
.mark-rollback line { stroke: var(--accent); stroke-width: 2; stroke-dasharray: none; }
.mark-rollback text { fill: var(--accent); font-weight: 700; font-size: 12.5px; }
.mark.tone-bad line { stroke: var(--bad); } .mark.tone-bad text { fill: var(--bad); }
.cursor { stroke: var(--ink); stroke-width: 1; }
.readout { min-height: 1.5rem; font-size: .875rem; color: var(--soft); }
.changes { list-style: none; margin: 1rem 0 0; padding: 0; font-size: .9375rem; border-top: 1px solid var(--line); }
.changes li { display: grid; grid-template-columns: 5.5rem minmax(0, 1fr); padding: .4rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.changes time { color: var(--soft); }
.changes .tone-back span { color: var(--accent); font-weight: 600; } .changes .tone-bad span { color: var(--bad); }

.who { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 2rem; align-items: start; }
.versions { list-style: none; margin: 0; padding: 0; }
.versions li { display: grid; grid-template-columns: 1.2rem minmax(3.5rem, auto) 7rem minmax(0, 1fr);
  gap: .15rem .6rem; align-items: baseline; padding: .5rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
.versions em { font-style: normal; font-size: .875rem; color: var(--soft); }
.versions span { font-size: .9375rem; color: var(--soft); }
.versions .tone-bad em { color: var(--bad); font-weight: 600; } .versions .tone-good em { color: var(--good);
  font-weight: 600; }
.target { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem 1.5rem; }
.goal { font-size: clamp(1.75rem, 1.3rem + 2vw, 2.5rem); line-height: 1.15; font-weight: 650;
  letter-spacing: -0.02em; overflow-wrap: anywhere; }
.target.tone-bad .goal { color: var(--bad); }
.target p:last-child { color: var(--soft); margin-top: .35rem; }

.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th, td { text-align: left; padding: .45rem 1.25rem .45rem 0; border-bottom: 1px solid var(--line);
  vertical-align: baseline; white-space: nowrap; font-weight: 400; }
thead th { font-size: .8125rem; color: var(--soft); }
tbody th { font-weight: 600; }
.numbers td, .numbers thead th:not(:first-child), .pairs td:not(:last-child),
.pairs thead th:not(:first-child):not(:last-child) { text-align: right;
  }
.over-limit, .checks .tone-bad .verdict { color: var(--bad); font-weight: 600; }
.checks .tone-watch .verdict { color: var(--watch); font-weight: 600;
  } .checks .tone-idle .verdict { color: var(--soft); }
.verdict .icon { margin-right: .4rem; }
.used { display: grid; gap: .1rem; min-width: 9rem; }
.bar { width: 100%; height: 6px; display: block; border-radius: 3px; }
.bar-all { fill: var(--grid); } .bar-used { fill: var(--soft); } .bar.is-over .bar-used { fill: var(--bad);
  } .bar-limit { fill: var(--ink); }
.sentences { margin: .75rem 0 0; padding-left: 1.1rem; color: var(--soft); font-size: .9375rem; }
.pairs p { margin-bottom: .5rem; max-width: 46rem; }

.decision .quiet { margin-bottom: 1rem; }
.histograms { margin-top: 1.5rem; display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr));
  gap: 1.25rem 2rem; }
.histogram { margin: 0; }
.histogram figcaption { font-size: .875rem; margin-bottom: .4rem; }
.histogram svg { width: 100%; height: 6rem; }
.histogram .usual { fill: var(--shade-0); } .histogram .live { fill: var(--accent); }
.bins { display: flex; justify-content: space-between; font-size: .8125rem; color: var(--soft); }
.key { grid-column: 1 / -1; display: flex; gap: 1.25rem; font-size: .8125rem; color: var(--soft); }
.key span::before { content: ""; display: inline-block; width: .7rem; height: .7rem; border-radius: 2px;
  margin-right: .4rem; background: var(--shade-0); }
.key .key-live::before { background: var(--accent); }

.models { display: flex; flex-wrap: wrap; gap: .5rem; }
.models a { display: inline-flex; align-items: center; gap: .4rem; padding: .3rem .8rem;
  border: 1px solid var(--line); border-radius: 99px; color: var(--ink); text-decoration: none; }
.models a[aria-current] { border-color: var(--ink); }
#actions:empty { display: none; }
.lock, .choice { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; }
.action { display: grid; grid-template-columns: 14rem minmax(0, 1fr); gap: .25rem 1rem; align-items: center;
  padding: .4rem 0; border-bottom: 1px solid var(--line); }
.action code { color: var(--soft); }
button { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--soft);
  border-radius: 8px; padding: .4rem .9rem; cursor: pointer; text-align: left; overflow-wrap: anywhere; }
button:hover { border-color: var(--ink); }
button.sure { background: var(--ink); color: var(--paper); border-color: var(--ink); }
input { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--soft); border-radius: 8px;
  padding: .4rem .6rem; min-width: 0; }
.told:not(:empty) { margin-top: .75rem; }
dialog { color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  padding: 1.75rem; max-width: 32rem; }
dialog h2 { text-transform: none; letter-spacing: 0; font-size: 1.25rem; color: var(--ink); }
dialog p { margin-bottom: 1rem; }
dialog::backdrop { background: rgb(0 0 0 / .45); }
footer { color: var(--soft); font-size: .875rem; }

@media (max-width: 44rem) {
  main { padding: 1.5rem 1rem 3rem; gap: 2.25rem; }
  .who, .action, .facts.wide > div { grid-template-columns: minmax(0, 1fr); }
  .versions li { grid-template-columns: 1.2rem minmax(0, auto) minmax(0, 1fr); }
  .versions span { grid-column: 2 / -1; }
  .changes li { grid-template-columns: 4.75rem minmax(0, 1fr); }
}
/* Nothing moves, so there is nothing to hold still for those who want less motion. */
@media (forced-colors: active) { .area, .line, .icon { forced-color-adjust: none; } }
`;
