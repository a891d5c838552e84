// What each check is decided from, as types.
import type { z } from 'zod';
import type { evidenceSchema } from './evidence-schema.ts';

/** The numbers that one check is decided from. */
export type CheckEvidence = z.infer<typeof evidenceSchema>;
export type EvidenceOf<C extends CheckEvidence['check']> = Extract<CheckEvidence, { check: C }>;
export type DriftEvidence = Extract<CheckEvidence, { windows: unknown }>;
export type DriftWindow<E extends DriftEvidence> = E['windows'][number]['now'];
