#!/usr/bin/env node
// Trains the demo models and writes everything below models/: artefacts, baselines, golden cases, held-out traffic,
// the manifest and the README. Run it with `npm run train`; a second run writes the same bytes.
// An argument names another folder to write into.
import '../src/base/telemetry-off.ts';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { packageRoot } from '../src/base/package-root.ts';
import { fetchData } from './train/data.ts';
import { distanceOf, qualityOf } from './train/metrics.ts';
import { documentation, type ModelReport, type VersionReport } from './train/readme.ts';
import { RECIPES, type Recipe } from './train/recipes.ts';
import { answer, baselineFile, goldenFile } from './train/runner.ts';
import { makeVersions, type Version } from './train/versions.ts';
import type { Split } from './train/data.ts';

const target = resolve(process.argv[2] ?? join(packageRoot(), 'models'));
const files = fetchData();
const reports: ModelReport[] = [];
for (const recipe of RECIPES) {
  const split = recipe.split(files);
  mkdirSync(join(target, recipe.model), { recursive: true });
  const { columns, rows, labels } = split.traffic;
  write(`${recipe.model}/traffic.json`, compact({ columns, rows, labels }));
  const versions: VersionReport[] = [];
  for (const version of makeVersions(recipe, split)) versions.push(await writeVersion(recipe, split, version));
  reports.push({ recipe, split, versions });
  console.log(`${recipe.model}: ${versions.length} versions`);
}
write('manifest.json', `${JSON.stringify({ models: reports.map(manifestEntry) }, null, 2)}\n`);
write('README.md', documentation(reports));

function write(name: string, content: string | Uint8Array): void {
  writeFileSync(join(target, name), content);
}

// One row or case per line keeps the files small and their differences readable.
function compact(value: unknown): string {
  return `${JSON.stringify(value).replace(/(\]|\}),(?=[[{])/g, '$1,\n')}\n`;
}

async function writeVersion(recipe: Recipe, split: Split, version: Version): Promise<VersionReport> {
  const { output, head } = recipe;
  const path = `${recipe.model}/${version.version}`;
  const baseline = baselineFile(await answer(version.validated, version.validation.rows, output), output);
  write(`${path}.onnx`, version.artefact);
  write(`${path}.baseline.json`, compact(baseline));
  write(`${path}.golden.json`, compact(await goldenFile(version.artefact, version.validation, output)));
  const live = await answer(version.artefact, split.traffic.rows, output);
  return {
    version,
    bytes: version.artefact.byteLength,
    sha256: createHash('sha256').update(version.artefact).digest('hex'),
    quality: qualityOf(head, live, split.traffic.labels),
    distance: live.every((row) => row === null) ? null : distanceOf(head, live, baseline.outputs[output.name]!.data),
  };
}

function manifestEntry({ recipe, versions }: ModelReport): unknown {
  return {
    name: recipe.model,
    versions: versions.map(({ version, sha256 }) => ({
      version: version.version,
      file: `${recipe.model}/${version.version}.onnx`,
      baseline: `${recipe.model}/${version.version}.baseline.json`,
      golden: `${recipe.model}/${version.version}.golden.json`,
      role: version.role,
      ...(version.failure === undefined ? {} : { failure: version.failure }),
      sha256,
    })),
    active: '1',
  };
}
