// Importing this file switches off the telemetry client inside libonnxruntime (1.29 and later, on by default).
// It must run on the main thread before any Worker starts: native code reads the real process environment, and a
// Worker's `process.env` is a copy that native code never sees.
process.env['ORT_DISABLE_TELEMETRY'] = '1';

/** The variable libonnxruntime reads; child processes get it explicitly as well. */
export const TELEMETRY_OFF_ENVIRONMENT = { ORT_DISABLE_TELEMETRY: '1' } as const;
