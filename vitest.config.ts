import { defineConfig } from 'vitest/config';

/** A place for the PostgreSQL that the tests of one run share. */
const DATABASE = 'test/support/database-folder.setup.ts';

/** Tests next to the code that take more than five seconds, most of the model or of PostgreSQL. */
const SLOW = [
  'src/cli/evaluate.test.ts',
  'src/fetching/fetch-guard.test.ts',
  'src/inference/worker/{pipeline,verify}.test.ts',
  'src/jobs/{batches,batch-listing,batch-output}.test.ts',
  'src/jobs/webhooks/webhooks.test.ts',
  'src/models/download.test.ts',
  'src/storage/{maintenance/maintenance,objects/object-store,spool/spool}.test.ts',
  'src/storage/records/{database,embedded-postgres,review-listing,review-migration}.test.ts',
  'src/vision/paint.test.ts',
  'test/{fixtures,reference}/**/*.test.ts',
];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Each file may start the service with its own worker threads: two files at a time fill a small machine.
    maxWorkers: 2,
    reporters: ['default', './test/support/missing-shared.reporter.ts'],
    coverage: { include: ['src/**/*.ts'], exclude: ['src/**/*.test.ts'], reporter: ['text-summary', 'html'] },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'admin/src/**/*.test.ts'],
          exclude: SLOW,
          globalSetup: DATABASE,
        },
      },
      { extends: true, test: { name: 'slow', include: SLOW, globalSetup: DATABASE } },
      // Some of these run the service as it is started, from dist/: it is built first where it is stale.
      {
        extends: true,
        test: { name: 'e2e', include: ['test/*.test.ts'], globalSetup: ['test/support/build.setup.ts', DATABASE] },
      },
    ],
  },
});
