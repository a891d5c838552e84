// What the engine's process is given for Node itself, by the supervisor and by whoever stands in for it.

/**
 * The halves of the young heap grow to 16 MiB by default, twice and for every thread. Requests leave next to nothing
 * on the heap, so an engine is as fast with less.
 */
export const ENGINE_FLAGS: readonly string[] = ['--max-semi-space-size=4'];
