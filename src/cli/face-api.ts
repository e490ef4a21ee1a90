#!/usr/bin/env node
import { readEnvironment } from '../config/configuration.ts';
import { ModelError } from '../models/model-error.ts';
import { packageModelsFolder } from '../models/model-files.ts';
import { runCli } from './run-cli.ts';

/** The command line; see `face-api --help`. */

// The reader of a pipe (`face-api mask --help | head`) may have read enough; the work goes on, and so does its report.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await runCli(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: readEnvironment,
  packageFolder: packageModelsFolder,
  interruption: () => {
    const controller = new AbortController();
    const interrupt = () => {
      controller.abort(new ModelError('interrupted: run the same command again to continue'));
    };
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
    return controller.signal;
  },
  restrictDecoders: async () => {
    // sharp takes longer to load than most commands run.
    const { restrictDecoders } = await import('../inference/decoders.ts');
    restrictDecoders();
  },
});
