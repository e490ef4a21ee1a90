import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Each file may start the service with its own worker threads: two files at a time fill a small machine.
    maxWorkers: 2,
  },
});
