import { readConfiguration } from '../config/configuration.ts';
import type { Eraser } from '../storage/maintenance/eraser.ts';
import type { Pruner } from '../storage/maintenance/pruner.ts';
import type { Reconciler } from '../storage/maintenance/reconciler.ts';
import type { ObjectStore } from '../storage/objects/object-store.ts';
import type { Database } from '../storage/records/database.ts';
import type { Listing } from '../storage/records/listing.ts';
import type { VersionArchive } from '../storage/version-archive.ts';
import type { CliContext } from './context.ts';
import { within } from './within.ts';

interface Parts {
  readonly eraser: Eraser;
  readonly pruner: Pruner;
  readonly reconciler: Reconciler;
  readonly listing: Listing;
  readonly versions: VersionArchive;
  readonly objects: ObjectStore;
}

/** Runs `work` with the storage of the service, even if it is off in the settings, and closes it in any case. */
export async function withStorage<Result>(
  context: CliContext,
  work: (parts: Parts) => Promise<Result>,
): Promise<Result> {
  const [
    { StoragePartsModule },
    { Eraser },
    { Pruner },
    { Reconciler },
    { Persistence },
    { Listing },
    { VersionArchive },
    { ObjectStore },
  ] = await Promise.all([
    import('../storage/storage-parts.module.ts'),
    import('../storage/maintenance/eraser.ts'),
    import('../storage/maintenance/pruner.ts'),
    import('../storage/maintenance/reconciler.ts'),
    import('../storage/persistence.ts'),
    import('../storage/records/listing.ts'),
    import('../storage/version-archive.ts'),
    import('../storage/objects/object-store.ts'),
  ]);
  return within(context, readConfiguration(context.environment()), [StoragePartsModule], async (app) => {
    // Only the service stores the jobs of the spool.
    await app.get(Persistence).stop();
    return work({
      eraser: app.get(Eraser),
      pruner: app.get(Pruner),
      reconciler: app.get(Reconciler),
      listing: app.get(Listing),
      versions: app.get(VersionArchive),
      objects: app.get(ObjectStore),
    });
  });
}

/** Only the database: before the first start of a new version, there may be nothing else. */
export async function withDatabase(context: CliContext, work: (database: Database) => Promise<unknown>): Promise<void> {
  const [{ RecordsModule }, { Database }] = await Promise.all([
    import('../storage/records/records.module.ts'),
    import('../storage/records/database.ts'),
  ]);
  await within(context, readConfiguration(context.environment()), [RecordsModule], (app) => work(app.get(Database)));
}
