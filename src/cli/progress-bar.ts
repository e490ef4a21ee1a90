import type { Writable } from 'node:stream';
import { type Options, SingleBar } from 'cli-progress';

/** A progress bar on a terminal; elsewhere, such as in a log, a line every five seconds. */
export function progressBar(stream: Writable, options: Options): SingleBar {
  return new SingleBar({ stream, noTTYOutput: true, notTTYSchedule: 5000, ...options });
}
