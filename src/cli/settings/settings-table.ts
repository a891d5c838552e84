// Every setting of `lastgood serve`: its flag, where it lies in EngineOptions, how its text is read, what it does.
// The environment twin is derived from the flag (--p95-limit-ms: LASTGOOD_P95_LIMIT_MS); limits and defaults stand in
// src/options/options.ts only. Pure data.

/** Those of a list may be given several times, and in one text with commas between them. */
type SettingKind = 'number' | 'integer' | 'text' | 'list' | 'switch' | 'address';

export interface Setting {
  /** Without the leading dashes. */
  readonly flag: string;
  /** Path in EngineOptions; null for what only the CLI knows (the address is two options). */
  readonly path: readonly string[] | null;
  readonly kind: SettingKind;
  readonly placeholder: string;
  readonly text: string;
  /** The choices, shown in the help; the schema checks them. */
  readonly choices?: readonly string[];
}

const engine = (
  flag: string, key: string, kind: SettingKind, placeholder: string, text: string, choices?: readonly string[],
): Setting => ({ flag, path: [key], kind, placeholder, text, ...(choices && { choices }) });

const judge = (
  flag: string, key: string, kind: SettingKind, placeholder: string, text: string, choices?: readonly string[],
): Setting => ({ flag, path: ['judge', key], kind, placeholder, text, ...(choices && { choices }) });

const limit = (flag: string, key: string, placeholder: string, text: string): Setting =>
  ({ flag, path: ['limits', key], kind: 'integer', placeholder, text });

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** Known to every verb. */
export const DATA_SETTING: Setting = engine('data', 'dataDir', 'text', 'dir', 'data directory');

