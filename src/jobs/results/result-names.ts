export const MANIFEST = 'manifest.jsonl';

const EXTENSIONS: Readonly<Record<string, readonly string[]>> = {
  jpeg: ['jpg', 'jpeg', 'jpe', 'jfif'],
  png: ['png'],
  webp: ['webp'],
  avif: ['avif'],
  gif: ['gif'],
  tiff: ['tiff', 'tif'],
};
/** An extension that may be added to the name of an item */
const ADDED_EXTENSION = new RegExp(
  `\\.(${Object.values(EXTENSIONS)
    .map(([extension]) => extension)
    .join('|')})$`,
);

/** The name of a masked image: that of its item, with another extension if the format differs. */
export function resultName(itemName: string, type: string): string {
  const extensions = EXTENSIONS[type] ?? [type];
  const hasExtension = extensions.some((extension) => itemName.toLowerCase().endsWith(`.${extension}`));
  return hasExtension ? itemName : `${itemName}.${extensions[0]}`;
}

/**
 * Names of items of which no two results get the same name, also where letter case does not count, whatever the formats of the
 * results. The second `a.jpg` becomes `a (2).jpg`. Items are to be named in their order, each of them.
 */
export class ResultNames {
  readonly #taken = new Set([MANIFEST]);
  /** Names that an added extension would turn into a taken one */
  readonly #stems = new Set<string>();
  /** By a name that was wanted more than once: its latest number, so that many equal names need no search. */
  readonly #latest = new Map<string, number>();

  take(wanted: string): string {
    const lower = wanted.toLowerCase();
    if (this.#isFree(lower)) return this.#add(wanted);
    for (let copy = (this.#latest.get(lower) ?? 1) + 1; ; copy++) {
      const name = wanted.replace(/(\.[^./]+)?$/, ` (${copy})$1`);
      if (!this.#isFree(name.toLowerCase())) continue;
      this.#latest.set(lower, copy);
      return this.#add(name);
    }
  }

  /** Another item may have the name as its own, or get it by an extension that is added to its own, or the other way round. */
  #isFree(lower: string): boolean {
    return !this.#taken.has(lower) && !this.#taken.has(stemOf(lower)) && !this.#stems.has(lower);
  }

  #add(name: string): string {
    const lower = name.toLowerCase();
    this.#taken.add(lower);
    if (stemOf(lower) !== lower) this.#stems.add(stemOf(lower));
    return name;
  }
}

/** Without an extension that may have been added */
function stemOf(lower: string): string {
  return lower.replace(ADDED_EXTENSION, '');
}
