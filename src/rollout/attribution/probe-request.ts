// A request that any version of a signature can answer, for timing it: the inputs of the golden cases when the version
// has some, else zeros; one row where the number of rows is open. Pure.
import type { Golden, GoldenCase, Signature, TensorSignature } from '../../domain/records.ts';

/** What goes into a slab as an Open Inference Protocol entry. */
export interface ProbeRequest {
  readonly bytes: Uint8Array;
  readonly headerBytes: number;
}

const HALF_BYTES = 2;
const ELEMENTS_MAX = 1_000_000;

/** The requests for a version, at least one; null when its inputs are too large to make any up. */
export function probeRequests(
  signature: Signature, golden: Golden | null,
): ProbeRequest[] | null {
  const cases: (GoldenCase | null)[] = golden === null || golden.cases.length === 0 ? [null] : [...golden.cases];
  const requests = cases.map((one) => requestOf(signature.inputs, one));
  return requests.every((request) => request !== null) ? requests : null;
}

function requestOf(inputs: readonly TensorSignature[], golden: GoldenCase | null): ProbeRequest | null {
  const raw: Uint8Array[] = [];
  const tensors: object[] = [];
  for (const { name, datatype, shape } of inputs) {
    const known = golden?.inputs[name];
    const concrete = known?.shape ?? shape.map((size) => Math.max(1, size));
    const elements = concrete.reduce((product, size) => product * size, 1);
    if (elements > ELEMENTS_MAX) return null;
    if (datatype === 'FP16') {
      // Has no form in JSON.
      raw.push(new Uint8Array(elements * HALF_BYTES));
      const parameters = { binary_data_size: elements * HALF_BYTES };
      tensors.push({ name, datatype, shape: concrete, parameters });
      continue;
    }
    const nothing = datatype === 'BYTES' ? '' : datatype === 'BOOL' ? false : 0;
    const data = known === undefined || datatype === 'BYTES' || datatype === 'BOOL'
      ? new Array<unknown>(elements).fill(nothing)
      : known.data;
    tensors.push({ name, datatype, shape: concrete, data });
  }
  const header = Buffer.from(JSON.stringify({ inputs: tensors }));
  return { bytes: Buffer.concat([header, ...raw]), headerBytes: header.length };
}
