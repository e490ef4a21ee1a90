import { build } from '../../scripts/build.ts';

/** Before the end-to-end tests: some run the service from dist/, and the console from admin/build/. */
export default function buildStaleParts(): void {
  build();
}
