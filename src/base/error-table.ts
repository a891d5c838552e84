// The one table of errors: code, HTTP status, message. Callers match on `code`; nothing else in the project invents
// an error text for a caller. A message reads: action that failed, colon, state found, state wanted.

interface Definition<P> {
  readonly status: number;
  readonly message: (details: P) => string;
  /** What of the details programs are told beside the text. */
  readonly told: (keyof P)[];
}

function define<P>(status: number, message: (details: P) => string, told: (keyof P)[] = []): Definition<P> {
  return { status, message, told };
}

type Text = string;

/** As many versions are named in a text; the details have all of them. */
const VERSIONS_NAMED_MAX = 12;

function versionsText(versions: readonly { readonly version: Text; readonly reason: Text }[]): Text {
  const named = versions.slice(0, VERSIONS_NAMED_MAX).map(({ version, reason }) => `"${version}" ${reason}`);
  const more = versions.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join(', ') || 'there are no versions';
}

export const ERRORS = {
  // Requests
  INVALID_JSON: define(400, (d: { reason: Text }) => `read the request body: ${d.reason}; wanted one JSON object`),
  INVALID_REQUEST: define(400, (d: { reason: Text }) => `read the request: ${d.reason}`),
  NON_FINITE_INPUT: define(
    400,
    (d: { model: Text; version: Text; input: Text }) =>
      `read input "${d.input}": it holds NaN, null or an infinity, about which version "${d.version}" of model ` +
      `"${d.model}" is not asked; wanted finite numbers (register --nan-inputs allow lets it answer them)`,
  ),
  ROW_LENGTH: define(
    400,
    (d: { input: Text; got: number; wanted: number }) =>
      `read input "${d.input}": the row has ${d.got} values; wanted ${d.wanted}`,
  ),
  ROW_VALUE: define(
    400,
    (d: { input: Text; index: number; got: Text; wanted: Text }) =>
      `read input "${d.input}": value ${d.index} is ${d.got}; wanted ${d.wanted}`,
  ),
  SIZE_TOO_LARGE: define(
    400,
    (d: { model: Text; input: Text; dimension: number; got: number; limit: number }) =>
      `read the request for model "${d.model}": dimension ${d.dimension} of input "${d.input}" is ${d.got}; wanted ` +
      `at most ${d.limit}, whose run stays within the memory of a request (--request-memory-max, or --dimension-max)`,
    ['input', 'dimension', 'got', 'limit'],
  ),
  ELEMENTS_TOO_MANY: define(
    400,
    (d: { model: Text; input: Text; shape: Text; got: number; limit: number }) =>
      `read the request for model "${d.model}": its inputs have ${d.got} elements, input "${d.input}" being ` +
      `${d.shape}; wanted at most ${d.limit}, whose run stays within the memory of a request ` +
      '(--request-memory-max, or --elements-max)',
    ['input', 'shape', 'got', 'limit'],
  ),
  UNSUPPORTED_BY_PREDICT: define(
    400,
    (d: { model: Text; reason: Text }) => `predict with model "${d.model}": ${d.reason}`,
  ),
  FLOATS_REFUSED: define(
    400,
    (d: { model: Text; reason: Text }) => `ask model "${d.model}" over lastgood.f32: ${d.reason}`,
  ),
  INPUT_REFUSED: define(
    422,
    (d: { model: Text; version: Text; why: Text; retryAfterSeconds: number }) =>
      `ask model "${d.model}": this very request is not asked again for ${d.retryAfterSeconds} s, because of what it ` +
      `did to version "${d.version}": ${d.why}; wanted another request`,
    ['retryAfterSeconds'],
  ),
  UNAUTHORIZED: define(401, () => 'authorize: the bearer token is missing or wrong; wanted the admin token'),
  FORBIDDEN: define(
    403,
    () => 'authorize: no admin token is configured for the public port; use the admin socket (lastgood VERB MODEL), ' +
      'or serve with LASTGOOD_ADMIN_TOKEN',
  ),
  ORIGIN_REFUSED: define(
    403,
    (d: { origin: Text; allowed: Text }) =>
      `accept the request of a web page: it comes from ${d.origin}; wanted an origin that may ask (--cors-origin), ` +
      `which are ${d.allowed}`,
  ),
  HOST_REFUSED: define(
    421,
    (d: { host: Text }) =>
      `accept an administrator's request: it calls this server "${d.host}", a name that others could point here; ` +
      "wanted an address, localhost, the host's own name, or one that is listed (--allowed-host)",
  ),
  NAMED_VERSIONS_OFF: define(
    403,
    (d: { model: Text; version: Text }) =>
      `ask version "${d.version}" of model "${d.model}": requests may not choose the version here ` +
      '(--named-versions off); wanted one that names none',
  ),
  MODEL_NOT_FOUND: define(
    404,
    (d: { model: Text; known: Text }) => `find model "${d.model}": there is none of this name; known are ${d.known}`,
  ),
  MODEL_UNLOADED: define(
    404,
    (d: { model: Text }) =>
      `find model "${d.model}": it is unloaded; load it (POST /v2/repository/models/MODEL/load), or promote a version`,
  ),
  NO_DEFAULT_MODEL: define(
    404,
    (d: { known: Text }) =>
      `choose the default model: no model has an active version (known are ${d.known}); promote one, name the ` +
      'model in the URL, or set --default-model',
  ),
  VERSION_NOT_FOUND: define(
    404,
    (d: { model: Text; version: Text; known: Text }) =>
      `find version "${d.version}" of model "${d.model}": there is none of this name; known are ${d.known}`,
  ),
  LABEL_NOT_FOUND: define(
    404,
    (d: { model: Text; label: Text; known: Text }) =>
      `find the version of model "${d.model}" that is labelled "${d.label}": there is none; labels are ${d.known}`,
  ),
  VERSION_NOT_LOADED: define(
    503,
    (d: { model: Text; version: Text; loaded: Text }) =>
      `ask version "${d.version}" of model "${d.model}": it is not loaded; loaded are ${d.loaded}`,
  ),
  NOT_READY: define(
    503,
    (d: { model: Text; version: Text }) =>
      `ask version "${d.version}" of model "${d.model}": it is loaded, but a worker of it is stuck in a run or gone`,
  ),
  ROUTE_NOT_FOUND: define(404, (d: { method: Text; path: Text }) => `route ${d.method} ${d.path}: no such route`),
  METHOD_NOT_ALLOWED: define(
    405,
    (d: { method: Text; path: Text; allowed: Text }) => `route ${d.method} ${d.path}: only ${d.allowed} is allowed`,
  ),
  BODY_TOO_LARGE: define(
    413,
    (d: { got: number | string; limitBytes: number }) =>
      `read the request body: ${d.got} bytes; wanted at most ${d.limitBytes}`,
  ),
  ROWS_TOO_MANY: define(
    413,
    (d: { model: Text; limit: number }) =>
      `read the request for model "${d.model}": it has too many rows; wanted at most ${d.limit} in one request ` +
      '(--rows-max), send fewer at once',
  ),
  UNSUPPORTED_MEDIA_TYPE: define(
    415,
    (d: { got: Text; wanted: Text }) => `read the request body: it is declared as ${d.got}; wanted ${d.wanted}`,
  ),
  UPGRADE_REQUIRED: define(
    426,
    () => 'open a WebSocket: the request is no upgrade; wanted Upgrade: websocket, version 13',
  ),
  HEADERS_TOO_LARGE: define(431, (d: { got: number; limitBytes: number }) =>
    `read the request's headers: ${d.got} bytes; wanted at most ${d.limitBytes}`),
  BODIES_FULL: define(
    429,
    (d: { receivingBytes: number; limitBytes: number }) =>
      `read the request body: ${d.receivingBytes} bytes of unfinished bodies are held; ` +
      `at most ${d.limitBytes} may be, try again later`,
  ),
  QUEUE_FULL: define(
    429,
    (d: { model: Text; pending: number; limit: number }) =>
      `queue the request for model "${d.model}": ${d.pending} are pending; at most ${d.limit} may be, try again later`,
  ),
  LARGE_REQUESTS_FULL: define(
    429,
    (d: { model: Text; got: number; limitBytes: number }) =>
      `queue a request of ${d.got} bytes for model "${d.model}": large requests and their answers take all of the ` +
      `${d.limitBytes} bytes that they may; try again later`,
  ),
  MEMORY_FULL: define(
    429,
    (d: { usedBytes: number; neededBytes: number; limitBytes: number }) =>
      `take on a large request: ${d.usedBytes} bytes of memory are taken and it needs ${d.neededBytes}; at most ` +
      `${d.limitBytes} may be (--memory-max), try again later`,
  ),
  SOCKET_BUSY: define(
    429,
    (d: { got: Text; limit: Text }) =>
      `accept a frame on this WebSocket: ${d.got}; at most ${d.limit}, read answers first`,
  ),
  MODEL_FAILED: define(
    500,
    (d: { model: Text; version: Text; reason: Text }) => `run model "${d.model}" version "${d.version}": ${d.reason}`,
  ),
  NON_FINITE_ANSWER: define(
    500,
    (d: { output: Text; value: Text }) =>
      `write output "${d.output}" as JSON: it holds ${d.value}, which JSON has no number for; ask for binary data`,
  ),
  INTERNAL: define(500, (d: { reason: Text }) => `answer the request: ${d.reason}; this is a bug`),
  MODEL_STARTING: define(
    503, (d: { model: Text }) => `serve model "${d.model}": it is being brought up; wanted another try in a moment`),
  NO_ACTIVE_VERSION: define(503, (d: { model: Text }) => `serve model "${d.model}": no version is active`),
  SOCKETS_FULL: define(503, (d: { open: number; limit: number }) =>
    `open a WebSocket: ${d.open} are open; at most ${d.limit} may be, try again later`),
  DRAINING: define(503, () => 'accept the request: the engine is draining; try another host'),
  DEADLINE_EXCEEDED: define(
    504,
    (d: { model: Text; deadlineMs: number }) =>
      `answer the request for model "${d.model}": not done within its deadline of ${d.deadlineMs} ms`,
  ),
  RUN_HUNG: define(
    504,
    (d: { model: Text; version: Text; ranMs: number }) =>
      `run model "${d.model}" version "${d.version}": not back after ${d.ranMs} ms; it is given up`,
  ),
  // Registry and rollout
  INVALID_NAME: define(
    400,
    (d: { what: Text; got: Text }) =>
      `accept ${d.what} "${d.got}": wanted 1 to 64 of the characters A-Z a-z 0-9 . _ - and no leading dot`,
  ),
  VERSION_EXISTS: define(
    409,
    (d: { model: Text; version: Text }) =>
      `register version "${d.version}" of model "${d.model}": it is registered already; versions never change`,
  ),
  FILE_UNREADABLE: define(400, (d: { path: Text; reason: Text }) => `read file "${d.path}": ${d.reason}`),
  INVALID_BASELINE: define(
    400, (d: { path: Text; reason: Text }) => `read baseline "${d.path}": ${d.reason}`, ['reason']),
  SAMPLES_INVALID: define(400, (d: { path: Text; line: Text; reason: Text }) =>
    `read samples "${d.path}", line ${d.line}: ${d.reason}`),
  INVALID_OUTPUT: define(400, (d: { reason: Text }) => `declare what the judge reads: ${d.reason}`),
  INVALID_COLUMNS: define(400, (d: { reason: Text }) => `choose the input columns to watch: ${d.reason}`),
  INVALID_GOLDEN: define(400, (d: { path: Text; reason: Text }) => `read golden vectors "${d.path}": ${d.reason}`),
  PREPARE_FAILED: define(422, (d: { model: Text; data: Text; reason: Text }) =>
    `prepare "${d.model}" with the rows of "${d.data}": ${d.reason}; nothing was written`),
  SEND_FAILED: define(422, (d: { model: Text; data: Text; reason: Text }) =>
    `send the rows of "${d.data}" to "${d.model}": ${d.reason}`),
  PREDICTIONS_DIFFER: define(
    422,
    (d: { differing: number; compared: number; row: number; reason: Text }) =>
      `the model answers ${d.differing} of ${d.compared} rows of its baseline file otherwise than the file says, row ` +
      `${d.row} worst: ${d.reason}; wanted the answers that the model gave where it was validated, or --force`,
  ),
  TRIAL_FAILED: define(
    422,
    (d: { model: Text; version: Text; reason: Text }) =>
      `try version "${d.version}" of model "${d.model}": ${d.reason}; nothing was registered`,
  ),
  PROVIDER_ABSENT: define(
    422,
    (d: { provider: Text; known: Text }) =>
      `run a model on the execution provider "${d.provider}": the runtime of this host has none of this name; ` +
      `wanted of ${d.known}`,
  ),
  STACKING_UNPROVEN: define(
    422,
    (d: { model: Text; version: Text; reason: Text; advice: Text }) =>
      `stack rows of version "${d.version}" of model "${d.model}": not proven that they keep apart: ${d.reason}; ` +
      `wanted ${d.advice}; nothing was registered`,
  ),
  ARTIFACT_DAMAGED: define(
    500,
    (d: { sha256: Text; reason: Text }) => `open artefact ${d.sha256.slice(0, 12)}: ${d.reason}`,
  ),
  LOAD_FAILED: define(
    500,
    (d: { model: Text; version: Text; reason: Text }) =>
      `load version "${d.version}" of model "${d.model}": ${d.reason}`,
  ),
  SIGNATURE_CHANGED: define(
    409,
    (d: { model: Text; version: Text; difference: Text }) =>
      `promote version "${d.version}" of model "${d.model}": its signature differs from the active one ` +
      `(${d.difference}); wanted the same, or --allow-signature-change`,
  ),
  QUARANTINED: define(
    409,
    (d: { model: Text; version: Text; reason: Text }) =>
      `promote version "${d.version}" of model "${d.model}": it is quarantined (${d.reason}); release it first`,
  ),
  FILE_QUARANTINED: define(
    409,
    (d: { model: Text; version: Text; twin: Text; reason: Text }) =>
      `promote version "${d.version}" of model "${d.model}": its file is that of version "${d.twin}", which is ` +
      `quarantined (${d.reason}); release "${d.twin}" first, or promote with --force`,
  ),
  ALREADY_ACTIVE: define(
    409,
    (d: { model: Text; version: Text }) => `promote version "${d.version}" of model "${d.model}": it is active already`,
  ),
  PINNED: define(
    409,
    (d: { model: Text; version: Text }) =>
      `change the active version of model "${d.model}": it is pinned to "${d.version}"; unpin it first`,
  ),
  JUDGE_PAUSED: define(
    409,
    (d: { model: Text }) =>
      `roll model "${d.model}" back by the judge: it has been told to watch only (lastgood observe ${d.model} --off)`,
  ),
  GENERATION_CONFLICT: define(
    409,
    (d: { model: Text; expected: number; found: number }) =>
      `change the active version of model "${d.model}": generation ${d.expected} was expected but ${d.found} is ` +
      'active now; look at the status and try again',
  ),
  TOO_MANY_VIEWERS: define(
    503,
    (d: { limit: number }) => `show the page: ${d.limit} viewers look at it already; close one and try again`,
  ),
  NO_ROLLBACK_TARGET: define(
    404,
    (d: { model: Text; to: Text | null; versions: readonly { readonly version: Text; readonly reason: Text }[] }) =>
      d.to === null
        ? `roll back model "${d.model}": no other healthy version has served: ${versionsText(d.versions)}; wanted ` +
          'one that served and has not failed, or --to one that failed; nothing was changed'
        : `roll back model "${d.model}" to "${d.to}": it is no version to go back to: ${versionsText(d.versions)}; ` +
          'wanted one that served and is not in quarantine; nothing was changed',
    ['versions'],
  ),
  VERSION_IN_USE: define(
    409,
    (d: { doing: 'remove' | 'quarantine'; model: Text; version: Text; role: Text }) =>
      `${d.doing} version "${d.version}" of model "${d.model}": it is ${d.role}; wanted another version, ` +
      'roll back or promote first',
  ),
  UNLOAD_REFUSED: define(
    409,
    (d: { model: Text }) =>
      `unload model "${d.model}": it is serving; wanted "force": true in the parameters, or --model-control explicit`,
  ),
  BUSY: define(
    409,
    (d: { model: Text; doing: Text }) =>
      `change model "${d.model}": ${d.doing} is under way; try again when it is done`,
  ),
  DECISION_NOT_FOUND: define(
    404,
    (d: { decision: Text }) =>
      d.decision === ''
        ? 'find the newest decision: none has been taken yet'
        : `find decision "${d.decision}": there is none; history MODEL lists those that were acted on, ` +
          'status MODEL the newest, suppressed ones too',
  ),
  NOT_HEALTHY: define(
    409,
    (d: { model: Text; reason: Text; wanted: Text }) =>
      `capture a baseline of model "${d.model}": ${d.reason}; wanted ${d.wanted}`,
  ),
  NOT_ENOUGH_SAMPLES: define(
    409,
    (d: { model: Text; got: Text; wanted: Text }) =>
      `capture a baseline of model "${d.model}": it has ${d.got}; wanted ${d.wanted}`,
  ),
  DISK_REFUSED: define(507, (d: { what: Text; reason: Text }) => `write ${d.what}: ${d.reason}; nothing was changed`),
  // Engine
  PERMISSION_DENIED: define(
    403,
    (d: { path: Text; user: Text; owner: Text }) =>
      `use "${d.path}": permission denied to ${d.user}; run as ${d.owner}, whose it is`,
  ),
  DATA_UNUSABLE: define(500, (d: { path: Text; reason: Text }) => `open data directory "${d.path}": ${d.reason}`),
  LISTEN_FAILED: define(
    500,
    (d: { host: Text; port: number; reason: Text }) => `listen on ${d.host}:${d.port}: ${d.reason}`,
  ),
  TLS_UNUSABLE: define(
    500,
    (d: { cert: Text; key: Text; reason: Text }) => `serve TLS with "${d.cert}" and "${d.key}": ${d.reason}`,
  ),
  FRONT_UNAVAILABLE: define(500, (d: { reason: Text }) => `load uWebSockets.js: ${d.reason}`),
  FILES_EXHAUSTED: define(
    503,
    (d: { doing: Text; open: number; limit: number; spare: number }) =>
      `${d.doing}: this process has ${d.open} files open and may have ${d.limit}; wanted room for ${d.spare} more, ` +
      'raise ulimit -n (LimitNOFILE in a unit file)',
  ),
  INVALID_OPTION: define(400, (d: { reason: Text }) => `read the options: ${d.reason}`, ['reason']),
  ADMIN_IN_USE: define(
    409,
    (d: { path: Text }) =>
      `open the admin socket "${d.path}": another engine owns this data directory; stop it, or serve with ` +
      '--follower (follow: true in a program)',
  ),
  ADMIN_SOCKET_FAILED: define(
    500,
    (d: { path: Text; reason: Text }) => `open the admin socket "${d.path}": ${d.reason}`,
  ),
  ENGINE_STARTING: define(503, () => 'ask the engine: it is still starting; try again in a moment'),
  ENGINE_NEEDED: define(
    503,
    (d: { verb: Text; dataDir: Text }) =>
      `${d.verb}: no engine runs on "${d.dataDir}" and this needs one; start it with lastgood serve`,
  ),
  ENGINE_UNREACHABLE: define(503, (d: { path: Text; reason: Text }) => `reach the engine at "${d.path}": ${d.reason}`),
  ENGINE_RUNNING: define(409, (d: { dataDir: Text }) => `repair "${d.dataDir}": an engine runs on it; stop it first`),
  ENGINE_CLOSED: define(503, () => 'use the engine: it is closed'),
} as const;