/** In the order of the help. */
export const SERVE_SETTINGS: readonly Setting[] = [
  { flag: 'listen', path: null, kind: 'address', placeholder: 'host:port',
    text: 'address to listen on; port 0 takes a free one; IPv6 as [::1]:8080' },
  { flag: 'config', path: null, kind: 'text', placeholder: 'file',
    text: 'JSON file with options, keyed as in createEngine (also per model, under "models")' },
  { flag: 'demo-models', path: null, kind: 'switch', placeholder: '',
    text: 'into an empty data directory, register three demo models and promote version 1 of each' },
  engine('follower', 'follow', 'switch', '',
    'serve a data directory that another engine owns: follow its changes, open no admin socket'),
  { flag: 'no-supervisor', path: null, kind: 'switch', placeholder: '',
    text: 'no parent process that starts the engine again when it dies; for systemd and containers, which do that' },
  engine('default-model', 'defaultModel', 'text', 'model',
    'model of POST /predict and GET /health (default: the one that had an active version first)'),
  engine('admin-token', 'adminToken', 'text', 'token',
    'bearer token of POST /rollback, at least 8 characters; better given as LASTGOOD_ADMIN_TOKEN'),
  engine('ui', 'ui', 'text', 'mode',
    'the page at /ui: full lets the admin token act there (default: read on loopback or with a token, else off)',
    ['off', 'read', 'full']),
  engine('tls-cert', 'tlsCert', 'text', 'file',
    'PEM file of the certificate chain: the port speaks TLS 1.2 and 1.3; read again when it changes, or by SIGHUP'),
  engine('tls-key', 'tlsKey', 'text', 'file', "PEM file of the certificate's key, without a passphrase"),
  engine('source-header', 'sourceHeader', 'text', 'name',
    'header by which a trusted proxy says who asks, such as x-client-id: no verdict is one client\'s alone'),
  engine('trusted-proxy', 'trustedProxy', 'text', 'addresses',
    'IP addresses of the proxies whose source header counts, separated by commas'),
  engine('cors-origin', 'corsOrigins', 'list', 'origin',
    'origin of web pages that may ask, such as https://app.example; may be given again; * for any'),
  engine('allowed-host', 'allowedHosts', 'list', 'name',
    "name by which administrators may call this server; may be given again; addresses and the host's own always may"),
  engine('named-versions', 'namedVersions', 'text', 'mode',
    'off refuses requests that choose their version, so that nobody can search for where two versions differ',
    ['on', 'off']),
  engine('model-control', 'modelControl', 'text', 'mode',
    'explicit lets anybody load and unload models over HTTP, guarded only the holder of the admin token',
    ['guarded', 'explicit']),
  engine('ready', 'ready', 'text', 'mode',
    'when GET /v2/health/ready says yes: strict once every model answers that has an active version, any once one does',
    ['strict', 'any']),
  engine('workers', 'workers', 'integer', 'n', 'worker threads per model (default: the cores less one, shared)'),
  engine('intra-op-threads', 'intraOpThreads', 'integer', 'n', 'threads inside one run of the model'),
  engine('batch-size-max', 'batchSizeMax', 'integer', 'n', 'requests in one batch'),
  engine('batch-delay-us', 'batchDelayUs', 'integer', 'us', 'microseconds an open batch waits for company'),
  engine('slab-bytes', 'slabBytes', 'integer', 'bytes', 'request bytes that one batch can hold'),
  engine('large-bytes-max', 'largeBytesMax', 'integer', 'bytes',
    'memory of waiting requests larger than a slab, per model; more are answered 429'),
  engine('pending-max', 'pendingMax', 'integer', 'n', 'waiting requests per model; more are answered 429'),
  engine('deadline-ms', 'deadlineMs', 'integer', 'ms', 'a request not answered by then is answered 504'),
  engine('rows-max', 'rowsMax', 'integer', 'n',
    "rows of one request; more are answered 413 (default: what runs at the trial's speed in half of --deadline-ms)"),
  engine('run-memory-max', 'runMemoryMax', 'integer', 'bytes',
    'memory of one run beyond the loaded model: as many rows share it as the trial saw stay within this'),
  engine('run-rows-max', 'runRowsMax', 'integer', 'n',
    'rows of one run (default: what --run-memory-max allows, at most 16 for each of --batch-size-max)'),
  engine('request-memory-max', 'requestMemoryMax', 'integer', 'bytes',
    "memory of one request's run, which limits its open dimensions; more are answered 400 (default: an eighth of all)"),
  engine('elements-max', 'elementsMax', 'integer', 'n',
    "elements of a request's inputs (default: what --request-memory-max allows)"),
  engine('dimension-max', 'dimensionMax', 'integer', 'n',
    'size of an open dimension in a request (default: what --request-memory-max allows)'),
  engine('hung-ms', 'hungMs', 'integer', 'ms',
    'a run not back by then is given up, whose fault it was is found out, and the engine is started again'),
  engine('body-bytes-max', 'bodyBytesMax', 'integer', 'bytes', 'largest request body'),
  limit('header-bytes-max', 'headerBytesMax', 'bytes', 'headers of a request; more are answered 431'),
  limit('connections-max', 'connectionsMax', 'n', 'connections; further ones are closed at once'),
  limit('sockets-max', 'socketsMax', 'n', 'WebSockets; further ones are answered 503'),
  limit('frame-bytes-max', 'frameBytesMax', 'bytes', 'one message of a WebSocket; a larger one ends it'),
  limit('unread-bytes-max', 'unreadBytesMax', 'bytes',
    'answers that clients do not read, together; beyond, those who read least lately are disconnected'),
  engine('stalled-ms', 'stalledMs', 'integer', 'ms',
    'an engine whose event loop stands still for so long is killed by its supervisor and started again; 0 for never'),
  engine('drain-ms', 'drainMs', 'integer', 'ms', 'limit for answering what was accepted when it stops'),
  engine('standby', 'standby', 'text', 'mode', 'warm keeps the last good version loaded', ['warm', 'cold']),
  engine('shield', 'shield', 'text', 'mode',
    'on answers with the warm standby what a version on probation fails; the failure still counts', ['on', 'off']),
  engine('pairs', 'pairs', 'text', 'mode',
    'when the warm standby is asked some of what the active version was asked, to compare the answers',
    ['off', 'probation', 'always']),
  engine('stack-check-share', 'stackCheckShare', 'number', 'share',
    'of rows answered in company, run again alone and compared; two that differ end stacking; 0 checks none'),
  engine('reservoir', 'reservoir', 'text', 'mode',
    'when recent inputs are kept in memory, to tell a bad version from data that moved',
    ['probation', 'always', 'off']),
  engine('reservoir-rows', 'reservoirRows', 'integer', 'n', 'recent rows that are kept per model'),
  engine('reservoir-bytes', 'reservoirBytes', 'integer', 'bytes', 'memory that they may take; an eighth per row'),
  engine('record', 'record', 'text', 'file', 'record samples in this file, for lastgood backtest'),
  engine('record-bytes-max', 'recordBytesMax', 'integer', 'bytes', 'size at which that file is rotated'),
  engine('record-files-max', 'recordFilesMax', 'integer', 'n', 'files that are kept, the newest included'),
  engine('record-every', 'recordEvery', 'integer', 'n', 'one request in so many is recorded'),
  engine('record-inputs', 'recordInputs', 'text', 'mode', 'on records the inputs too, unless reservoir is off',
    ['on', 'off']),
  engine('samples', 'samples', 'text', 'mode', 'off judges nothing and never rolls back by itself', ['on', 'off']),
  engine('on-rollback', 'onRollback', 'text', 'command|url',
    'told of every rollback: a shell command gets it as JSON on its standard input, a URL by POST; off tells nobody'),
  engine('json-nonfinite', 'jsonNonFinite', 'text', 'how', 'NaN and infinities in the JSON of /v2',
    ['token', 'null', 'error']),
  engine('triton-metrics', 'tritonMetrics', 'switch', '', 'let GET /metrics have the names that Triton publishes too'),
  engine('trial-ms', 'trialMs', 'integer', 'ms', "limit of a version's first load, in a process of its own"),
  engine('trial-memory-bytes', 'trialMemoryBytes', 'integer', 'bytes',
    'memory of that process, without mapped files (default: half of what the host has)'),
  engine('memory-max', 'memoryMax', 'integer', 'bytes',
    "memory beyond which large requests are answered 429 (default: 85 % of the container's limit, or none)"),
  engine('prepared-bytes-max', 'preparedBytesMax', 'integer', 'bytes',
    'disk for models of 8 MiB and more as the runtime has prepared them, shared by all sessions; 0 prepares none'),
  engine('load-ms', 'loadMs', 'integer', 'ms', 'limit of loading and warming a version'),
  engine('follow-ms', 'followMs', 'integer', 'ms', 'time between two looks at the stored state'),
  judge('judge-mode', 'mode', 'text', 'mode',
    'default judges by exact checks, compat by three plain ones; observe records what default would do',
    ['compat', 'default', 'observe']),
  judge('p95-limit-ms', 'p95LimitMs', 'number', 'ms', 'p95 latency above this rolls back'),
  judge('error-rate-limit', 'errorRateLimit', 'number', 'share', 'share of failed requests above this rolls back'),
  judge('drift-sigma-limit', 'driftSigmaLimit', 'number', 'sigmas',
    "mean prediction further than this from the baseline's, in its standard deviations, rolls back"),
  judge('window-ms', 'windowMs', 'integer', 'ms',
    'the short window of default; the others are 5, 20, 60, 240, 720 and 1,440 times as long'),
  judge('warmup-requests', 'warmupRequests', 'integer', 'n', 'first requests of a generation, not counted for latency'),
  judge('steady-drift', 'steadyDrift', 'text', 'mode',
    'what a drift of layer 2 does after the probation; mean_drift is of layer 1 and stays armed', ['warn', 'on']),
  judge('attribution', 'attribution', 'text', 'mode',
    "off rolls back without asking whether a latency is the host's, a drift the data's, a failure the inputs'",
    ['on', 'off']),
  judge('expected-per-second', 'expectedPerSecond', 'number', 'n',
    'requests a second that are expected: limits that they cannot decide are refused'),
  judge('chance', 'chance', 'number', 'p', 'how likely chance may explain a breach, per look and check'),
  judge('window-samples', 'windowSamples', 'integer', 'n', 'compat looks at the last so many requests'),
  judge('samples-min', 'samplesMin', 'integer', 'n', 'fewer requests decide nothing about latency and errors'),
  judge('predictions-min', 'predictionsMin', 'integer', 'n', 'compat: fewer predictions decide nothing about drift'),
  judge('look-ms', 'lookMs', 'integer', 'ms', 'time between two looks of the monitor'),
  judge('cooldown-ms', 'cooldownMs', 'integer', 'ms', 'what the machine restored is not rolled back for so long'),
  judge('rollback-interval-ms', 'rollbackIntervalMs', 'integer', 'ms',
    'default rolls nothing more back when what it restored fails within so long; a promote is not bound'),
  judge('probation-ms', 'probationMs', 'integer', 'ms', 'a version is on probation for at least so long'),
  judge('probation-samples', 'probationSamples', 'integer', 'n', 'and until it answered so many requests'),
  judge('capture-samples', 'captureSamples', 'integer', 'n', 'live predictions that a captured baseline needs'),
  judge('capture-ms', 'captureMs', 'integer', 'ms', 'and the time that they have to come from'),
  engine('log-level', 'logLevel', 'text', 'level', 'what goes to stderr', LOG_LEVELS),
];

/** The environment twin of a setting. */
export function environmentName({ flag }: Setting): string {
  return `LASTGOOD_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** The property under which commander hands the flag over. */
export function flagKey({ flag }: Setting): string {
  return flag.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
