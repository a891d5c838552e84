// What the routes of TensorFlow Serving's REST API ask of the engine, beside the queues of its models; types only.

export interface TfsPort {
  /** The names of the models that are served. */
  models(): readonly string[];
  /**
   * The version that a label stands for, undefined for whichever is active. Throws MODEL_NOT_FOUND, LABEL_NOT_FOUND.
   */
  versionOf(model: string, label: string): string | undefined;
  /** Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND. */
  status(model: string, version: string | undefined): object;
  /** Throws like `queueOf`. */
  metadata(model: string, version: string | undefined): object;
}
