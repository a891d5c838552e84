// One piece of work with another one again and again beside it.

/**
 * Does `work`, and `again` one after another until it is over; the last one may outlast it. What either rejects with
 * is thrown when both have ended. The signal aborts when the work is over.
 */
export async function meanwhile<T, R>(
  work: () => Promise<T>, again: (over: AbortSignal) => Promise<R>,
): Promise<{ readonly result: T; readonly repeats: readonly R[] }> {
  const over = new AbortController();
  const repeat = async (): Promise<R[]> => {
    const repeats: R[] = [];
    while (!over.signal.aborted) repeats.push(await again(over.signal));
    return repeats;
  };
  const [result, repeats] = await Promise.allSettled([work().finally(() => over.abort()), repeat()]);
  if (result.status === 'rejected') throw result.reason;
  if (repeats.status === 'rejected') throw repeats.reason;
  return { result: result.value, repeats: repeats.value };
}
