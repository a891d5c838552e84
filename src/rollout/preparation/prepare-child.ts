// The process that prepares a model: see worker/session/prepare.ts. The runtime writes the files, and may crash at it;
// whoever asked only sees that there are none, and serves the model as it is.
// Invariant: it writes into the folder that it is given and nowhere else.
import '../../base/telemetry-off.ts';
import type { ModelFile } from '../../artifacts/verify.ts';
import { reasonOf } from '../../base/errors.ts';
import { answerParent } from '../../base/managed-child.ts';
import { offerToOutOfMemoryKiller } from '../../base/process-memory.ts';
import type { Golden } from '../../domain/records.ts';
import type { SessionOptions } from '../../options/session-options.ts';
import { prepare } from '../../worker/session/prepare.ts';

export interface PrepareOrder {
  readonly file: ModelFile;
  readonly folder: string;
  readonly golden: Golden | null;
  readonly session?: SessionOptions | undefined;
}
/** Why nothing is to be used; null when it is. */
export interface PrepareAnswer {
  readonly refused: string | null;
}

// Nobody waits for it.
offerToOutOfMemoryKiller();
answerParent(async (order: PrepareOrder): Promise<PrepareAnswer> =>
  ({ refused: await prepare(order).catch((error: unknown) => reasonOf(error)) }));
