// Decides whether rows of different requests may share a run of a model, and which of its outputs have rows: an answer
// may never depend on who else asked at the same moment. Two witnesses must agree: the graph in the file, through which
// the rows are followed (graph-rows.ts), and rows that want to be mixed (stack-probe.ts). Made in the trial; for
// versions that were registered before, at each load.
import type { ModelFile } from '../../artifacts/verify.ts';
import type { StackingDecision } from '../../domain/records.ts';
import type { Tensor } from '../../domain/datatype.ts';
import { graphRows } from './graph-rows.ts';
import type { GraphRows } from './graph-rows.ts';
import { openSizes } from './made-up-rows.ts';
import type { OpenSize } from './made-up-rows.ts';
import { SEEN_FACTOR } from './row-agreement.ts';
import type { Session } from './session.ts';
import { Probe } from './stack-probe.ts';
import type { Boldness } from './stack-probe.ts';

const TOO_LARGE = 'two of its rows are more than one run takes';

interface Evidence {
  readonly boldness: Boldness;
  /** Inputs of runs of one row that the model is known to take. */
  readonly known?: readonly (readonly Tensor[])[];
  /** Most rows of a run that is tried; as many as a run can have by default. */
  readonly rowsMax?: number | undefined;
}

interface Found {
  readonly graph: GraphRows;
  /** Which inputs have a place for rows. */
  readonly hasRows: readonly boolean[];
}

/** Decides for the model in `file`, which `session` has open and nobody else uses meanwhile. */
export async function decideStacking(
  session: Session, file: Pick<ModelFile, 'path' | 'kind'>, evidence: Evidence,
): Promise<StackingDecision> {
  const { layout, signature } = session;
  const hasRows = signature.inputs.map(({ shape }) => layout.batching === 'fixed' || shape[0] === -1);
  const found = { graph: graphRows(file, signature, hasRows), hasRows };
  const proof = await prove(session, found, evidence);
  const rowOutputs = proof.mode === 'rows'
    ? signature.outputs.map(() => true) : await outputsWithRows(session, found, evidence);
  return { ...proof, rowOutputs };
}

/** Why no two rows of such a model can be in one run, whatever it does to them; null when they can. */
function whyNoPlace({ layout }: Session, hasRows: readonly boolean[]): string | null {
  if (layout.batching === 'fixed') return layout.rowsPerRun > 1 ? null : 'its inputs have room for one row';
  return hasRows.includes(true) ? null : 'no input has an open first dimension';
}

async function prove(
  session: Session, { graph, hasRows }: Found, { boldness, known = [], rowsMax }: Evidence,
): Promise<StackingDecision> {
  const none = (reason: string): StackingDecision => ({ mode: 'none', reason });
  const noPlace = whyNoPlace(session, hasRows);
  if (noPlace !== null) return none(noPlace);
  const lost = graph.outputs.findIndex(({ rows }) => rows === 'none' || rows === 'unknown');
  if (lost >= 0) {
    const { rows, reason } = graph.outputs[lost]!;
    const why = rows === 'none' ? 'it has no row for each row' : reason;
    return none(`output "${session.signature.outputs[lost]!.name}": ${why}`);
  }
  let refusal = '';
  for await (const openSize of sizesFor(session, hasRows, { boldness, known })) {
    const { least, most } = graph.arithmetic;
    const isEverySize = graph.outputs.some(({ rows }) => rows === 'counted');
    const probe = new Probe(session, { shape: { hasRows, openSize }, distanceMax: most, isEverySize, rowsMax });
    if (probe.isTooLarge) {
      refusal ||= TOO_LARGE;
      continue;
    }
    const made = await probe.make(boldness);
    const mixing = made.mixing ?? await probe.compare(known);
    if (mixing !== null) return none(mixing);
    if (made.refusal === null) {
      const tolerance = Math.min(most, Math.max(least, SEEN_FACTOR * probe.furthest));
      const reason = 'its graph keeps rows apart, and made-up rows were answered in company as they were alone';
      return { mode: 'rows', reason, tolerance };
    }
    ({ refusal } = made);
  }
  return none(refusal === TOO_LARGE ? refusal : `it refused every made-up row: ${refusal}`);
}

// A process that serves asks for no size that nobody has asked for.
const sizesFor = (
  session: Session, hasRows: readonly boolean[], { boldness, known = [] }: Evidence,
): AsyncGenerator<OpenSize> => openSizes(session, { hasRows, known, isSearched: boldness === 'bold' });

// Where the signature leaves a first size open, the graph says whether it counts rows, or else what the model does.
async function outputsWithRows(session: Session, { graph, hasRows }: Found, evidence: Evidence): Promise<boolean[]> {
  const { layout: { batching, rowsPerRun, outputs }, signature } = session;
  const isOpen = (at: number): boolean => outputs[at]!.hasRows && signature.outputs[at]!.shape[0] === -1;
  const isUnclear = graph.outputs.map(({ rows }, at) => rows === 'unknown' && isOpen(at));
  // A model of one row whose output is open has as many of something as it finds in it.
  const isOfOne = batching === 'fixed' && rowsPerRun === 1;
  let seen: readonly boolean[] | null = null;
  if (isUnclear.includes(true) && !isOfOne) {
    for await (const openSize of sizesFor(session, hasRows, evidence)) {
      seen ??= await new Probe(session, { shape: { hasRows, openSize }, distanceMax: 0, isEverySize: false })
        .rowAxes(evidence.boldness);
    }
  }
  return outputs.map(({ hasRows: isDeclared }, at) => {
    if (!isUnclear[at]!) return isDeclared && !(graph.outputs[at]!.rows === 'none' && isOpen(at));
    return !isOfOne && (seen?.[at] ?? true);
  });
}
