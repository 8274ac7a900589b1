/**
 * Does `work` for each item, at most as many at once as there are workers: each worker takes the next item when it is done with one. Rejects
 * with the first failure; then no item is begun any more.
 */
export async function shareOut<W, T>(
  workers: readonly W[],
  items: readonly T[],
  work: (worker: W, item: T, index: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries();
  const failures: unknown[] = [];
  await Promise.all(
    workers.map(async (worker) => {
      for (const [index, item] of queue) {
        if (failures.length > 0) return;
        await work(worker, item, index).catch((error: unknown) => failures.push(error));
      }
    }),
  );
  if (failures.length > 0) throw failures[0];
}
