// Why a model cannot be served, in words of its own for each reason: what the runtime says names its own source files,
// and what this engine lacks the runtime does not know. Trial process and workers; only after something has failed.
import type { ModelFile } from '../../artifacts/verify.ts';
import { ARTIFACT_BYTES_MAX } from '../../artifacts/manifest.ts';
import { reasonOf } from '../../base/errors.ts';
import { readModelFile } from '../../onnx/graph.ts';
import type { Graph } from '../../onnx/graph.ts';

type Value = Graph['inputs'][number];
type Side = 'input' | 'output';

/** Element types of the ONNX format that have no JavaScript array, by their number there. */
const UNCARRIED: Readonly<Record<number, string>> = {
  14: 'complex64', 15: 'complex128', 16: 'bfloat16', 17: 'float8e4m3fn', 18: 'float8e4m3fnuz', 19: 'float8e5m2',
  20: 'float8e5m2fnuz', 21: 'uint4', 22: 'int4', 23: 'float4e2m1',
};
const CAST = 'a cast inside of the model, with float32 or an integer type of 8 bits or more outside';
const PARTS = 'two real tensors in its place, one for each part';

/** What a value that is no tensor is, and what to do about it. */
const KINDS: Readonly<Record<Side, Readonly<Partial<Record<Value['kind'], string>>>>> = {
  input: {
    optional: 'may be absent (its type is optional), and the binding of the runtime cannot leave it out; wanted a ' +
      'tensor that is always given, or a model exported without it',
    sequence: 'is a sequence, and requests carry tensors; wanted an input for each of its tensors, or one that holds ' +
      'them all',
    map: 'is a map, and requests carry tensors; wanted a tensor with a column for each key',
    'sparse tensor': 'is a sparse tensor, and requests carry dense ones; wanted a dense tensor',
    opaque: 'is of a type of its exporter\'s own; wanted a tensor',
  },
  output: {
    optional: 'may be absent (its type is optional), and answers carry tensors; wanted a tensor that is always there',
    sequence: 'is a sequence that no rule opens: those are opened that ZipMap or SequenceConstruct makes at the end, ' +
      'and nothing else reads; wanted tensors (for scikit-learn: zipmap=False)',
    map: 'is a map, and answers carry tensors; wanted a tensor with a column for each key',
    'sparse tensor': 'is a sparse tensor, and answers carry dense ones; wanted a dense tensor',
    opaque: 'is of a type of its exporter\'s own; wanted a tensor',
  },
};

/** What the runtime says, and what is said instead of it. */
const SAYINGS: readonly (readonly [RegExp, (...found: readonly string[]) => string])[] = [
  [/No opset import for domain '([^']*)'/, (domain) =>
    `it uses operators of "${domain}" and imports no version of that; wanted an opset_import for each domain`],
  [/(?:^|: )([\w.]+):(\w+)\(-?\d+\) is not a registered function\/op/, (domain, operator) =>
    `it uses the operator "${operator}" of "${domain}", which this runtime does not have: operators of one's own ` +
      'cannot be added; wanted operators of ONNX, or a function in the model'],
  [/No Op registered for (\w+) with domain_version of (\d+)/, (operator, opset) =>
    `it uses the operator "${operator}", which version ${opset} of the operators does not have; wanted another ` +
      'opset_version at the export'],
  [/Type 'tensor\(string\)' of input parameter \((.*?)\) of operator \((\w+)\)/, (value, operator) =>
    `its operator ${operator} does not take text, and "${value}" is text; wanted numbers there`],
  [/Type '(?:tensor\()?([^')]*)\)?' of input parameter \((.*?)\) of operator \((\w+)\)/, (type, value, operator) =>
    `its operator ${operator} does not take ${type}, and "${value}" is ${type}; wanted a type that it takes`],
  [/Could not find an implementation for (\w+)\((\d+)\)/, (operator, since) =>
    `the runtime has no implementation of ${operator} (as it is since version ${since} of the operators) for the ` +
      'types that it is used with; wanted other types, or a newer opset_version at the export'],
  [/Opset (\d+) is under development.*official support for domain (\S+) is till opset (\d+)/s, (found, domain, most) =>
    `it was exported for version ${found} of the operators of ${domain}; this runtime knows them up to ${most}: ` +
      `wanted an export with opset_version=${most}`],
  [/Failed to construct locale with name:([^:]*):/, (locale) =>
    `it changes the case of texts as the locale "${locale}" has it, which this host does not have; wanted that ` +
      'locale on the host, or an export with another one (locale="C" knows the letters of ASCII alone)'],
  [/Missing opset in the model/, () =>
    'it does not say which version of the operators it was made for; wanted a model with an opset_import'],
  [/Unsupported model IR version: (\d+), max supported IR version: (\d+)/, (found, most) =>
    `it is written in version ${found} of the format (ir_version); this runtime reads it up to ${most}: wanted an ` +
      'export with an older onnx package'],
];

/** The error that says why a session on `file` could not be opened; the one that was caught, when that is not known. */
export function unserved(error: unknown, file: ModelFile): unknown {
  const words = wordsAboutValues(file) ?? wordsInsteadOf(reasonOf(error));
  return words === null ? error : new Error(words);
}

function wordsInsteadOf(said: string): string | null {
  for (const [pattern, words] of SAYINGS) {
    const found = pattern.exec(said);
    if (found !== null) return words(...found.slice(1));
  }
  return null;
}

function wordsAboutValues({ path, kind }: ModelFile): string | null {
  if (kind === 'ort') return null;
  try {
    const { inputs, outputs } = readModelFile(path, ARTIFACT_BYTES_MAX).graph;
    return [...inputs.map((one) => wordsAbout('input', one)), ...outputs.map((one) => wordsAbout('output', one))]
      .find((words) => words !== null) ?? null;
  } catch {
    // What cannot be read the runtime has words for.
    return null;
  }
}

function wordsAbout(side: Side, { name, kind, elementType }: Value): string | null {
  const words = KINDS[side][kind];
  if (words !== undefined) return `${side} "${name}" ${words}`;
  const type = UNCARRIED[elementType];
  if (type === undefined) return null;
  return `${side} "${name}" is ${type}, which has no array in JavaScript; wanted ` +
    (type.startsWith('complex') ? PARTS : CAST);
}
